#ifndef AIPM_SPLIT_H
#define AIPM_SPLIT_H

#include "aipm/buf.h"
#include "aipm/err.h"
#include "aipm/reuse.h"
#include "aipm/walk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * split: a walk cut into units, each of which becomes one member (ZEROS:
 * several).
 *
 * A file of at least half a block has its header in a unit of its own and
 * its content on a grid of blocks from the file's start, so that a page
 * written in place touches one unit.  Everything smaller travels in groups,
 * whose borders follow from the paths' hashes and the sizes, so that a new
 * file moves the borders of one group only.
 */
enum aipm_unit_kind {
	AIPM_UNIT_GROUP, /* files: small entries of any type */
	AIPM_UNIT_FILE, /* files: one, its content in the units behind it */
	AIPM_UNIT_CHUNK, /* len bytes of chunked at offset */
	AIPM_UNIT_ZEROS, /* count whole blocks in a hole of chunked */
	AIPM_UNIT_END /* the end-of-archive blocks */
};

/* A chunked file, shared by its units. */
struct aipm_chunked {
	char *path;
	uint64_t size; /* as its header says */
};

/*
 * Its descriptor (the file's own); one that is unchanged is opened here.
 * From any thread.  -1 with errno.
 */
int aipm_chunked_open(struct aipm_chunked *c);

/* The same, but -1 if nobody has opened it. */
int aipm_chunked_opened(struct aipm_chunked *c);

/* Whether it is a clone, which stays as it is and may be read later. */
bool aipm_chunked_staged(const struct aipm_chunked *c);

/* Whether it was opened, and is no more what its header says. */
bool aipm_chunked_changed(struct aipm_chunked *c);

struct aipm_chunked *aipm_chunked_ref(struct aipm_chunked *c);
/* From any thread; NULL is allowed. */
void aipm_chunked_unref(struct aipm_chunked *c);

/* Something that is not as it should be in the archive. */
struct aipm_note {
	char *path; /* owned */
	char *reason; /* owned */
	bool lost; /* missing or not sound; else only worth saying */
};

struct aipm_notes {
	struct aipm_note *v; /* owned */
	size_t n;
};

/* 0, or -1 when there is no memory. */
int aipm_notes_add(
    struct aipm_notes *notes, const char *path, const char *reason, bool lost);
void aipm_notes_clear(struct aipm_notes *notes);

struct aipm_unit {
	enum aipm_unit_kind kind;
	bool first; /* of the archive */
	struct aipm_found *files; /* owned; kept for reuse */
	struct aipm_known *known; /* of each */
	size_t nfiles, cap;
	struct aipm_sources sources; /* whence its member may be taken */
	struct aipm_chunked *chunked; /* a reference */
	uint64_t offset;
	size_t len; /* <= the block size; GROUP: about what its tar takes */
	bool last; /* the file's content ends with it */
	uint64_t count;
	struct aipm_buf holes; /* CHUNK: struct aipm_range, absolute */
	struct aipm_notes notes; /* what the walk missed on the way here */
};

/* Ready the unit for the next use. */
void aipm_unit_clear(struct aipm_unit *u);
void aipm_unit_free(struct aipm_unit *u);

struct aipm_split_options {
	size_t block; /* bytes, a power of two */
	bool (*skip)(void *ctx, const char *path, const struct stat *st);
	void *skip_ctx;
	void (*entered)(void *ctx, int fd, uint64_t dev); /* see walk.h */
	void *entered_ctx;
	struct aipm_reuse *reuse; /* borrowed; NULL: none */
	/*
	 * Clone chunked files that have to be read, where the file system can
	 * share blocks, of so many bytes together and as descriptors allow.
	 */
	uint64_t stage;
};

struct aipm_split;

/* Walk top as name (see aipm_walk_open()). */
int aipm_split_open(struct aipm_split **s, const char *top, const char *name,
    const struct aipm_split_options *o, struct aipm_err *err);

/* Fill *u (cleared) with the next unit: 1, 0 behind AIPM_UNIT_END, -1. */
int aipm_split_next(
    struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err);

void aipm_split_close(struct aipm_split *s);

#endif
