#ifndef AIPM_PRUNE_H
#define AIPM_PRUNE_H

#include "aipm/cancel.h"
#include "aipm/catalog.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * prune: which backups go, and removing them.
 *
 * The rules, the first that fits counts:
 *
 *   legacy        not touched, and takes no place, unless legacy is set; then
 *                 as the others
 *   damaged       kept, and warned about: it may be all that is left.  It
 *                 takes no other backup's place
 *   pre-restore   kept
 *   partial       by its name or its footer: the newest AIPM_PRUNE_PARTIAL
 *                 of them are kept (so the newest one always is, whether or
 *                 not a complete one is newer)
 *   complete      the newest keep_last of them are kept
 *   unknown       (another tool's: nothing proves that it is whole) kept
 *                 while fewer than keep_last complete and unknown ones are
 *                 newer; so it never pushes out a complete one
 *   pinned        kept beyond all that: NAME.pin lies beside it.  It takes
 *                 the place that its age gives it
 */
#define AIPM_PRUNE_KEEP_LAST 10
#define AIPM_PRUNE_PARTIAL 3

enum aipm_rule {
	AIPM_RULE_NONE, /* no rule keeps it: it goes */
	AIPM_RULE_LAST,
	AIPM_RULE_PARTIAL,
	AIPM_RULE_PINNED,
	AIPM_RULE_PRE_RESTORE,
	AIPM_RULE_DAMAGED,
	AIPM_RULE_LEGACY
};

struct aipm_prune_options {
	size_t keep_last; /* > 0 */
	bool legacy;
	bool dry_run; /* remove nothing */
	const char *prefix;
	/*
	 * Each backup that was removed (or, in a dry run, would be), once it
	 * is; path is raw bytes, as the caller named the directory or as the
	 * line stood.
	 */
	void (*removed)(void *ctx, const char *path);
	void *removed_ctx;
	struct aipm_warn warn;
	struct aipm_cancel cancel;
};

/*
 * Decide.  c is in order; pinned and rules have c->n places each.
 * keep_last == 0 is AIPM_USAGE.  As a last check of all the rules a decision
 * that keeps no complete backup, or no unknown one where there are only such,
 * is AIPM_FAILED.  Failure: every rule is set as if all were pinned.
 */
int aipm_prune_decide(enum aipm_rule *rules, const struct aipm_catalog *c,
    const bool *pinned, const struct aipm_prune_options *o,
    struct aipm_err *err);

/*
 * Prune the directory dir, oldest first.  The first removal that fails ends
 * it: AIPM_FAILED if nothing was removed before, else AIPM_HALFWAY, and what
 * was removed has been reported.  A backup that somebody else has removed
 * meanwhile is passed over.  The removals are flushed to the disk.
 */
int aipm_prune_directory(
    const char *dir, const struct aipm_prune_options *o, struct aipm_err *err);

/*
 * Decide for the paths on in, one a line, and report those that are to be
 * removed; nothing is opened or removed.  What stands before a name (as
 * "remote:dir/") is its directory, and each directory is decided by itself.
 * A path ending in .pin pins the backup.  By their names all are complete,
 * partial or, if legacy, unknown.  Lines that are no backup's are skipped.
 */
int aipm_prune_names(
    FILE *in, const struct aipm_prune_options *o, struct aipm_err *err);

#endif
