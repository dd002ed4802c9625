#ifndef AIPM_RUNINFO_H
#define AIPM_RUNINFO_H

#include "aipm/entry.h"
#include "aipm/err.h"
#include "aipm/index.h"
#include "aipm/release.h"
#include "aipm/stamp.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * runinfo: what one run of the packer knows about itself, as RUN items of
 * the index.  Names and values are text; aipm-archive(5) lists them.
 */
struct aipm_runinfo {
	struct aipm_time start, end; /* CLOCK_REALTIME */
	int64_t start_offset, end_offset; /* aipm_compat_clock_offset() */
	enum aipm_kind kind;
	int level;
	uint64_t missing; /* how many MISSING items there are */
	uint64_t content; /* bytes of content in all files */
	uint64_t read, reused, made; /* see pack.h */
	uint64_t generation; /* 0: nothing came from an earlier archive */
	bool flushed; /* the file systems, behind the start */
	struct aipm_release
	    release; /* what aipm-stop said; proof "": nothing */
};

/* Take the time of the start. */
void aipm_runinfo_begin(struct aipm_runinfo *r);

/* Take the time of the end and put everything. */
int aipm_runinfo_put(
    struct aipm_runinfo *r, struct aipm_index_writer *w, struct aipm_err *err);

/*
 * Read the RUN and MISSING items of the archive in fd (borrowed, seekable);
 * take() returns -1 when there is no memory.
 */
int aipm_runinfo_read(int fd, const struct aipm_footer *f, const char *name,
    int (*take)(void *ctx, const struct aipm_index_item *it), void *ctx,
    struct aipm_err *err);

/* What aipm-stop said when the archive in fd was made. */
int aipm_runinfo_release(struct aipm_release *r, int fd,
    const struct aipm_footer *f, const char *name, struct aipm_err *err);

/* Put one pair more. */
int aipm_runinfo_pair(struct aipm_index_writer *w, const char *name,
    const char *value, struct aipm_err *err);

#endif
