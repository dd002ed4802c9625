#include "page.h"

#include "aipm/codec.h"
#include "aipm/io.h"
#include "aipm/num.h"

#include <stdlib.h>
#include <string.h>

/* The slices of an index in a file, as one stream. */
struct slices {
	int fd;
	const char *name;
	struct aipm_footer footer;
	uint64_t at; /* in the index */
	unsigned char member[AIPM_MEMBER_EMPTY(AIPM_INDEX_SLICE)];
	const unsigned char *payload; /* the slice in it: */
	uint64_t from; /* where in the index, */
	size_t len; /* how long; 0 before the first */
};

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

/* Read and check the member that holds the slice in which s->at lies. */
static int
load_slice(struct slices *s, struct aipm_err *err)
{
	uint64_t from = s->at - s->at % AIPM_INDEX_SLICE;
	uint64_t left = s->footer.index_size - from;
	size_t len = left < AIPM_INDEX_SLICE ? (size_t)left : AIPM_INDEX_SLICE;
	size_t n = AIPM_MEMBER_EMPTY(len), got;
	struct aipm_member m;

	if (aipm_pread_full(s->fd, s->member, n,
	        s->footer.index_offset + aipm_footer_index_members(from), &got,
	        s->name, err) == -1)
		return -1;
	if (got != n || aipm_member_parse(&m, s->member, n) != 1 ||
	    m.kind != AIPM_MEMBER_INDEX || m.payload_len != len ||
	    !aipm_member_empty_ok(&m, s->member))
		return aipm_err_file(
		    err, AIPM_DAMAGED, s->name, "its index is damaged");
	s->payload = s->member + m.payload;
	s->from = from;
	s->len = len;
	return 0;
}

static int
read_slices(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct slices *s = ctx;
	unsigned char *dst = p;

	while (n != 0) {
		size_t in, k;

		if (s->at >= s->footer.index_size)
			return aipm_err_file(err, AIPM_DAMAGED, s->name,
			    "its index ends too early");
		if ((s->len == 0 || s->at >= s->from + s->len) &&
		    load_slice(s, err) == -1)
			return -1;
		in = (size_t)(s->at - s->from);
		k = s->len - in < n ? s->len - in : n;
		memcpy(dst, s->payload + in, k);
		s->at += k;
		dst += k;
		n -= k;
	}
	return 0;
}

int
aipm_index_open_file(struct aipm_index **x, int fd, const struct aipm_footer *f,
    const char *name, struct aipm_err *err)
{
	if (aipm_index_open(x, read_slices, NULL, f->index_offset, name, err) ==
	    -1)
		return -1;
	(*x)->slices = (struct slices){ .fd = fd, .name = name, .footer = *f };
	(*x)->read_ctx = &(*x)->slices;
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

/* What stands at the start of an entries page; it must go on where the page
 * before ended. */
static int
start_entries(struct aipm_index *x, struct aipm_err *err)
{
	uint64_t offset = aipm_cursor_varint(&x->page);
	size_t n;

	(void)aipm_cursor_counted(&x->page, &n);
	(void)aipm_cursor_varint(&x->page);
	(void)aipm_cursor_varint(&x->page);
	if (x->page.bad || offset != x->offset)
		return damaged(x, err);
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

static int
keep_path(struct aipm_index *x, struct aipm_err *err)
{
	char *prev = strdup(x->entry.path);

	if (prev == NULL)
		return aipm_err_nomem(err);
	free(x->prev);
	x->prev = prev;
	x->entries++;
	return 0;
}

/* Place the item's member in the archive. */
static int
advance(struct aipm_index *x, struct aipm_err *err)
{
	struct aipm_index_item *it = &x->item;
	uint64_t bytes;

	it->offset = x->offset;
	if (it->size == 0 || !aipm_mul_u64(it->size, it->count, &bytes) ||
	    !aipm_add_u64(x->offset, bytes, &x->offset) || x->offset > x->end)
		return damaged(x, err);
	return 0;
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
	if (tag < AIPM_INDEX_MEMBER || tag > AIPM_INDEX_END)
		return 0;
	x->item.tag = (enum aipm_index_tag)tag;
	aipm_entry_free(&x->entry);
	if (record_decode(&x->item, &x->entry, &x->holes, &c, x->prev) == -1)
		return damaged(x, err);
	if (tag == AIPM_INDEX_ENTRY)
		return keep_path(x, err) == -1 ? -1 : 1;
	return advance(x, err) == -1 ? -1 : 1;
}

int
aipm_index_next(struct aipm_index *x, const struct aipm_index_item **it,
    struct aipm_err *err)
{
	int r = 0;

	while (r == 0) {
		while (!x->ended && x->page.left == 0) {
			if (load_page(x, err) == -1 ||
			    (x->type == PAGE_ENTRIES &&
			        start_entries(x, err) == -1))
				return -1;
			if (x->type != PAGE_ENTRIES && x->type != PAGE_RUN &&
			    x->type != PAGE_MISSING)
				x->page.left = 0;
		}
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
	aipm_entry_free(&x->entry);
	free(x->prev);
	free(x->key);
	free(x->value);
	free(x);
}
