#ifndef AIPM_FOOTER_H
#define AIPM_FOOTER_H

#include "aipm/buf.h"
#include "aipm/digest.h"
#include "aipm/err.h"
#include "aipm/member.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * footer: the last member of an archive of ours: where its index is, how
 * long the file has to be.  aipm-archive(5) has the layout.
 */
#define AIPM_FOOTER_SIZE 107 /* bytes of the whole member */

struct aipm_footer {
	bool complete; /* nothing was missing */
	bool thin; /* not whole without its references */
	unsigned minor; /* of the format's version; set by the encoder */
	unsigned block_log2; /* block size = 1 << block_log2 bytes */
	uint64_t index_offset; /* in the file, of the first index member */
	uint64_t index_size; /* bytes of the index, without its members */
	uint64_t dir_offset; /* in the index, of its directory page */
	uint64_t entries;
	uint64_t file_size; /* the archive's, this member included */
	unsigned char sha256[AIPM_DIGEST_SIZE]; /* of the index */
};

/* Append the whole member. */
int aipm_footer_encode(
    struct aipm_buf *out, const struct aipm_footer *f, struct aipm_err *err);

/* -1 if these bytes are no footer of a version that we know. */
int aipm_footer_decode(
    struct aipm_footer *f, const unsigned char src[AIPM_FOOTER_SIZE]);

/*
 * Bytes of the file that an index of that size takes: it is cut into slices
 * of AIPM_INDEX_SLICE bytes, the last one shorter, each in a member.
 */
uint64_t aipm_footer_index_members(uint64_t index_size);

/* AIPM_DAMAGED for a major version that we do not know, and for one of ours
 * that promises no footer. */
int aipm_format_check(
    const struct aipm_format *f, const char *name, struct aipm_err *err);

/*
 * What a seekable archive says of itself.  Returns 1 with *f filled; 0 if
 * its first member promises no footer (another tool's archive); -1 if it
 * promises one that is not there or is wrong (AIPM_DAMAGED: empty, cut off,
 * longer than it says), is no gzip file, or cannot be read.  The file's
 * position is not moved.
 */
int aipm_footer_read(
    struct aipm_footer *f, int fd, const char *name, struct aipm_err *err);

#endif
