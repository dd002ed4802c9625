#include "field.h"

#include <string.h>

void
ustar_put_number(char *field, size_t n, int64_t v)
{
	if (v >= 0 && ((uint64_t)v >> (3 * (n - 1))) == 0) {
		field[n - 1] = '\0';
		for (size_t i = n - 1; i-- > 0; v >>= 3)
			field[i] = (char)('0' + (v & 7));
		return;
	}
	for (size_t i = n; i-- > 0;) {
		field[i] = (char)(unsigned char)((uint64_t)v & 0xff);
		v = v < 0 ? -((-(v + 1)) >> 8) - 1 : v >> 8;
	}
	field[0] = (char)(unsigned char)((unsigned char)field[0] | 0x80);
}

static int
get_base256(const unsigned char *p, size_t n, int64_t *v)
{
	uint64_t fill = (p[0] & 0x40) != 0 ? UINT64_MAX : 0;
	uint64_t r = fill;

	for (size_t i = 0; i < n; i++) {
		uint64_t byte = p[i];

		if (i == 0)
			byte = (byte & 0x7f) | (fill & 0x80);
		/* What is shifted out, and the sign, must stay the sign. */
		if ((r >> 55) != (fill >> 55))
			return -1;
		r = r << 8 | byte;
	}
	if ((r >> 63) != (fill >> 63))
		return -1;
	*v = fill == 0 ? (int64_t)r : -(int64_t)~r - 1;
	return 0;
}

int
ustar_get_number(const char *field, size_t n, int64_t *v)
{
	uint64_t r = 0;
	size_t i = 0;

	if (((unsigned char)field[0] & 0x80) != 0)
		return get_base256((const unsigned char *)field, n, v);
	while (i < n && field[i] == ' ')
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) {
		if (r >> 60 != 0)
			return -1;
		r = r << 3 | (uint64_t)(field[i] - '0');
	}
	while (i < n && (field[i] == ' ' || field[i] == '\0'))
		i++;
	if (i < n)
		return -1;
	*v = (int64_t)r;
	return 0;
}

void
ustar_get_text(char *dst, const char *field, size_t n)
{
	memcpy(dst, field, n);
	dst[n] = '\0';
}

void
ustar_put_text(char *field, size_t n, const char *src)
{
	size_t len = strlen(src);

	memcpy(field, src, len < n ? len : n);
}
