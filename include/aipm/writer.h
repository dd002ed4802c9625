#ifndef AIPM_WRITER_H
#define AIPM_WRITER_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stdbool.h>
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

/*
 * Add the len bytes at offset of the file src, whole members of another
 * archive, by sharing their blocks where both lie alike in a block (see
 * aipm_writer_block()).  *shared (in and out) is false if they cannot, and
 * they are copied.  The bytes held back are those of the last member copied.
 */
int aipm_writer_share(struct aipm_writer *w, int src, const char *name,
    uint64_t offset, uint64_t len, bool *shared, struct aipm_err *err);

/* The block of the file written to, if it may share any; else 0. */
size_t aipm_writer_block(const struct aipm_writer *w);

/* Bytes put so far: where the next member begins. */
uint64_t aipm_writer_offset(const struct aipm_writer *w);

/* Write what was held back: the archive is whole. */
int aipm_writer_finish(struct aipm_writer *w, struct aipm_err *err);

void aipm_writer_close(struct aipm_writer *w);

#endif
