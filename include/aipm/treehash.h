#ifndef AIPM_TREEHASH_H
#define AIPM_TREEHASH_H

#include "aipm/digest.h"
#include "aipm/err.h"

#include <stddef.h>

/*
 * treehash: digests of content, several at a time.
 *
 * Up to AIPM_LEAF bytes have their SHA-256; more are cut into leaves of
 * AIPM_LEAF bytes, the last one shorter, and have the SHA-256 of the leaves'
 * SHA-256s one behind the other.  A serial hash cannot use a processor whose
 * vector registers hash sixteen messages at the price of two; leaves can.
 * What has the same digest and the same length is the same.
 */
#define AIPM_LEAF ((size_t)16 << 10)

/* A batch; it belongs to one thread at a time. */
struct aipm_treehash;

/* *t is released with aipm_treehash_close(). */
int aipm_treehash_open(struct aipm_treehash **t, struct aipm_err *err);

/*
 * Add the n bytes at p, whose digest goes to out; both are borrowed until
 * aipm_treehash_run().
 */
int aipm_treehash_add(struct aipm_treehash *t, const void *p, size_t n,
    unsigned char out[AIPM_DIGEST_SIZE], struct aipm_err *err);

/* Fill in the digests of all that was added; the batch is empty then. */
void aipm_treehash_run(struct aipm_treehash *t);

/* Forget what was added. */
void aipm_treehash_clear(struct aipm_treehash *t);

void aipm_treehash_close(struct aipm_treehash *t);

#endif
