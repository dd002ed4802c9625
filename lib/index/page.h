#ifndef PAGE_H
#define PAGE_H

#include "aipm/buf.h"
#include "aipm/index.h"

/*
 * page: what the writer and the reader of the index share.
 *
 *	type u8, stored u32, plain u32, CRC32 of the plain bytes u32;
 *	then stored bytes of raw deflate.
 */
enum page_type {
	PAGE_ENTRIES = 1,
	PAGE_MISSING = 2,
	PAGE_RUN = 3,
	PAGE_DIRECTORY = 255 /* the last */
};

/* The record before a member that lies elsewhere: which reference has it, and
 * its offset there, varints. */
#define TAG_ELSEWHERE 9

#define PAGE_HEAD 13
#define PAGE_TARGET ((size_t)64 << 10) /* plain bytes that end a page */
#define PAGE_MAX ((size_t)64 << 20) /* of stored or plain bytes */

/*
 * An entries page begins with where it is: the file offset of the first
 * member that it tells of, and if it goes on with an entry's chunks, that
 * entry's path (else an empty one),  next chunk's number: offset varint, path
 * counted, size varint, chunk varint.  Then records: tag u8, payload counted.
 * The other pages hold pairs of counted strings; the directory, for each page
 * before it: type u8, offset and size in the index varints, path counted.
 */
/* Append the payload of an item; -1: no memory.  prev is the path of the
 * entry before in this page, or "". */
int record_encode(
    struct aipm_buf *b, const struct aipm_index_item *it, const char *prev);

/*
 * Read the payload of a record of that tag into *it, what it points to into
 * *e and *holes; prev as above.  -1: not well-formed.
 */
int record_decode(struct aipm_index_item *it, struct aipm_entry *e,
    struct aipm_buf *holes, struct aipm_cursor *c, const char *prev);

#endif
