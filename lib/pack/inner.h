#ifndef INNER_H
#define INNER_H

#include "job.h"
#include "later.h"

#include "aipm/index.h"
#include "aipm/pack.h"
#include "aipm/runinfo.h"
#include "aipm/volumes.h"
#include "aipm/writer.h"

/*
 * inner: what the parts of pack share: pack.c walks, reads and compresses,
 * drain.c takes what comes out in order, finish.c makes it an archive.
 */

/* A file or directory that is not packed: an output, the backups. */
struct avoided {
	dev_t dev;
	ino_t ino;
};

struct pack {
	const struct aipm_pack_options *o;
	const char *name; /* of the output */
	struct avoided *avoided;
	size_t navoided;
	struct aipm_volumes volumes;
	struct aipm_refs *refs; /* NULL: none is usable */
	bool blamed[AIPM_REFS_MAX]; /* damage in it was said */
	struct aipm_reuse *reuse;
	struct aipm_split *split;
	struct job_options job;
	struct job_worker *workers;
	unsigned nworkers;
	/*
	 * A whole archive cannot be written before it is known where its
	 * members lie: they go to the spool at first.
	 */
	int spool; /* -1: none is needed */
	struct laters laters;
	size_t at; /* the next of them to be read, */
	size_t at_drained; /* and to come back */
	struct aipm_writer *writer;
	struct aipm_index_writer *index;
	struct aipm_runinfo run;
	struct aipm_pack_sum *sum;
};

/* Take a job that is done; the same of one that could wait. */
int pack_drain(struct pack *p, struct job *j, struct aipm_err *err);
int pack_drain_later(struct pack *p, struct job *j, struct aipm_err *err);

/*
 * What was gathered becomes a whole archive in fd, but for what pack_finish()
 * puts: a second writer and index take the place of the first.
 */
int pack_fill_in(
    struct pack *p, int fd, const char *spool_dir, struct aipm_err *err);

/* The end of the index, and the footer. */
int pack_finish(struct pack *p, struct aipm_err *err);

#endif
