#include "part.h"

#include "aipm/io.h"
#include "aipm/member.h"
#include "aipm/pax.h"

#include <stdlib.h>
#include <string.h>

#define LARGE ((uint64_t)2 << 20)

static const char index_damaged[] = "its index is damaged";
static const char disagrees[] = "its content and the index disagree";

void
claim_free(struct claim *c)
{
	aipm_entry_free(&c->entry);
	free(c->holes);
	memset(c, 0, sizeof(*c));
}

int
part_worker_open(struct part_worker *w, const struct part_source *source,
    struct aipm_err *err)
{
	memset(w, 0, sizeof(*w));
	w->source = source;
	if ((w->headers = aipm_digest_new()) == NULL)
		return aipm_err_nomem(err);
	if (aipm_treehash_open(&w->tree, err) == -1)
		return -1;
	return aipm_codec_open(&w->codec, 0, err);
}

void
part_worker_close(struct part_worker *w)
{
	aipm_codec_close(w->codec);
	aipm_digest_free(w->headers);
	aipm_treehash_close(w->tree);
}

bool
part_is_large(const struct part *p)
{
	/* Of a run of zeros one block is in memory. */
	uint64_t len = p->item.tag == AIPM_INDEX_ZEROS ? 0 : p->len;

	return p->item.size > LARGE || p->item.plain > LARGE || len > LARGE;
}

/* The bytes of tar that one member of it has to hold. */
static uint64_t
plain_size(const struct part *p, const struct part_source *source)
{
	switch (p->item.tag) {
	case AIPM_INDEX_CHUNK:
		return p->len + aipm_pax_padding(p->len);
	case AIPM_INDEX_ZEROS:
		return source->block;
	default: /* a PAD has none */
		return p->item.plain;
	}
}

static bool
fault(struct part *p, const char *what)
{
	p->fault = what;
	return false;
}

void
part_fetch(struct part *p, const struct part_source *source)
{
	uint64_t n = p->item.size * p->item.count;
	size_t got;

	p->packed.len = 0;
	if (p->item.size > 2 * AIPM_MEMBER_PLAIN_MAX ||
	    plain_size(p, source) > AIPM_MEMBER_PLAIN_MAX) {
		(void)fault(p, index_damaged);
		return;
	}
	if (aipm_buf_reserve(&p->packed, (size_t)n) == -1) {
		p->failed = true;
		(void)aipm_err_nomem(&p->err);
		return;
	}
	if (aipm_pread_full(source->fd, p->packed.p, (size_t)n, p->item.offset,
	        &got, source->name, &p->err) == -1)
		p->failed = true;
	else if (got != n)
		(void)fault(p, "is cut off");
	p->packed.len = got;
}

/* Check and inflate the first member. */
static bool
inflate(struct part *p, struct part_worker *w)
{
	size_t plain = (size_t)plain_size(p, w->source);
	size_t size = (size_t)p->item.size;
	struct aipm_member head;

	p->plain.len = 0;
	if (aipm_buf_reserve(&p->plain, plain) == -1) {
		p->failed = true;
		(void)aipm_err_nomem(&p->err);
		return false;
	}
	if (aipm_crc32(0, p->packed.p, size) != p->item.crc ||
	    aipm_member_parse(&head, p->packed.p, size) != 1 ||
	    head.kind != AIPM_MEMBER_DATA || head.size != size ||
	    head.plain != plain ||
	    !aipm_member_unpack(&head, w->codec, p->packed.p, p->plain.p))
		return fault(p, "is damaged");
	p->plain.len = plain;
	return true;
}

/* The digest of the first n bytes is the index's. */
static bool
check_digest(struct part *p, struct part_worker *w, size_t n)
{
	unsigned char digest[AIPM_DIGEST_SIZE];

	if (aipm_treehash_add(w->tree, p->plain.p, n, digest, &p->err) == -1) {
		p->failed = true;
		return false;
	}
	aipm_treehash_run(w->tree);
	return memcmp(digest, p->item.digest, sizeof(digest)) == 0 ||
	       fault(p, disagrees);
}

/* Header blocks for the pax decoder. */
static int
read_headers(void *ctx, void *dst, size_t n, struct aipm_err *err)
{
	struct part_worker *w = ctx;

	if (n > w->part->plain.len - w->pos)
		return aipm_err_file(
		    err, AIPM_DAMAGED, w->source->name, "a header is cut off");
	memcpy(dst, w->part->plain.p + w->pos, n);
	aipm_digest_add(w->headers, dst, n);
	w->pos += n;
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

/* Compare a claim with its header; what the header alone has is kept. */
static bool
check_claim(struct part *p, struct part_worker *w, struct claim *c,
    const struct aipm_pax_header *h, size_t from)
{
	const struct aipm_xattrs *x = &h->entry.xattrs;
	size_t left = p->plain.len - w->pos;

	if (h->sparse || h->global || w->pos - from != c->headers ||
	    !same_entry(&h->entry, &c->entry))
		return fault(p, "its header and the index disagree");
	aipm_xattrs_free(&c->entry.xattrs);
	for (size_t i = 0; i < x->n; i++)
		if (aipm_xattrs_add(&c->entry.xattrs, x->v[i].name,
		        x->v[i].value, x->v[i].len) == -1) {
			p->failed = true;
			(void)aipm_err_nomem(&p->err);
			return false;
		}
	c->at = w->pos;
	if (c->chunked)
		return true;
	if (c->entry.size > left ||
	    aipm_pax_padding(c->entry.size) > left - c->entry.size)
		return fault(p, "is cut off");
	w->pos += (size_t)c->entry.size + aipm_pax_padding(c->entry.size);
	return true;
}

static bool
check_claims(struct part *p, struct part_worker *w, struct aipm_pax *pax)
{
	const struct aipm_pax_header *h;

	for (p->faulty = 0; p->faulty < p->nclaims; p->faulty++) {
		size_t from = w->pos;
		int r = aipm_pax_next(pax, &h, &p->err);

		if (r == -1) {
			p->failed = true;
			return false;
		}
		if (r == 0)
			return fault(p, "its header and the index disagree");
		if (!check_claim(p, w, &p->claims[p->faulty], h, from))
			return false;
	}
	p->faulty = 0;
	return true;
}

/* Read the headers of all entries and compare. */
static bool
check_headers(struct part *p, struct part_worker *w)
{
	unsigned char sha256[AIPM_DIGEST_SIZE];
	struct aipm_pax *pax;
	bool good;

	/* Members are independent, and so is what reads their headers. */
	if (aipm_pax_new(&pax, read_headers, w, w->source->name, &p->err) ==
	    -1) {
		p->failed = true;
		return false;
	}
	w->part = p;
	w->pos = 0;
	good = check_claims(p, w, pax);
	aipm_pax_free(pax);
	aipm_digest_take(w->headers, sha256); /* begins anew */
	if (!good)
		return false;
	if (w->pos != p->plain.len ||
	    memcmp(sha256, p->item.headers_digest, sizeof(sha256)) != 0)
		return fault(p, "its headers and the index disagree");
	return true;
}

/* The member is sound: make the files of it that can be made ahead. */
static void
make_claims(struct part *p, const struct aipm_reader_place *place)
{
	for (size_t i = 0; i < p->nclaims; i++) {
		struct claim *c = &p->claims[i];

		if (c->spot == NULL)
			continue;
		c->made = place->make(place->ctx, c->spot, &c->entry,
		    p->plain.p + c->at, c->holes, c->nholes);
		place->leave(place->ctx, c->spot);
		c->spot = NULL;
	}
}

static void
check_member(struct part *p, struct part_worker *w)
{
	if (inflate(p, w) && check_digest(p, w, p->plain.len) &&
	    check_headers(p, w))
		make_claims(p, w->source->place);
}

static void
check_chunk(struct part *p, struct part_worker *w)
{
	if (inflate(p, w) && check_digest(p, w, (size_t)p->len))
		part_place(p, w->source->place, false);
}

static void
check_pad(struct part *p)
{
	size_t size = (size_t)p->item.size;
	struct aipm_member head;

	if (aipm_crc32(0, p->packed.p, size) != p->item.crc ||
	    aipm_member_parse(&head, p->packed.p, size) != 1 ||
	    head.kind != AIPM_MEMBER_PAD || head.size != size ||
	    !aipm_member_empty_ok(&head, p->packed.p))
		(void)fault(p, "is damaged");
}

/* The first member is zeros, and the others are the same. */
static bool
check_zeros(struct part *p, struct part_worker *w)
{
	size_t size = (size_t)p->item.size;

	if (!inflate(p, w))
		return false;
	if (!aipm_all_zero(p->plain.p, p->plain.len))
		return fault(p, disagrees);
	for (size_t at = size; at < p->packed.len; at += size)
		if (memcmp(p->packed.p, p->packed.p + at, size) != 0)
			return fault(p, "is damaged");
	return true;
}

void
part_check(struct part *p, struct part_worker *w)
{
	if (p->fault != NULL || p->failed)
		return;
	switch (p->item.tag) {
	case AIPM_INDEX_MEMBER:
		check_member(p, w);
		break;
	case AIPM_INDEX_CHUNK:
		check_chunk(p, w);
		break;
	case AIPM_INDEX_ZEROS:
		(void)check_zeros(p, w);
		break;
	case AIPM_INDEX_PAD:
		check_pad(p);
		break;
	default:
		if (inflate(p, w) && !aipm_all_zero(p->plain.p, p->plain.len))
			(void)fault(p, "goes on behind its end");
	}
}

void
part_piece(const struct part *p, struct aipm_piece *piece)
{
	*piece = (struct aipm_piece){ .p = p->plain.p,
		.len = (size_t)p->len,
		.offset = p->at,
		.holes = (const struct aipm_range *)(const void *)p->holes.p,
		.nholes = p->holes.len / sizeof(struct aipm_range) };
}

void
part_place(struct part *p, const struct aipm_reader_place *place, bool wait)
{
	struct aipm_piece piece;
	int r;

	if (p->file == NULL || p->placed)
		return;
	part_piece(p, &piece);
	r = place->put(place->ctx, p->file, &piece, wait, &p->err);
	p->failed = r == -1;
	p->placed = r == 1;
}

void
part_clear(struct part *p, const struct part_source *source)
{
	if (p->item.tag == AIPM_INDEX_MEMBER && p->file != NULL)
		source->place->drop(source->place->ctx, p->file);
	for (size_t i = 0; i < p->nclaims; i++) {
		if (p->claims[i].spot != NULL)
			source->place->leave(
			    source->place->ctx, p->claims[i].spot);
		claim_free(&p->claims[i]);
	}
	memset(&p->item, 0, sizeof(p->item));
	p->item.count = 1;
	p->nclaims = 0;
	p->at = p->len = 0;
	p->holes.len = p->packed.len = p->plain.len = 0;
	p->file = NULL;
	p->placed = false;
	p->fault = NULL;
	p->faulty = 0;
	p->failed = false;
}

void
part_free(struct part *p, const struct part_source *source)
{
	part_clear(p, source);
	free(p->claims);
	aipm_buf_free(&p->holes);
	aipm_buf_free(&p->packed);
	aipm_buf_free(&p->plain);
}
