#ifndef AIPM_CATALOG_H
#define AIPM_CATALOG_H

#include "aipm/err.h"
#include "aipm/stamp.h"

#include <stddef.h>
#include <stdint.h>

/*
 * catalog: the backups in one directory.
 */
enum aipm_state {
	AIPM_STATE_COMPLETE, /* footer sound, nothing missing */
	AIPM_STATE_PARTIAL, /* footer sound, files are missing in it */
	AIPM_STATE_UNKNOWN, /* no footer was promised: another tool's */
	AIPM_STATE_DAMAGED /* empty, cut off, or the footer is wrong */
};

struct aipm_backup {
	char *name; /* owned; no directory part */
	struct aipm_stamp stamp;
	uint64_t size; /* bytes on disk, compressed */
	uint64_t entries; /* from the footer; 0 without one */
	enum aipm_state state;
};

struct aipm_catalog {
	struct aipm_backup *v; /* owned; oldest first, ties by name */
	size_t n;
};

/*
 * Fill *c (need not be initialised) from the directory dir (borrowed):
 * regular files whose name is exactly a backup's with that prefix.  Foreign
 * files are skipped; none left is success, n == 0.  A directory that is not
 * there is AIPM_NOMATCH.  Success: the caller releases *c with
 * aipm_catalog_free().  Failure: *c is empty.
 */
int aipm_catalog_read(struct aipm_catalog *c, const char *dir,
    const char *prefix, struct aipm_err *err);

/*
 * The same by hand, for names that come from elsewhere: add a copy of *b
 * (zero *c first), then put all into order.  Several of one name become one,
 * so that nothing is counted twice.
 */
int aipm_catalog_add(
    struct aipm_catalog *c, const struct aipm_backup *b, struct aipm_err *err);
void aipm_catalog_sort(struct aipm_catalog *c);

/*
 * The newest backup of kind AIPM_KIND_BACKUP that is complete (a legacy or
 * foreign one, AIPM_STATE_UNKNOWN, counts only if there is no other), or
 * NULL.
 */
const struct aipm_backup *aipm_catalog_latest(const struct aipm_catalog *c);

/*
 * The time for the next backup's name: the later of now and one second after
 * the newest name in dir, so that a clock that stepped back never makes the
 * new backup the oldest.  A directory that is not there gives now.
 */
int aipm_catalog_next_time(int64_t *taken, const char *dir, const char *prefix,
    int64_t now, struct aipm_err *err);

const char *aipm_state_name(enum aipm_state s);

void aipm_catalog_free(struct aipm_catalog *c);

#endif
