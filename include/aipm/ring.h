#ifndef AIPM_RING_H
#define AIPM_RING_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stddef.h>

/*
 * ring: jobs done by several threads and handed out in order.
 *
 * A producer thread fills slots one after the other; other threads fetch
 * what a job needs and work on it; the caller takes the results in the order
 * in which the jobs were produced.  Memory is bounded by the number of
 * slots, which are reused.
 * The threads of the ring block all signals, so that these reach the caller.
 */
struct aipm_ring;

/*
 * The callbacks run in the ring's threads: produce() one at a time, fetch()
 * in up to max(readers, workers) threads, work() in up to `workers`.  More
 * threads than workers fetch only while fetches have to wait, as they do for
 * a cold disk.  Where fewer threads than that can be started, these do it all.  A slot is in one
 * callback at a time.  Those with err return -1 with *err set on failure.
 */
struct aipm_ring_options {
	unsigned workers; /* at least 1 */
	unsigned readers; /* may be 0 */
	size_t slots; /* jobs under way, the one handed out included; >= 1 */
	size_t slot_size; /* bytes of one, zeroed at the start */
	void *ctx; /* passed to all callbacks */
	/* Fill the slot: 1, or 0 when there is nothing more, or -1. */
	int (*produce)(void *ctx, void *slot, struct aipm_err *err);
	/* What waits for a disk, and needs no processor; may be NULL. */
	int (*fetch)(void *ctx, void *slot, struct aipm_err *err);
	/*
	 * What keeps a processor busy.  No two that run at the same time have
	 * the same number, which is one of 0 ... workers - 1.
	 */
	int (*work)(
	    void *ctx, unsigned number, void *slot, struct aipm_err *err);
	/* Release what a slot owns; called once for every slot at the end. */
	void (*release)(void *ctx, void *slot);
	struct aipm_cancel cancel;
};

/* Start the threads.  *r is released with aipm_ring_close(); NULL on failure. */
int aipm_ring_open(struct aipm_ring **r, const struct aipm_ring_options *o,
    struct aipm_err *err);

/*
 * Give the slot handed out before back, and wait for the next job: 1 with
 * *slot, which is the caller's until the next call; 0 when all have been
 * handed out; -1 if it failed or a signal came.  *err is that of the first
 * job in order that failed, and all before it have been handed out.
 */
int aipm_ring_next(struct aipm_ring *r, void **slot, struct aipm_err *err);

/*
 * Stop, whatever is still to be done: returns when the threads have ended
 * their callbacks and all slots are released.  r may be NULL.
 */
void aipm_ring_close(struct aipm_ring *r);

#endif
