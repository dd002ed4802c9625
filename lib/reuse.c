#include "aipm/reuse.h"

#include "aipm/member.h"

#include <stdlib.h>
#include <string.h>

/* A place among the members of one reference's index. */
struct member {
	uint64_t number; /* from 1; 0: none */
	uint64_t entries; /* in it, as far as they were read */
};

/* One reference's index, as far as it was read. */
struct cursor {
	struct aipm_index *index;
	const struct aipm_index_item *item; /* read but not passed, or NULL */
	bool ended;
	bool damaged;
	struct member member; /* the one that item is in */
	struct aipm_source source; /* it; if it is somewhere: */
	bool there;
	uint64_t block; /* the next CHUNK's or ZEROS' number */

	/* The entry found last, if this index has it. */
	bool met;
	bool unchanged;
	bool chunked;
	uint64_t size;
	uint64_t nth; /* in its member, from 0 */

	/* The unit that is being gathered. */
	bool begins; /* its first entry is its member's first */
	bool all; /* all its entries are the member's, and unchanged */
	struct member unit; /* its member */
	struct aipm_source unit_source;
	bool unit_there;
};

struct aipm_reuse {
	const struct aipm_refs *refs;
	const struct aipm_volumes *volumes;
	bool checksum;
	struct cursor v[AIPM_REFS_MAX];
	size_t n;
};

void
aipm_known_free(struct aipm_known *k)
{
	aipm_xattrs_free(&k->xattrs);
	free(k->holes);
	memset(k, 0, sizeof(*k));
}

int
aipm_reuse_open(struct aipm_reuse **out, const struct aipm_refs *refs,
    const struct aipm_volumes *volumes, bool checksum, struct aipm_err *err)
{
	struct aipm_reuse *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (r == NULL)
		return aipm_err_nomem(err);
	r->refs = refs;
	r->volumes = volumes;
	r->checksum = checksum;
	while (r->n < aipm_refs_count(refs)) {
		if (aipm_refs_index(refs, r->n, &r->v[r->n].index, err) == -1) {
			aipm_reuse_close(r);
			return -1;
		}
		r->n++;
	}
	*out = r;
	return 0;
}

/* The source that an item of the index at i tells of. */
static bool
source_of(const struct aipm_reuse *r, size_t i,
    const struct aipm_index_item *it, struct aipm_source *s)
{
	memcpy(s->digest, it->digest, sizeof(s->digest));
	memcpy(s->headers_digest, it->headers_digest, sizeof(s->digest));
	s->plain = it->plain;
	return aipm_refs_find(r->refs, i, it, &s->place);
}

/* Read the next item; an index that is damaged ends there. */
static void
advance(struct aipm_reuse *r, size_t i)
{
	struct cursor *c = &r->v[i];
	struct aipm_err err;
	int got;

	if (c->ended)
		return;
	got = aipm_index_next(c->index, &c->item, &err);
	if (got == 1) {
		if (c->item->tag == AIPM_INDEX_MEMBER) {
			c->member.number++;
			c->member.entries = 0;
			c->there = source_of(r, i, c->item, &c->source);
		} else if (c->item->tag == AIPM_INDEX_ENTRY) {
			if (c->member.number == c->unit.number)
				c->unit.entries++;
			c->member.entries++;
		}
		return;
	}
	c->item = NULL;
	c->ended = true;
	c->damaged = got == -1;
}

/* Go to the entry e, or to where it would be: whether it is there. */
static bool
seek(struct aipm_reuse *r, size_t i, const struct aipm_entry *e)
{
	struct cursor *c = &r->v[i];

	while (!c->ended) {
		if (c->item != NULL && c->item->tag == AIPM_INDEX_ENTRY) {
			int order = aipm_path_compare(
			    c->item->entry->path, e->path);

			if (order > 0)
				return false;
			if (order == 0)
				return true;
		}
		advance(r, i);
	}
	return false;
}

static int
learn(const struct aipm_index_item *it, struct aipm_known *k)
{
	const struct aipm_xattrs *x = &it->entry->xattrs;
	size_t n = it->nholes * sizeof(*k->holes);

	for (size_t i = 0; i < x->n; i++)
		if (aipm_xattrs_add(&k->xattrs, x->v[i].name, x->v[i].value,
		        x->v[i].len) == -1)
			return -1;
	if (n != 0) {
		if ((k->holes = malloc(n)) == NULL)
			return -1;
		memcpy(k->holes, it->holes, n);
		k->nholes = it->nholes;
	}
	k->unchanged = true;
	return 0;
}

static int
meet(struct aipm_reuse *r, size_t i, const struct aipm_entry *e,
    struct aipm_known *k)
{
	struct cursor *c = &r->v[i];

	c->unchanged = !r->checksum &&
	               aipm_volumes_times_tell(r->volumes, e->dev) &&
	               aipm_refs_unchanged(r->refs, i, e, c->item->entry);
	c->chunked = c->item->chunked;
	c->size = c->item->entry->size;
	c->nth = c->member.entries - 1;
	c->block = 0;
	return c->unchanged && !k->unchanged ? learn(c->item, k) : 0;
}

int
aipm_reuse_find(
    struct aipm_reuse *r, const struct aipm_entry *e, struct aipm_known *k)
{
	for (size_t i = 0; i < r->n; i++) {
		struct cursor *c = &r->v[i];

		c->met = e != NULL && seek(r, i, e);
		if (c->met && meet(r, i, e, k) == -1)
			return -1;
		/* Whether the member goes on is known one item later. */
		if (e == NULL)
			advance(r, i);
	}
	return 0;
}

void
aipm_reuse_add(struct aipm_reuse *r, size_t number)
{
	for (size_t i = 0; i < r->n; i++) {
		struct cursor *c = &r->v[i];

		if (number == 0) {
			c->begins = c->met && c->nth == 0;
			c->all = c->begins;
			c->unit = c->member;
			c->unit_source = c->source;
			c->unit_there = c->there;
		}
		if (!c->met || !c->unchanged || c->nth != number ||
		    c->member.number != c->unit.number)
			c->all = false;
	}
}

void
aipm_reuse_group(struct aipm_reuse *r, size_t n, struct aipm_sources *sources)
{
	sources->n = 0;
	sources->sure = -1;
	for (size_t i = 0; i < r->n; i++) {
		struct cursor *c = &r->v[i];

		if (!c->begins || !c->unit_there)
			continue;
		sources->v[sources->n] = c->unit_source;
		if (sources->sure == -1 && c->all && c->unit.entries == n)
			sources->sure = (int)sources->n;
		sources->n++;
	}
}

/* Go on to the item that tells of the block: whether there is one. */
static bool
seek_block(struct aipm_reuse *r, size_t i, uint64_t block)
{
	struct cursor *c = &r->v[i];

	if (!c->met || !c->chunked)
		return false;
	if (c->item != NULL && c->item->tag == AIPM_INDEX_ENTRY)
		advance(r, i);
	while (!c->ended) {
		uint64_t n = c->item->tag == AIPM_INDEX_ZEROS ? c->item->count
		                                              : 1;

		if (c->item->tag == AIPM_INDEX_MEMBER ||
		    c->item->tag == AIPM_INDEX_ENTRY ||
		    c->item->tag == AIPM_INDEX_END)
			break;
		if (c->item->tag == AIPM_INDEX_CHUNK ||
		    c->item->tag == AIPM_INDEX_ZEROS) {
			if (block < c->block + n)
				return block >= c->block;
			c->block += n;
		}
		advance(r, i);
	}
	c->met = false;
	return false;
}

/* Bytes of content in that block of the reference's file. */
static uint64_t
length_of(const struct cursor *c, uint64_t block)
{
	uint64_t size = (uint64_t)1 << AIPM_BLOCK_LOG2;

	if (block >= c->size / size)
		return c->size % size;
	return size;
}

void
aipm_reuse_block(
    struct aipm_reuse *r, uint64_t block, struct aipm_reuse_chunk *k)
{
	struct aipm_sources *s = &k->sources;

	memset(k, 0, sizeof(*k));
	s->sure = -1;
	for (size_t i = 0; i < r->n; i++) {
		struct cursor *c = &r->v[i];
		bool known = s->sure != -1 || k->zeros != 0;

		if (!seek_block(r, i, block))
			continue;
		if (c->item->tag == AIPM_INDEX_ZEROS) {
			if (c->unchanged && !known)
				k->zeros = c->item->count - (block - c->block);
			continue;
		}
		if (!source_of(r, i, c->item, &s->v[s->n]))
			continue;
		s->v[s->n].plain = length_of(c, block);
		if (c->unchanged && !known) {
			s->sure = (int)s->n;
			k->holes = c->item->holes;
			k->nholes = c->item->nholes;
		}
		s->n++;
	}
}

void
aipm_reuse_report(const struct aipm_reuse *r, const struct aipm_warn *warn)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].damaged)
			aipm_warn(warn, aipm_refs_path(r->refs, i),
			    "its index is damaged: what that tells of is read "
			    "anew");
}

void
aipm_reuse_close(struct aipm_reuse *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		aipm_index_close(r->v[i].index);
	free(r);
}
