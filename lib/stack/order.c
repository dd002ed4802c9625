#include "parts.h"

#include <string.h>

static bool
same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Whether list, "redis:service_started:false,db:...", names service. */
static bool
names(const char *list, const char *service)
{
	size_t n = strlen(service);

	while (*list != '\0') {
		list += strspn(list, " ,");
		if (strcspn(list, ":,") == n && strncmp(list, service, n) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static bool
depends(const struct aipm_container *a, const struct aipm_container *on)
{
	return a != on && a->depends_on != NULL && on->service != NULL &&
	       same_text(a->project, on->project) &&
	       names(a->depends_on, on->service);
}

/* Newest first; ties by name, so that the order is always the same. */
static bool
before(const struct aipm_stopped *a, const struct aipm_stopped *b)
{
	int r = strcmp(b->c->created, a->c->created);

	return r < 0 || (r == 0 && strcmp(a->c->name, b->c->name) < 0);
}

/* Whether none of the n at v needs *m to run. */
static bool
free_to_stop(
    const struct aipm_stopped *v, size_t n, const struct aipm_stopped *m)
{
	for (size_t i = 0; i < n; i++)
		if (depends(v[i].c, m->c))
			return false;
	return true;
}

/* The one of the n at v to stop first.  A circle has none that is free. */
static size_t
first(const struct aipm_stopped *v, size_t n)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (free_to_stop(v, n, &v[i]) &&
		    (best == n || before(&v[i], &v[best])))
			best = i;
	for (size_t i = 0; best == n && i < n; i++)
		if (i == 0 || before(&v[i], &v[best]))
			best = i;
	return best;
}

void
stack_order(struct aipm_stopped *v, size_t n)
{
	for (; n > 1; v++, n--) {
		size_t i = first(v, n);
		struct aipm_stopped m = v[i];

		v[i] = v[0];
		v[0] = m;
	}
}
