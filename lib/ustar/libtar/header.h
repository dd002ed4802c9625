#ifndef HEADER_H
#define HEADER_H

/* The block as libtar has it: its struct tar_header and its checksums. */

#include <string.h>

#include <libtar.h>

/* libtar's struct holds two pointers behind the block. */
_Static_assert(offsetof(struct tar_header, gnu_longname) == T_BLOCKSIZE,
    "libtar's header is one block");

static inline int
header_sum(const struct tar_header *h)
{
	TAR t;

	memset(&t, 0, sizeof(t));
	t.th_buf = *h;
	return th_crc_calc(&t);
}

static inline int
header_signed_sum(const struct tar_header *h)
{
	TAR t;

	memset(&t, 0, sizeof(t));
	t.th_buf = *h;
	return th_signed_crc_calc(&t);
}

#endif
