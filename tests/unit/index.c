#include "aipm/index.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct aipm_err err;

/* The written index, read back from memory. */
struct source {
	struct aipm_index_writer *w;
	uint64_t at, size;
};

static int
read_source(void *ctx, void *p, size_t n, struct aipm_err *e)
{
	struct source *s = ctx;

	if (n > s->size - s->at)
		return aipm_err_set(e, AIPM_DAMAGED, "cut off");
	s->at += n;
	return aipm_index_slice(s->w, s->at - n, p, n, e);
}

static void
put(struct aipm_index_writer *w, struct aipm_index_item it)
{
	cr_assert_eq(aipm_index_put(w, &it, &err), 0);
}

static void
put_group(struct aipm_index_writer *w, unsigned number, unsigned entries)
{
	char path[64];

	put(w, (struct aipm_index_item){ .tag = AIPM_INDEX_MEMBER,
	           .size = 1000 + number,
	           .crc = number,
	           .plain = 5000 });
	for (unsigned i = 0; i < entries; i++) {
		struct aipm_entry e = { .path = path,
			.type = AIPM_FILE,
			.mode = 0640,
			.uid = 999,
			.size = i == 3 ? 20000 : i,
			.mtime = { -5, 250000000 },
			.ino = 77,
			.nlink = 1 };
		struct aipm_range hole = { 4096, 8192 };
		struct aipm_index_item it = {
			.tag = AIPM_INDEX_ENTRY, .entry = &e, .headers = 1536
		};

		if (i == 3) {
			it.holes = &hole;
			it.nholes = 1;
		}
		snprintf(path, sizeof(path), "data/%06u/%06u", number, i);
		put(w, it);
	}
}

static void
check_entry(const struct aipm_index_item *it, unsigned number, unsigned i)
{
	char path[64];

	snprintf(path, sizeof(path), "data/%06u/%06u", number, i);
	cr_assert_eq(it->tag, AIPM_INDEX_ENTRY);
	cr_assert_str_eq(it->entry->path, path);
	cr_assert_eq(it->entry->mtime.sec, -5);
	cr_assert_eq(it->entry->mtime.nsec, 250000000);
	cr_assert_eq(it->entry->size, i == 3 ? 20000 : i);
	cr_assert_eq(it->headers, 1536);
	cr_assert_eq(it->nholes, i == 3);
	if (i == 3)
		cr_assert_eq(it->holes[0].len, 8192);
}

Test(index, keeps_what_was_put_over_many_pages)
{
	struct aipm_index_writer *w;
	struct aipm_index *x;
	struct aipm_footer f = { 0 };
	const struct aipm_index_item *it;
	uint64_t offset = 0;

	cr_assert_eq(
	    aipm_index_writer_new(&w, NULL, AIPM_INDEX_LEVEL, &err), 0);
	for (unsigned n = 0; n < 300; n++)
		put_group(w, n, 20);
	cr_assert_eq(aipm_index_finish(w, &f, &err), 0);
	cr_assert_eq(f.entries, 6000);
	struct source s = { w, 0, f.index_size };
	cr_assert_eq(
	    aipm_index_open(&x, read_source, &s, UINT64_MAX, "x", &err), 0);
	for (unsigned n = 0; n < 300; n++) {
		cr_assert_eq(aipm_index_next(x, &it, &err), 1);
		cr_assert_eq(it->tag, AIPM_INDEX_MEMBER);
		cr_assert_eq(it->offset, offset);
		cr_assert_eq(it->crc, n);
		offset += it->size;
		for (unsigned i = 0; i < 20; i++) {
			cr_assert_eq(aipm_index_next(x, &it, &err), 1);
			check_entry(it, n, i);
		}
	}
	cr_assert_eq(aipm_index_next(x, &it, &err), 0);
	f.index_offset = offset;
	cr_assert_eq(aipm_index_check(x, &f, &err), 0);
	aipm_index_close(x);
	aipm_index_writer_free(w);
}

Test(index, a_file_of_many_chunks_goes_on_over_pages)
{
	struct aipm_index_writer *w;
	struct aipm_index *x;
	struct aipm_footer f = { 0 };
	const struct aipm_index_item *it;
	char path[] = "data/big", missing[] = "data/gone";
	struct aipm_entry e = {
		.path = path, .type = AIPM_FILE, .size = (uint64_t)5000 << 18
	};

	cr_assert_eq(
	    aipm_index_writer_new(&w, NULL, AIPM_INDEX_LEVEL, &err), 0);
	put(w, (struct aipm_index_item){ .tag = AIPM_INDEX_MEMBER, .size = 9 });
	put(w, (struct aipm_index_item){ .tag = AIPM_INDEX_ENTRY,
	           .entry = &e,
	           .headers = 512,
	           .chunked = true });
	for (unsigned i = 0; i < 4000; i++)
		put(w, (struct aipm_index_item){
		           .tag = AIPM_INDEX_CHUNK, .size = 100 + i });
	put(w, (struct aipm_index_item){
	           .tag = AIPM_INDEX_MISSING, .key = missing, .value = "why" });
	put(w, (struct aipm_index_item){
	           .tag = AIPM_INDEX_ZEROS, .size = 7, .count = 1000 });
	cr_assert_eq(aipm_index_finish(w, &f, &err), 0);
	struct source s = { w, 0, f.index_size };
	cr_assert_eq(
	    aipm_index_open(&x, read_source, &s, UINT64_MAX, "x", &err), 0);
	cr_assert_eq(aipm_index_next(x, &it, &err), 1);
	cr_assert_eq(aipm_index_next(x, &it, &err), 1);
	cr_assert(it->chunked);
	for (unsigned i = 0; i < 4000; i++) {
		cr_assert_eq(aipm_index_next(x, &it, &err), 1);
		cr_assert_eq(it->tag, AIPM_INDEX_CHUNK);
		cr_assert_eq(it->size, 100 + i);
	}
	cr_assert_eq(aipm_index_next(x, &it, &err), 1);
	cr_assert_eq(it->tag, AIPM_INDEX_ZEROS);
	cr_assert_eq(it->count, 1000);
	cr_assert_eq(aipm_index_next(x, &it, &err), 1);
	cr_assert_eq(it->tag, AIPM_INDEX_MISSING);
	cr_assert_str_eq(it->key, "data/gone");
	cr_assert_eq(aipm_index_next(x, &it, &err), 0);
	aipm_index_close(x);
	aipm_index_writer_free(w);
}

/* A source in which one byte is wrong. */
struct flipped {
	struct source s;
	uint64_t at;
};

static int
read_flipped(void *ctx, void *p, size_t n, struct aipm_err *e)
{
	struct flipped *s = ctx;
	uint64_t from = s->s.at;

	if (read_source(&s->s, p, n, e) == -1)
		return -1;
	if (s->at >= from && s->at < from + n)
		((unsigned char *)p)[s->at - from] ^= 0x10;
	return 0;
}

Test(index, every_flipped_byte_is_damage_and_never_a_crash)
{
	struct aipm_index_writer *w;
	struct aipm_index *x;
	struct aipm_footer f = { 0 };
	const struct aipm_index_item *it;
	int r;

	cr_assert_eq(
	    aipm_index_writer_new(&w, NULL, AIPM_INDEX_LEVEL, &err), 0);
	put_group(w, 0, 30);
	cr_assert_eq(aipm_index_finish(w, &f, &err), 0);
	f.index_offset = 1000;
	for (uint64_t i = 0; i < f.index_size; i++) {
		struct flipped s = { { w, 0, f.index_size }, i };

		cr_assert_eq(
		    aipm_index_open(&x, read_flipped, &s, 1000, "x", &err), 0);
		while ((r = aipm_index_next(x, &it, &err)) == 1)
			;
		if (r == 0)
			r = aipm_index_check(x, &f, &err);
		cr_assert_eq(r, -1, "byte %" PRIu64, i);
		cr_assert_eq(err.cls, AIPM_DAMAGED);
		aipm_index_close(x);
	}
	aipm_index_writer_free(w);
}
