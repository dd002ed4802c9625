#ifndef AHEAD_H
#define AHEAD_H

#include "aipm/extract.h"

/* What extract needs of a file that is filled ahead; see aipm/extract.h. */

struct aipm_ahead *ahead_make(
    int dirfd, const struct aipm_entry *e, bool sparse);

/* Give it its name in the directory dir: -1 with errno. */
int ahead_name(struct aipm_ahead *a, int dir, const char *name);

/* Its descriptor, the caller's from now on. */
int ahead_fd(struct aipm_ahead *a);

#endif
