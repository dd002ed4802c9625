#include "aipm/pax.h"
#include "aipm/ustar.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct aipm_err err;

/* A tar in memory. */
struct tar {
	struct aipm_buf b;
	size_t at;
};

static int
read_tar(void *ctx, void *p, size_t n, struct aipm_err *e)
{
	struct tar *t = ctx;

	if (t->at == t->b.len)
		return 1;
	if (n > t->b.len - t->at)
		return aipm_err_set(e, AIPM_DAMAGED, "cut off");
	memcpy(p, t->b.p + t->at, n);
	t->at += n;
	return 0;
}

static void
add_block(struct tar *t, char type, const char *name, uint64_t size)
{
	struct aipm_ustar u = { .type = type, .mode = 0644, .size = size };
	unsigned char block[AIPM_USTAR_BLOCK];

	snprintf(u.name, sizeof(u.name), "%s", name);
	aipm_ustar_encode(block, &u);
	aipm_buf_add(&t->b, block, sizeof(block));
}

static void
add_text(struct tar *t, const char *text, size_t n)
{
	aipm_buf_add(&t->b, text, n);
	aipm_buf_add_zeros(&t->b, aipm_pax_padding(n));
}

static void
add_records(struct tar *t, char type, const char *records)
{
	add_block(t, type, "x", strlen(records));
	add_text(t, records, strlen(records));
}

/* The first entry of t, or the class of the failure. */
static int
first(struct tar *t, struct aipm_pax **p, const struct aipm_pax_header **h)
{
	int r;

	t->at = 0;
	aipm_buf_add_zeros(&t->b, 1024);
	cr_assert_eq(aipm_pax_new(p, read_tar, t, "x", &err), 0);
	r = aipm_pax_next(*p, h, &err);
	return r == -1 ? (int)err.cls : r;
}

static void
done(struct tar *t, struct aipm_pax *p)
{
	aipm_pax_free(p);
	aipm_buf_free(&t->b);
	memset(t, 0, sizeof(*t));
}

static void
refused(struct tar *t, const char *why)
{
	const struct aipm_pax_header *h;
	struct aipm_pax *p;

	cr_assert_eq(first(t, &p, &h), AIPM_DAMAGED, "%s", why);
	done(t, p);
}

static unsigned long seed = 20261123;

static unsigned
rnd(unsigned n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % n;
}

static char *
random_path(size_t n, int binary)
{
	char *s = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)(binary && rnd(9) == 0 ? 128 + rnd(128)
		              : i % 57 == 56        ? '/'
		                                    : 'a' + rnd(26));
	if (n > 0 && s[n - 1] == '/')
		s[n - 1] = 'e';
	s[n] = '\0';
	return s;
}

static const enum aipm_type types[] = { AIPM_FILE, AIPM_HARDLINK, AIPM_SYMLINK,
	AIPM_CHAR, AIPM_BLOCK, AIPM_DIR, AIPM_FIFO };

static void
random_entry(struct aipm_entry *e)
{
	static const size_t lengths[] = { 1, 98, 99, 100, 101, 154, 155, 156,
		255, 256, 257, 3000, 5000 };
	static const int64_t secs[] = { 0, -1, -2, 1700000000, 077777777777,
		0100000000000, -86400, INT64_C(1) << 40 };

	memset(e, 0, sizeof(*e));
	e->type = types[rnd(7)];
	e->path = random_path(lengths[rnd(13)], rnd(3) == 0);
	if (e->type == AIPM_HARDLINK || e->type == AIPM_SYMLINK)
		e->link = random_path(lengths[rnd(13)], rnd(3) == 0);
	e->mode = rnd(010000);
	e->uid = rnd(2) ? rnd(2000) : 3000000 + rnd(1000000000);
	e->gid = rnd(2) ? rnd(2000) : 0xfffffffe;
	e->mtime.sec = secs[rnd(8)];
	e->mtime.nsec = rnd(2) ? 0 : rnd(1000000000);
	if (e->type == AIPM_FILE)
		e->size = rnd(2) ? rnd(100000)
		                 : ((uint64_t)rnd(1000000) << 33) + rnd(512);
	if (e->type == AIPM_CHAR || e->type == AIPM_BLOCK) {
		e->major = rnd(5000);
		e->minor = rnd(2) ? rnd(256) : 1048575;
	}
	if (rnd(3) == 0) {
		aipm_xattrs_add(&e->xattrs, "user.a=b%c%3D", "\0=\n\xff", 4);
		aipm_xattrs_add(&e->xattrs, "user.empty", "", 0);
	}
}

static void
same(const struct aipm_entry *a, const struct aipm_entry *b)
{
	cr_assert_eq(a->type, b->type);
	cr_assert_str_eq(a->path, b->path);
	cr_assert_eq(a->link == NULL, b->link == NULL);
	if (a->link != NULL)
		cr_assert_str_eq(a->link, b->link);
	cr_assert_eq(a->mode, b->mode);
	cr_assert_eq(a->uid, b->uid);
	cr_assert_eq(a->gid, b->gid);
	cr_assert_eq(a->size, b->size);
	cr_assert_eq(a->mtime.sec, b->mtime.sec);
	cr_assert_eq(a->mtime.nsec, b->mtime.nsec);
	cr_assert_eq(a->major, b->major);
	cr_assert_eq(a->minor, b->minor);
	cr_assert_eq(a->xattrs.n, b->xattrs.n);
	for (size_t i = 0; i < a->xattrs.n; i++) {
		cr_assert_str_eq(a->xattrs.v[i].name, b->xattrs.v[i].name);
		cr_assert_eq(a->xattrs.v[i].len, b->xattrs.v[i].len);
		cr_assert_eq(memcmp(a->xattrs.v[i].value, b->xattrs.v[i].value,
		                 a->xattrs.v[i].len),
		    0);
	}
}

Test(pax, every_entry_comes_back_as_it_was)
{
	for (int i = 0; i < 4000; i++) {
		const struct aipm_pax_header *h;
		struct tar t = { 0 };
		struct aipm_pax *p;
		struct aipm_entry e;

		random_entry(&e);
		cr_assert_eq(aipm_pax_encode(&t.b, &e, &err), 0);
		cr_assert_eq(t.b.len % 512, 0);
		cr_assert_eq(first(&t, &p, &h), 1, "%s", err.text);
		same(&h->entry, &e);
		cr_assert_eq(h->stored, e.size);
		aipm_entry_free(&e);
		done(&t, p);
	}
}

Test(pax, a_plain_entry_is_one_block)
{
	char path[] = "data/x";
	struct aipm_entry e = { .path = path,
		.type = AIPM_FILE,
		.size = 3,
		.mtime = { 1700000000, 0 } };
	struct aipm_buf b = { 0 };

	cr_assert_eq(aipm_pax_encode(&b, &e, &err), 0);
	cr_assert_eq(b.len, 512);
	aipm_buf_free(&b);
}

/* The memory checkers see a look beyond the name's end. */
Test(pax, names_that_no_slash_splits_are_records)
{
	for (size_t n = 101; n <= 256; n++) {
		char name[257], record[300];
		struct aipm_entry e = { .path = name, .type = AIPM_FILE };
		struct aipm_buf b = { 0 };

		memset(name, 'n', n);
		name[n] = '\0';
		snprintf(record, sizeof(record), "%zu path=%s\n", n + 10, name);
		cr_assert_eq(aipm_pax_encode(&b, &e, &err), 0);
		cr_assert_eq(b.len, 3 * 512);
		cr_assert_eq(memcmp(b.p + 512, record, n + 10), 0);
		aipm_buf_free(&b);
	}
}

Test(pax, a_directorys_own_slash_does_not_split_its_name)
{
	char name[120];
	struct aipm_entry e = { .path = name, .type = AIPM_DIR };
	struct aipm_buf b = { 0 };

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_assert_eq(aipm_pax_encode(&b, &e, &err), 0);
	cr_assert_eq(b.len, 3 * 512);
	cr_assert_eq(b.p[2 * 512 + 99], '/', "the cut name keeps it");
	aipm_buf_free(&b);
}

Test(pax, a_slash_splits_a_long_name_between_prefix_and_name)
{
	static const struct {
		size_t prefix, name;
		bool fits;
	} v[] = { { 1, 99, true }, { 1, 100, true }, { 154, 1, true },
		{ 155, 1, true }, { 155, 100, true }, { 156, 1, false },
		{ 156, 99, false }, { 155, 101, false }, { 1, 101, false } };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char path[300];
		struct aipm_entry e = { .path = path, .type = AIPM_FILE };
		struct aipm_buf b = { 0 };

		memset(path, 'p', sizeof(path));
		path[v[i].prefix] = '/';
		path[v[i].prefix + 1 + v[i].name] = '\0';
		cr_assert_eq(aipm_pax_encode(&b, &e, &err), 0);
		cr_assert_eq(b.len == 512, v[i].fits, "case %zu", i);
		aipm_buf_free(&b);
	}
}

Test(pax, a_time_before_1970_is_a_negative_fraction)
{
	char path[] = "x";
	struct aipm_entry e = {
		.path = path, .type = AIPM_FILE, .mtime = { -2, 500000000 }
	};
	struct aipm_buf b = { 0 };

	cr_assert_eq(aipm_pax_encode(&b, &e, &err), 0);
	cr_assert_eq(memcmp(b.p + 512, "14 mtime=-1.5\n", 14), 0);
	aipm_buf_free(&b);
}

Test(pax, longer_fractions_are_cut_towards_the_past)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	add_records(&t, 'x', "26 mtime=-1.0000000000001\n");
	add_block(&t, '0', "f", 0);
	cr_assert_eq(first(&t, &p, &h), 1, "%s", err.text);
	cr_assert_eq(h->entry.mtime.sec, -2);
	cr_assert_eq(h->entry.mtime.nsec, 999999999);
	done(&t, p);
}

Test(pax, gnu_long_names_need_no_terminator)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;
	char name[513];

	memset(name, 'n', 512);
	name[512] = '\0';
	add_block(&t, 'L', "././@LongLink", 512);
	add_text(&t, name, 512);
	add_block(&t, '0', "short", 0);
	cr_assert_eq(first(&t, &p, &h), 1);
	cr_assert_str_eq(h->entry.path, name);
	done(&t, p);
}

Test(pax, an_empty_value_takes_a_global_record_back)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	add_records(&t, 'g', "15 path=global\n12 uid=4711\n");
	add_records(&t, 'x', "8 path=\n");
	add_block(&t, '0', "own", 0);
	cr_assert_eq(first(&t, &p, &h), 1, "%s", err.text);
	cr_assert_str_eq(h->entry.path, "own");
	cr_assert_eq(h->entry.uid, 4711);
	done(&t, p);
}

Test(pax, dots_and_slashes_around_names_come_off)
{
	static const char *v[][2] = { { "./a/b/", "a/b" }, { "././/a", "a" },
		{ "./", "." }, { ".", "." }, { "/abs", "/abs" },
		{ "../up", "../up" }, { ".hidden", ".hidden" } };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		const struct aipm_pax_header *h;
		struct tar t = { 0 };
		struct aipm_pax *p;

		add_block(&t, '5', v[i][0], 0);
		cr_assert_eq(first(&t, &p, &h), 1);
		cr_assert_str_eq(h->entry.path, v[i][1]);
		done(&t, p);
	}
}

Test(pax, vendors_types_are_passed_over_with_their_content)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	add_block(&t, 'V', "label", 0);
	add_block(&t, 'Z', "vendor", 700);
	aipm_buf_add_zeros(&t.b, 1024);
	add_block(&t, '0', "file", 0);
	cr_assert_eq(first(&t, &p, &h), 1);
	cr_assert_str_eq(h->entry.path, "file");
	done(&t, p);
}

Test(pax, malformed_extended_headers_are_refused)
{
	static const char *v[] = { "1 a=b\n", "6 a=b", "7 a=b\n", "x a=b\n",
		"5 =b\n", "5 ab\n", "99999999999999999999 a=b\n", "-6 a=b\n",
		"13 size=12x4\n", "14 mtime=1.x2\n", "9 uid=-1\n",
		"29 size=99999999999999999999\n", "6 a=b\n7 ",
		"30 GNU.sparse.map=0,1,2\n" };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct tar t = { 0 };

		add_records(&t, 'x', v[i]);
		add_block(&t, '0', "f", 0);
		refused(&t, v[i]);
	}
}

Test(pax, what_would_take_all_memory_is_refused)
{
	struct tar t = { 0 };

	add_block(&t, 'x', "x", (uint64_t)1 << 40);
	refused(&t, "a terabyte of records");
	add_block(&t, 'L', "x", (uint64_t)1 << 40);
	refused(&t, "a terabyte of name");
}

Test(pax, volumes_that_go_on_are_refused)
{
	struct tar t = { 0 };

	add_block(&t, 'M', "rest", 0);
	refused(&t, "multi-volume");
}

Test(pax, a_tar_without_its_end_is_refused)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	add_block(&t, '0', "f", 0);
	cr_assert_eq(aipm_pax_new(&p, read_tar, &t, "x", &err), 0);
	cr_assert_eq(aipm_pax_next(p, &h, &err), 1);
	cr_assert_eq(aipm_pax_next(p, &h, &err), -1);
	cr_assert_eq(err.cls, AIPM_DAMAGED);
	done(&t, p);
}

static void
sparse_0_1(struct tar *t, const char *map, uint64_t stored)
{
	char value[256], records[512];

	snprintf(value, sizeof(value), "GNU.sparse.map=%s", map);
	snprintf(
	    records, sizeof(records), "%zu %s\n", strlen(value) + 4, value);
	snprintf(
	    records + strlen(records), 64, "%s", "23 GNU.sparse.size=999\n");
	add_records(t, 'x', records);
	add_block(t, '0', "sparse", stored);
}

Test(pax, sparse_maps_place_the_stored_bytes)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	sparse_0_1(&t, "100,10,500,2", 12);
	cr_assert_eq(first(&t, &p, &h), 1, "%s", err.text);
	cr_assert(h->sparse);
	cr_assert_eq(h->entry.size, 999);
	cr_assert_eq(h->nmap, 2);
	cr_assert_eq(h->map[1].offset, 500);
	cr_assert_eq(h->map[1].len, 2);
	done(&t, p);
}

Test(pax, sparse_maps_that_lie_are_refused)
{
	static const char *v[] = { "100,10,500,3", "500,10,100,2",
		"100,10,998,2", "100,12,111,0,0,0", "1,2,3,4",
		"18446744073709551615,10,0,2" };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct tar t = { 0 };

		sparse_0_1(&t, v[i], 12);
		refused(&t, v[i]);
	}
}

Test(pax, an_entry_without_a_name_or_target_is_refused)
{
	struct tar t = { 0 };

	add_block(&t, '0', "", 0);
	refused(&t, "no name");
	add_block(&t, 'L', "x", 0);
	add_block(&t, '0', "f", 0);
	refused(&t, "an empty long name");
	add_block(&t, '1', "f", 0);
	refused(&t, "a hard link to nothing");
	add_block(&t, '2', "f", 0);
	refused(&t, "a symlink to nothing");
}

/* A record of any value; t's block and its content. */
static void
add_record(struct tar *t, char type, const char *key, const char *value)
{
	size_t n = strlen(key) + strlen(value) + 3, len = n + 1;
	char *record = malloc(n + 32);

	for (size_t limit = 10; len >= limit; limit *= 10)
		len++;
	snprintf(record, n + 32, "%zu %s=%s\n", len, key, value);
	add_records(t, type, record);
	free(record);
}

/* The path of the entry behind the first. */
static void
second_is(struct tar *t, const char *path)
{
	const struct aipm_pax_header *h;
	struct aipm_pax *p;

	cr_assert_eq(first(t, &p, &h), 1, "%s", err.text);
	cr_assert_eq(h->stored, 0);
	cr_assert_eq(h->entry.size, 0);
	cr_assert_eq(aipm_pax_next(p, &h, &err), 1, "%s", err.text);
	cr_assert_str_eq(h->entry.path, path);
	done(t, p);
}

static void
add_hard_link(struct tar *t, uint64_t size)
{
	struct aipm_ustar u = { .name = "link", .link = "f", .type = '1' };
	unsigned char block[AIPM_USTAR_BLOCK];

	u.size = size;
	aipm_ustar_encode(block, &u);
	aipm_buf_add(&t->b, block, sizeof(block));
}

Test(pax, a_hard_links_size_is_idle_where_no_pax_header_was_seen)
{
	struct tar t = { 0 };

	add_hard_link(&t, 1000);
	add_block(&t, '0', "next", 0);
	second_is(&t, "next");
}

Test(pax, a_hard_links_content_in_pax_is_read_over)
{
	struct tar t = { 0 };

	add_record(&t, 'x', "mtime", "1");
	add_hard_link(&t, 1000);
	aipm_buf_add_zeros(&t.b, 1024);
	add_block(&t, '0', "next", 0);
	second_is(&t, "next");
}

Test(pax, a_gnu_dump_directory_is_a_directory_its_list_read_over)
{
	struct tar t = { 0 };

	add_block(&t, 'D', "dir/", 4);
	add_text(&t, "Ya\0", 4);
	add_block(&t, '0', "next", 0);
	second_is(&t, "next");
}

Test(pax, a_vendors_entry_is_as_large_as_its_record_says)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	add_record(&t, 'x', "size", "513");
	add_block(&t, 'Z', "vendor", 0);
	aipm_buf_add_zeros(&t.b, 1024);
	add_block(&t, '0', "next", 0);
	cr_assert_eq(first(&t, &p, &h), 1, "%s", err.text);
	cr_assert_str_eq(h->entry.path, "next");
	cr_assert_eq(h->entry.size, 0);
	done(&t, p);
}

Test(pax, headers_without_their_entry_are_refused)
{
	struct tar t = { 0 };

	add_record(&t, 'x', "path", "lost");
	refused(&t, "a pax header at the end");
	add_block(&t, 'L', "x", 4);
	add_text(&t, "lost", 4);
	refused(&t, "a long name at the end");
	add_record(&t, 'x', "path", "mine");
	add_record(&t, 'g', "uid", "1");
	add_block(&t, '0', "f", 0);
	refused(&t, "a global header between");
}

Test(pax, a_global_header_alone_is_an_empty_archive)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	add_record(&t, 'g', "comment", "of a commit");
	cr_assert_eq(first(&t, &p, &h), 0);
	done(&t, p);
}

Test(pax, extended_headers_that_pile_up_are_refused)
{
	char *value = malloc((1 << 20) + 1), key[64];
	struct tar t = { 0 };

	memset(value, 'v', 1 << 20);
	value[1 << 20] = '\0';
	for (int i = 0; i < 17; i++) {
		snprintf(key, sizeof(key), "SCHILY.xattr.user.%d", i);
		add_record(&t, 'x', key, value);
	}
	add_block(&t, '0', "f", 0);
	refused(&t, "17 MiB before one entry");
	value[1 << 12] = '\0';
	add_record(&t, 'g', "SCHILY.xattr.user.a", value);
	add_block(&t, '0', "f", 0);
	refused(&t, "4 KiB for every entry");
	free(value);
}

Test(pax, more_attributes_than_a_file_can_have_are_refused)
{
	struct tar t = { 0 };
	struct aipm_buf b = { 0 };
	char record[64];

	for (int i = 10000; i <= 26384; i++) {
		snprintf(
		    record, sizeof(record), "28 SCHILY.xattr.user.%d=\n", i);
		aipm_buf_add(&b, record, strlen(record));
	}
	aipm_buf_add(&b, "", 1);
	add_records(&t, 'x', (const char *)b.p);
	add_block(&t, '0', "f", 0);
	aipm_buf_free(&b);
	refused(&t, "16,385 attributes");
}

Test(pax, nul_bytes_in_names_are_refused)
{
	static const char path[] = "12 path=a\0b\n";
	static const char key[] = "24 SCHILY.xattr.user.\0=\n";
	struct tar t = { 0 };

	add_block(&t, 'x', "x", sizeof(path) - 1);
	add_text(&t, path, sizeof(path) - 1);
	add_block(&t, '0', "f", 0);
	refused(&t, "in a path");
	add_block(&t, 'x', "x", sizeof(key) - 1);
	add_text(&t, key, sizeof(key) - 1);
	add_block(&t, '0', "f", 0);
	refused(&t, "in an attribute's name");
}

Test(pax, a_file_that_goes_on_from_another_pax_volume_is_refused)
{
	struct tar t = { 0 };

	add_record(&t, 'g', "GNU.volume.offset", "18944");
	add_block(&t, '0', "GNUFileParts/f.2", 0);
	refused(&t, "the rest of a file");
}

/* Version 1.0: the map before the data. */
static void
sparse_1_0(struct tar *t, const char *minor, const char *map, uint64_t stored)
{
	add_record(t, 'x', "GNU.sparse.major", "1");
	add_record(t, 'x', "GNU.sparse.minor", minor);
	add_record(t, 'x', "GNU.sparse.name", "dir/real");
	add_record(t, 'x', "GNU.sparse.realsize", "999");
	add_block(t, '0', "dir/GNUSparseFile.1/real", stored);
	add_text(t, map, strlen(map));
}

Test(pax, sparse_maps_before_the_data_are_read)
{
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	sparse_1_0(&t, "0", "2\n100\n10\n500\n2\n", 524);
	cr_assert_eq(first(&t, &p, &h), 1, "%s", err.text);
	cr_assert_str_eq(h->entry.path, "dir/real");
	cr_assert_eq(h->entry.size, 999);
	cr_assert_eq(h->stored, 12);
	cr_assert_eq(h->nmap, 2);
	cr_assert_eq(h->map[0].offset, 100);
	done(&t, p);
}

Test(pax, sparse_maps_before_the_data_that_lie_are_refused)
{
	static const char *v[] = { "2\n100\n10\n500\n3\n", "3\n1\n12\n", "1\n",
		"\n\n\n", "1\n-1\n12\n", "99999999999\n",
		"1\n99999999999999999999\n12\n", "x", "" };
	struct tar t = { 0 };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		sparse_1_0(&t, "0", v[i], 524);
		refused(&t, v[i]);
	}
	sparse_1_0(&t, "0", "1\n1\n12\n", 12);
	refused(&t, "stored bytes that the map alone exceeds");
	sparse_1_0(&t, "1", "1\n1\n12\n", 524);
	refused(&t, "version 1.1");
	add_record(&t, 'x', "GNU.sparse.major", "2");
	sparse_0_1(&t, "0,12", 12);
	refused(&t, "version 2");
}

Test(pax, sizes_that_no_file_can_have_are_refused)
{
	struct tar t = { 0 };

	add_record(&t, 'x', "size", "9223372036854775808");
	add_block(&t, '0', "f", 0);
	refused(&t, "content of 2^63 bytes");
	add_record(&t, 'x', "GNU.sparse.size", "9223372036854775808");
	add_record(&t, 'x', "GNU.sparse.map", "0,0");
	add_block(&t, '0', "f", 0);
	refused(&t, "a sparse file of 2^63 bytes");
	add_record(&t, 'x', "GNU.sparse.map", "0,0");
	add_block(&t, '0', "f", 0);
	refused(&t, "a sparse file without a size");
}

Test(pax, owners_and_times_that_no_file_can_have_are_refused)
{
	static const char *v[][2] = { { "gid", "9223372036854775808" },
		{ "uid", "18446744073709551615" },
		{ "mtime", "9223372036854775808" },
		{ "mtime", "-9223372036854775808" },
		{ "mtime", "-9223372036854775807.1" } };
	struct tar t = { 0 };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		add_record(&t, 'x', v[i][0], v[i][1]);
		add_block(&t, '0', "f", 0);
		refused(&t, v[i][1]);
	}
}

/* Numbers of old GNU sparse headers stand where ustar has its prefix. */
static void
put_octal(unsigned char *field, uint64_t v)
{
	char s[13];

	snprintf(s, sizeof(s), "%011llo", (unsigned long long)v);
	memcpy(field, s, 12);
}

static void
old_gnu(
    struct tar *t, const uint64_t *map, size_t pairs, uint64_t size, int more)
{
	struct aipm_ustar u = { .name = "sparse", .type = 'S', .size = 12 };
	unsigned char block[AIPM_USTAR_BLOCK];
	unsigned sum = 0;

	aipm_ustar_encode(block, &u);
	memcpy(block + 257, "ustar  ", 8);
	for (size_t i = 0; i < 2 * pairs; i++)
		put_octal(block + 386 + 12 * i, map[i]);
	block[482] = (unsigned char)more;
	put_octal(block + 483, size);
	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += block[i];
	snprintf((char *)block + 148, 8, "%06o", sum);
	aipm_buf_add(&t->b, block, sizeof(block));
}

Test(pax, old_gnu_sparse_maps_go_on_in_further_blocks)
{
	static const uint64_t map[] = { 0, 4, 100, 4, 200, 2, 300, 1 };
	unsigned char further[AIPM_USTAR_BLOCK] = { 0 };
	const struct aipm_pax_header *h;
	struct tar t = { 0 };
	struct aipm_pax *p;

	put_octal(further, 500);
	put_octal(further + 12, 1);
	old_gnu(&t, map, 4, 999, 1);
	aipm_buf_add(&t.b, further, sizeof(further));
	cr_assert_eq(first(&t, &p, &h), 1, "%s", err.text);
	cr_assert_eq(h->entry.type, AIPM_FILE);
	cr_assert_eq(h->entry.size, 999);
	cr_assert_eq(h->stored, 12);
	cr_assert_eq(h->nmap, 5);
	cr_assert_eq(h->map[4].offset, 500);
	done(&t, p);
}

Test(pax, old_gnu_sparse_maps_that_lie_are_refused)
{
	static const uint64_t backwards[] = { 100, 4, 0, 8 };
	static const uint64_t beyond[] = { 988, 12 };
	static const uint64_t more[] = { 0, 13 };
	struct tar t = { 0 };

	old_gnu(&t, backwards, 2, 999, 0);
	refused(&t, "backwards");
	old_gnu(&t, beyond, 1, 999, 0);
	refused(&t, "beyond the end");
	old_gnu(&t, more, 1, 999, 0);
	refused(&t, "more than is stored");
}

Test(pax, headers_cut_off_at_any_block_are_refused)
{
	struct tar whole = { 0 };
	char name[2000];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	add_record(&whole, 'g', "uid", "1");
	add_record(&whole, 'x', "path", name);
	sparse_1_0(&whole, "0", "1\n1\n12\n", 524);
	for (size_t n = 0; n < whole.b.len; n += AIPM_USTAR_BLOCK) {
		const struct aipm_pax_header *h;
		struct tar t = { 0 };
		struct aipm_pax *p;

		aipm_buf_add(&t.b, whole.b.p, n);
		cr_assert_eq(aipm_pax_new(&p, read_tar, &t, "t", &err), 0);
		cr_assert_eq(aipm_pax_next(p, &h, &err), -1, "at %zu", n);
		cr_assert_eq(err.cls, AIPM_DAMAGED);
		done(&t, p);
	}
	aipm_buf_free(&whole.b);
}

Test(pax, a_wrong_checksum_is_refused)
{
	struct tar t = { 0 };

	add_block(&t, '0', "f", 0);
	t.b.p[0] ^= 1;
	refused(&t, "a flipped bit");
}
