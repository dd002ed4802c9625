#include "feed.h"

#include "aipm/member.h"
#include "aipm/pax.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of members that one part of a run holds at most. */
#define RUN_BYTES ((uint64_t)256 << 10)

static int
damaged(const struct feed *f, struct aipm_err *err)
{
	return aipm_err_file(
	    err, AIPM_DAMAGED, f->source->name, "its index is damaged");
}

int
feed_open(struct feed *f, const struct part_source *source,
    const struct aipm_footer *footer, const struct aipm_select *select,
    bool entries_only, struct aipm_err *err)
{
	memset(f, 0, sizeof(*f));
	f->source = source;
	f->footer = *footer;
	f->select = select;
	f->entries_only = entries_only;
	if (aipm_index_open_file(
	        &f->index, source->fd, footer, source->name, err) == -1)
		return -1;
	return select == NULL ? 0 : aipm_index_narrow(f->index, select, err);
}

/* What tells of no content. */
static bool
passed_over(enum aipm_index_tag tag)
{
	return tag == AIPM_INDEX_MISSING || tag == AIPM_INDEX_RUN;
}

/* The next item into f->item: 1, 0 at the end of the index, -1. */
static int
peek(struct feed *f, struct aipm_err *err)
{
	int r = 1;

	while (f->item == NULL && r == 1) {
		r = aipm_index_next(f->index, &f->item, err);
		if (r != 1 || passed_over(f->item->tag))
			f->item = NULL;
	}
	return r;
}

/* The item at hand becomes p's. */
static void
take_item(struct feed *f, struct part *p)
{
	p->item = *f->item;
	p->item.entry = NULL;
	p->item.holes = NULL;
	p->item.nholes = 0;
	f->item = NULL;
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

static int
fill_claim(const struct feed *f, struct claim *c)
{
	const struct aipm_index_item *it = f->item;

	c->headers = it->headers;
	c->chunked = it->chunked;
	c->wanted = aipm_select_needs(f->select, it->entry->path);
	if (copy_entry(&c->entry, it->entry) == -1)
		return -1;
	if (it->nholes == 0)
		return 0;
	if ((c->holes = calloc(it->nholes, sizeof(*c->holes))) == NULL)
		return -1;
	memcpy(c->holes, it->holes, it->nholes * sizeof(*c->holes));
	c->nholes = it->nholes;
	return 0;
}

/* Where a small file can be made ahead, or NULL. */
static void *
find_spot(const struct feed *f, const struct claim *c)
{
	const struct aipm_reader_place *place = f->source->place;
	void *spot = place->find(place->ctx, &c->entry);

	if (spot == NULL || !c->chunked)
		return spot;
	place->leave(place->ctx, spot);
	return NULL;
}

/* Count what c says of the member; whether it still fits. */
static bool
fits_member(struct feed *f, const struct part *p, const struct claim *c)
{
	/* Both are in bounds: see the index. */
	f->plain += c->headers;
	if (!c->chunked)
		f->plain += c->entry.size + aipm_pax_padding(c->entry.size);
	return c->headers >= 512 && f->plain <= p->item.plain &&
	       f->plain <= AIPM_MEMBER_PLAIN_MAX;
}

/* Take the entry at hand over into p's claims. */
static int
add_claim(struct feed *f, struct part *p, struct aipm_err *err)
{
	struct claim *c;

	if (p->nclaims == p->cap) {
		size_t cap = 2 * p->cap + 64;

		if ((c = realloc(p->claims, cap * sizeof(*c))) == NULL)
			return aipm_err_nomem(err);
		p->claims = c;
		p->cap = cap;
	}
	c = &p->claims[p->nclaims++];
	memset(c, 0, sizeof(*c));
	if (fill_claim(f, c) == -1)
		return aipm_err_nomem(err);
	if (!fits_member(f, p, c))
		return damaged(f, err);
	f->item = NULL;
	if (c->wanted && f->source->place != NULL && !f->entries_only)
		c->spot = find_spot(f, c);
	return 0;
}

/* A chunked file that is wanted begins. */
static void
begin_file(struct feed *f, struct part *p)
{
	const struct aipm_reader_place *place = f->source->place;
	const struct claim *c = &p->claims[0];

	f->size = c->entry.size;
	f->at = 0;
	f->file = NULL;
	if (place != NULL && c->entry.type == AIPM_FILE)
		f->file = place->begin(place->ctx, &c->entry);
	p->file = f->file;
}

/* The member with headers at hand: 1, 0 if nothing of it is wanted, -1. */
static int
feed_member(struct feed *f, struct part *p, struct aipm_err *err)
{
	bool wanted = false;
	int r;

	take_item(f, p);
	f->plain = 0;
	while ((r = peek(f, err)) == 1 && f->item->tag == AIPM_INDEX_ENTRY) {
		if (add_claim(f, p, err) == -1)
			return -1;
		wanted = wanted || p->claims[p->nclaims - 1].wanted;
	}
	if (r == -1)
		return -1;
	if (p->nclaims == 0 || (p->nclaims > 1 && p->claims[0].chunked))
		return damaged(f, err);
	if (!wanted)
		return 0;
	if (p->claims[0].chunked && !f->entries_only)
		begin_file(f, p);
	return 1;
}

/* As many members of the run as one part takes. */
static void
feed_zeros(struct feed *f, struct part *p)
{
	uint64_t n = f->zeros.size == 0 ? 1 : RUN_BYTES / f->zeros.size;

	if (n == 0)
		n = 1;
	if (n > f->zeros.count)
		n = f->zeros.count;
	p->item = f->zeros;
	p->item.count = n;
	p->at = f->at;
	p->len = n * f->source->block;
	f->zeros.count -= n;
	f->zeros.offset += n * f->zeros.size;
	f->at += p->len;
}

/* The holes of a chunk lie within it. */
static int
take_holes(struct feed *f, struct part *p, struct aipm_err *err)
{
	const struct aipm_index_item *it = f->item;

	for (size_t i = 0; i < it->nholes; i++) {
		const struct aipm_range *h = &it->holes[i];

		if (h->offset < p->at || h->len > p->len ||
		    h->offset - p->at > p->len - h->len)
			return damaged(f, err);
		if (aipm_buf_add(&p->holes, h, sizeof(*h)) == -1)
			return aipm_err_nomem(err);
	}
	return 0;
}

/* The next content of the chunked file. */
static int
feed_chunk(struct feed *f, struct part *p, struct aipm_err *err)
{
	uint64_t block = f->source->block, left = f->size - f->at;

	p->file = f->file;
	if (f->zeros.count == 0 && peek(f, err) == -1)
		return -1;
	if (f->zeros.count == 0 && f->item != NULL &&
	    f->item->tag == AIPM_INDEX_ZEROS) {
		if (f->item->count == 0 || f->item->count > left / block)
			return damaged(f, err);
		f->zeros = *f->item;
		f->zeros.holes = NULL;
		f->zeros.nholes = 0;
		f->item = NULL;
	}
	if (f->zeros.count > 0) {
		feed_zeros(f, p);
		return 1;
	}
	if (f->item == NULL || (f->item->tag != AIPM_INDEX_CHUNK &&
	                           f->item->tag != AIPM_INDEX_PAD))
		return damaged(f, err);
	p->at = f->at;
	if (f->item->tag == AIPM_INDEX_PAD) {
		take_item(f, p);
		return 1;
	}
	p->len = left < block ? left : block;
	if (take_holes(f, p, err) == -1)
		return -1;
	take_item(f, p);
	f->at += p->len;
	return 1;
}

/* Whether every byte of the archive is to be looked at. */
static bool
reads_all(const struct feed *f)
{
	return f->select == NULL && !f->entries_only;
}

/* An item between the files: 1 if p is to be read, 0 to look on, -1. */
static int
feed_item(struct feed *f, struct part *p, struct aipm_err *err)
{
	int r;

	if (f->ended)
		return damaged(f, err);
	switch (f->item->tag) {
	case AIPM_INDEX_MEMBER:
		if ((r = feed_member(f, p, err)) == 0)
			part_clear(p, f->source);
		return r;
	case AIPM_INDEX_END:
		f->ended = true;
		take_item(f, p);
		return reads_all(f);
	case AIPM_INDEX_PAD:
		take_item(f, p);
		return reads_all(f);
	case AIPM_INDEX_CHUNK:
	case AIPM_INDEX_ZEROS:
		/* Content that is not wanted. */
		f->item = NULL;
		return reads_all(f) ? damaged(f, err) : 0;
	default:
		return damaged(f, err);
	}
}

int
feed_next(struct feed *f, struct part *p, struct aipm_err *err)
{
	int r;

	if (f->at < f->size)
		return feed_chunk(f, p, err);
	while ((r = peek(f, err)) == 1)
		if ((r = feed_item(f, p, err)) != 0)
			return r;
	if (r == 0 && f->select == NULL && !f->ended)
		return damaged(f, err);
	if (r == 0 && f->select == NULL)
		r = aipm_index_check(f->index, &f->footer, err);
	return r;
}

void
feed_close(struct feed *f)
{
	aipm_index_close(f->index);
}
