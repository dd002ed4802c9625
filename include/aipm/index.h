#ifndef AIPM_INDEX_H
#define AIPM_INDEX_H

#include "aipm/digest.h"
#include "aipm/entry.h"
#include "aipm/err.h"
#include "aipm/footer.h"
#include "aipm/select.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * index: what an archive of ours holds, in archive order, as a stream of
 * compressed pages; aipm-archive(5) has the layout.
 *
 * The index describes the file member by member:
 *
 *	MEMBER	a data member that holds headers: a group of small entries
 *		with their content, or the header of one chunked file
 *	ENTRY	one of the entries in it, in order
 *	CHUNK	a data member with the next block of the last entry's content
 *	ZEROS	count data members, each one whole block of a hole
 *	PAD	an empty member
 *	END	the data member with the end-of-archive blocks
 *
 * and MISSING and RUN items, which stand anywhere between them.
 */
enum aipm_index_tag {
	AIPM_INDEX_MEMBER = 1,
	AIPM_INDEX_ENTRY = 2,
	AIPM_INDEX_CHUNK = 3,
	AIPM_INDEX_ZEROS = 4,
	AIPM_INDEX_PAD = 5,
	AIPM_INDEX_END = 6,
	AIPM_INDEX_MISSING = 7,
	AIPM_INDEX_RUN = 8
};

struct aipm_index_item {
	enum aipm_index_tag tag;
	/* MEMBER, CHUNK, ZEROS (each), PAD, END: the member in the file. */
	uint64_t offset; /* of the first; set by aipm_index_next() */
	/*
	 * In a thin archive MEMBER and CHUNK may lie elsewhere: then this is
	 * which of its references has it, from 1, and offset is there.
	 */
	uint64_t reference;
	uint64_t size; /* bytes */
	uint32_t crc; /* CRC32 of those bytes */
	uint64_t plain; /* MEMBER, END: bytes of tar in it */
	uint64_t count; /* ZEROS: how many */
	/*
	 * Digests (see treehash.h).  MEMBER: of all its tar; CHUNK: of the
	 * block of content, without padding.
	 */
	unsigned char digest[AIPM_DIGEST_SIZE];
	/* MEMBER: SHA-256 of all header bytes in it, without content. */
	unsigned char headers_digest[AIPM_DIGEST_SIZE];
	/* ENTRY; borrowed. */
	const struct aipm_entry *entry;
	uint64_t headers; /* bytes of header blocks */
	bool chunked; /* its content follows in CHUNK and ZEROS */
	/* CHUNK, ENTRY: holes in the content, absolute, ascending; borrowed. */
	const struct aipm_range *holes;
	size_t nholes;
	/* MISSING: path and reason; RUN: name and value; borrowed. */
	const char *key;
	const char *value;
};

/* Writing. */

struct aipm_index_writer;

/* How well its pages are compressed: it is small beside the data. */
#define AIPM_INDEX_LEVEL 6

/*
 * *w collects pages in an unlinked file in the directory dir, and is released
 * with aipm_index_writer_free().
 */
int aipm_index_writer_new(struct aipm_index_writer **w, const char *dir,
    int level, struct aipm_err *err);

int aipm_index_put(struct aipm_index_writer *w,
    const struct aipm_index_item *it, struct aipm_err *err);

/*
 * End the index: fills index_size, dir_offset, entries and sha256 of *f.
 * Then the index is read back with aipm_index_slice().
 */
int aipm_index_finish(
    struct aipm_index_writer *w, struct aipm_footer *f, struct aipm_err *err);

/* The n bytes at offset of the finished index. */
int aipm_index_slice(struct aipm_index_writer *w, uint64_t offset, void *p,
    size_t n, struct aipm_err *err);

void aipm_index_writer_free(struct aipm_index_writer *w);

/* Reading. */

struct aipm_index;

/* Where the index's bytes come from, in order: exactly n to p. */
typedef int aipm_index_read(void *ctx, void *p, size_t n, struct aipm_err *err);

/*
 * Read an index from read and ctx (borrowed); name (borrowed) is the
 * archive's in messages; offset is where in the archive the index begins,
 * and so where the members that it tells of end.  *x is released with
 * aipm_index_close().
 */
int aipm_index_open(struct aipm_index **x, aipm_index_read *read, void *ctx,
    uint64_t offset, const char *name, struct aipm_err *err);

/* Allow members that lie elsewhere; before the first aipm_index_next(). */
void aipm_index_thin(struct aipm_index *x);

/* The same out of the archive in fd (borrowed, seekable), which may be thin. */
int aipm_index_open_file(struct aipm_index **x, int fd,
    const struct aipm_footer *f, const char *name, struct aipm_err *err);

/*
 * Before the first aipm_index_next() of an index in a file: from now on read
 * only those pages that can tell of what s needs, found by the directory page.
 * They tell of other entries too, and may begin within the members of a
 * chunked file whose entry stands in a page that is not read.  The index as a
 * whole is not checked then, its pages are.
 */
int aipm_index_narrow(
    struct aipm_index *x, const struct aipm_select *s, struct aipm_err *err);

/* As aipm_index_narrow(), but to the RUN and MISSING items. */
int aipm_index_narrow_pairs(struct aipm_index *x, struct aipm_err *err);

/*
 * The next item: 1 with *it (owned by x, good until the next call), 0 when
 * the index has ended, -1.  A page that does not fit its CRC32 or is not
 * well-formed is AIPM_DAMAGED.
 */
int aipm_index_next(struct aipm_index *x, const struct aipm_index_item **it,
    struct aipm_err *err);

/*
 * After aipm_index_next() returned 0: whether what was read agrees with the
 * footer (length, digest, place of the directory, entries).
 */
int aipm_index_check(
    struct aipm_index *x, const struct aipm_footer *f, struct aipm_err *err);

/*
 * Read the whole index of the archive in fd (borrowed, seekable) and check
 * it: 0, or -1.
 */
int aipm_index_verify(int fd, const struct aipm_footer *f, const char *name,
    struct aipm_err *err);

/*
 * Read the bytes of the index only, and compare their digest with the
 * footer's: 0, or -1.
 */
int aipm_index_sound(int fd, const struct aipm_footer *f, const char *name,
    struct aipm_err *err);

/* x may be NULL. */
void aipm_index_close(struct aipm_index *x);

#endif
