#include "engine.h"

#include "aipm/treehash.h"

#include <stdlib.h>
#include <string.h>

/*
 * What headers and what content an archive of ours holds, each as one digest
 * over the digests that its index has: so the index, which comes last, can
 * be compared without keeping anything.
 */
struct seal {
	struct aipm_digest *headers, *content;
	/* The bytes as they are stored: the last bits of a deflate stream may
	 * mean nothing.  Of what was read, plain has it. */
	struct aipm_digest *members;
};

struct serial {
	struct aipm_reader_options o;
	const char *name;
	struct plain plain;
	struct aipm_pax *pax;
	const struct aipm_pax_header *header; /* of the present entry */
	uint64_t stored; /* bytes of its content still to come */
	uint64_t at; /* where in the file they belong */
	size_t range; /* in the header's map; at is within it */
	uint64_t range_left;
	size_t padding; /* behind the content */
	/* Archives of ours: */
	struct aipm_digest *headers; /* of the present member */
	bool has_entry; /* it begins an entry */
	struct aipm_treehash *tree;
	struct seal seal;
	uint64_t entries;
	const unsigned char *slice; /* of the index, in view */
	size_t slice_left;
	uint64_t taken; /* bytes of input to take when the slice is used up */
	bool incomplete; /* the footer says */
	bool ended;
};

static int
damaged(const struct serial *s, const char *what, struct aipm_err *err)
{
	return aipm_err_file(err, AIPM_DAMAGED, s->name, what);
}

/* Bytes that have a digest of their own in the index. */
static int
digest_part(
    struct serial *s, const unsigned char *p, size_t n, struct aipm_err *err)
{
	unsigned char d[AIPM_DIGEST_SIZE];

	if (aipm_treehash_add(s->tree, p, n, d, err) == -1)
		return -1;
	aipm_treehash_run(s->tree);
	aipm_digest_add(s->seal.content, d, sizeof(d));
	return 0;
}

/* The present member has been read; if it has headers, they count. */
static int
end_member(struct serial *s, struct aipm_err *err)
{
	const struct aipm_buf *b = &s->plain.buf;
	unsigned char d[AIPM_DIGEST_SIZE];

	aipm_digest_take(s->headers, d);
	if (!s->has_entry)
		return 0;
	s->has_entry = false;
	aipm_digest_add(s->seal.headers, d, sizeof(d));
	return digest_part(s, b->p, b->len, err);
}

static int
next_stretch(struct serial *s, struct aipm_err *err)
{
	if (s->plain.ours && end_member(s, err) == -1)
		return -1;
	return plain_next(&s->plain, err);
}

/* Header blocks for the pax decoder. */
static int
read_headers(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct serial *s = ctx;
	struct plain *in = &s->plain;
	unsigned char *dst = p;
	size_t want = n;

	while (want != 0) {
		size_t k = in->buf.len - in->pos;
		int r = 1;

		if (k == 0 && (r = next_stretch(s, err)) == -1)
			return -1;
		if (r == 0)
			return want == n
			           ? 1
			           : damaged(
			                 s, "is cut off within a header", err);
		if (k == 0)
			continue;
		if (k > want)
			k = want;
		memcpy(dst, in->buf.p + in->pos, k);
		in->pos += k;
		dst += k;
		want -= k;
	}
	if (in->ours)
		aipm_digest_add(s->headers, p, n);
	return 0;
}

static int
open_digests(struct serial *s, struct aipm_err *err)
{
	s->headers = aipm_digest_new();
	s->seal.headers = aipm_digest_new();
	s->seal.content = aipm_digest_new();
	if (s->headers == NULL || s->seal.headers == NULL ||
	    s->seal.content == NULL)
		return aipm_err_nomem(err);
	return aipm_treehash_open(&s->tree, err);
}

int
serial_open(struct serial **out, int fd, const char *name,
    const struct aipm_reader_options *o, struct aipm_err *err)
{
	struct serial *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return aipm_err_nomem(err);
	s->o = *o;
	s->name = name;
	if (plain_open(&s->plain, fd, name, &o->cancel, err) == -1 ||
	    aipm_pax_new(&s->pax, read_headers, s, s->name, err) == -1 ||
	    open_digests(s, err) == -1) {
		serial_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

bool
serial_incomplete(const struct serial *s)
{
	return s->incomplete;
}

/* Whether the present file's content is in members of its own. */
static bool
is_chunked(const struct serial *s)
{
	return s->plain.ours &&
	       s->header->entry.size >= (1u << s->plain.format.block_log2) / 2;
}

/* Up to max bytes of the stored content in place. */
static int
take_content(struct serial *s, uint64_t max, const unsigned char **p, size_t *n,
    struct aipm_err *err)
{
	struct plain *in = &s->plain;
	int r;

	while (in->pos == in->buf.len) {
		if ((r = next_stretch(s, err)) == -1)
			return -1;
		if (r == 0)
			return damaged(s, "is cut off within a file", err);
	}
	*n = in->buf.len - in->pos;
	if (*n > max)
		*n = (size_t)max;
	*p = in->buf.p + in->pos;
	in->pos += *n;
	return 0;
}

static void
begin_content(struct serial *s, const struct aipm_pax_header *h)
{
	s->header = h;
	s->stored = h->stored;
	s->padding = aipm_pax_padding(h->stored);
	s->range = 0;
	s->at = h->sparse && h->nmap > 0 ? h->map[0].offset : 0;
	s->range_left = !h->sparse    ? h->stored
	                : h->nmap > 0 ? h->map[0].len
	                              : 0;
}

/* Content of the file: 1 with a piece, 0 at its end. */
static int
next_piece(struct serial *s, struct aipm_piece *piece, struct aipm_err *err)
{
	const unsigned char *p;
	size_t n;

	if (s->stored == 0)
		return 0;
	while (s->range_left == 0) {
		if (!s->header->sparse || ++s->range >= s->header->nmap)
			return damaged(s, "has a wrong sparse map", err);
		s->at = s->header->map[s->range].offset;
		s->range_left = s->header->map[s->range].len;
	}
	if (take_content(s,
	        s->range_left < s->stored ? s->range_left : s->stored, &p, &n,
	        err) == -1)
		return -1;
	*piece = (struct aipm_piece){ .p = p, .len = n, .offset = s->at };
	s->at += n;
	s->range_left -= n;
	s->stored -= n;
	/* A block lies within one member, and so is one piece. */
	if (is_chunked(s) && digest_part(s, p, n, err) == -1)
		return -1;
	return 1;
}

/* Read over what is left of the present entry. */
static int
finish_entry(struct serial *s, struct aipm_err *err)
{
	struct aipm_piece piece;
	const unsigned char *p;
	size_t n;
	int r;

	if (s->header == NULL)
		return 0;
	while ((r = next_piece(s, &piece, err)) == 1)
		;
	for (; r == 0 && s->padding > 0; s->padding -= n)
		if (take_content(s, s->padding, &p, &n, err) == -1)
			return -1;
	s->header = NULL;
	return r;
}

/* The index's bytes, out of its members. */
static int
read_index(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct serial *s = ctx;
	unsigned char *dst = p;

	while (n != 0) {
		struct aipm_member m;
		const unsigned char *at;
		size_t k;

		if (s->slice_left == 0) {
			input_take(&s->plain.in, (size_t)s->taken);
			s->taken = 0;
			if (plain_empty_member(&s->plain, &m, &at, err) != 1 ||
			    m.kind != AIPM_MEMBER_INDEX)
				return damaged(s, "its index is cut off", err);
			s->slice = at + m.payload;
			s->slice_left = m.payload_len;
			s->taken = m.size;
			continue;
		}
		k = s->slice_left < n ? s->slice_left : n;
		memcpy(dst, s->slice, k);
		s->slice += k;
		s->slice_left -= k;
		dst += k;
		n -= k;
	}
	return 0;
}

/* What the index says of the content, as the seal has it. */
static void
seal_item(struct seal *seal, const struct aipm_index_item *it,
    const unsigned char *zeros)
{
	/* What tells of no member has no size. */
	for (uint64_t i = 0; it->size != 0 && i < it->count; i++)
		plain_add_member(seal->members, it->size, it->crc);
	if (it->tag == AIPM_INDEX_MEMBER)
		aipm_digest_add(
		    seal->headers, it->headers_digest, AIPM_DIGEST_SIZE);
	if (it->tag == AIPM_INDEX_MEMBER || it->tag == AIPM_INDEX_CHUNK)
		aipm_digest_add(seal->content, it->digest, AIPM_DIGEST_SIZE);
	else if (it->tag == AIPM_INDEX_ZEROS)
		for (uint64_t i = 0; i < it->count; i++)
			aipm_digest_add(seal->content, zeros, AIPM_DIGEST_SIZE);
}

/* The digest of a block of zeros. */
static int
digest_zeros(
    struct serial *s, unsigned char out[AIPM_DIGEST_SIZE], struct aipm_err *err)
{
	size_t n = (size_t)1 << s->plain.format.block_log2;
	unsigned char *zeros = calloc(1, n);
	int r;

	if (zeros == NULL)
		return aipm_err_nomem(err);
	r = aipm_treehash_add(s->tree, zeros, n, out, err);
	aipm_treehash_run(s->tree);
	free(zeros);
	return r;
}

static bool
same_seal(struct seal *a, struct seal *b)
{
	unsigned char x[3 * AIPM_DIGEST_SIZE], y[3 * AIPM_DIGEST_SIZE];

	aipm_digest_take(a->headers, x);
	aipm_digest_take(a->content, x + AIPM_DIGEST_SIZE);
	aipm_digest_take(a->members, x + 2 * AIPM_DIGEST_SIZE);
	aipm_digest_take(b->headers, y);
	aipm_digest_take(b->content, y + AIPM_DIGEST_SIZE);
	aipm_digest_take(b->members, y + 2 * AIPM_DIGEST_SIZE);
	return memcmp(x, y, sizeof(x)) == 0;
}

static int
compare_index(struct serial *s, struct aipm_index *x, struct seal *claimed,
    struct aipm_err *err)
{
	unsigned char zeros[AIPM_DIGEST_SIZE];
	const struct aipm_index_item *it;
	int r;

	if (digest_zeros(s, zeros, err) == -1)
		return -1;
	s->seal.members = s->plain.members;
	while ((r = aipm_index_next(x, &it, err)) == 1)
		seal_item(claimed, it, zeros);
	if (r == 0 && !same_seal(&s->seal, claimed))
		r = damaged(s, "its content and its index disagree", err);
	return r;
}

/* The footer, and nothing behind it. */
static int
check_footer(struct serial *s, struct aipm_index *x, uint64_t index_offset,
    struct aipm_err *err)
{
	struct aipm_footer f;
	struct aipm_member m;
	const unsigned char *at;
	size_t have;

	input_take(&s->plain.in, (size_t)s->taken);
	s->taken = 0;
	if (s->slice_left != 0 ||
	    plain_empty_member(&s->plain, &m, &at, err) != 1 ||
	    m.kind != AIPM_MEMBER_FOOTER || m.size != AIPM_FOOTER_SIZE ||
	    aipm_footer_decode(&f, at) == -1)
		return damaged(s, "is cut off: its footer is missing", err);
	input_take(&s->plain.in, AIPM_FOOTER_SIZE);
	s->incomplete = !f.complete;
	if (f.file_size != s->plain.in.offset ||
	    f.index_offset != index_offset || f.entries != s->entries ||
	    f.block_log2 != s->plain.format.block_log2 ||
	    f.minor != s->plain.format.minor)
		return damaged(s, "its footer is wrong", err);
	if (f.thin)
		return damaged(
		    s, "is a thin archive: not whole by itself", err);
	if (input_view(&s->plain.in, 1, &at, &have, err) == -1)
		return -1;
	if (have != 0)
		return damaged(s, "has something foreign behind its end", err);
	return aipm_index_check(x, &f, err);
}

static int
check_index(struct serial *s, struct aipm_err *err)
{
	struct seal claimed = { aipm_digest_new(), aipm_digest_new(),
		aipm_digest_new() };
	uint64_t index_offset = s->plain.in.offset;
	struct aipm_index *x = NULL;
	int r = -1;

	if (claimed.headers == NULL || claimed.content == NULL ||
	    claimed.members == NULL)
		(void)aipm_err_nomem(err);
	else if (aipm_index_open(
	             &x, read_index, s, index_offset, s->name, err) == 0 &&
	         compare_index(s, x, &claimed, err) == 0)
		r = check_footer(s, x, index_offset, err);
	aipm_index_close(x);
	aipm_digest_free(claimed.headers);
	aipm_digest_free(claimed.content);
	aipm_digest_free(claimed.members);
	return r;
}

/* Behind the end-of-archive blocks: the compressed stream's sound end. */
static int
finish_archive(struct serial *s, struct aipm_err *err)
{
	struct plain *in = &s->plain;
	int r = 1;

	while (r == 1) {
		for (; in->ours && in->pos < in->buf.len; in->pos++)
			if (in->buf.p[in->pos] != 0)
				return damaged(
				    s, "goes on behind its end", err);
		r = next_stretch(s, err);
	}
	if (r == 0 && in->ours && in->format.footer)
		r = check_index(s, err);
	return r;
}

static int
step(struct serial *s, const struct aipm_entry **e, struct aipm_err *err)
{
	const struct aipm_pax_header *h;
	int r;

	do {
		if (finish_entry(s, err) == -1)
			return -1;
		if ((r = aipm_pax_next(s->pax, &h, err)) == -1)
			return -1;
		if (r == 0)
			return finish_archive(s, err);
		/* Ours have none, because each member speaks for itself. */
		if (s->plain.ours && h->global)
			return damaged(s, "has a global header", err);
		s->has_entry = true;
		s->entries++;
		begin_content(s, h);
		*e = &h->entry;
	} while (!aipm_select_needs(s->o.select, h->entry.path));
	return 1;
}

/* With salvage, damage is the end. */
static int
give_up(struct serial *s, const struct aipm_err *err)
{
	if (!s->o.salvage || err->cls != AIPM_DAMAGED)
		return -1;
	aipm_warn(&s->o.warn, NULL, err->text);
	if (s->header != NULL && s->stored > 0)
		aipm_warn(&s->o.warn, s->header->entry.path, "its end is lost");
	s->ended = true;
	return 0;
}

int
serial_next(struct serial *s, const struct aipm_entry **e, struct aipm_err *err)
{
	int r;

	if (s->ended)
		return 0;
	if ((r = step(s, e, err)) == -1)
		return give_up(s, err);
	return r;
}

int
serial_data(struct serial *s, struct aipm_piece *piece, struct aipm_err *err)
{
	int r;

	if (s->ended || s->header == NULL)
		return 0;
	if ((r = next_piece(s, piece, err)) == -1)
		return give_up(s, err);
	return r;
}

void
serial_close(struct serial *s)
{
	if (s == NULL)
		return;
	aipm_pax_free(s->pax);
	plain_close(&s->plain);
	aipm_digest_free(s->headers);
	aipm_treehash_close(s->tree);
	aipm_digest_free(s->seal.headers);
	aipm_digest_free(s->seal.content);
	free(s);
}
