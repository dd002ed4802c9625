#ifndef PART_H
#define PART_H

#include "aipm/buf.h"
#include "aipm/codec.h"
#include "aipm/index.h"
#include "aipm/reader.h"
#include "aipm/treehash.h"

/*
 * part: a data member of an archive of ours, or a run of equal ones, on its
 * way through the ring: told by the index, read, inflated, compared with what
 * the index says of it.
 */

/* One entry of a member with headers, as the index has it. */
struct claim {
	struct aipm_entry entry; /* owned */
	uint64_t headers; /* bytes */
	bool chunked;
	bool wanted;
	struct aipm_range *holes; /* owned */
	size_t nholes;
	void *spot; /* where it is to be made ahead (aipm_reader_place) */
	bool made;
	size_t at; /* where in the member its content begins; set by
		      part_check() */
};

/* A claim that is being made ahead does not come here: see part_clear(). */
void claim_free(struct claim *c);

struct part {
	struct aipm_index_item item; /* any that tells of a member, without
					what it borrows from the index */
	struct claim *claims; /* MEMBER: owned */
	size_t nclaims, cap;
	/* CHUNK and ZEROS: */
	uint64_t at; /* where in the file; the length of ZEROS is */
	uint64_t len; /* count blocks */
	struct aipm_buf holes; /* struct aipm_range */
	/*
	 * Where the content of the chunked file goes (aipm_reader_place), or
	 * NULL.  A MEMBER that owns it gives it up to who takes it.
	 */
	void *file;
	bool placed; /* it is there */
	/* The bytes: */
	struct aipm_buf packed, plain;
	/*
	 * What is wrong with it: a fault of the archive, met in the claim
	 * number faulty if it has claims; or a failure.
	 */
	const char *fault;
	size_t faulty;
	bool failed;
	struct aipm_err err;
};

/* Where parts come from and go to; shared by all who work on them. */
struct part_source {
	int fd;
	const char *name;
	uint64_t block; /* bytes */
	const struct aipm_reader_place *place; /* NULL: nowhere */
};

/* What one of the workers owns. */
struct part_worker {
	const struct part_source *source;
	struct aipm_codec *codec;
	struct aipm_digest *headers;
	struct aipm_treehash *tree;
	const struct part *part; /* whose headers are being read, and */
	size_t pos; /* how far */
};

int part_worker_open(struct part_worker *w, const struct part_source *source,
    struct aipm_err *err);
void part_worker_close(struct part_worker *w);

/*
 * Too large to be one of many in memory at a time: to be read when it is its
 * turn.  An archive of the usual block size has none.
 */
bool part_is_large(const struct part *p);

/* Read its bytes; what is wrong stands in the part. */
void part_fetch(struct part *p, const struct part_source *source);

/*
 * Check them all, make what can be made ahead, and put a sound CHUNK where it
 * is placed, if that can be done at once; what is wrong stands in the part.
 */
void part_check(struct part *p, struct part_worker *w);

/* Put a sound CHUNK where it is placed, unless it is there. */
void part_place(
    struct part *p, const struct aipm_reader_place *place, bool wait);

/* The content of a CHUNK that is sound. */
void part_piece(const struct part *p, struct aipm_piece *piece);

/* Ready p for the next use; a file that it owns is dropped. */
void part_clear(struct part *p, const struct part_source *source);
void part_free(struct part *p, const struct part_source *source);

#endif
