#ifndef AIPM_NUM_H
#define AIPM_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * num: checked arithmetic and numbers as bytes.
 * The checked functions return false, and leave *out alone, on overflow.
 */
bool aipm_add_u64(uint64_t a, uint64_t b, uint64_t *out);
bool aipm_mul_u64(uint64_t a, uint64_t b, uint64_t *out);

/* Little-endian integers at any alignment. */
void aipm_put_u16(unsigned char *p, uint16_t v);
void aipm_put_u32(unsigned char *p, uint32_t v);
void aipm_put_u64(unsigned char *p, uint64_t v);
uint16_t aipm_get_u16(const unsigned char *p);
uint32_t aipm_get_u32(const unsigned char *p);
uint64_t aipm_get_u64(const unsigned char *p);

/*
 * Varints: 7 bits a byte, least significant first, the high bit set on all
 * but the last (LEB128); signed ones in zigzag form.  At most 10 bytes.
 */
#define AIPM_VARINT_MAX 10
size_t aipm_put_varint(unsigned char p[AIPM_VARINT_MAX], uint64_t v);
/* Bytes taken from the n at p, or 0 if it is cut off or exceeds 64 bits. */
size_t aipm_get_varint(const unsigned char *p, size_t n, uint64_t *v);
uint64_t aipm_zigzag(int64_t v);
int64_t aipm_unzigzag(uint64_t v);

/* A whole decimal string without sign, at most max; false if it is not. */
bool aipm_parse_u64(const char *s, uint64_t max, uint64_t *v);

#endif
