#ifndef AIPM_USTAR_H
#define AIPM_USTAR_H

#include <stddef.h>
#include <stdint.h>

/*
 * ustar: one 512-byte header block (POSIX.1-1988 ustar, and the GNU and v7
 * blocks that look like it) <-> its fields.
 *
 * It stands on libtar's header struct and checksums, or on a few lines of
 * our own where there is no libtar; the bytes are the same.
 */
#define AIPM_USTAR_BLOCK 512
#define AIPM_USTAR_NAME 100 /* longest name and link, no NUL needed */
#define AIPM_USTAR_PREFIX 155
#define AIPM_USTAR_SIZE_MAX UINT64_C(077777777777) /* 8 GiB - 1 */
#define AIPM_USTAR_ID_MAX UINT64_C(07777777)

struct aipm_ustar {
	char name[AIPM_USTAR_NAME + 1];
	char link[AIPM_USTAR_NAME + 1];
	char prefix[AIPM_USTAR_PREFIX + 1]; /* "" but in POSIX blocks */
	char type; /* the typeflag as it stands; v7's NUL becomes '0' */
	uint32_t mode;
	uint64_t uid, gid;
	uint64_t size;
	int64_t mtime; /* seconds since the Epoch */
	uint32_t major, minor;
};

/*
 * Write *u as a POSIX block with empty user and group names.  Numbers that
 * octal digits cannot hold become GNU's base-256.
 */
void aipm_ustar_encode(
    unsigned char block[AIPM_USTAR_BLOCK], const struct aipm_ustar *u);

/*
 * Returns 1 with *u filled, 0 for a block of zeros, -1 if the checksum or a
 * number is wrong.
 */
int aipm_ustar_decode(
    struct aipm_ustar *u, const unsigned char block[AIPM_USTAR_BLOCK]);

/*
 * A number as fields of n bytes have it: octal digits between blanks and
 * NULs, or base-256.  -1 if it is none or does not fit.
 */
int aipm_ustar_number(const unsigned char *field, size_t n, int64_t *v);

#endif
