#ifndef AIPM_PACK_H
#define AIPM_PACK_H

#include "aipm/cancel.h"
#include "aipm/err.h"
#include "aipm/stamp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * pack: a directory into an archive.
 *
 * The same tree gives the same data members whatever the number of workers;
 * only the index knows the run.
 */
struct aipm_pack_options {
	const char *as; /* names the entries; NULL: the directory's own name */
	int level; /* AIPM_LEVEL_MIN to AIPM_LEVEL_MAX */
	unsigned workers; /* 0: as many as processors */
	const char *const *exclude; /* globs, see aipm_match() */
	size_t nexclude;
	enum aipm_kind kind;
	/*
	 * Earlier archives, out of which what has not changed is taken
	 * instead of being read and compressed; at most AIPM_REFS_MAX.
	 */
	const char *const *refs;
	size_t nrefs;
	bool checksum; /* believe no time: read all, and compare digests */
	bool no_clone; /* copy, even where blocks could be shared */
	bool thin; /* leave out what the references have */
	/*
	 * Where aipm-stop waits to hear that all is read (see release.h), or
	 * -1.
	 */
	int release;
	bool covered; /* its proof is about this tree */
	/*
	 * Directories and files that are never packed if they lie in the
	 * tree: the backups.  NULL ends the list; it may be NULL itself.
	 */
	const char *const *avoid;
	/* What is missing or not sound in the archive: status 3. */
	struct aipm_warn warn;
	/* What was left out without being a loss: sockets. */
	struct aipm_warn note;
	struct aipm_cancel cancel;
};

/* What was done. */
struct aipm_pack_sum {
	uint64_t entries;
	uint64_t content; /* bytes of content in all files */
	uint64_t size; /* bytes of the archive */
	uint64_t missing; /* warnings about the tree */
	uint64_t read; /* bytes of tar that were made of what was read */
	uint64_t reused; /* bytes of members taken out of references */
	uint64_t shared; /* bytes of them that lie in shared blocks */
	uint64_t made; /* bytes of members made anew */
};

/*
 * Write the archive of the directory dir to fd (borrowed), which messages
 * call name.  On failure fd holds something that no reader takes for whole.
 */
int aipm_pack_stream(const struct aipm_pack_options *o, const char *dir, int fd,
    const char *name, struct aipm_pack_sum *sum, struct aipm_err *err);

/*
 * Publish it as the file path: all of it, verified, or nothing.  A file that
 * exists is replaced only if force.
 */
int aipm_pack_file(const struct aipm_pack_options *o, const char *dir,
    const char *path, bool force, struct aipm_pack_sum *sum,
    struct aipm_err *err);

/*
 * Publish it as a backup in the directory shelf, under the next name with
 * that prefix; shelf is made, mode 0700, if it is missing.  With anything missing, AIPM_KIND_BACKUP becomes
 * AIPM_KIND_PARTIAL.  *path is the caller's to free.
 */
int aipm_pack_shelf(const struct aipm_pack_options *o, const char *dir,
    const char *shelf, const char *prefix, char **path,
    struct aipm_pack_sum *sum, struct aipm_err *err);

#endif
