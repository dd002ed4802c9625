#ifndef AIPM_PUBLISH_H
#define AIPM_PUBLISH_H

#include "aipm/err.h"

#include <stdbool.h>

/*
 * publish: a file that is there whole or not at all.
 *
 * It is written under a temporary name, .aipm-tmp-XXXXXX, beside its place,
 * and renamed when it is on the disk.  The temporary is locked (flock) while
 * its writer lives, so that a later run knows a dead one's and removes it.
 */
struct aipm_publish;

/*
 * Begin a file in the directory dir (borrowed only during the call), mode
 * 0600.  Temporaries of dead runs there are removed first.
 */
int aipm_publish_open(
    struct aipm_publish **p, const char *dir, struct aipm_err *err);

/* The descriptor to write to and read back from; owned by p. */
int aipm_publish_fd(const struct aipm_publish *p);

/*
 * Flush the file, give it its name (no slash in it) and flush the directory.
 * A name that exists is replaced only if replace, else this fails with errno
 * EEXIST in err->errnum and the file is still unpublished.
 */
int aipm_publish_commit(struct aipm_publish *p, const char *name, bool replace,
    struct aipm_err *err);

/* Release p (may be NULL); what is not committed is removed. */
void aipm_publish_close(struct aipm_publish *p);

#endif
