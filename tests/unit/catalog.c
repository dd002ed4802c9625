#include "aipm/catalog.h"

#include "aipm/codec.h"
#include "aipm/footer.h"
#include "aipm/member.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define DAY(n) "2026112" n "T145903Z.tar.gz"

static char dir[64];

static void
setup(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/aipm-catalog.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void
teardown(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(catalog, .init = setup, .fini = teardown);

static char *
path_of(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
put_file(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(path_of(name), "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(p, 1, n, f), n);
	cr_assert_eq(fclose(f), 0);
}

/* The smallest archive of ours that is sound from the outside. */
static void
build_archive(struct aipm_buf *out, struct aipm_footer footer)
{
	struct aipm_format format = { .major = AIPM_FORMAT_MAJOR,
		.minor = AIPM_FORMAT_MINOR,
		.footer = true,
		.block_log2 = AIPM_BLOCK_LOG2 };
	static const unsigned char zeros[1024];
	struct aipm_codec *c;
	struct aipm_err err;

	cr_assert_eq(aipm_codec_open(&c, 1, &err), 0);
	cr_assert_eq(aipm_member_pack(out, c, &format, zeros, sizeof(zeros),
	                 AIPM_CODEC_UNIFORM, &err),
	    0);
	footer.block_log2 = AIPM_BLOCK_LOG2;
	footer.index_offset = out->len;
	footer.index_size = 16;
	cr_assert_eq(
	    aipm_member_empty(out, AIPM_MEMBER_INDEX, zeros, 16, &err), 0);
	footer.file_size = out->len + AIPM_FOOTER_SIZE;
	cr_assert_eq(aipm_footer_encode(out, &footer, &err), 0);
	aipm_codec_close(c);
}

/* cut: bytes missing at the end. */
static void
put_archive(const char *name, struct aipm_footer footer, size_t cut)
{
	struct aipm_buf b = { 0 };

	build_archive(&b, footer);
	put_file(name, b.p, b.len - cut);
	aipm_buf_free(&b);
}

static void
read_catalog(struct aipm_catalog *c)
{
	struct aipm_err err;

	cr_assert_eq(
	    aipm_catalog_read(c, dir, "ai-pm", &err), 0, "%s", err.text);
}

Test(catalog, lists_oldest_first_and_skips_foreign_files)
{
	struct aipm_catalog c;

	put_file("ai-pm-backup-" DAY("3"), "x", 1);
	put_file("ai-pm-partial-" DAY("1"), "x", 1);
	put_file("ai-pm-pre-restore-" DAY("2"), "x", 1);
	put_file("ai-pm-backup-" DAY("2"), "x", 1);
	put_file("other-backup-" DAY("1"), "x", 1);
	put_file("ai-pm-backup-" DAY("1") ".pin", "x", 1);
	put_file("README", "x", 1);
	read_catalog(&c);
	cr_assert_eq(c.n, 4);
	cr_assert_str_eq(c.v[0].name, "ai-pm-partial-" DAY("1"));
	cr_assert_str_eq(c.v[1].name, "ai-pm-backup-" DAY("2"));
	cr_assert_str_eq(c.v[2].name, "ai-pm-pre-restore-" DAY("2"));
	cr_assert_str_eq(c.v[3].name, "ai-pm-backup-" DAY("3"));
	aipm_catalog_free(&c);
}

Test(catalog, skips_what_is_no_regular_file)
{
	struct aipm_catalog c;

	put_file("real", "x", 1);
	cr_assert_eq(symlink("real", path_of("ai-pm-backup-" DAY("1"))), 0);
	cr_assert_eq(mkdir(path_of("ai-pm-backup-" DAY("2")), 0700), 0);
	cr_assert_eq(mkfifo(path_of("ai-pm-backup-" DAY("3")), 0600), 0);
	read_catalog(&c);
	cr_assert_eq(c.n, 0);
	aipm_catalog_free(&c);
}

Test(catalog, knows_the_state_of_each)
{
	static const unsigned char gzip[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0,
		3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const enum aipm_state wanted[] = { AIPM_STATE_COMPLETE,
		AIPM_STATE_PARTIAL, AIPM_STATE_DAMAGED, AIPM_STATE_DAMAGED,
		AIPM_STATE_DAMAGED, AIPM_STATE_DAMAGED, AIPM_STATE_UNKNOWN };
	struct aipm_catalog c;

	put_archive("ai-pm-backup-" DAY("0"),
	    (struct aipm_footer){ .complete = true, .entries = 42 }, 0);
	put_archive("ai-pm-partial-" DAY("1"), (struct aipm_footer){ 0 }, 0);
	put_archive("ai-pm-backup-" DAY("2"),
	    (struct aipm_footer){ .complete = true }, 1);
	put_archive("ai-pm-backup-" DAY("3"),
	    (struct aipm_footer){ .complete = true, .thin = true }, 0);
	put_file("ai-pm-backup-" DAY("4"), "", 0);
	put_file("ai-pm-backup-" DAY("5"), "no archive", 10);
	put_file("ai-pm-backup-" DAY("6"), gzip, sizeof(gzip));
	read_catalog(&c);
	cr_assert_eq(c.n, 7);
	for (size_t i = 0; i < 7; i++)
		cr_expect_str_eq(aipm_state_name(c.v[i].state),
		    aipm_state_name(wanted[i]), "%s: %s", c.v[i].name,
		    aipm_state_name(c.v[i].state));
	cr_assert_eq(c.v[0].entries, 42);
	cr_assert_eq(c.v[6].size, sizeof(gzip));
	aipm_catalog_free(&c);
}

Test(catalog, says_that_a_directory_is_not_there)
{
	struct aipm_catalog c;
	struct aipm_err err;

	cr_assert_eq(aipm_catalog_read(&c, path_of("none"), "ai-pm", &err), -1);
	cr_assert_eq(err.cls, AIPM_NOMATCH);
	cr_assert_not_null(strstr(err.text, "/none: "));
	cr_assert_eq(c.n, 0);
	put_file("file", "x", 1);
	cr_assert_eq(aipm_catalog_read(&c, path_of("file"), "ai-pm", &err), -1);
	cr_assert_eq(err.cls, AIPM_FAILED);
}

Test(catalog, gives_an_empty_directory_as_success)
{
	struct aipm_catalog c;

	read_catalog(&c);
	cr_assert_eq(c.n, 0);
	cr_assert_null(aipm_catalog_latest(&c));
	aipm_catalog_free(&c);
}

static void
add(struct aipm_catalog *c, const char *name, enum aipm_state state)
{
	struct aipm_backup b = { .name = (char *)name, .state = state };
	struct aipm_err err;

	cr_assert(aipm_stamp_parse(&b.stamp, name, "ai-pm"));
	cr_assert_eq(aipm_catalog_add(c, &b, &err), 0);
}

Test(catalog, counts_a_name_that_comes_twice_once)
{
	struct aipm_catalog c = { 0 };

	add(&c, "ai-pm-backup-" DAY("2"), AIPM_STATE_COMPLETE);
	add(&c, "ai-pm-backup-" DAY("1"), AIPM_STATE_COMPLETE);
	add(&c, "ai-pm-partial-" DAY("2"), AIPM_STATE_COMPLETE);
	add(&c, "ai-pm-backup-" DAY("2"), AIPM_STATE_COMPLETE);
	aipm_catalog_sort(&c);
	cr_assert_eq(c.n, 3);
	cr_assert_str_eq(c.v[0].name, "ai-pm-backup-" DAY("1"));
	cr_assert_str_eq(c.v[1].name, "ai-pm-backup-" DAY("2"));
	cr_assert_str_eq(c.v[2].name, "ai-pm-partial-" DAY("2"));
	aipm_catalog_free(&c);
}

Test(catalog, takes_the_newest_complete_backup_for_the_latest)
{
	struct aipm_catalog c = { 0 };

	add(&c, "ai-pm-backup-" DAY("1"), AIPM_STATE_UNKNOWN);
	add(&c, "ai-pm-backup-" DAY("2"), AIPM_STATE_COMPLETE);
	add(&c, "ai-pm-backup-" DAY("3"), AIPM_STATE_COMPLETE);
	add(&c, "ai-pm-backup-" DAY("4"), AIPM_STATE_UNKNOWN);
	add(&c, "ai-pm-backup-" DAY("5"), AIPM_STATE_PARTIAL);
	add(&c, "ai-pm-backup-" DAY("6"), AIPM_STATE_DAMAGED);
	add(&c, "ai-pm-partial-" DAY("7"), AIPM_STATE_COMPLETE);
	add(&c, "ai-pm-pre-restore-" DAY("8"), AIPM_STATE_COMPLETE);
	cr_assert_str_eq(
	    aipm_catalog_latest(&c)->name, "ai-pm-backup-" DAY("3"));
	c.v[1].state = c.v[2].state = AIPM_STATE_DAMAGED;
	cr_assert_str_eq(
	    aipm_catalog_latest(&c)->name, "ai-pm-backup-" DAY("4"));
	c.v[0].state = c.v[3].state = AIPM_STATE_DAMAGED;
	cr_assert_null(aipm_catalog_latest(&c));
	aipm_catalog_free(&c);
}

Test(catalog, gives_the_next_backup_a_later_time_than_every_other)
{
	struct aipm_err err;
	int64_t t;

	cr_assert_eq(aipm_catalog_next_time(&t, dir, "ai-pm", 77, &err), 0);
	cr_assert_eq(t, 77);
	put_file("ai-pm-backup-19700101T000110Z.tar.gz", "x", 1);
	put_file("ai-pm-partial-19700101T000130Z.tar.gz", "", 0);
	put_file("other-backup-20990101T000000Z.tar.gz", "x", 1);
	cr_assert_eq(aipm_catalog_next_time(&t, dir, "ai-pm", 77, &err), 0);
	cr_assert_eq(t, 91);
	cr_assert_eq(aipm_catalog_next_time(&t, dir, "ai-pm", 90, &err), 0);
	cr_assert_eq(t, 91);
	cr_assert_eq(aipm_catalog_next_time(&t, dir, "ai-pm", 91, &err), 0);
	cr_assert_eq(t, 91);
	cr_assert_eq(
	    aipm_catalog_next_time(&t, path_of("none"), "ai-pm", 5, &err), 0);
	cr_assert_eq(t, 5);
}
