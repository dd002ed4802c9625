#include "aipm/select.h"

#include "aipm/entry.h"

#include <stdlib.h>
#include <string.h>

/* A path that was asked for, or (given == NULL) a directory above one. */
struct wish {
	char *path; /* owned; no "./" before it, no slash behind it */
	const char *given;
	bool met;
};

struct aipm_select {
	struct wish *v; /* owned */
	size_t n;
};

/* The length of path without slashes at its end; *path loses its "./". */
static size_t
trim(const char **path)
{
	size_t n;

	while ((*path)[0] == '.' && (*path)[1] == '/') {
		++*path;
		while (**path == '/')
			++*path;
	}
	n = strlen(*path);
	while (n > 0 && (*path)[n - 1] == '/')
		n--;
	return n;
}

static int
add(struct aipm_select *s, const char *path, size_t n, const char *given)
{
	struct wish *v = realloc(s->v, (s->n + 1) * sizeof(*v));

	if (v == NULL)
		return -1;
	s->v = v;
	v[s->n] = (struct wish){ .path = strndup(path, n), .given = given };
	return v[s->n].path == NULL ? -1 : (s->n++, 0);
}

/* The path, and every directory above it. */
static int
add_all(struct aipm_select *s, const char *given)
{
	const char *path = given;
	size_t n = trim(&path);

	if (add(s, path, n, given) == -1)
		return -1;
	for (size_t i = 1; i < n; i++)
		if (path[i] == '/' && path[i - 1] != '/' &&
		    add(s, path, i, NULL) == -1)
			return -1;
	return 0;
}

int
aipm_select_new(struct aipm_select **out, const char *const *paths, size_t n,
    struct aipm_err *err)
{
	struct aipm_select *s;

	*out = NULL;
	if (n == 0)
		return 0;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		if (add_all(s, paths[i]) == -1) {
			aipm_select_free(s);
			return aipm_err_nomem(err);
		}
	*out = s;
	return 0;
}

bool
aipm_select_has(const struct aipm_select *s, const char *path)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (s->v[i].given != NULL &&
		    aipm_path_below(path, s->v[i].path))
			return true;
	return s == NULL;
}

bool
aipm_select_needs(const struct aipm_select *s, const char *path)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (s->v[i].given == NULL && strcmp(path, s->v[i].path) == 0)
			return true;
	return aipm_select_has(s, path);
}

static bool
between(const struct wish *w, const char *first, const char *last)
{
	if (last != NULL && aipm_path_compare(last, w->path) < 0)
		return false;
	return aipm_path_compare(first, w->path) <= 0 ||
	       (w->given != NULL && aipm_path_below(first, w->path));
}

bool
aipm_select_between(
    const struct aipm_select *s, const char *first, const char *last)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (between(&s->v[i], first, last))
			return true;
	return s == NULL;
}

void
aipm_select_meet(struct aipm_select *s, const char *path)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (s->v[i].given != NULL &&
		    aipm_path_below(path, s->v[i].path))
			s->v[i].met = true;
}

const char *
aipm_select_unmet(const struct aipm_select *s)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (s->v[i].given != NULL && !s->v[i].met)
			return s->v[i].given;
	return NULL;
}

void
aipm_select_free(struct aipm_select *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	free(s);
}
