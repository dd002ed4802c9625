#include "aipm/num.h"

bool
aipm_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	if (a > UINT64_MAX - b)
		return false;
	*out = a + b;
	return true;
}

bool
aipm_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	if (b != 0 && a > UINT64_MAX / b)
		return false;
	*out = a * b;
	return true;
}

static void
put(unsigned char *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t
get(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void
aipm_put_u16(unsigned char *p, uint16_t v)
{
	put(p, v, 2);
}

void
aipm_put_u32(unsigned char *p, uint32_t v)
{
	put(p, v, 4);
}

void
aipm_put_u64(unsigned char *p, uint64_t v)
{
	put(p, v, 8);
}

uint16_t
aipm_get_u16(const unsigned char *p)
{
	return (uint16_t)get(p, 2);
}

uint32_t
aipm_get_u32(const unsigned char *p)
{
	return (uint32_t)get(p, 4);
}

uint64_t
aipm_get_u64(const unsigned char *p)
{
	return get(p, 8);
}

size_t
aipm_put_varint(unsigned char p[AIPM_VARINT_MAX], uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (unsigned char)v;
	return n;
}

size_t
aipm_get_varint(const unsigned char *p, size_t n, uint64_t *v)
{
	const unsigned char *at = p;
	const unsigned char *end = p +
	                           (n < AIPM_VARINT_MAX ? n : AIPM_VARINT_MAX);
	unsigned shift = 0;
	uint64_t r = 0;

	for (; at < end; shift += 7) {
		unsigned char byte = *at++;

		r |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) != 0)
			continue;
		/* Of the tenth byte one bit has room. */
		if (shift == 63 && byte > 1)
			return 0;
		*v = r;
		return (size_t)(at - p);
	}
	return 0;
}

uint64_t
aipm_zigzag(int64_t v)
{
	return v < 0 ? 2 * (uint64_t) - (v + 1) + 1 : 2 * (uint64_t)v;
}

int64_t
aipm_unzigzag(uint64_t v)
{
	return (v & 1) != 0 ? -(int64_t)(v >> 1) - 1 : (int64_t)(v >> 1);
}

bool
aipm_parse_u64(const char *s, uint64_t max, uint64_t *v)
{
	uint64_t r = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || !aipm_mul_u64(r, 10, &r) ||
		    !aipm_add_u64(r, (uint64_t)(*s - '0'), &r))
			return false;
	}
	if (r > max)
		return false;
	*v = r;
	return true;
}
