#ifndef AIPM_JOURNAL_H
#define AIPM_JOURNAL_H

#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * journal: a durable record of the services that are down because of us.
 *
 * The file is text, one record a line, fields separated by one tab:
 *
 *	aipm-journal	1
 *	container	STATE	WAS	TIMEOUT	ID	ENGINE	NAME
 *	...
 *	end
 *
 * in the order in which they are stopped; they are started in reverse.
 * STATE is "in-progress" (a run is at work, or died: start it again) or
 * "held" (stopped on purpose, until aipm-stop --start); WAS is "running",
 * "paused", or "frozen" (it ran, and was paused instead of stopped); TIMEOUT the seconds for the engine's stop -t, or "-" for the
 * container's own; ENGINE the command that knows ID.  No field holds a
 * control character.  A file without the last line, or of another version,
 * is refused.
 */
struct aipm_journal_entry {
	char *id; /* owned */
	char *name; /* owned */
	char *engine; /* owned */
	int timeout; /* seconds, or -1 */
	bool held;
	bool paused; /* before */
	bool frozen; /* by us */
};

/* A zeroed struct is an empty journal. */
struct aipm_journal {
	struct aipm_journal_entry *v; /* owned; in stop order */
	size_t n;
};

/*
 * Fill *j (need not be initialised) from the file name below dirfd; path is
 * what messages call it.  No such file is success, n == 0.  Success: the
 * caller releases *j with aipm_journal_free().  Failure: *j is empty.
 */
int aipm_journal_read(struct aipm_journal *j, int dirfd, const char *name,
    const char *path, struct aipm_err *err);

/*
 * Make the file say what *j says, durably: written beside, flushed to disk,
 * renamed, and the directory flushed.  An empty journal is no file.
 * Failure: the file is as it was, or, if only the last flush failed, as *j.
 */
int aipm_journal_write(const struct aipm_journal *j, int dirfd,
    const char *name, const char *path, struct aipm_err *err);

/* Add a copy of *e at the end; an entry of the same id goes. */
int aipm_journal_add(struct aipm_journal *j, const struct aipm_journal_entry *e,
    struct aipm_err *err);

/* Remove the entry at index i. */
void aipm_journal_remove(struct aipm_journal *j, size_t i);

/* The index of id's entry, or j->n. */
size_t aipm_journal_find(const struct aipm_journal *j, const char *id);

void aipm_journal_free(struct aipm_journal *j);

#endif
