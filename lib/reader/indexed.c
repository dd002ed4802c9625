#include "engine.h"

#include "aipm/escape.h"
#include "aipm/io.h"

#include <stdlib.h>
#include <string.h>

/* One entry of the present member, as the index has it. */
struct claim {
	struct aipm_entry entry;
	uint64_t headers;
	bool chunked;
	unsigned char sha256[AIPM_DIGEST_SIZE];
	struct aipm_range *holes;
	size_t nholes;
	bool wanted;
};

struct indexed {
	struct aipm_reader_options o;
	const char *name;
	int fd;
	struct aipm_footer footer;
	struct aipm_index *index;
	const struct aipm_index_item *item; /* read ahead, or NULL */
	struct aipm_codec *codec;
	struct aipm_digest *digest;
	struct aipm_pax *pax;
	struct claim *claims; /* of the present member */
	size_t nclaims, cap;
	uint64_t headers; /* bytes of headers that they tell of */
	size_t next; /* claim */
	struct aipm_buf packed, plain;
	size_t pos; /* in plain */
	struct claim *open; /* whose content is asked for, or NULL */
	uint64_t at; /* in its content */
	struct aipm_index_item run; /* the run of chunks being read */
	uint64_t run_left; /* of them */
	struct aipm_range hole; /* what one of ZEROS is */
	bool ended;
};

static int
damaged(const struct indexed *x, const char *path, const char *what,
    struct aipm_err *err)
{
	char archive[256], entry[512];

	if (path == NULL)
		return aipm_err_file(err, AIPM_DAMAGED, x->name, what);
	aipm_escape(archive, sizeof(archive), x->name);
	aipm_escape(entry, sizeof(entry), path);
	return aipm_err_set(
	    err, AIPM_DAMAGED, "%s: %s: %s", archive, entry, what);
}

/* Header blocks for the pax decoder, out of the present member. */
static int
read_headers(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct indexed *x = ctx;

	if (n > x->plain.len - x->pos)
		return damaged(x, NULL, "a header is cut off", err);
	memcpy(p, x->plain.p + x->pos, n);
	aipm_digest_add(x->digest, p, n);
	x->pos += n;
	return 0;
}

int
indexed_open(struct indexed **out, int fd, const char *name,
    const struct aipm_footer *f, const struct aipm_reader_options *o,
    struct aipm_err *err)
{
	struct indexed *x = calloc(1, sizeof(*x));

	*out = NULL;
	if (x == NULL)
		return aipm_err_nomem(err);
	x->o = *o;
	x->name = name;
	x->fd = fd;
	x->footer = *f;
	if ((x->digest = aipm_digest_new()) == NULL) {
		indexed_close(x);
		return aipm_err_nomem(err);
	}
	if (aipm_index_open_file(&x->index, fd, f, name, err) == -1 ||
	    aipm_codec_open(&x->codec, 0, err) == -1 ||
	    aipm_pax_new(&x->pax, read_headers, x, x->name, err) == -1) {
		indexed_close(x);
		return -1;
	}
	*out = x;
	return 0;
}

/* The next item into x->item: 1, 0 at the end of the index, -1. */
static int
peek(struct indexed *x, struct aipm_err *err)
{
	int r = 1;

	while (x->item == NULL && r == 1) {
		r = aipm_index_next(x->index, &x->item, err);
		if (r != 1)
			x->item = NULL;
		else if (x->item->tag == AIPM_INDEX_MISSING ||
		         x->item->tag == AIPM_INDEX_RUN)
			x->item = NULL;
	}
	return r;
}

static void
drop_claims(struct indexed *x)
{
	for (size_t i = 0; i < x->nclaims; i++) {
		aipm_entry_free(&x->claims[i].entry);
		free(x->claims[i].holes);
	}
	x->nclaims = x->next = 0;
	x->headers = 0;
	x->open = NULL;
}

static int
copy_entry(struct aipm_entry *to, const struct aipm_entry *from)
{
	*to = *from;
	to->xattrs = (struct aipm_xattrs){ 0 };
	to->path = strdup(from->path);
	to->link = from->link == NULL ? NULL : strdup(from->link);
	if (to->path == NULL || (from->link != NULL && to->link == NULL))
		return -1;
	return 0;
}

/* Take the entry at hand over into the claims. */
static int
add_claim(struct indexed *x, struct aipm_err *err)
{
	const struct aipm_index_item *it = x->item;
	struct claim *c;

	if (x->nclaims == x->cap) {
		size_t cap = 2 * x->cap + 64;

		if ((c = realloc(x->claims, cap * sizeof(*c))) == NULL)
			return aipm_err_nomem(err);
		x->claims = c;
		x->cap = cap;
	}
	c = &x->claims[x->nclaims++];
	memset(c, 0, sizeof(*c));
	c->headers = it->headers;
	c->chunked = it->chunked;
	c->nholes = it->nholes;
	c->wanted = x->o.wanted == NULL ||
	            x->o.wanted(x->o.wanted_ctx, it->entry->path);
	memcpy(c->sha256, it->sha256, sizeof(c->sha256));
	if (copy_entry(&c->entry, it->entry) == -1)
		return aipm_err_nomem(err);
	/* Every entry has a block of headers, in the member at least. */
	x->headers += it->headers;
	if (it->headers < 512 || x->headers > AIPM_MEMBER_PLAIN_MAX)
		return damaged(x, NULL, "its index is damaged", err);
	if (it->nholes == 0)
		return 0;
	if ((c->holes = calloc(it->nholes, sizeof(*c->holes))) == NULL)
		return aipm_err_nomem(err);
	memcpy(c->holes, it->holes, it->nholes * sizeof(*c->holes));
	return 0;
}

/* Read, check and inflate the member that *m tells of. */
static int
load(struct indexed *x, const struct aipm_index_item *m, uint64_t plain,
    const char *path, struct aipm_err *err)
{
	struct aipm_member head;
	size_t got;

	if (aipm_cancel_check(&x->o.cancel, err) == -1)
		return -1;
	x->packed.len = x->plain.len = x->pos = 0;
	if (m->size > 2 * AIPM_MEMBER_PLAIN_MAX ||
	    plain > AIPM_MEMBER_PLAIN_MAX)
		return damaged(x, NULL, "its index is damaged", err);
	if (aipm_buf_reserve(&x->packed, (size_t)m->size) == -1 ||
	    aipm_buf_reserve(&x->plain, (size_t)plain) == -1)
		return aipm_err_nomem(err);
	if (aipm_pread_full(x->fd, x->packed.p, (size_t)m->size, m->offset,
	        &got, x->name, err) == -1)
		return -1;
	if (got != m->size || aipm_crc32(0, x->packed.p, got) != m->crc ||
	    aipm_member_parse(&head, x->packed.p, got) != 1 ||
	    head.kind != AIPM_MEMBER_DATA || head.size != m->size ||
	    head.plain != plain ||
	    !aipm_member_unpack(&head, x->codec, x->packed.p, x->plain.p))
		return damaged(x, path, "is damaged", err);
	x->plain.len = (size_t)plain;
	return 0;
}

/* Collect what the index says of the member that holds headers, which is the
 * item at hand. */
static int
collect(struct indexed *x, struct aipm_index_item *member, struct aipm_err *err)
{
	int r;

	drop_claims(x);
	*member = *x->item;
	x->item = NULL;
	while ((r = peek(x, err)) == 1 && x->item->tag == AIPM_INDEX_ENTRY) {
		if (add_claim(x, err) == -1)
			return -1;
		x->item = NULL;
	}
	if (r == -1)
		return -1;
	if (x->nclaims == 0 || (x->nclaims > 1 && x->claims[0].chunked))
		return damaged(x, NULL, "its index is damaged", err);
	return 0;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_entry(const struct aipm_entry *a, const struct aipm_entry *b)
{
	return strcmp(a->path, b->path) == 0 && same_text(a->link, b->link) &&
	       a->type == b->type && a->mode == b->mode && a->uid == b->uid &&
	       a->gid == b->gid && a->size == b->size &&
	       a->mtime.sec == b->mtime.sec && a->mtime.nsec == b->mtime.nsec &&
	       a->major == b->major && a->minor == b->minor;
}

/* Read the headers of all entries of the loaded member and compare. */
static int
check_headers(struct indexed *x, const struct aipm_index_item *member,
    struct aipm_err *err)
{
	unsigned char sha256[AIPM_DIGEST_SIZE];
	const struct aipm_pax_header *h;

	x->pos = 0;
	aipm_digest_take(x->digest, sha256); /* begins anew */
	for (size_t i = 0; i < x->nclaims; i++) {
		struct claim *c = &x->claims[i];
		size_t from = x->pos, content;
		int r = aipm_pax_next(x->pax, &h, err);

		if (r == -1)
			return -1;
		if (r == 0 || h->sparse || x->pos - from != c->headers ||
		    !same_entry(&h->entry, &c->entry))
			return damaged(x, c->entry.path,
			    "its header and the index disagree", err);
		/* What the members say wins, here for what was not kept. */
		aipm_xattrs_free(&c->entry.xattrs);
		for (size_t k = 0; k < h->entry.xattrs.n; k++)
			if (aipm_xattrs_add(&c->entry.xattrs,
			        h->entry.xattrs.v[k].name,
			        h->entry.xattrs.v[k].value,
			        h->entry.xattrs.v[k].len) == -1)
				return aipm_err_nomem(err);
		if (c->chunked)
			break;
		content = (size_t)c->entry.size;
		if (c->entry.size > x->plain.len - x->pos ||
		    aipm_pax_padding(content) > x->plain.len - x->pos - content)
			return damaged(x, c->entry.path, "is cut off", err);
		x->pos += content + aipm_pax_padding(content);
	}
	aipm_digest_take(x->digest, sha256);
	if (x->pos != x->plain.len ||
	    memcmp(sha256, member->sha256, sizeof(sha256)) != 0)
		return damaged(x, x->claims[0].entry.path,
		    "its headers and the index disagree", err);
	x->pos = 0;
	return 0;
}

/* Where the content of claim i is in the loaded member. */
static size_t
content_of(const struct indexed *x, size_t i)
{
	size_t at = 0;

	for (size_t k = 0; k < i; k++)
		at += (size_t)x->claims[k].headers +
		      (size_t)x->claims[k].entry.size +
		      aipm_pax_padding(x->claims[k].entry.size);
	return at + (size_t)x->claims[i].headers;
}

static int
check_digest(struct indexed *x, const unsigned char *p, size_t n,
    const unsigned char *want, const char *path, struct aipm_err *err)
{
	unsigned char sha256[AIPM_DIGEST_SIZE];

	aipm_digest_add(x->digest, p, n);
	aipm_digest_take(x->digest, sha256);
	if (memcmp(sha256, want, sizeof(sha256)) != 0)
		return damaged(
		    x, path, "its content and the index disagree", err);
	return 0;
}

/* The content of the open entry that travels in its group. */
static int
small_data(struct indexed *x, struct aipm_piece *piece, struct aipm_err *err)
{
	struct claim *c = x->open;
	size_t i = (size_t)(c - x->claims), n = (size_t)c->entry.size;
	const unsigned char *p;

	if (x->at == n)
		return 0;
	p = x->plain.p + content_of(x, i);
	if (check_digest(x, p, n, c->sha256, c->entry.path, err) == -1)
		return -1;
	*piece = (struct aipm_piece){ p, n, 0, c->holes, c->nholes };
	x->at = n;
	return 1;
}

/* Make x->run the item that tells of the block at x->at, len bytes long. */
static int
next_run(struct indexed *x, uint64_t block, struct aipm_err *err)
{
	const struct claim *c = x->open;
	uint64_t whole = (c->entry.size - x->at) / block;

	if (x->run_left > 0)
		return 0;
	if (peek(x, err) == -1)
		return -1;
	if (x->item == NULL ||
	    (x->item->tag != AIPM_INDEX_CHUNK &&
	        x->item->tag != AIPM_INDEX_ZEROS) ||
	    x->item->count == 0 ||
	    (x->item->tag == AIPM_INDEX_ZEROS && x->item->count > whole))
		return damaged(x, c->entry.path, "the index is damaged", err);
	x->run = *x->item;
	x->run_left = x->run.count;
	x->item = NULL;
	for (size_t i = 0; i < x->run.nholes; i++)
		if (x->run.holes[i].offset < x->at ||
		    x->run.holes[i].offset + x->run.holes[i].len >
		        x->at + block)
			return damaged(
			    x, c->entry.path, "the index is damaged", err);
	return 0;
}

static int
load_chunk(struct indexed *x, uint64_t len, struct aipm_err *err)
{
	const char *path = x->open->entry.path;

	if (load(x, &x->run, len + aipm_pax_padding(len), path, err) == -1)
		return -1;
	if (x->run.tag == AIPM_INDEX_ZEROS)
		return 0;
	return check_digest(
	    x, x->plain.p, (size_t)len, x->run.sha256, path, err);
}

/* The next block of the chunked file: 1, 0 at its end. */
static int
chunk(struct indexed *x, struct aipm_piece *piece, struct aipm_err *err)
{
	uint64_t size = x->open->entry.size;
	uint64_t block = (uint64_t)1 << x->footer.block_log2, len;
	int r;

	if (x->at == size)
		return 0;
	if (next_run(x, block, err) == -1) {
		x->at = size; /* nothing more is known of it */
		return -1;
	}
	len = size - x->at < block ? size - x->at : block;
	r = load_chunk(x, len, err);
	x->hole = (struct aipm_range){ x->at, len };
	*piece = (struct aipm_piece){ x->plain.p, (size_t)len, x->at,
		x->run.holes, x->run.nholes };
	if (x->run.tag == AIPM_INDEX_ZEROS) {
		piece->holes = &x->hole;
		piece->nholes = 1;
	}
	x->at += len;
	x->run.offset += x->run.size;
	x->run_left--;
	return r == -1 ? -1 : 1;
}

/* Pass over the blocks of the chunked file. */
static int
skip_chunks(struct indexed *x, struct aipm_err *err)
{
	uint64_t size = x->open->entry.size;
	uint64_t block = (uint64_t)1 << x->footer.block_log2;

	while (x->at < size) {
		if (next_run(x, block, err) == -1)
			return -1;
		x->at = x->run_left > (size - x->at) / block
		            ? size
		            : x->at + x->run_left * block;
		x->run_left = 0;
	}
	return 0;
}

/* Say that damage was met, and whether to go on behind it. */
static bool
go_on(struct indexed *x, const char *path, const struct aipm_err *err)
{
	if (!x->o.salvage || err->cls != AIPM_DAMAGED)
		return false;
	aipm_warn(&x->o.warn, path, err->text);
	return true;
}

int
indexed_data(struct indexed *x, struct aipm_piece *piece, struct aipm_err *err)
{
	int r;

	if (x->open == NULL)
		return 0;
	do {
		r = x->open->chunked ? chunk(x, piece, err)
		                     : small_data(x, piece, err);
	} while (r == -1 && go_on(x, x->open->entry.path, err));
	return r;
}

/* Read what is left of the open entry's content, or pass it over. */
static int
finish_entry(struct indexed *x, struct aipm_err *err)
{
	struct aipm_piece piece;
	int r = 0;

	if (x->open == NULL)
		return 0;
	if (x->open->wanted && !x->o.entries_only)
		while ((r = indexed_data(x, &piece, err)) == 1)
			;
	else if (x->open->chunked)
		r = skip_chunks(x, err);
	x->open = NULL;
	return r;
}

/* The claims of a member that is lost are lost. */
static void
lose(struct indexed *x)
{
	for (size_t i = 0; i < x->nclaims; i++) {
		x->claims[i].wanted = false;
		aipm_warn(&x->o.warn, x->claims[i].entry.path, "is lost");
	}
}

static int
next_member(struct indexed *x, struct aipm_err *err)
{
	struct aipm_index_item member;
	bool wanted = false;

	if (collect(x, &member, err) == -1)
		return -1;
	for (size_t i = 0; i < x->nclaims; i++)
		wanted = wanted || x->claims[i].wanted;
	if (!wanted || x->o.entries_only)
		return 0;
	if (load(x, &member, member.plain, x->claims[0].entry.path, err) == 0 &&
	    check_headers(x, &member, err) == 0)
		return 0;
	if (!go_on(x, NULL, err))
		return -1;
	aipm_pax_free(x->pax);
	x->pax = NULL;
	lose(x);
	return aipm_pax_new(&x->pax, read_headers, x, x->name, err);
}

static int
check_end(struct indexed *x, struct aipm_err *err)
{
	struct aipm_index_item end = *x->item;

	x->item = NULL;
	if (x->o.wanted != NULL || x->o.entries_only)
		return 0;
	if (load(x, &end, end.plain, NULL, err) == -1)
		return go_on(x, NULL, err) ? 0 : -1;
	for (size_t i = 0; i < x->plain.len; i++)
		if (x->plain.p[i] != 0)
			return damaged(x, NULL, "goes on behind its end", err);
	return 0;
}

/* What follows the present member: 1 to look again, 0 at the end. */
static int
advance(struct indexed *x, struct aipm_err *err)
{
	int r = peek(x, err);

	if (r == -1)
		return -1;
	if (r == 0) {
		x->ended = true;
		return aipm_index_check(x->index, &x->footer, err);
	}
	switch (x->item->tag) {
	case AIPM_INDEX_MEMBER:
		return next_member(x, err) == -1 ? -1 : 1;
	case AIPM_INDEX_PAD:
		x->item = NULL;
		return 1;
	case AIPM_INDEX_END:
		return check_end(x, err) == -1 ? -1 : 1;
	default:
		return damaged(x, NULL, "its index is damaged", err);
	}
}

int
indexed_next(
    struct indexed *x, const struct aipm_entry **e, struct aipm_err *err)
{
	int r = 1;

	while (r == 1) {
		if (finish_entry(x, err) == -1)
			return -1;
		if (x->next < x->nclaims) {
			x->open = &x->claims[x->next++];
			x->at = 0;
			*e = &x->open->entry;
			if (x->open->wanted)
				return 1;
		} else if (x->ended)
			return 0;
		else
			r = advance(x, err);
	}
	return r;
}

void
indexed_close(struct indexed *x)
{
	if (x == NULL)
		return;
	drop_claims(x);
	free(x->claims);
	aipm_pax_free(x->pax);
	aipm_index_close(x->index);
	aipm_codec_close(x->codec);
	aipm_digest_free(x->digest);
	aipm_buf_free(&x->packed);
	aipm_buf_free(&x->plain);
	free(x);
}
