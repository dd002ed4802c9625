#include "aipm/match.h"

#include <stddef.h>
#include <string.h>

/* A byte of a set, its backslash read over. */
static unsigned char
set_byte(const char **g)
{
	if (**g == '\\' && (*g)[1] != '\0')
		(*g)++;
	return (unsigned char)*(*g)++;
}

/*
 * The set whose '[' stands before g: whether c is in it.  *next is set
 * behind its ']', to NULL if there is none.
 */
static bool
in_set(const char *g, const char *end, unsigned char c, const char **next)
{
	bool negated = g < end && (*g == '!' || *g == '^'), found = false;
	const char *first = g + negated;

	*next = NULL;
	for (g = first; g < end && (*g != ']' || g == first);) {
		unsigned char low = set_byte(&g), high = low;

		if (end - g > 1 && g[0] == '-' && g[1] != ']') {
			g++;
			high = set_byte(&g);
		}
		if (c >= low && c <= high)
			found = true;
	}
	if (g < end)
		*next = g + 1;
	return found != negated;
}

/* Whether the one byte c matches what stands at *g, which moves behind. */
static bool
one(const char **g, const char *end, char c)
{
	const char *at = *g, *next;
	bool matched;

	if (*at == '?') {
		*g = at + 1;
		return c != '/';
	}
	if (*at == '[') {
		matched = in_set(at + 1, end, (unsigned char)c, &next);
		if (next != NULL) {
			*g = next;
			return matched && c != '/';
		}
	}
	if (*at == '\\' && at + 1 < end)
		at++;
	*g = at + 1;
	return *at == c;
}

/*
 * Only the last '*' is ever tried again: what an earlier one could take
 * more, the last one can take as well, within one component; and the slashes
 * of both sides pair up in one way only.
 */
static bool
match(const char *g, const char *end, const char *s)
{
	const char *star = NULL, *tried = s;

	for (;;) {
		if (g < end && *g == '*') {
			star = ++g;
			tried = s;
			continue;
		}
		if (*s == '\0' && g == end)
			return true;
		if (*s != '\0' && g < end && one(&g, end, *s)) {
			s++;
			continue;
		}
		if (star == NULL || *tried == '\0' || *tried == '/')
			return false;
		s = ++tried;
		g = star;
	}
}

bool
aipm_match(const char *glob, const char *path)
{
	const char *end = glob + strlen(glob), *slash;

	while (end > glob && end[-1] == '/')
		end--;
	if (memchr(glob, '/', (size_t)(end - glob)) == NULL &&
	    (slash = strrchr(path, '/')) != NULL)
		path = slash + 1;
	return match(glob, end, path);
}
