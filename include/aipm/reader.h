#ifndef AIPM_READER_H
#define AIPM_READER_H

#include "aipm/cancel.h"
#include "aipm/entry.h"
#include "aipm/err.h"
#include "aipm/select.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * reader: an archive as a sequence of entries and their content.
 *
 * One of our archives in a seekable file is read along its index; from a
 * pipe, and every .tar.gz that other tools wrote, it is read serially.  The
 * caller sees no difference but in what is known (see below).  Everything
 * that can be checked is checked before it is handed out or, for what an
 * archive says only at its end, before aipm_reader_next() returns 0.  So:
 * what was taken out of an archive counts only after that 0.
 *
 * A damaged archive gives -1 with the class AIPM_DAMAGED.  No call but
 * aipm_reader_close() is allowed after a -1.
 */
struct aipm_reader;

/* A piece of content, in ascending order of offset. */
struct aipm_piece {
	const void *p; /* borrowed until the next call */
	size_t len; /* > 0 */
	uint64_t offset; /* in the file; bytes skipped are a hole */
	/*
	 * Where the archive's hole map is known: the holes that begin in this
	 * piece, absolute and ascending.  They hold zeros, and may be made
	 * holes again where the bytes really are zero.
	 */
	const struct aipm_range *holes; /* borrowed */
	size_t nholes;
};

/*
 * Where the content of files goes while it is read, past the caller of
 * aipm_reader_data() and from several threads at a time.  Only archives that
 * are read along their index have such files.
 */
struct aipm_reader_place {
	/*
	 * Every entry that is wanted comes by here first, in order.  For a
	 * small file *spot is where it is to be made; NULL for what is not to
	 * be made ahead.  *e is what the index says, not compared yet.  Called
	 * by one thread at a time, which may be ahead of the entry that
	 * aipm_reader_next() returns.
	 */
	void *(*find)(void *ctx, const struct aipm_entry *e);
	/*
	 * Make the sound file, p its content: whether it is made; if not, it
	 * comes in pieces.  From several threads.
	 */
	bool (*make)(void *ctx, void *spot, const struct aipm_entry *e,
	    const void *p, const struct aipm_range *holes, size_t nholes);
	/* The spot is of no use any more.  From several threads. */
	void (*leave)(void *ctx, void *spot);
	/*
	 * A large file whose content comes now: what the others get, or NULL
	 * for one that is to come in pieces after all.  As find().
	 */
	void *(*begin)(void *ctx, const struct aipm_entry *e);
	/*
	 * A piece that is sound; in any order, from several threads: 1, or -1.
	 * Without wait it may also be 0: another one is being put into that
	 * file, and this one has to be put again.
	 */
	int (*put)(void *ctx, void *file, const struct aipm_piece *piece,
	    bool wait, struct aipm_err *err);
	/* Nobody will take the file. */
	void (*drop)(void *ctx, void *file);
	void *ctx;
};

struct aipm_reader_options {
	/*
	 * The entries that are wanted (borrowed); NULL: all.  Others are never
	 * returned, and where there is an index their content is neither read
	 * nor checked, nor are the pages that tell of others only.
	 */
	const struct aipm_select *select;
	/*
	 * Only the entries are of interest: where there is an index, no
	 * content is read or checked.  aipm_reader_data() is not called then.
	 */
	bool entries_only;
	/*
	 * Go on behind damage: what is sound is returned, each loss is said
	 * through warn, and an archive that is cut off ends there.
	 */
	bool salvage;
	unsigned workers; /* threads that inflate; 0: a processor each */
	const struct aipm_reader_place *place; /* borrowed; NULL: nowhere */
	struct aipm_warn warn;
	struct aipm_cancel cancel;
};

/*
 * Begin to read fd (borrowed, at the archive's first byte); name (borrowed)
 * is what messages call it.  *r is released with aipm_reader_close().
 */
int aipm_reader_open(struct aipm_reader **r, int fd, const char *name,
    const struct aipm_reader_options *o, struct aipm_err *err);

/*
 * The next entry: 1 with *e filled (owned by the reader, good until the next
 * call), 0 at the sound end of the archive, -1.  What is left of the content
 * of the entry before is read over and checked.  Paths are as the archive
 * says but for a leading "./", which is taken off: they may be absolute or
 * contain "..", and it is the caller who refuses that.
 */
int aipm_reader_next(
    struct aipm_reader *r, const struct aipm_entry **e, struct aipm_err *err);

/* The next piece of the entry's content: 1, 0 at its end, -1. */
int aipm_reader_data(
    struct aipm_reader *r, struct aipm_piece *piece, struct aipm_err *err);

/*
 * After aipm_reader_data() returned 0: the file in which the entry's content
 * was placed, all of it and instead of being returned in pieces, or NULL.  It
 * is the caller's from then on, and nobody puts to it any more.
 */
void *aipm_reader_take(struct aipm_reader *r);

/* Whether the entry that aipm_reader_next() returned last is made already. */
bool aipm_reader_made(const struct aipm_reader *r);

/*
 * After aipm_reader_next() returned 0: whether the archive says of itself
 * that something was missing when it was made.
 */
bool aipm_reader_incomplete(const struct aipm_reader *r);

/* r may be NULL. */
void aipm_reader_close(struct aipm_reader *r);

#endif
