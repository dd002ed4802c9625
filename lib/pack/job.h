#ifndef JOB_H
#define JOB_H

#include "aipm/codec.h"
#include "aipm/digest.h"
#include "aipm/refs.h"
#include "aipm/split.h"
#include "aipm/treehash.h"

/*
 * job: one unit on its way through the ring: fetched (fetch.c), then digested
 * and compressed (job.c).
 */

/* What became of one file of a group. */
struct job_file {
	bool left_out; /* it could not be read at all */
	size_t at; /* its headers, in the stretch of tar; behind them: */
	size_t headers, content; /* bytes */
	size_t holes, nholes; /* in the job's array of ranges */
};

struct job {
	struct aipm_unit unit;
	struct job_file *files; /* one for each of the unit's */
	size_t cap;
	struct aipm_buf plain; /* the stretch of tar */
	uint64_t tar; /* bytes of it, also where it is not made */
	bool read; /* it was made of what the tree has now */
	struct aipm_buf member; /* the same, packed; empty for none */
	uint32_t crc; /* of the member */
	bool later; /* nothing was read: it can wait (see later.h) */
	bool taken; /* it is a reference's, and stays there: */
	struct aipm_place from;
	size_t damaged; /* a reference of which a member is, from 1 */
	/* As in the index. */
	unsigned char digest[AIPM_DIGEST_SIZE];
	unsigned char headers_digest[AIPM_DIGEST_SIZE];
	struct aipm_buf holes; /* struct aipm_range, of small files */
};

/* What one worker owns. */
struct job_worker {
	struct aipm_codec *codec;
	struct aipm_digest *headers;
	struct aipm_treehash *tree;
};

struct job_options {
	unsigned block_log2; /* goes into the archive's first member */
	const struct aipm_refs *refs; /* what units have sources in */
	bool check; /* read what is taken, and compare its CRC32 */
	bool defer; /* leave what is staged for later */
};

int job_worker_open(struct job_worker *w, int level, struct aipm_err *err);
void job_worker_close(struct job_worker *w);

/*
 * Take what is unchanged from a reference, else read what the unit names into
 * the stretch of tar.  What cannot be read is noted in unit.notes, and is no
 * failure.
 */
int job_fetch(struct job *j, const struct job_options *o, struct aipm_err *err);

/*
 * Make the member of what was fetched, or take it from a reference that has
 * the same.
 */
int job_work(struct job *j, struct job_worker *w, const struct job_options *o,
    struct aipm_err *err);

/* Take the member from there: whether it is sound. */
bool job_take(
    struct job *j, const struct aipm_source *s, const struct job_options *o);

/* Note that the file changed while it was read. */
int job_note_changed(struct job *j, const char *path, struct aipm_err *err);

void job_free(struct job *j);

#endif
