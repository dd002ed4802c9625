#ifndef AIPM_STACK_H
#define AIPM_STACK_H

#include "aipm/engine.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * stack: who must be stopped, and in which order.
 *
 * That is every running container of the Compose projects at the project
 * folder, and every other one with a mount at, below or above the data
 * directory.  Paths are compared by device and inode, theirs and those of
 * the directories above them, and by their text where they do not exist.
 */
struct aipm_project {
	const char *root; /* borrowed; the project folder, absolute */
	const char *data; /* borrowed; the data directory, absolute */
};

struct aipm_stopped {
	const struct aipm_container *c; /* borrowed from the stack */
	const char *project; /* borrowed; NULL: not of the project */
	const char *mount; /* borrowed; what it mounts of the data, or NULL */
};

struct aipm_stack {
	struct aipm_containers running; /* all that run, and more; owned */
	struct aipm_stopped *v; /* owned; in the order to stop them */
	size_t n;
};

/*
 * Fill *s (need not be initialised) from two readings, one after the other,
 * that agree on who must be stopped.  Dependents come first (Compose's label
 * depends_on), else the newest.  A container that its own stop would remove
 * (--rm) is left out, with a note, if it does not mount the data.
 *
 * Failure leaves *s empty.  AIPM_NOTSTOPPED: the containers keep changing; one
 * is removed by a stop and mounts the data; one is that which we run in.
 * Others are the engine's.
 */
int aipm_stack_read(struct aipm_stack *s, const struct aipm_engine *e,
    const struct aipm_project *place, const struct aipm_warn *note,
    struct aipm_err *err);

/*
 * One reading, and in s->running also those of the n whole ids that exist, in
 * whatever state.  Failure as above.
 */
int aipm_stack_look(struct aipm_stack *s, const struct aipm_engine *e,
    const struct aipm_project *place, const char *const *ids, size_t n,
    struct aipm_err *err);

/*
 * Call note with every writable mount of the project that lies outside the
 * data directory; each path once.
 */
void aipm_stack_outside(const struct aipm_stack *s,
    const struct aipm_project *place, const struct aipm_warn *note);

void aipm_stack_free(struct aipm_stack *s);

#endif
