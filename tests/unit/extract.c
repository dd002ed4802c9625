#include "aipm/extract.h"
#include "aipm/tree.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* On the working file system: xattrs and holes are wanted. */
#define SCRATCH "/var/tmp"

static char name[32];
static int dir = -1;
static struct aipm_extract *x;
static struct aipm_err err;
static char warning[256];
static unsigned warnings;

static void
note_warning(void *ctx, const char *path, const char *text)
{
	(void)ctx;
	warnings++;
	(void)snprintf(warning, sizeof(warning), "%s: %s", path, text);
}

static void
begin_extract(bool special, bool sparse)
{
	struct aipm_extract_options o = { .owner = geteuid() == 0,
		.special = special,
		.sparse = sparse,
		.warn = { note_warning, NULL } };

	cr_assert_eq(aipm_extract_open(&x, dir, &o, &err), 0);
}

static void
setup(void)
{
	int top = open(SCRATCH, O_RDONLY | O_DIRECTORY);

	(void)snprintf(name, sizeof(name), "aipm-extract-%ld", (long)getpid());
	cr_assert_eq(mkdirat(top, name, 0700), 0);
	dir = openat(top, name, O_RDONLY | O_DIRECTORY);
	(void)close(top);
	cr_assert_neq(dir, -1);
}

static void
teardown(void)
{
	int top = open(SCRATCH, O_RDONLY | O_DIRECTORY);

	(void)aipm_extract_close(x, &err);
	(void)close(dir);
	cr_expect_eq(
	    aipm_tree_remove(top, name, name, &err), 0, "%s", err.text);
	(void)close(top);
}

TestSuite(extract, .init = setup, .fini = teardown);

static struct aipm_entry
entry(enum aipm_type type, const char *path, uint32_t mode)
{
	return (struct aipm_entry){ .path = (char *)(uintptr_t)path,
		.type = type,
		.mode = mode,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime = { 1000000000, 123456789 } };
}

static int
make(const struct aipm_entry *e, const char *content)
{
	if (aipm_extract_begin(x, e, &err) == -1)
		return -1;
	if (content != NULL && aipm_extract_write(x, 0, content,
	                           strlen(content), NULL, 0, &err) == -1)
		return -1;
	return aipm_extract_end(x, &err);
}

static int
make_file(const char *path, const char *content)
{
	struct aipm_entry e = entry(AIPM_FILE, path, 0644);

	e.size = strlen(content);
	return make(&e, content);
}

static int
make_link(enum aipm_type type, const char *path, const char *target)
{
	struct aipm_entry e = entry(type, path, 0777);

	e.link = (char *)(uintptr_t)target;
	return make(&e, NULL);
}

static int
make_dir(const char *path, uint32_t mode)
{
	struct aipm_entry e = entry(AIPM_DIR, path, mode);

	return make(&e, NULL);
}

static void
finish(void)
{
	int r = aipm_extract_close(x, &err);

	x = NULL;
	cr_assert_eq(r, 0, "%s", err.text);
}

static struct stat
look(const char *path)
{
	struct stat st;

	cr_assert_eq(
	    fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW), 0, "%s", path);
	return st;
}

static bool
there(const char *path)
{
	return faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
refused(int r, const char *why)
{
	cr_assert_eq(r, -1);
	cr_assert_eq(err.cls, AIPM_DAMAGED, "%s", err.text);
	cr_assert_neq(strstr(err.text, why), NULL, "%s", err.text);
}

Test(extract, gives_files_their_content_mode_and_time)
{
	struct stat st;
	char buf[8] = "";
	int fd;

	begin_extract(false, false);
	cr_assert_eq(make_file("a", "hello"), 0);
	finish();
	st = look("a");
	cr_assert_eq(st.st_mode & 07777, 0644);
	cr_assert_eq(st.st_mtim.tv_sec, 1000000000);
	cr_assert_eq(st.st_mtim.tv_nsec, 123456789);
	fd = openat(dir, "a", O_RDONLY);
	cr_assert_eq(read(fd, buf, sizeof(buf)), 5);
	(void)close(fd);
	cr_assert_str_eq(buf, "hello");
}

Test(extract, gives_directories_their_time_after_what_is_in_them)
{
	begin_extract(false, false);
	cr_assert_eq(make_dir("d", 0500), 0);
	cr_assert_eq(make_dir("d/e", 0711), 0);
	cr_assert_eq(make_file("d/e/f", "x"), 0);
	cr_assert_eq(make_file("d/g", "x"), 0);
	finish();
	cr_assert_eq(look("d").st_mtim.tv_sec, 1000000000);
	cr_assert_eq(look("d").st_mode & 07777, 0500);
	cr_assert_eq(look("d/e").st_mtim.tv_nsec, 123456789);
	cr_assert_eq(look("d/e").st_mode & 07777, 0711);
}

Test(extract, keeps_a_directorys_metadata_when_it_is_entered_again)
{
	begin_extract(false, false);
	cr_assert_eq(make_dir("d", 0555), 0);
	cr_assert_eq(make_dir("other", 0755), 0);
	cr_assert_eq(make_file("d/late", "x"), 0);
	cr_assert_eq(make_file("last", "x"), 0);
	finish();
	cr_assert_eq(look("d").st_mtim.tv_sec, 1000000000);
	cr_assert_eq(look("d").st_mode & 07777, 0555);
}

Test(extract, a_directorys_entry_may_come_after_what_is_in_it)
{
	begin_extract(false, false);
	cr_assert_eq(make_file("d/e/f", "x"), 0);
	cr_assert_eq(make_file("z", "x"), 0);
	cr_assert_eq(make_dir("d", 0710), 0);
	finish();
	cr_assert_eq(look("d").st_mode & 07777, 0710);
	cr_assert_eq(look("d").st_mtim.tv_sec, 1000000000);
	cr_assert_eq(look("d/e").st_mode & 07777, 0755);
}

Test(extract, refuses_paths_that_leave_the_directory)
{
	static const char *const paths[] = { "/etc/x", "..", "../x", "a/../x",
		"a/.." };

	begin_extract(false, false);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		refused(make_file(paths[i], "x"), "refused");
	refused(make_file("", "x"), "empty");
	refused(make_file(".", "x"), "no directory");
	cr_assert_eq(make_dir(".", 0), 0);
	cr_assert_eq(make_file("..x/..y...", "x"), 0);
	cr_assert_eq(make_file("./b//./c", "x"), 0);
	finish();
	cr_assert(there("b/c"));
	cr_assert(!there("x") && !there("../x"));
}

Test(extract, refuses_to_pass_through_a_symlink)
{
	begin_extract(false, false);
	cr_assert_eq(make_link(AIPM_SYMLINK, "s", "/var/tmp"), 0);
	refused(make_file("s/aipm-must-not-be", "x"), "no directory");
	refused(make_dir("s", 0755), "no directory");
	cr_assert_eq(make_file("f", "x"), 0);
	refused(make_file("f/g", "x"), "no directory");
	finish();
	cr_assert_neq(access("/var/tmp/aipm-must-not-be", F_OK), 0);
}

Test(extract, refuses_a_second_file_of_the_same_name)
{
	begin_extract(false, false);
	cr_assert_eq(make_file("a", "first"), 0);
	refused(make_file("a", "later"), "twice");
	refused(make_link(AIPM_SYMLINK, "a", "b"), "twice");
	finish();
	cr_assert_eq(look("a").st_size, 5);
}

Test(extract, hard_links_join_files_of_the_new_tree_only)
{
	begin_extract(false, false);
	cr_assert_eq(make_file("d/a", "x"), 0);
	cr_assert_eq(make_link(AIPM_HARDLINK, "e/b", "d/a"), 0);
	refused(make_link(AIPM_HARDLINK, "c", "d"), "hard link");
	refused(make_link(AIPM_HARDLINK, "c", "none"), "hard link");
	refused(make_link(AIPM_HARDLINK, "c", "/etc/passwd"), "hard link");
	refused(make_link(AIPM_HARDLINK, "c", "d/../../x"), "hard link");
	refused(make_link(AIPM_HARDLINK, "c", NULL), "link to nothing");
	cr_assert_eq(make_link(AIPM_SYMLINK, "etc", "/etc"), 0);
	refused(make_link(AIPM_HARDLINK, "c", "etc/passwd"), "hard link");
	cr_assert_eq(make_link(AIPM_HARDLINK, "etc2", "etc"), 0);
	finish();
	cr_assert_eq(look("d/a").st_ino, look("e/b").st_ino);
	cr_assert(S_ISLNK(look("etc2").st_mode));
	cr_assert(!there("c"));
}

Test(extract, leaves_out_set_id_bits_and_devices_unless_asked)
{
	struct aipm_entry e = entry(AIPM_FILE, "su", 04755);
	struct aipm_entry c = entry(AIPM_CHAR, "null", 0666);

	begin_extract(false, false);
	cr_assert_eq(make(&e, NULL), 0);
	cr_assert_eq(warnings, 1U);
	cr_assert_eq(make(&c, NULL), 0);
	cr_assert_eq(warnings, 2U);
	cr_assert_eq(make_link(AIPM_HARDLINK, "null2", "null"), 0);
	cr_assert_eq(warnings, 3U);
	finish();
	cr_assert_eq(look("su").st_mode & 07777, 0755);
	cr_assert(!there("null") && !there("null2"));
}

Test(extract, makes_set_id_bits_when_asked)
{
	struct aipm_entry e = entry(AIPM_FILE, "su", 06755);

	begin_extract(true, false);
	cr_assert_eq(make(&e, NULL), 0);
	finish();
	cr_assert_eq(warnings, 0U);
	cr_assert_eq(look("su").st_mode & 07777, 06755);
}

Test(extract, makes_fifos_and_symlinks_with_their_own_times)
{
	struct aipm_entry e = entry(AIPM_FIFO, "p", 0620);

	begin_extract(false, false);
	cr_assert_eq(make(&e, NULL), 0);
	cr_assert_eq(make_link(AIPM_SYMLINK, "s", "nowhere"), 0);
	finish();
	cr_assert(S_ISFIFO(look("p").st_mode));
	cr_assert_eq(look("p").st_mode & 07777, 0620);
	cr_assert_eq(look("s").st_mtim.tv_nsec, 123456789);
}

Test(extract, holes_are_made_only_where_the_map_says_so_and_zeros_are)
{
	static unsigned char bytes[4 * 65536];
	struct aipm_range holes[] = { { 65536, 65536 }, { 196608, 65536 } };
	struct aipm_entry e = entry(AIPM_FILE, "f", 0600);
	struct stat st;

	begin_extract(false, false);
	e.size = sizeof(bytes);
	bytes[200000] = 1; /* in the second hole: the map lies */
	cr_assert_eq(aipm_extract_begin(x, &e, &err), 0);
	cr_assert_eq(
	    aipm_extract_write(x, 0, bytes, sizeof(bytes), holes, 2, &err), 0);
	cr_assert_eq(aipm_extract_end(x, &err), 0);
	finish();
	st = look("f");
	cr_assert_eq(st.st_size, (off_t)sizeof(bytes));
	cr_assert_eq(st.st_blocks, 3 * 65536 / 512, "%ld", (long)st.st_blocks);
}

Test(extract, a_hole_may_reach_over_several_pieces)
{
	static unsigned char bytes[65536];
	struct aipm_range hole = { 4096, 3 * 65536 };
	struct aipm_entry e = entry(AIPM_FILE, "f", 0600);
	struct stat st;

	begin_extract(false, false);
	e.size = 4 * sizeof(bytes);
	cr_assert_eq(aipm_extract_begin(x, &e, &err), 0);
	for (uint64_t i = 0; i < 4; i++)
		cr_assert_eq(aipm_extract_write(x, i * sizeof(bytes), bytes,
		                 sizeof(bytes), &hole, i == 0, &err),
		    0);
	cr_assert_eq(aipm_extract_end(x, &err), 0);
	finish();
	st = look("f");
	cr_assert_eq(st.st_size, 4 * (off_t)sizeof(bytes));
	cr_assert_eq(st.st_blocks, 65536 / 512, "%ld", (long)st.st_blocks);
}

Test(extract, sparse_makes_holes_of_aligned_zeros_and_keeps_every_byte)
{
	static unsigned char bytes[65536], back[65536];
	struct aipm_entry e = entry(AIPM_FILE, "f", 0600);
	int fd;

	begin_extract(false, true);
	e.size = sizeof(bytes);
	bytes[5000] = 1;
	bytes[40959] = 2;
	cr_assert_eq(aipm_extract_begin(x, &e, &err), 0);
	cr_assert_eq(aipm_extract_write(x, 0, bytes, 5001, NULL, 0, &err), 0);
	cr_assert_eq(aipm_extract_write(x, 5001, bytes + 5001,
	                 sizeof(bytes) - 5001, NULL, 0, &err),
	    0);
	cr_assert_eq(aipm_extract_end(x, &err), 0);
	finish();
	fd = openat(dir, "f", O_RDONLY);
	cr_assert_eq(read(fd, back, sizeof(back)), (ssize_t)sizeof(back));
	(void)close(fd);
	cr_assert_eq(memcmp(bytes, back, sizeof(bytes)), 0);
	cr_assert_eq(look("f").st_blocks, 2 * 4096 / 512);
}

Test(extract, refuses_content_beyond_the_size)
{
	struct aipm_entry e = entry(AIPM_FILE, "f", 0600);

	begin_extract(false, false);
	e.size = 3;
	cr_assert_eq(aipm_extract_begin(x, &e, &err), 0);
	refused(aipm_extract_write(x, 0, "abcd", 4, NULL, 0, &err), "size");
	refused(
	    aipm_extract_write(x, UINT64_MAX, "a", 1, NULL, 0, &err), "size");
}

static void
deep_path(char *path, size_t levels)
{
	for (size_t i = 0; i < levels; i++)
		memcpy(path + 2 * i, "d/", 2);
	memcpy(path + 2 * levels, "f", 2);
}

Test(extract, goes_thousands_of_levels_deep_and_back)
{
	static char path[2 * 5000 + 2];
	size_t levels = 0;
	int at = dup(dir), next;
	struct stat st;

	deep_path(path, 5000);
	begin_extract(false, false);
	cr_assert_eq(make_file(path, "x"), 0, "%s", err.text);
	path[2 * 5000 - 2] = 'e';
	cr_assert_eq(make_file(path, "x"), 0, "%s", err.text);
	path[2 * 2000] = 'e';
	cr_assert_eq(make_file(path, "x"), 0, "%s", err.text);
	finish();
	while ((next = openat(at, "d", O_RDONLY | O_DIRECTORY)) != -1) {
		(void)close(at);
		at = next;
		levels++;
	}
	cr_assert_eq(levels, 5000U);
	cr_assert_eq(fstatat(at, "f", &st, 0), 0);
	(void)close(at);
}

Test(extract, refuses_paths_of_more_than_a_million_bytes)
{
	size_t n = (1 << 20) + 2;
	char *path = malloc(n);

	begin_extract(false, false);
	memset(path, 'a', n);
	for (size_t i = 100; i < n; i += 100)
		path[i] = '/';
	path[n - 1] = '\0';
	refused(make_file(path, "x"), "million");
	free(path);
}

Test(extract, an_attribute_that_cannot_be_set_is_a_warning)
{
	struct aipm_entry e = entry(AIPM_FILE, "f", 0600);

	begin_extract(true, false);
	cr_assert_eq(aipm_xattrs_add(&e.xattrs, "no\033space.x", "1", 1), 0);
	cr_assert_eq(make(&e, NULL), 0);
	aipm_xattrs_free(&e.xattrs);
	cr_assert_eq(warnings, 1U);
	cr_assert_neq(strstr(warning, "no\\033space.x"), NULL, "%s", warning);
}

Test(extract, attributes_of_privileged_namespaces_need_special)
{
	struct aipm_entry e = entry(AIPM_FILE, "f", 0600);

	begin_extract(false, false);
	cr_assert_eq(
	    aipm_xattrs_add(&e.xattrs, "trusted.overlay.opaque", "y", 1), 0);
	cr_assert_eq(aipm_xattrs_add(&e.xattrs, "security.x", "1", 1), 0);
	cr_assert_eq(make(&e, NULL), 0);
	aipm_xattrs_free(&e.xattrs);
	cr_assert_eq(warnings, 2U);
}

Test(tree, removes_what_forbids_it_and_follows_no_symlink)
{
	int top = open(SCRATCH, O_RDONLY | O_DIRECTORY);

	(void)snprintf(name, sizeof(name), "aipm-tree-%ld", (long)getpid());
	cr_assert_eq(mkdirat(top, name, 0700), 0);
	dir = openat(top, name, O_RDONLY | O_DIRECTORY);
	cr_assert_eq(mkdirat(dir, "keep", 0755), 0);
	cr_assert_eq(mkdirat(dir, "keep/x", 0755), 0);
	cr_assert_eq(mkdirat(dir, "go", 0755), 0);
	cr_assert_eq(mkdirat(dir, "go/d", 0755), 0);
	cr_assert_eq(mkdirat(dir, "go/d/e", 0755), 0);
	cr_assert_eq(mkdirat(dir, "go/f", 0755), 0);
	cr_assert_eq(symlinkat("../keep", dir, "go/s"), 0);
	cr_assert_eq(fchmodat(dir, "go/d", 0, 0), 0);
	cr_assert_eq(
	    aipm_tree_remove(dir, "go", "go", &err), 0, "%s", err.text);
	cr_assert(!there("go"));
	cr_assert(there("keep/x"));
	cr_assert_eq(aipm_tree_remove(dir, "not there", "x", &err), 0);
	cr_assert_eq(symlinkat("keep", dir, "s"), 0);
	cr_assert_eq(aipm_tree_remove(dir, "s", "s", &err), 0);
	cr_assert(there("keep/x") && !there("s"));
	cr_assert_eq(aipm_tree_remove(top, name, name, &err), 0);
	(void)close(dir);
	(void)close(top);
}
