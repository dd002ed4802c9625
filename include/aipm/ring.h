#ifndef AIPM_RING_H
#define AIPM_RING_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stddef.h>

/*
 * ring: jobs done by several workers and delivered in order.
 *
 * A producer thread fills slots one after the other, workers take them as
 * they come, and the caller's thread drains them in the order in which they
 * were produced.  Memory is bounded by the number of slots, which are reused.
 * The threads of the ring block all signals, so that these reach the caller.
 */
struct aipm_ring {
	unsigned workers; /* threads that work; at least 1 */
	size_t slots; /* at least workers + 1 */
	size_t slot_size; /* bytes of one, zeroed at the start */
	void *ctx; /* passed to all callbacks */
	/* Fill the slot: 1, or 0 when there is nothing more, or -1. */
	int (*produce)(void *ctx, void *slot, struct aipm_err *err);
	/* Work on it; number tells the workers apart: 0 ... workers - 1. */
	int (*work)(
	    void *ctx, unsigned number, void *slot, struct aipm_err *err);
	/* Take the result. */
	int (*drain)(void *ctx, void *slot, struct aipm_err *err);
	/* Release what a slot owns; called once for every slot at the end. */
	void (*release)(void *ctx, void *slot);
	struct aipm_cancel cancel;
};

/*
 * Run until all is drained: 0.  After a failure or a cancel no further slot
 * is drained, the threads have ended, and *err is that of the first slot in
 * order that failed.
 */
int aipm_ring_run(const struct aipm_ring *r, struct aipm_err *err);

#endif
