#ifndef AIPM_SWAP_H
#define AIPM_SWAP_H

#include "aipm/err.h"

/*
 * swap: a new tree takes the place of an old one, in one step where the
 * system can do that.
 */

/* A name in an open directory. */
struct aipm_place {
	int dirfd;
	const char *dir; /* what messages and commands call dirfd */
	const char *name;
};

/*
 * Exchange the two directories by their paths, both on one file system: the
 * old tree is then where the new one was.  If old is not there, new is
 * renamed to it, which never replaces anything.  Refused, with nothing
 * changed: what is no directory (a symlink is none), and a file system
 * mounted at or below either, which would go along.  Both parents are
 * flushed to the disk.  AIPM_HALFWAY: *err has the command that finishes.
 */
int aipm_swap(const char *newpath, const char *oldpath, struct aipm_err *err);

/*
 * Exchange two names of any types in place; both must be there.  Where the
 * system cannot do it at once it is three renames, undone if one fails;
 * AIPM_HALFWAY, with the command that finishes, if that fails too.
 */
int aipm_swap_places(const struct aipm_place *a, const struct aipm_place *b,
    struct aipm_err *err);

/* Refuse (AIPM_FAILED) a place at or below which something is mounted. */
int aipm_swap_check_mounts(const struct aipm_place *p, struct aipm_err *err);

/* Fill *err with AIPM_HALFWAY: "WHAT: mv -T -- FROM TO", for a shell. */
int aipm_swap_halfway(struct aipm_err *err, const char *what,
    const struct aipm_place *from, const struct aipm_place *to);

/* The place's path quoted for a shell, printable, for the caller to free;
 * NULL when there is no memory. */
char *aipm_place_quoted(const struct aipm_place *p);

#endif
