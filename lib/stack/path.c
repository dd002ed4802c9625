#include "parts.h"

#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

/* An absolute path without ".", ".." and doubled slashes, by its text; new
 * memory or NULL. */
static char *
normalise(const char *path)
{
	char *dst = malloc(strlen(path) + 2), *end = dst;

	if (dst == NULL)
		return NULL;
	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0) {
			while (end > dst && *--end != '/')
				continue;
		} else if (n != 0 && !(n == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, n);
			end += n;
		}
		path += n + (path[n] == '/');
	}
	if (end == dst)
		*end++ = '/';
	*end = '\0';
	return dst;
}

static char *
join(const char *real, const char *rest)
{
	size_t n = strlen(real), len = strlen(rest);
	char *s = malloc(n + len + 1);

	if (s == NULL)
		return NULL;
	if (n == 1 && len != 0)
		n = 0; /* the root's slash is rest's own */
	memcpy(s, real, n);
	memcpy(s + n, rest, len + 1);
	return s;
}

/* The path with the symlinks resolved in the part of it that exists; new
 * memory or NULL. */
static char *
resolve(const char *path)
{
	char *s = normalise(path), *head, *real = NULL, *slash, *out = NULL;

	if (s == NULL || (head = strdup(s)) == NULL) {
		free(s);
		return NULL;
	}
	while ((real = realpath(head, NULL)) == NULL &&
	       (slash = strrchr(head, '/')) != NULL && slash != head)
		*slash = '\0';
	out = real == NULL ? strdup(s) : join(real, s + strlen(head));
	free(real);
	free(head);
	free(s);
	return out;
}

static bool
same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
text_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (n == 1)
		return true;
	return strncmp(path, top, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}

/* Whether path, or a directory above it, is the directory *top; path is
 * shortened. */
static bool
inode_below(char *path, const struct stat *top)
{
	struct stat st;
	char *slash;

	for (;;) {
		if (stat(path, &st) == 0 && same_inode(&st, top))
			return true;
		if ((slash = strrchr(path, '/')) == NULL)
			return false;
		if (slash == path) {
			if (path[1] == '\0')
				return false;
			slash++;
		}
		*slash = '\0';
	}
}

bool
stack_below(const char *path, const char *top)
{
	char *p = resolve(path), *t = resolve(top);
	struct stat st;
	bool yes = false;

	if (p != NULL && t != NULL)
		yes = text_below(p, t) ||
		      (stat(t, &st) == 0 && inode_below(p, &st));
	free(p);
	free(t);
	return yes;
}

bool
stack_same(const char *a, const char *b)
{
	char *x = resolve(a), *y = resolve(b);
	struct stat s, t;
	bool yes = false;

	if (x != NULL && y != NULL)
		yes = strcmp(x, y) == 0 ||
		      (stat(x, &s) == 0 && stat(y, &t) == 0 &&
		          same_inode(&s, &t));
	free(x);
	free(y);
	return yes;
}

static bool
touches(const char *path, const char *dir)
{
	return path != NULL && *path == '/' &&
	       (stack_below(path, dir) || stack_below(dir, path));
}

const char *
stack_mount_touches(const struct aipm_mount *m, const char *dir)
{
	if (touches(m->device, dir))
		return m->device;
	return touches(m->source, dir) ? m->source : NULL;
}
