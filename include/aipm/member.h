#ifndef AIPM_MEMBER_H
#define AIPM_MEMBER_H

#include "aipm/buf.h"
#include "aipm/codec.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * member: gzip members (RFC 1952) that say in an extra field "pm" what they
 * are and how long.  aipm-archive(5) has the layout.
 */
enum aipm_member_kind {
	AIPM_MEMBER_DATA = 0, /* a stretch of the tar */
	AIPM_MEMBER_PAD = 1, /* nothing, to reach a block boundary */
	AIPM_MEMBER_INDEX = 2, /* nothing, a slice of the index in its head */
	AIPM_MEMBER_FOOTER = 3 /* nothing, the footer in its head */
};

#define AIPM_FORMAT_MAJOR 1
#define AIPM_FORMAT_MINOR 1
#define AIPM_BLOCK_LOG2_MIN 12
#define AIPM_BLOCK_LOG2_MAX 22
#define AIPM_BLOCK_LOG2 18 /* 256 KiB */

/* Bytes that show a member's kind and, of a data member, its size. */
#define AIPM_MEMBER_PEEK 29
/* The head and tail of an empty member with n bytes of payload. */
#define AIPM_MEMBER_EMPTY(n) ((size_t)27 + (n))
#define AIPM_INDEX_SLICE 8000 /* busybox refuses XLEN > 16,384 */
/* No member of ours holds more: our largest is a block and the headers of
 * one entry. */
#define AIPM_MEMBER_PLAIN_MAX ((size_t)32 << 20)

/* What the first member of an archive says besides. */
struct aipm_format {
	unsigned major, minor;
	bool footer; /* a footer follows */
	unsigned block_log2;
};

struct aipm_member {
	enum aipm_member_kind kind;
	size_t head; /* bytes before the deflate stream */
	uint64_t size; /* of the whole member, in bytes */
	size_t plain; /* bytes of tar in it; AIPM_MEMBER_DATA only */
	size_t payload; /* offset of the payload behind the kind, and */
	size_t payload_len; /* its length; not for AIPM_MEMBER_DATA */
	bool first; /* it carries *format */
	struct aipm_format format;
};

/*
 * Append a data member of the n bytes at p; first (may be NULL) makes it an
 * archive's first.
 */
int aipm_member_pack(struct aipm_buf *out, struct aipm_codec *c,
    const struct aipm_format *first, const void *p, size_t n,
    enum aipm_codec_content content, struct aipm_err *err);

/* Append an empty member of that kind with n bytes of payload. */
int aipm_member_empty(struct aipm_buf *out, enum aipm_member_kind kind,
    const void *payload, size_t n, struct aipm_err *err);

/*
 * Read a member's head from the n bytes at p, AIPM_MEMBER_PEEK or all that
 * there are.  1 with *m filled; 0 if it is a gzip member, but none of ours;
 * -1 if it is no gzip member or of ours and wrong.
 */
int aipm_member_parse(struct aipm_member *m, const unsigned char *p, size_t n);

/*
 * Check the whole data member at p (m->size bytes): structure, CRC32 and
 * ISIZE, and put its m->plain bytes to dst.  false if anything is wrong.
 */
bool aipm_member_unpack(const struct aipm_member *m, struct aipm_codec *c,
    const unsigned char *p, void *dst);

/* Check the structure of a whole empty member. */
bool aipm_member_empty_ok(const struct aipm_member *m, const unsigned char *p);

#endif
