#include "engine.h"
#include "feed.h"
#include "part.h"

#include "aipm/compat.h"
#include "aipm/escape.h"
#include "aipm/ring.h"

#include <stdlib.h>
#include <string.h>

/* On cold storage several reads at a time are as fast as one. */
#define READERS 8

/*
 * The ring's producer follows the index (feed), its workers read and check
 * (part), and this thread hands out what they did, in order.
 */
struct indexed {
	struct aipm_reader_options o;
	const char *name;
	struct part_source source;
	struct feed feed;
	struct part_worker *workers; /* the last one is this thread's own */
	unsigned nworkers;
	struct aipm_ring *ring; /* NULL: entries only, no threads */
	struct part own; /* for entries only */
	struct part *part; /* the present one; in the ring, or own */
	size_t next; /* claim of it */
	struct claim chunked; /* the open claim, while its parts come by */
	struct claim *open; /* whose content is asked for, or NULL */
	bool lost; /* nothing of its content is sound */
	uint64_t at; /* in its content */
	void *file; /* where that was placed */
};

static int
produce(void *ctx, void *slot, struct aipm_err *err)
{
	struct indexed *x = ctx;

	part_clear(slot, &x->source);
	return feed_next(&x->feed, slot, err);
}

static int
fetch(void *ctx, void *slot, struct aipm_err *err)
{
	struct indexed *x = ctx;

	(void)err;
	if (!part_is_large(slot))
		part_fetch(slot, &x->source);
	return 0;
}

static int
work(void *ctx, unsigned number, void *slot, struct aipm_err *err)
{
	struct indexed *x = ctx;

	(void)err;
	if (!part_is_large(slot))
		part_check(slot, &x->workers[number]);
	return 0;
}

static void
release(void *ctx, void *slot)
{
	struct indexed *x = ctx;

	part_free(slot, &x->source);
}

static int
open_ring(struct indexed *x, struct aipm_err *err)
{
	unsigned n = x->o.workers != 0 ? x->o.workers
	                               : aipm_compat_processors();
	struct aipm_ring_options o = { .workers = n,
		.readers = READERS,
		.slots = 2 * (size_t)(n > READERS ? n : READERS) + 4,
		.slot_size = sizeof(struct part),
		.ctx = x,
		.produce = produce,
		.fetch = fetch,
		.work = work,
		.release = release,
		.cancel = x->o.cancel };

	x->workers = calloc((size_t)n + 1, sizeof(*x->workers));
	if (x->workers == NULL)
		return aipm_err_nomem(err);
	for (; x->nworkers <= n; x->nworkers++)
		if (part_worker_open(
		        &x->workers[x->nworkers], &x->source, err) == -1) {
			x->nworkers++;
			return -1;
		}
	return aipm_ring_open(&x->ring, &o, err);
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
	x->source = (struct part_source){ .fd = fd,
		.name = name,
		.block = (uint64_t)1 << f->block_log2,
		.place = o->place };
	if (feed_open(&x->feed, &x->source, f, o->select, o->entries_only,
	        err) == -1 ||
	    (!o->entries_only && open_ring(x, err) == -1)) {
		indexed_close(x);
		return -1;
	}
	*out = x;
	return 0;
}

/* The next part, read: 1, 0 at the end, -1. */
static int
next_part(struct indexed *x, struct aipm_err *err)
{
	void *slot = &x->own;
	int r;

	if (x->ring == NULL) {
		part_clear(&x->own, &x->source);
		r = feed_next(&x->feed, &x->own, err);
	} else
		r = aipm_ring_next(x->ring, &slot, err);
	x->part = r == 1 ? slot : NULL;
	if (r == 1 && x->ring != NULL && part_is_large(x->part)) {
		part_fetch(x->part, &x->source);
		part_check(x->part, &x->workers[x->nworkers - 1]);
	}
	return r;
}

/* Whose part it is, in messages. */
static const char *
part_path(const struct indexed *x)
{
	if (x->part->faulty < x->part->nclaims)
		return x->part->claims[x->part->faulty].entry.path;
	return x->open == NULL ? NULL : x->open->entry.path;
}

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

/*
 * What was wrong with the present part: 0 nothing, 1 damage that was said and
 * is passed over, -1.
 */
static int
trouble(struct indexed *x, const char *warn_path, struct aipm_err *err)
{
	if (x->part->failed)
		*err = x->part->err;
	else if (x->part->fault != NULL)
		(void)damaged(x, part_path(x), x->part->fault, err);
	else
		return 0;
	if (!x->o.salvage || err->cls != AIPM_DAMAGED)
		return -1;
	aipm_warn(&x->o.warn, warn_path, err->text);
	return 1;
}

/* The content of the open entry that travels in its group. */
static int
small_data(struct indexed *x, struct aipm_piece *piece)
{
	struct claim *c = x->open;

	if (x->at == c->entry.size)
		return 0;
	*piece = (struct aipm_piece){ x->part->plain.p + c->at,
		(size_t)c->entry.size, 0, c->holes, c->nholes };
	x->at = c->entry.size;
	return 1;
}

/* The next part of the open chunked file: 1 if it is sound, 0 if not, -1. */
static int
next_chunk(struct indexed *x, struct aipm_err *err)
{
	int r = next_part(x, err);

	if (r == 0)
		r = damaged(
		    x, x->open->entry.path, "the index is damaged", err);
	if (r == -1)
		return -1;
	x->at = x->part->at + x->part->len;
	if (x->part->fault == NULL && !x->part->failed &&
	    x->part->item.tag == AIPM_INDEX_CHUNK)
		part_place(x->part, x->source.place, true);
	r = trouble(x, x->open->entry.path, err);
	return r == -1 ? -1 : !r;
}

/* The next block of the chunked file that is not placed: 1, 0 at its end. */
static int
chunk(struct indexed *x, struct aipm_piece *piece, struct aipm_err *err)
{
	int r;

	while (x->at < x->open->entry.size) {
		if ((r = next_chunk(x, err)) == -1)
			return -1;
		/* Zeros are the hole between two pieces, padding is nothing. */
		if (r == 0 || x->part->item.tag != AIPM_INDEX_CHUNK ||
		    x->part->file != NULL || x->lost)
			continue;
		part_piece(x->part, piece);
		return 1;
	}
	return 0;
}

int
indexed_data(struct indexed *x, struct aipm_piece *piece, struct aipm_err *err)
{
	if (x->open == NULL)
		return 0;
	return x->open->chunked ? chunk(x, piece, err) : small_data(x, piece);
}

bool
indexed_made(const struct indexed *x)
{
	return x->open != NULL && x->open->made;
}

void *
indexed_take(struct indexed *x)
{
	void *file = x->file;

	x->file = NULL;
	return file;
}

static void
drop_file(struct indexed *x)
{
	if (x->file != NULL)
		x->source.place->drop(x->source.place->ctx, x->file);
	x->file = NULL;
}

/* Read over what is left of the open entry's content. */
static int
finish_entry(struct indexed *x, struct aipm_err *err)
{
	struct aipm_piece piece;
	int r = 0;

	if (x->open != NULL && x->open->chunked && x->open->wanted &&
	    x->ring != NULL)
		while ((r = chunk(x, &piece, err)) == 1)
			;
	if (r == 0)
		drop_file(x);
	x->open = NULL;
	x->lost = false;
	return r;
}

/* Open the next claim of the present part. */
static void
open_claim(struct indexed *x)
{
	struct claim *c = &x->part->claims[x->next++];

	x->at = 0;
	x->lost = x->part->fault != NULL || x->part->failed;
	x->open = c;
	if (!c->chunked)
		return;
	/* The part goes back to the ring before the content comes by. */
	claim_free(&x->chunked);
	x->chunked = *c;
	memset(c, 0, sizeof(*c));
	x->open = &x->chunked;
	x->file = x->part->file;
	x->part->file = NULL;
}

/* The claims of a member that is lost are lost. */
static void
say_lost(struct indexed *x)
{
	for (size_t i = 0; i < x->part->nclaims; i++)
		aipm_warn(&x->o.warn, x->part->claims[i].entry.path, "is lost");
}

/* The next part between entries: 1, 0 at the end, -1. */
static int
advance(struct indexed *x, struct aipm_err *err)
{
	int r = next_part(x, err);

	if (r != 1)
		return r;
	x->next = 0;
	if ((r = trouble(x, NULL, err)) == -1)
		return -1;
	if (r == 1)
		say_lost(x);
	return 1;
}

int
indexed_next(
    struct indexed *x, const struct aipm_entry **e, struct aipm_err *err)
{
	int r = 1;

	while (r == 1) {
		if (finish_entry(x, err) == -1)
			return -1;
		if (x->part == NULL || x->next >= x->part->nclaims) {
			r = advance(x, err);
			continue;
		}
		open_claim(x);
		*e = &x->open->entry;
		if (x->open->wanted && !x->lost)
			return 1;
	}
	return r;
}

bool
indexed_incomplete(const struct indexed *x)
{
	return !x->feed.footer.complete;
}

void
indexed_close(struct indexed *x)
{
	if (x == NULL)
		return;
	aipm_ring_close(x->ring);
	drop_file(x);
	part_free(&x->own, &x->source);
	claim_free(&x->chunked);
	feed_close(&x->feed);
	while (x->nworkers > 0)
		part_worker_close(&x->workers[--x->nworkers]);
	free(x->workers);
	free(x);
}
