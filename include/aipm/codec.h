#ifndef AIPM_CODEC_H
#define AIPM_CODEC_H

#include "aipm/buf.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * codec: a block of bytes <-> raw deflate (RFC 1951).
 *
 * A codec belongs to one thread at a time.  The same bytes at the same level
 * always give the same deflate stream.
 */
#define AIPM_LEVEL_MIN 1
#define AIPM_LEVEL_MAX 9
#define AIPM_LEVEL_DEFAULT 6

struct aipm_codec;

/* level 0 opens one that only inflates.  *c: aipm_codec_close(). */
int aipm_codec_open(struct aipm_codec **c, int level, struct aipm_err *err);

/*
 * Append the n bytes at p, deflated, to *out.  Bytes that a probe finds
 * incompressible are appended as stored blocks.
 */
int aipm_codec_deflate(struct aipm_codec *c, struct aipm_buf *out,
    const void *p, size_t n, struct aipm_err *err);

/*
 * Inflate exactly n bytes to dst from src, whose stream must end exactly at
 * its end.  Returns false if it does not.
 */
bool aipm_codec_inflate(
    struct aipm_codec *c, void *dst, size_t n, const void *src, size_t len);

void aipm_codec_close(struct aipm_codec *c);

/* What compresses: "libdeflate 1.14". */
const char *aipm_codec_name(void);

#endif
