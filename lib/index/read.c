#include "page.h"
#include "slices.h"

#include "aipm/codec.h"
#include "aipm/num.h"

#include <stdlib.h>
#include <string.h>

struct aipm_index {
	aipm_index_read *read;
	void *read_ctx;
	const char *name;
	struct slices slices;
	struct aipm_codec *codec;
	struct aipm_digest *digest;
	uint64_t size; /* bytes read */
	uint64_t dir_offset;
	uint64_t entries;
	struct aipm_buf stored, plain, holes;
	enum page_type type;
	struct aipm_cursor page;
	char *prev; /* path of the entry before in the page */
	uint64_t offset; /* in the archive, of the next member */
	uint64_t end; /* where the members end */
	struct aipm_entry entry;
	struct aipm_index_item item;
	char *key, *value;
	bool ended;
	bool thin;
	uint64_t reference; /* of the next member, and */
	uint64_t elsewhere; /* its offset there */
	/* aipm_index_narrow(): the pages that are left to read. */
	bool narrow, pairs;
	struct aipm_buf offsets; /* uint64_t, in the index */
	size_t next_offset; /* in bytes of offsets */
};

static int
damaged(const struct aipm_index *x, struct aipm_err *err)
{
	return aipm_err_file(
	    err, AIPM_DAMAGED, x->name, "its index is damaged");
}

int
aipm_index_open(struct aipm_index **out, aipm_index_read *read, void *ctx,
    uint64_t offset, const char *name, struct aipm_err *err)
{
	struct aipm_index *x = calloc(1, sizeof(*x));

	*out = NULL;
	if (x == NULL)
		return aipm_err_nomem(err);
	x->read = read;
	x->read_ctx = ctx;
	x->end = offset;
	x->name = name;
	x->prev = strdup("");
	x->digest = aipm_digest_new();
	if (x->prev == NULL || x->digest == NULL) {
		aipm_index_close(x);
		return aipm_err_nomem(err);
	}
	if (aipm_codec_open(&x->codec, 0, err) == -1) {
		aipm_index_close(x);
		return -1;
	}
	*out = x;
	return 0;
}

void
aipm_index_thin(struct aipm_index *x)
{
	x->thin = true;
}

int
aipm_index_open_file(struct aipm_index **x, int fd, const struct aipm_footer *f,
    const char *name, struct aipm_err *err)
{
	if (aipm_index_open(x, slices_read, NULL, f->index_offset, name, err) ==
	    -1)
		return -1;
	slices_init(&(*x)->slices, fd, f, name);
	(*x)->read_ctx = &(*x)->slices;
	(*x)->thin = f->thin;
	return 0;
}

static int
pull(struct aipm_index *x, void *p, size_t n, struct aipm_err *err)
{
	if (x->read(x->read_ctx, p, n, err) == -1)
		return -1;
	aipm_digest_add(x->digest, p, n);
	x->size += n;
	return 0;
}

static int
load_page(struct aipm_index *x, struct aipm_err *err)
{
	unsigned char head[PAGE_HEAD];
	uint64_t at = x->size;
	size_t stored, plain;

	if (pull(x, head, sizeof(head), err) == -1)
		return -1;
	stored = aipm_get_u32(head + 1);
	plain = aipm_get_u32(head + 5);
	if (stored > PAGE_MAX || plain > PAGE_MAX)
		return damaged(x, err);
	x->stored.len = x->plain.len = 0;
	if (aipm_buf_reserve(&x->stored, stored) == -1 ||
	    aipm_buf_reserve(&x->plain, plain + 1) == -1)
		return aipm_err_nomem(err);
	if (pull(x, x->stored.p, stored, err) == -1)
		return -1;
	if (!aipm_codec_inflate(
	        x->codec, x->plain.p, plain, x->stored.p, stored) ||
	    aipm_crc32(0, x->plain.p, plain) != aipm_get_u32(head + 9))
		return damaged(x, err);
	x->type = (enum page_type)head[0];
	x->page = (struct aipm_cursor){ x->plain.p, plain, 0 };
	if (x->type == PAGE_DIRECTORY) {
		x->dir_offset = at;
		x->ended = true;
	}
	return 0;
}

/* The last entry makes room for the next one, which may share its path. */
static void
retire_entry(struct aipm_index *x)
{
	if (x->entry.path != NULL) {
		free(x->prev);
		x->prev = x->entry.path;
		x->entry.path = NULL;
	}
	aipm_entry_free(&x->entry);
}

/* What stands at the start of an entries page; it must go on where the page
 * before ended, if that was read. */
static int
start_entries(struct aipm_index *x, struct aipm_err *err)
{
	uint64_t offset = aipm_cursor_varint(&x->page);
	size_t n;

	(void)aipm_cursor_counted(&x->page, &n);
	(void)aipm_cursor_varint(&x->page);
	(void)aipm_cursor_varint(&x->page);
	if (x->narrow && offset <= x->end)
		x->offset = offset;
	if (x->page.bad || offset != x->offset)
		return damaged(x, err);
	retire_entry(x);
	x->prev[0] = '\0';
	return 0;
}

static int
take_pair(struct aipm_index *x, struct aipm_err *err)
{
	free(x->key);
	free(x->value);
	x->key = aipm_cursor_string(&x->page);
	x->value = aipm_cursor_string(&x->page);
	if (x->page.bad)
		return damaged(x, err);
	x->item.tag = x->type == PAGE_RUN ? AIPM_INDEX_RUN : AIPM_INDEX_MISSING;
	x->item.key = x->key;
	x->item.value = x->value;
	return 0;
}

/* Place the item's member in the archive. */
static int
advance(struct aipm_index *x, struct aipm_err *err)
{
	struct aipm_index_item *it = &x->item;
	uint64_t bytes;

	if (x->reference != 0) {
		it->offset = x->elsewhere;
		it->reference = x->reference;
		x->reference = 0;
		return it->size == 0 || (it->tag != AIPM_INDEX_MEMBER &&
		                            it->tag != AIPM_INDEX_CHUNK)
		           ? damaged(x, err)
		           : 0;
	}
	it->offset = x->offset;
	if (it->size == 0 || !aipm_mul_u64(it->size, it->count, &bytes) ||
	    !aipm_add_u64(x->offset, bytes, &x->offset) || x->offset > x->end)
		return damaged(x, err);
	return 0;
}

/* Where the next record's member is. */
static int
take_elsewhere(
    struct aipm_index *x, struct aipm_cursor *c, struct aipm_err *err)
{
	if (x->reference != 0)
		return damaged(x, err);
	x->reference = aipm_cursor_varint(c);
	x->elsewhere = aipm_cursor_varint(c);
	return c->bad || x->reference == 0 ? damaged(x, err) : 0;
}

/* 1 if the record is an item, 0 if its tag is of a later version. */
static int
take_record(struct aipm_index *x, struct aipm_err *err)
{
	uint8_t tag = aipm_cursor_u8(&x->page);
	size_t n;
	const unsigned char *p = aipm_cursor_counted(&x->page, &n);
	struct aipm_cursor c = { p, n, 0 };

	if (p == NULL)
		return damaged(x, err);
	if (tag == TAG_ELSEWHERE && x->thin)
		return take_elsewhere(x, &c, err);
	if (tag < AIPM_INDEX_MEMBER || tag > AIPM_INDEX_END)
		return 0;
	if (x->reference != 0 && tag == AIPM_INDEX_ENTRY)
		return damaged(x, err);
	x->item.tag = (enum aipm_index_tag)tag;
	retire_entry(x);
	if (record_decode(&x->item, &x->entry, &x->holes, &c, x->prev) == -1)
		return damaged(x, err);
	if (tag != AIPM_INDEX_ENTRY)
		return advance(x, err) == -1 ? -1 : 1;
	x->entries++;
	return 1;
}

/* One line of the directory: where an entries page is, and its first path;
 * other pages have none. */
struct line {
	uint64_t offset;
	char *first; /* owned */
};

static void
next_line(struct aipm_index *x, struct line *l)
{
	enum page_type type;

	free(l->first);
	l->first = NULL;
	while (l->first == NULL && x->page.left != 0 && !x->page.bad) {
		type = (enum page_type)aipm_cursor_u8(&x->page);
		l->offset = aipm_cursor_varint(&x->page);
		(void)aipm_cursor_varint(&x->page);
		l->first = aipm_cursor_string(&x->page);
		if (type != PAGE_ENTRIES) {
			free(l->first);
			l->first = NULL;
		}
	}
}

/* Note where the pages are that can tell of what s needs. */
static int
choose_pages(struct aipm_index *x, const struct aipm_select *s)
{
	struct line page = { 0 }, after = { 0 };
	int r = 0;

	for (next_line(x, &page); r == 0 && page.first != NULL; page = after) {
		after.first = NULL;
		next_line(x, &after);
		if (aipm_select_between(s, page.first, after.first))
			r = aipm_buf_add(
			    &x->offsets, &page.offset, sizeof(page.offset));
		free(page.first);
	}
	free(page.first);
	return r;
}

/* Note where the pages of pairs are. */
static int
choose_pairs(struct aipm_index *x)
{
	while (x->page.left != 0 && !x->page.bad) {
		enum page_type type = (enum page_type)aipm_cursor_u8(&x->page);
		uint64_t offset = aipm_cursor_varint(&x->page);
		size_t n;

		(void)aipm_cursor_varint(&x->page);
		(void)aipm_cursor_counted(&x->page, &n);
		if ((type == PAGE_RUN || type == PAGE_MISSING) &&
		    aipm_buf_add(&x->offsets, &offset, sizeof(offset)) == -1)
			return -1;
	}
	return 0;
}

/* To the pages of entries that s needs, or, without s, those of pairs. */
static int
narrow(struct aipm_index *x, const struct aipm_select *s, struct aipm_err *err)
{
	slices_seek(&x->slices, x->slices.footer.dir_offset);
	if (load_page(x, err) == -1)
		return -1;
	if (x->type != PAGE_DIRECTORY)
		return damaged(x, err);
	if ((s == NULL ? choose_pairs(x) : choose_pages(x, s)) == -1)
		return aipm_err_nomem(err);
	if (x->page.bad)
		return damaged(x, err);
	x->page.left = 0;
	x->ended = false;
	x->narrow = true;
	x->pairs = s == NULL;
	return 0;
}

int
aipm_index_narrow(
    struct aipm_index *x, const struct aipm_select *s, struct aipm_err *err)
{
	return narrow(x, s, err);
}

int
aipm_index_narrow_pairs(struct aipm_index *x, struct aipm_err *err)
{
	return narrow(x, NULL, err);
}

/* Go to the next page that was chosen. */
static int
load_chosen(struct aipm_index *x, struct aipm_err *err)
{
	uint64_t offset;

	if (x->next_offset == x->offsets.len) {
		x->ended = true;
		return 0;
	}
	memcpy(&offset, x->offsets.p + x->next_offset, sizeof(offset));
	x->next_offset += sizeof(offset);
	slices_seek(&x->slices, offset);
	if (load_page(x, err) == -1)
		return -1;
	if (x->pairs ? x->type == PAGE_RUN || x->type == PAGE_MISSING
	             : x->type == PAGE_ENTRIES)
		return 0;
	return damaged(x, err);
}

/* The next page with something in it, unless the index has ended. */
static int
next_page(struct aipm_index *x, struct aipm_err *err)
{
	while (!x->ended && x->page.left == 0) {
		if ((x->narrow ? load_chosen : load_page)(x, err) == -1)
			return -1;
		if (x->ended || x->type == PAGE_RUN || x->type == PAGE_MISSING)
			continue;
		if (x->type != PAGE_ENTRIES)
			x->page.left = 0;
		else if (start_entries(x, err) == -1)
			return -1;
	}
	return 0;
}

int
aipm_index_next(struct aipm_index *x, const struct aipm_index_item **it,
    struct aipm_err *err)
{
	int r = 0;

	while (r == 0) {
		if (next_page(x, err) == -1)
			return -1;
		if (x->ended)
			return 0;
		memset(&x->item, 0, sizeof(x->item));
		if (x->type == PAGE_ENTRIES)
			r = take_record(x, err);
		else
			r = take_pair(x, err) == -1 ? -1 : 1;
	}
	*it = &x->item;
	return r;
}

int
aipm_index_check(
    struct aipm_index *x, const struct aipm_footer *f, struct aipm_err *err)
{
	unsigned char sha256[AIPM_DIGEST_SIZE];

	aipm_digest_take(x->digest, sha256);
	if (x->size != f->index_size || x->dir_offset != f->dir_offset ||
	    x->entries != f->entries || x->offset != f->index_offset ||
	    memcmp(sha256, f->sha256, sizeof(sha256)) != 0)
		return damaged(x, err);
	return 0;
}

int
aipm_index_verify(
    int fd, const struct aipm_footer *f, const char *name, struct aipm_err *err)
{
	const struct aipm_index_item *it;
	struct aipm_index *x;
	int r;

	if (aipm_index_open_file(&x, fd, f, name, err) == -1)
		return -1;
	while ((r = aipm_index_next(x, &it, err)) == 1)
		;
	if (r == 0)
		r = aipm_index_check(x, f, err);
	aipm_index_close(x);
	return r;
}

int
aipm_index_sound(
    int fd, const struct aipm_footer *f, const char *name, struct aipm_err *err)
{
	unsigned char part[AIPM_INDEX_SLICE], sha256[AIPM_DIGEST_SIZE];
	struct aipm_digest *d = aipm_digest_new();
	struct slices s;
	int r = 0;

	if (d == NULL)
		return aipm_err_nomem(err);
	slices_init(&s, fd, f, name);
	for (uint64_t at = 0; r == 0 && at < f->index_size;) {
		size_t n = f->index_size - at < sizeof(part)
		               ? (size_t)(f->index_size - at)
		               : sizeof(part);

		if ((r = slices_read(&s, part, n, err)) == 0)
			aipm_digest_add(d, part, n);
		at += n;
	}
	aipm_digest_take(d, sha256);
	aipm_digest_free(d);
	if (r == 0 && memcmp(sha256, f->sha256, sizeof(sha256)) != 0)
		r = aipm_err_file(
		    err, AIPM_DAMAGED, name, "its index is damaged");
	return r;
}

void
aipm_index_close(struct aipm_index *x)
{
	if (x == NULL)
		return;
	aipm_codec_close(x->codec);
	aipm_digest_free(x->digest);
	aipm_buf_free(&x->stored);
	aipm_buf_free(&x->plain);
	aipm_buf_free(&x->holes);
	aipm_buf_free(&x->offsets);
	aipm_entry_free(&x->entry);
	free(x->prev);
	free(x->key);
	free(x->value);
	free(x);
}
