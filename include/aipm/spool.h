#ifndef AIPM_SPOOL_H
#define AIPM_SPOOL_H

#include "aipm/err.h"

/*
 * spool: a temporary file without a name.  It is gone when its descriptor
 * is closed, whatever ends the process.
 */

/*
 * Where files must have a name at first, a run that is killed between making
 * one and taking its name away leaves it; the names begin so.
 */
#define AIPM_SPOOL_PREFIX ".aipm-spool-"

/* The directory that aipm_spool_open() takes for that. */
const char *aipm_spool_dir(const char *dir);

/* A descriptor, open for reading and writing, of a new file in the directory
 * dir (NULL: TMPDIR, else /tmp), or -1. */
int aipm_spool_open(const char *dir, struct aipm_err *err);

#endif
