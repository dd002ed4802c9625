#ifndef AIPM_SPOOL_H
#define AIPM_SPOOL_H

#include "aipm/err.h"

/*
 * spool: a temporary file without a name.  It is gone when its descriptor
 * is closed, whatever ends the process.
 */

/* A descriptor, open for reading and writing, of a new file in the directory
 * dir (NULL: TMPDIR, else /tmp), or -1. */
int aipm_spool_open(const char *dir, struct aipm_err *err);

#endif
