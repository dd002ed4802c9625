#include "aipm/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t
aipm_utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, low, high, n;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (s[1] < forms[i].low || s[1] > forms[i].high)
			return 0;
		for (size_t k = 2; k < forms[i].n; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].n;
	}
	return 0;
}

/* U+0080..U+009F are controls, U+202A..U+202E and U+2066..U+2069 reorder
 * what follows on the screen. */
static bool
misleading(const unsigned char *s, size_t n)
{
	if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0)
		return true;
	if (n != 3 || s[0] != 0xe2)
		return false;
	return (s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
	       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

/* Whether c stands for itself, by itself. */
static bool
plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\';
}

/* Put the shown form of what stands at s into out; returns the bytes taken
 * from s and sets *len to the bytes put. */
static size_t
escape_one(const unsigned char *s, char out[8], size_t *len)
{
	size_t n;
	const char *at;
	static const char from[] = "\n\t\r\\", to[] = "ntr\\";

	if (plain(*s)) {
		out[0] = (char)*s;
		*len = 1;
		return 1;
	}
	if ((n = aipm_utf8_length(s)) != 0 && !misleading(s, n)) {
		memcpy(out, s, n);
		*len = n;
		return n;
	}
	out[0] = '\\';
	if ((at = strchr(from, (char)*s)) != NULL) {
		out[1] = to[at - from];
		*len = 2;
		return 1;
	}
	out[1] = (char)('0' + (*s >> 6));
	out[2] = (char)('0' + ((*s >> 3) & 7));
	out[3] = (char)('0' + (*s & 7));
	*len = 4;
	return 1;
}

size_t
aipm_escape_plain(const char *src)
{
	const char *s = src;

	while (plain((unsigned char)*s))
		s++;
	return (size_t)(s - src);
}

void
aipm_escape(char *dst, size_t cap, const char *src)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t at = 0, safe = 0, n;
	char one[8];

	while (*s != '\0') {
		s += escape_one(s, one, &n);
		if (at + n + 1 > cap) {
			memcpy(dst + safe, "...", 4);
			return;
		}
		memcpy(dst + at, one, n);
		at += n;
		if (at + 4 <= cap)
			safe = at;
	}
	dst[at] = '\0';
}

char *
aipm_escape_dup(const char *src)
{
	size_t n = strlen(src);
	char *p;

	if (n > (SIZE_MAX - 8) / 4 || (p = malloc(4 * n + 8)) == NULL)
		return NULL;
	aipm_escape(p, 4 * n + 8, src);
	return p;
}
