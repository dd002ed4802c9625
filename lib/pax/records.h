#ifndef RECORDS_H
#define RECORDS_H

#include "aipm/buf.h"
#include "aipm/pax.h"

#include <stdbool.h>

#define SPARSE_MAP_MAX ((size_t)1 << 20) /* ranges of one file */

/*
 * records: what the headers before an entry's block have said of it: pax
 * extended headers, GNU long names, sparse maps.
 */
struct records {
	char *path, *link; /* owned; NULL: not said */
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size, uid, gid;
	struct aipm_time mtime;
	struct aipm_xattrs xattrs;
	/* GNU sparse files: */
	char *sparse_name; /* the real path, in 0.1 and 1.0 */
	bool sparse; /* with a map here: 0.0, 0.1 */
	uint64_t major, minor; /* 1.0: the map stands before the data */
	bool has_real_size;
	uint64_t real_size;
	bool has_offset; /* 0.0: an offset waits for its length */
	uint64_t offset;
	struct aipm_buf map; /* struct aipm_range */
	bool continued; /* GNU multi-volume: not the file's beginning */
};

/* A copy of *from over *to; -1: no memory. */
int records_copy(struct records *to, const struct records *from);
void records_clear(struct records *r);
/* Bytes of memory that they hold, about. */
uint64_t records_weight(const struct records *r);

/*
 * Take the n bytes of an extended header.  -1 if they are not well-formed;
 * *nomem tells whether it was memory.
 */
int records_parse(struct records *r, const char *p, size_t n, bool *nomem);

#endif
