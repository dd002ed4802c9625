#ifndef AIPM_DIGEST_H
#define AIPM_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/*
 * digest: SHA-256 (FIPS 180-4) and CRC32 (RFC 1952), which the codec's
 * engines (lib/codec/) compute.
 */
#define AIPM_DIGEST_SIZE 32

struct aipm_digest;

/* A running digest, released with aipm_digest_free(); NULL: no memory. */
struct aipm_digest *aipm_digest_new(void);
void aipm_digest_add(struct aipm_digest *d, const void *p, size_t n);
/* The digest of all that was added; d starts anew. */
void aipm_digest_take(
    struct aipm_digest *d, unsigned char out[AIPM_DIGEST_SIZE]);
void aipm_digest_free(struct aipm_digest *d);

/* 64 lower-case digits and a NUL. */
void aipm_digest_hex(char dst[2 * AIPM_DIGEST_SIZE + 1],
    const unsigned char d[AIPM_DIGEST_SIZE]);

uint32_t aipm_crc32(uint32_t crc, const void *p, size_t n);

#endif
