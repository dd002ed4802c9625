#ifndef AIPM_UNPACK_H
#define AIPM_UNPACK_H

#include "aipm/cancel.h"
#include "aipm/entry.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * unpack: an archive into a directory, all of it or nothing.
 */
struct aipm_unpack_options {
	const char *dir; /* borrowed; where the tree is to appear */
	/*
	 * The entries wanted: those at or below one of these archive paths
	 * (borrowed; a leading "./" and trailing slashes do not count), and
	 * the metadata of the directories above them.  None: all.
	 */
	const char *const *paths;
	size_t npaths;
	bool test; /* check everything, write nothing */
	bool overwrite; /* replace top-level names that exist */
	bool salvage; /* publish what is sound of a damaged one */
	bool owner; /* give files their owner */
	bool special; /* as in struct aipm_extract_options */
	bool sparse; /* likewise */
	unsigned workers; /* 0: as many as processors */
	/*
	 * Called for every entry when it has been made (with test: read), and
	 * at last, before anything is published, with NULL.  -1 with *err
	 * ends the run, and nothing is published.  May be NULL.
	 */
	int (*visit)(
	    void *ctx, const struct aipm_entry *e, struct aipm_err *err);
	void *visit_ctx;
	struct aipm_warn warn;
	struct aipm_cancel cancel;
};

/*
 * Unpack the archive read from fd (borrowed, at its first byte); name
 * (borrowed) is what messages call it.  The tree appears in o->dir, top-level
 * name by top-level name, when all of it has been read and verified.
 *
 * Failure: nothing has been published or changed, but for AIPM_HALFWAY (the
 * text has the command that mends it), and for AIPM_DAMAGED with salvage:
 * then what is sound has been published and the text says so.
 * AIPM_NOMATCH: one of the paths is not in the archive, or it has no entries.
 */
int aipm_unpack(int fd, const char *name, const struct aipm_unpack_options *o,
    struct aipm_err *err);

#endif
