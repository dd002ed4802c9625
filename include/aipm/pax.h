#ifndef AIPM_PAX_H
#define AIPM_PAX_H

#include "aipm/buf.h"
#include "aipm/entry.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * pax: entries <-> the header blocks of a tar (POSIX.1-2001 pax interchange
 * format on ustar blocks; on reading also GNU and v7).
 */

/*
 * Append the headers of *e to *out: one ustar block, before it a pax
 * extended header (type x) where ustar cannot say it.  Directories get a
 * slash behind their name.  ctime, ino, dev and nlink are not written.  The
 * same entry always gives the same bytes.
 */
int aipm_pax_encode(
    struct aipm_buf *out, const struct aipm_entry *e, struct aipm_err *err);

/* Bytes of padding behind n bytes of content. */
size_t aipm_pax_padding(uint64_t n);

/*
 * Where the decoder gets blocks: exactly n bytes (a multiple of 512) to p and
 * 0; 1 if the stream is at its sound end before the first of them; -1 with
 * *err.
 */
typedef int aipm_pax_read(void *ctx, void *p, size_t n, struct aipm_err *err);

/* What one set of headers says. */
struct aipm_pax_header {
	struct aipm_entry entry; /* size is the file's, holes included */
	/*
	 * Bytes of content that follow in the archive, without padding; less
	 * than entry.size for a sparse file.
	 */
	uint64_t stored;
	/*
	 * GNU sparse files (old GNU; pax 0.0, 0.1, 1.0): where in the file the
	 * stored bytes belong, ascending, within size, their lengths summing
	 * up to stored.
	 */
	bool sparse;
	struct aipm_range *map; /* owned by the decoder */
	size_t nmap;
	/* Global records stood before it: they hold from here on. */
	bool global;
};

struct aipm_pax;

/* name (borrowed) is the archive's in messages; *p is released with
 * aipm_pax_free(). */
int aipm_pax_new(struct aipm_pax **p, aipm_pax_read *read, void *ctx,
    const char *name, struct aipm_err *err);

/*
 * Read the next set of headers: 1 with *h (owned by the decoder, good until
 * the next call), 0 at the end-of-archive blocks (one block of zeros is
 * enough; it has been read), -1.  The caller has read the content of the
 * entry before, padding included.
 *
 * AIPM_DAMAGED are: a stream that ends without a block of zeros or between
 * an entry's headers, a wrong checksum, a record that is not well-formed, a
 * number out of range, an entry without a name, a link without a target, a
 * file that goes on from another volume, a sparse map that does not fit; and
 * what would take too much memory: more than 16 MiB of headers or 16,384
 * xattrs for one entry, 4 KiB of global records, a sparse map of more than
 * 2^20 ranges.
 *
 * Entries of types that carry no file (GNU volume labels, unknown vendor
 * types) are passed over, their content read; unknown types of no vendor are
 * files (POSIX).  Directories of GNU's incremental archives are directories.
 * The content that pax allows a hard link to repeat has been read over; in an
 * archive without pax headers a hard link's size has no content behind it.
 *
 * A leading "./" is taken off the names, as many as there are, and trailing
 * slashes; "." alone stays.  Records of ACLs as text and of xattrs other than
 * SCHILY.xattr are not read.  An empty SCHILY.xattr record is an empty xattr;
 * any other empty record takes an earlier one back.
 */
int aipm_pax_next(
    struct aipm_pax *p, const struct aipm_pax_header **h, struct aipm_err *err);

void aipm_pax_free(struct aipm_pax *p);

#endif
