#ifndef AIPM_EXTRACT_H
#define AIPM_EXTRACT_H

#include "aipm/compat.h"
#include "aipm/entry.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * extract: entries made safely below one directory descriptor.
 *
 * The entries are taken for an enemy's: no symlink is followed on the way,
 * no name leaves the directory, a hard link joins files of the new tree
 * only.  Entries may come in any order, depth first costs least.  Parent
 * directories that no entry names are made, mode 0755.
 *
 * Owner (if asked and able), mode, times, xattrs and ACLs are set when a
 * file is done; a directory's when it is left, again if it is entered again.
 */
struct aipm_extract;

struct aipm_extract_options {
	bool owner; /* chown; a failure of it is a failure */
	bool special; /* devices, set-id bits and file capabilities
				   too; without it they are left out, with a
				   warning */
	bool sparse; /* zeros become holes without a hole map */
	struct aipm_warn warn;
};

/*
 * Begin to extract below dirfd (borrowed), an empty directory of the
 * caller's without a default ACL.  Messages name an entry by its path.
 */
int aipm_extract_open(struct aipm_extract **x, int dirfd,
    const struct aipm_extract_options *o, struct aipm_err *err);

/* Refuse what aipm_extract_begin() would refuse by the entry alone. */
int aipm_extract_check(const struct aipm_entry *e, struct aipm_err *err);

/*
 * Make the entry (borrowed until its end).  For AIPM_FILE the content follows
 * by aipm_extract_write(); every entry ends with aipm_extract_end().  A path
 * that is empty, absolute, contains ".." or passes through something that is
 * no directory is refused with AIPM_DAMAGED, as is a second entry of the
 * same name (but a directory, whose metadata the later one sets).  After a -1
 * nothing of the entry is begun, and another may be.  The path "." is the
 * caller's directory itself, to which nothing is done.
 */
int aipm_extract_begin(
    struct aipm_extract *x, const struct aipm_entry *e, struct aipm_err *err);

/*
 * Content at offset, ascending.  Zeros within a hole of the map (ranges
 * absolute, ascending; n may be 0) are left out, as holes.
 */
int aipm_extract_write(struct aipm_extract *x, uint64_t offset, const void *p,
    size_t len, const struct aipm_range *holes, size_t nholes,
    struct aipm_err *err);

int aipm_extract_end(struct aipm_extract *x, struct aipm_err *err);

/*
 * ahead: a regular file that is filled before its entry is made, in any order
 * and from several threads, while x makes other entries.  It stands under a
 * temporary name in x's directory.
 */
struct aipm_ahead;

/*
 * A file of e->size bytes, all of them a hole, or NULL: why it cannot be made
 * is aipm_extract_begin()'s to say.  One thread at a time.
 */
struct aipm_ahead *aipm_ahead_open(
    const struct aipm_extract *x, const struct aipm_entry *e);

/*
 * As aipm_extract_write(), but in any order and from any thread; a hole of
 * the map lies within the content that it comes with.  1 if that is written.
 * A file takes one writer at a time: while there is another, the call waits,
 * or without wait returns 0 and has written nothing.
 */
int aipm_ahead_write(struct aipm_ahead *a, uint64_t offset, const void *p,
    size_t len, const struct aipm_range *holes, size_t nholes, bool wait,
    struct aipm_err *err);

/* Remove it. */
void aipm_ahead_drop(struct aipm_ahead *a);

/*
 * Make the entry *e out of a, which is taken over also on failure: begin,
 * write and end in one.
 */
int aipm_extract_adopt(struct aipm_extract *x, const struct aipm_entry *e,
    struct aipm_ahead *a, struct aipm_err *err);

/*
 * scout: directories and small files made ahead of their turn, the files from
 * several threads.  It follows the entries in archive order and makes what is
 * plain; all that is not, or fails, is left to aipm_extract_begin(), and so
 * are links, warnings, and what directories are to get.
 */
struct aipm_scout;
struct aipm_spot; /* a directory in which a file is to be made */

/* x is borrowed, and made with the same entries meanwhile or later. */
int aipm_scout_open(
    struct aipm_scout **s, const struct aipm_extract *x, struct aipm_err *err);

/*
 * Meet the next entry, whichever type it has: where it is to be made if it is
 * a file that can be made ahead, else NULL.  One thread at a time.
 */
struct aipm_spot *aipm_scout_find(
    struct aipm_scout *s, const struct aipm_entry *e);

/*
 * Make the file with all its content, the e->size bytes at p, and all that it
 * is to get: whether it is there now.  If not, nothing of it is.  Any thread.
 */
bool aipm_spot_make(struct aipm_spot *spot, const struct aipm_entry *e,
    const void *p, const struct aipm_range *holes, size_t nholes);

/* Any thread; spot may be NULL. */
void aipm_spot_free(struct aipm_spot *spot);

/* s may be NULL; all its spots have been freed. */
void aipm_scout_close(struct aipm_scout *s);

/*
 * Leave all directories and release x (NULL is allowed).  The files are
 * complete only if this returns 0; nothing is flushed to the disk yet.
 */
int aipm_extract_close(struct aipm_extract *x, struct aipm_err *err);

#endif
