#ifndef MB_H
#define MB_H

#include "lanes.h"

/*
 * mb: SHA-256 by Intel's multi-buffer library, where the build has it.
 */
struct mb;

/* NULL: not in this build, or it does not work on this processor.  Released
 * with mb_close(). */
struct mb *mb_open(void);

/* Hash the n messages; those that it cannot are given to serial. */
void mb_run(struct mb *mb, const struct message *m, size_t n,
    void (*serial)(void *ctx, const struct message *m), void *ctx);

void mb_close(struct mb *mb);

#endif
