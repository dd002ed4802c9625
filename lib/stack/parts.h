#ifndef STACK_PARTS_H
#define STACK_PARTS_H

#include "aipm/stack.h"

/*
 * parts: what stack is made of; a header of its own for the unit tests.
 */

/* Whether two paths name one directory, or are the same text once "." and
 * ".." are out. */
bool stack_same(const char *a, const char *b);

/* Whether path is top or lies below it. */
bool stack_below(const char *path, const char *top);

/* What of a mount is at, below or above dir: its source or its device, or
 * NULL. */
const char *stack_mount_touches(const struct aipm_mount *m, const char *dir);

/* Bring n members into the order to stop them. */
void stack_order(struct aipm_stopped *v, size_t n);

/* What tells a process that it is in a container; each may be NULL. */
struct stack_self {
	char *cgroup; /* text of /proc/self/cgroup */
	char *mountinfo; /* text of /proc/self/mountinfo */
	const char *host; /* the host's name */
	const char *env; /* HOSTNAME */
};

/* Whether the container id is the one that *self describes. */
bool stack_is_self(const struct stack_self *self, const char *id);

#endif
