#ifndef INNER_H
#define INNER_H

#include "aipm/extract.h"

/* What the rooms of extract know of each other. */

/* The directory that everything is made below, and how. */
int extract_dirfd(const struct aipm_extract *x);
const struct aipm_extract_options *extract_options(
    const struct aipm_extract *x);

/* A copy of path without "." and empty components; NULL: no memory. */
char *extract_normal(const char *path);

#endif
