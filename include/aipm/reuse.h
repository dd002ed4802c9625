#ifndef AIPM_REUSE_H
#define AIPM_REUSE_H

#include "aipm/buf.h"
#include "aipm/entry.h"
#include "aipm/err.h"
#include "aipm/refs.h"
#include "aipm/volumes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * reuse: the merge of a sorted walk with the sorted indexes of references.
 *
 * Walk and indexes have the same order, so each index is read once and
 * nothing of it is kept but the place where it stands.  What comes out is
 * where a unit's member may be taken from: for certain, because all in it is
 * unchanged, or if what is read now turns out to have the same digest.
 */
struct aipm_source {
	struct aipm_place place;
	uint64_t plain; /* bytes of tar in a group, of content in a chunk */
	/* As in the index. */
	unsigned char digest[AIPM_DIGEST_SIZE];
	unsigned char headers_digest[AIPM_DIGEST_SIZE];
};

struct aipm_sources {
	struct aipm_source v[AIPM_REFS_MAX];
	size_t n;
	int sure; /* the one that is unchanged for certain; -1: none */
};

/* What the references know of one file. */
struct aipm_known {
	bool unchanged; /* in one of them, which told: */
	struct aipm_xattrs xattrs; /* owned, until they are taken */
	bool taken;
	struct aipm_range *holes; /* owned; of a file in a group */
	size_t nholes;
};

void aipm_known_free(struct aipm_known *k);

struct aipm_reuse;

/*
 * refs and volumes are borrowed.  With checksum no times are believed.
 * *r is released with aipm_reuse_close().
 */
int aipm_reuse_open(struct aipm_reuse **r, const struct aipm_refs *refs,
    const struct aipm_volumes *volumes, bool checksum, struct aipm_err *err);

/*
 * The walk found e, which comes behind all before; NULL: it has ended.  *k
 * (zeroed) is filled.  -1: no memory.
 */
int aipm_reuse_find(
    struct aipm_reuse *r, const struct aipm_entry *e, struct aipm_known *k);

/*
 * The entry found last is the one with that number, from 0, in a unit: a
 * group, or a chunked file's headers.
 */
void aipm_reuse_add(struct aipm_reuse *r, size_t number);

/*
 * Where a unit of n entries may be taken from, all of which were added; the
 * next entry may have been found meanwhile.
 */
void aipm_reuse_group(
    struct aipm_reuse *r, size_t n, struct aipm_sources *sources);

/* What comes next of the content of the chunked file found last. */
struct aipm_reuse_chunk {
	struct aipm_sources sources;
	/* If one is sure: its holes, absolute (borrowed until the next call). */
	const struct aipm_range *holes;
	size_t nholes;
	uint64_t zeros; /* unchanged: so many blocks of a hole instead */
};

/*
 * Where its block (numbers ascend) may be taken from.  If the file is
 * unchanged and c->sources.sure is -1 and c->zeros 0, then its reference is
 * not sound, and the rest has to be read.
 */
void aipm_reuse_block(
    struct aipm_reuse *r, uint64_t block, struct aipm_reuse_chunk *c);

/* Say which index was damaged, and so taken from up to there only. */
void aipm_reuse_report(
    const struct aipm_reuse *r, const struct aipm_warn *warn);

/* r may be NULL. */
void aipm_reuse_close(struct aipm_reuse *r);

#endif
