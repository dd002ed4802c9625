#ifndef AIPM_BUF_H
#define AIPM_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * buf: bytes that grow.  A zeroed struct is an empty buffer.  Pointers into
 * it are good until the next call that may grow it.  Functions return 0, or
 * -1 when there is no memory (the content is then as it was).
 */
struct aipm_buf {
	unsigned char *p;
	size_t len;
	size_t cap;
};

/* Room for n more bytes behind len, which stays. */
int aipm_buf_reserve(struct aipm_buf *b, size_t n);
/* The same, but not more than that: all is to come that ever will. */
int aipm_buf_reserve_exact(struct aipm_buf *b, size_t n);
int aipm_buf_add(struct aipm_buf *b, const void *p, size_t n);
int aipm_buf_add_zeros(struct aipm_buf *b, size_t n);
int aipm_buf_add_u8(struct aipm_buf *b, uint8_t v);
int aipm_buf_add_u32(struct aipm_buf *b, uint32_t v);
int aipm_buf_add_varint(struct aipm_buf *b, uint64_t v);
/* A varint length, then the bytes. */
int aipm_buf_add_counted(struct aipm_buf *b, const void *p, size_t n);
void aipm_buf_free(struct aipm_buf *b);

/* Whether the n bytes at p are all zero. */
bool aipm_all_zero(const void *p, size_t n);

/*
 * A reading position in bytes that somebody else owns.  A read past the end
 * sets bad, gives zeros, and so does every later one: check once at the end.
 */
struct aipm_cursor {
	const unsigned char *p;
	size_t left;
	int bad;
};

uint8_t aipm_cursor_u8(struct aipm_cursor *c);
uint32_t aipm_cursor_u32(struct aipm_cursor *c);
uint64_t aipm_cursor_varint(struct aipm_cursor *c);
/* n bytes in place, or NULL. */
const unsigned char *aipm_cursor_bytes(struct aipm_cursor *c, uint64_t n);
/* A varint length and as many bytes in place, or NULL. */
const unsigned char *aipm_cursor_counted(struct aipm_cursor *c, size_t *n);
/* The same as a new string; NULL (and bad) with a NUL inside or no memory. */
char *aipm_cursor_string(struct aipm_cursor *c);

#endif
