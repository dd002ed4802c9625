#ifndef FEED_H
#define FEED_H

#include "part.h"

#include "aipm/footer.h"

/*
 * feed: the index of an archive, cut into parts: what has to be read, in
 * order.
 */
struct feed {
	const struct part_source *source;
	const struct aipm_select *select; /* NULL: all */
	bool entries_only; /* MEMBERs come unread, and nothing else */
	struct aipm_footer footer;
	struct aipm_index *index;
	const struct aipm_index_item *item; /* read ahead, or NULL */
	uint64_t plain; /* bytes of tar that the present claims tell of */
	bool ended; /* END has come by */
	/* The chunked file whose content comes next: */
	uint64_t size, at;
	void *file;
	struct aipm_index_item zeros; /* a run of ZEROS; count are left */
};

/* Everything is borrowed. */
int feed_open(struct feed *f, const struct part_source *source,
    const struct aipm_footer *footer, const struct aipm_select *select,
    bool entries_only, struct aipm_err *err);

/*
 * Fill *p (cleared) with the next part: 1, 0 at the sound end of the index,
 * -1.
 */
int feed_next(struct feed *f, struct part *p, struct aipm_err *err);

void feed_close(struct feed *f);

#endif
