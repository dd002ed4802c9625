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
 * always give the same deflate stream, in whatever thread and after whatever
 * else; another build or another processor may have another engine for the
 * level, and give another stream of the same bytes.
 *
 * Engines: ISA-L for levels 1-3, libdeflate for levels 4-9 and, where there
 * is no ISA-L, for all; zlib where neither is.  Inflating is libdeflate's
 * where it is in.
 */
#define AIPM_LEVEL_MIN 1
#define AIPM_LEVEL_MAX 9
#define AIPM_LEVEL_DEFAULT 2

struct aipm_codec;

/* level 0 opens one that only inflates.  *c: aipm_codec_close(). */
int aipm_codec_open(struct aipm_codec **c, int level, struct aipm_err *err);

/* What the bytes of a block have in common. */
enum aipm_codec_content {
	AIPM_CODEC_UNIFORM, /* they are of one file */
	AIPM_CODEC_MIXED /* of many, with their headers between them */
};

/*
 * Append the n bytes at p, deflated, to *out.  If a probe in the middle finds
 * them incompressible, uniform ones are appended as stored blocks, and mixed
 * ones deflated by the fastest level, which takes what there is in the
 * headers.  Never does the stream take more than stored blocks would: n, and
 * 5 for each 65,535 bytes begun.
 */
int aipm_codec_deflate(struct aipm_codec *c, struct aipm_buf *out,
    const void *p, size_t n, enum aipm_codec_content content,
    struct aipm_err *err);

/*
 * Inflate exactly n bytes to dst from src, whose stream must end exactly at
 * its end.  Returns false if it does not.
 */
bool aipm_codec_inflate(
    struct aipm_codec *c, void *dst, size_t n, const void *src, size_t len);

void aipm_codec_close(struct aipm_codec *c);

/* What compresses at that level, into dst: "libdeflate 1.14". */
void aipm_codec_name(char *dst, size_t size, int level);

/* All that are in, and what for, into dst: "ISA-L 2.30 (levels 1-3), ...". */
void aipm_codec_list(char *dst, size_t size);

#endif
