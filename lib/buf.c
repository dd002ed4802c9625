#include "aipm/buf.h"

#include "aipm/num.h"

#include <stdlib.h>
#include <string.h>

static int
resize(struct aipm_buf *b, size_t cap)
{
	unsigned char *p = realloc(b->p, cap);

	if (p == NULL)
		return -1;
	b->p = p;
	b->cap = cap;
	return 0;
}

int
aipm_buf_reserve(struct aipm_buf *b, size_t n)
{
	size_t cap = b->cap < 256 ? 256 : b->cap;

	if (n <= b->cap - b->len)
		return 0;
	if (n > SIZE_MAX / 2 - b->len)
		return -1;
	while (cap < b->len + n)
		cap += cap / 2;
	return resize(b, cap);
}

int
aipm_buf_reserve_exact(struct aipm_buf *b, size_t n)
{
	if (n <= b->cap - b->len)
		return 0;
	return n > SIZE_MAX / 2 - b->len ? -1 : resize(b, b->len + n);
}

int
aipm_buf_add(struct aipm_buf *b, const void *p, size_t n)
{
	if (aipm_buf_reserve(b, n) == -1)
		return -1;
	if (n != 0)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	return 0;
}

int
aipm_buf_add_zeros(struct aipm_buf *b, size_t n)
{
	if (aipm_buf_reserve(b, n) == -1)
		return -1;
	if (n != 0)
		memset(b->p + b->len, 0, n);
	b->len += n;
	return 0;
}

int
aipm_buf_add_u8(struct aipm_buf *b, uint8_t v)
{
	return aipm_buf_add(b, &v, 1);
}

int
aipm_buf_add_u32(struct aipm_buf *b, uint32_t v)
{
	unsigned char p[4];

	aipm_put_u32(p, v);
	return aipm_buf_add(b, p, sizeof(p));
}

int
aipm_buf_add_varint(struct aipm_buf *b, uint64_t v)
{
	unsigned char p[AIPM_VARINT_MAX];

	return aipm_buf_add(b, p, aipm_put_varint(p, v));
}

int
aipm_buf_add_counted(struct aipm_buf *b, const void *p, size_t n)
{
	size_t len = b->len;

	if (aipm_buf_add_varint(b, n) == -1)
		return -1;
	if (aipm_buf_add(b, p, n) == -1) {
		b->len = len;
		return -1;
	}
	return 0;
}

void
aipm_buf_free(struct aipm_buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

bool
aipm_all_zero(const void *p, size_t n)
{
	const unsigned char *at = p;

	return n == 0 || (at[0] == 0 && memcmp(at, at + 1, n - 1) == 0);
}

const unsigned char *
aipm_cursor_bytes(struct aipm_cursor *c, uint64_t n)
{
	const unsigned char *p = c->p;

	if (c->bad || n > c->left) {
		c->bad = 1;
		return NULL;
	}
	c->p += n;
	c->left -= (size_t)n;
	return p;
}

uint8_t
aipm_cursor_u8(struct aipm_cursor *c)
{
	const unsigned char *p = aipm_cursor_bytes(c, 1);

	return p == NULL ? 0 : *p;
}

uint32_t
aipm_cursor_u32(struct aipm_cursor *c)
{
	const unsigned char *p = aipm_cursor_bytes(c, 4);

	return p == NULL ? 0 : aipm_get_u32(p);
}

uint64_t
aipm_cursor_varint(struct aipm_cursor *c)
{
	uint64_t v;
	size_t n;

	/* The half of them. */
	if (!c->bad && c->left > 0 && *c->p < 0x80) {
		c->left--;
		return *c->p++;
	}
	if (c->bad || (n = aipm_get_varint(c->p, c->left, &v)) == 0) {
		c->bad = 1;
		return 0;
	}
	c->p += n;
	c->left -= n;
	return v;
}

const unsigned char *
aipm_cursor_counted(struct aipm_cursor *c, size_t *n)
{
	uint64_t len = aipm_cursor_varint(c);
	const unsigned char *p = aipm_cursor_bytes(c, len);

	*n = p == NULL ? 0 : (size_t)len;
	return p;
}

char *
aipm_cursor_string(struct aipm_cursor *c)
{
	size_t n;
	const unsigned char *p = aipm_cursor_counted(c, &n);
	char *s;

	if (p == NULL)
		return NULL;
	if (memchr(p, '\0', n) != NULL || (s = malloc(n + 1)) == NULL) {
		c->bad = 1;
		return NULL;
	}
	memcpy(s, p, n);
	s[n] = '\0';
	return s;
}
