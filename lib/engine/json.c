#include "json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *p = c == '\0' ? NULL : strchr(digits, c);

	if (p == NULL)
		return -1;
	return (int)(p - digits) < 16 ? (int)(p - digits)
	                              : (int)(p - digits) - 6;
}

/* Four digits at s. */
static bool
hex4(const char *s, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(s[i]);

		if (d == -1)
			return false;
		*v = *v << 4 | (uint32_t)d;
	}
	return true;
}

static char *
put_utf8(char *dst, uint32_t c)
{
	if (c < 0x80) {
		*dst++ = (char)c;
		return dst;
	}
	if (c < 0x800) {
		*dst++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*dst++ = (char)(0xe0 | c >> 12);
		} else {
			*dst++ = (char)(0xf0 | c >> 18);
			*dst++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*dst++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*dst++ = (char)(0x80 | (c & 0x3f));
	return dst;
}

/* The code point behind "\u", with the other half of a pair. */
static const char *
take_code(const char *s, uint32_t *c)
{
	uint32_t low;

	if (!hex4(s, c) || *c == 0)
		return NULL;
	s += 4;
	if (*c < 0xd800 || *c > 0xdfff)
		return s;
	if (*c < 0xdc00 && s[0] == '\\' && s[1] == 'u' && hex4(s + 2, &low) &&
	    low >= 0xdc00 && low <= 0xdfff) {
		*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
		return s + 6;
	}
	*c = 0xfffd;
	return s;
}

/* What stands behind a backslash. */
static const char *
take_escape(const char *s, uint32_t *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p;

	if (*s == 'u')
		return take_code(s + 1, c);
	if (*s == '\0' || (p = strchr(from, *s)) == NULL)
		return NULL;
	*c = (uint32_t)to[p - from];
	return s + 1;
}

char *
engine_json_string(const char **s)
{
	const char *p = *s;
	char *text, *dst;
	uint32_t c;

	if (*p++ != '"')
		return NULL;
	/* Decoding never makes a string longer. */
	if ((dst = text = malloc(strlen(p) + 1)) == NULL)
		return NULL;
	while (*p != '"') {
		if ((unsigned char)*p < 0x20) {
			free(text);
			return NULL;
		}
		if (*p != '\\') {
			*dst++ = *p++;
			continue;
		}
		if ((p = take_escape(p + 1, &c)) == NULL) {
			free(text);
			return NULL;
		}
		dst = put_utf8(dst, c);
	}
	*dst = '\0';
	*s = p + 1;
	return text;
}
