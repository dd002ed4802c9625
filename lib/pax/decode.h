#ifndef DECODE_H
#define DECODE_H

#include "aipm/ustar.h"

#include "records.h"

/* What the files of the decoder share. */
struct aipm_pax {
	aipm_pax_read *read;
	const char *name; /* borrowed; the archive's */
	void *ctx;
	struct records global, one;
	struct aipm_buf data; /* of an extended header */
	struct aipm_buf map; /* struct aipm_range, the header's */
	struct aipm_pax_header header;
	bool begun; /* the entry has headers of its own already */
	bool is_pax; /* the archive has shown a pax header */
};

/* Fill *err with AIPM_DAMAGED; returns -1. */
int pax_damaged(
    const struct aipm_pax *p, struct aipm_err *err, const char *what);

/* n bytes of blocks that must be there. */
int pax_must_read(
    struct aipm_pax *p, void *dst, size_t n, struct aipm_err *err);

/* Whether the entry is a sparse file, by its records or its type. */
bool pax_is_sparse(const struct aipm_pax *p, const struct aipm_ustar *u);

/*
 * Fill size and map of a sparse file into p->header, whose stored says how
 * much the archive has; block is the entry's and is overwritten.
 */
int pax_fill_sparse(struct aipm_pax *p, const struct aipm_ustar *u,
    unsigned char block[AIPM_USTAR_BLOCK], struct aipm_err *err);

#endif
