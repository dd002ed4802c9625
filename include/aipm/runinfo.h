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
	bool flushed; /* the file systems, behind the start */
	struct aipm_release
	    release; /* what aipm-stop said; proof "": nothing */
};

/* Take the time of the start. */
void aipm_runinfo_begin(struct aipm_runinfo *r);

/* Take the time of the end and put everything. */
int aipm_runinfo_put(
    struct aipm_runinfo *r, struct aipm_index_writer *w, struct aipm_err *err);

/* Put one pair more. */
int aipm_runinfo_pair(struct aipm_index_writer *w, const char *name,
    const char *value, struct aipm_err *err);

#endif
