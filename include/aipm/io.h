#ifndef AIPM_IO_H
#define AIPM_IO_H

#include "aipm/cancel.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sys/types.h>

/*
 * io: whole reads and writes.  name is what a message calls the file.
 * EINTR is retried unless cancel says stop; cancel may be NULL.
 */

/* Write all n bytes. */
int aipm_write_full(int fd, const void *p, size_t n, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err);

/* Read until n bytes are there or the end; the count in *got. */
int aipm_read_full(int fd, void *p, size_t n, size_t *got, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err);

/* The same at an offset; fd must be seekable. */
int aipm_pread_full(int fd, void *p, size_t n, uint64_t offset, size_t *got,
    const char *name, struct aipm_err *err);

/*
 * The first max bytes of a file, as those of /proc are read, terminated with a
 * NUL, which *len (may be NULL) does not count.  The caller frees it; NULL:
 * it cannot be opened, or there is no memory.
 */
char *aipm_slurp(const char *path, size_t max, size_t *len);

/* Flush a stream and say what failed, earlier writes included. */
int aipm_stream_flush(FILE *f, const char *name, struct aipm_err *err);

#endif
