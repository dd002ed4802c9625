#ifndef LATER_H
#define LATER_H

#include "job.h"

#include "aipm/index.h"

/*
 * later: chunks of staged files, which are read when the services run again.
 * Until then the thin index says of each that it is in the reference
 * LATER_REFERENCE, and its offset is its number here.
 */
#define LATER_REFERENCE (AIPM_REFS_MAX + 1)
#define LATER_MAX ((uint64_t)32 << 30) /* bytes; a block takes some 250 */

struct later {
	struct aipm_chunked *chunked; /* a reference */
	uint64_t offset;
	size_t len;
	struct aipm_source *sources; /* owned */
	size_t nsources;
	/* When it was read: what the index is to say, but for holes. */
	struct aipm_index_item item;
};

struct laters {
	struct later *v; /* owned */
	size_t n, cap;
};

/* Remember the unit; -1: no memory. */
int laters_add(struct laters *l, const struct aipm_unit *u);

/* Make that one the unit again. */
void later_unit(const struct later *l, struct aipm_unit *u);

void laters_free(struct laters *l);

#endif
