#ifndef AIPM_REFS_H
#define AIPM_REFS_H

#include "aipm/buf.h"
#include "aipm/entry.h"
#include "aipm/err.h"
#include "aipm/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * refs: earlier archives, out of which a new one may take what has not
 * changed.  None of them is trusted: what is wrong with one is said, and it
 * is left out.
 */
#define AIPM_REFS_MAX 8

struct aipm_refs;

/* A whole data member in one of them. */
struct aipm_place {
	size_t archive; /* 0 ... aipm_refs_count() - 1 */
	uint64_t offset, size;
	uint32_t crc; /* CRC32 of its bytes */
};

/*
 * Open those archives of ours that are usable; a thin one is if its own
 * references are among the others.  warn is told why one is not, or note if
 * another tool made it, which is no damage.
 * *r is released with aipm_refs_close().
 */
int aipm_refs_open(struct aipm_refs **r, const char *const *paths, size_t n,
    const struct aipm_warn *warn, const struct aipm_warn *note,
    struct aipm_err *err);

/* How many archives in a row each took something out of the one before. */
uint64_t aipm_refs_generation(const struct aipm_refs *r);

size_t aipm_refs_count(const struct aipm_refs *r);
/* The SHA-256 of one's index, which tells archives apart. */
const unsigned char *aipm_refs_sha256(const struct aipm_refs *r, size_t i);
const char *aipm_refs_path(const struct aipm_refs *r, size_t i);
int aipm_refs_fd(const struct aipm_refs *r, size_t i);

/* Begin to read one's index; *x is released with aipm_index_close(). */
int aipm_refs_index(const struct aipm_refs *r, size_t i, struct aipm_index **x,
    struct aipm_err *err);

/* Where a MEMBER or CHUNK of that index is; false if it is nowhere. */
bool aipm_refs_find(const struct aipm_refs *r, size_t i,
    const struct aipm_index_item *it, struct aipm_place *place);

/*
 * Append the member to out and compare its CRC32: whether it is sound.  From
 * any thread.
 */
bool aipm_refs_read(const struct aipm_refs *r, const struct aipm_place *place,
    struct aipm_buf *out);

/*
 * Whether a file that is as *now says, and was as *then says when that
 * reference was made, has the same content by its times alone.  They tell
 * nothing
 *   - if one of the two is not older than the beginning of that run, by a
 *     margin: the clock's grain if nobody wrote meanwhile, else 10 s, which is
 *     how long one write may take to arrive behind its own time stamp;
 *   - if that run neither flushed the file system nor knew that nobody wrote:
 *     a page that was dirty already takes stores that move no time;
 *     so with what is frozen meanwhile, which goes on to write;
 *   - if the clock jumped during it, or was set back since;
 *   - if the system was started since: of what was on the disk when it went
 *     down, contents may be newer than times;
 *   - if another user made it, who may have seen fewer attributes;
 *   - if the file system has whole seconds only;
 *   - if that archive says that something of the file is not sound in it.
 */
bool aipm_refs_unchanged(const struct aipm_refs *r, size_t i,
    const struct aipm_entry *now, const struct aipm_entry *then);

/* r may be NULL. */
void aipm_refs_close(struct aipm_refs *r);

#endif
