#ifndef DIRS_H
#define DIRS_H

#include "meta.h"

#include <stddef.h>

/*
 * dirs: the directory that entries are being made in, and the way to it, as
 * open descriptors.  However deep it lies, few of them are open at a time.
 *
 * A directory is opened up (0700) while it is on the way, and gets its
 * metadata when it is left: what an entry said of it, else what it had
 * before, else mode 0755.
 */
struct dirs;

/* Below rootfd (borrowed), which itself is left as it is. */
int dirs_new(struct dirs **d, int rootfd, const struct aipm_warn *warn,
    struct aipm_err *err);

/*
 * Go to the directory that is the first len bytes of path: names with one
 * slash between them, none first or last; len 0 is the root.  Directories on
 * the way that are not there are made.  Something else on the way, a symlink
 * too, is AIPM_DAMAGED.
 */
int dirs_go(struct dirs *d, const char *path, size_t len, struct aipm_err *err);

/* The present directory's descriptor. */
int dirs_fd(const struct dirs *d);

/* What the present directory, not the root, is to get; *m is taken over. */
void dirs_set_meta(struct dirs *d, struct meta *m);

/*
 * A descriptor, for the caller to close, of the directory that is the first
 * len bytes of path, or -1 with errno.  Nothing is made or gone to.
 */
int dirs_find(const struct dirs *d, const char *path, size_t len);

/* Leave all directories and release d (may be NULL). */
int dirs_close(struct dirs *d, struct aipm_err *err);

#endif
