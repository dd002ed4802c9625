#ifndef AIPM_WRITER_H
#define AIPM_WRITER_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * writer: members into a file or a pipe, in order.
 *
 * The last bytes of a member are held back until the next one comes, so that
 * a run that dies ends inside a member, where every reader complains: cut
 * between members, the file would look whole.
 * SIGKILL inside one write(2) may still hit such a place by chance; our reader
 * then misses the footer.
 */
struct aipm_writer;

/* fd and name are borrowed. */
int aipm_writer_open(struct aipm_writer **w, int fd, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err);

/* Add one whole member. */
int aipm_writer_put(
    struct aipm_writer *w, const void *p, size_t n, struct aipm_err *err);

/* Bytes put so far: where the next member begins. */
uint64_t aipm_writer_offset(const struct aipm_writer *w);

/* Write what was held back: the archive is whole. */
int aipm_writer_finish(struct aipm_writer *w, struct aipm_err *err);

void aipm_writer_close(struct aipm_writer *w);

#endif
