#include "later.h"

#include <stdlib.h>
#include <string.h>

int
laters_add(struct laters *l, const struct aipm_unit *u)
{
	size_t n = u->sources.n * sizeof(*u->sources.v);
	struct later *it;

	if (l->n == l->cap) {
		size_t cap = 2 * l->cap + 64;
		struct later *v = realloc(l->v, cap * sizeof(*v));

		if (v == NULL)
			return -1;
		l->v = v;
		l->cap = cap;
	}
	it = &l->v[l->n];
	memset(it, 0, sizeof(*it));
	if (n != 0) {
		if ((it->sources = malloc(n)) == NULL)
			return -1;
		memcpy(it->sources, u->sources.v, n);
	}
	it->nsources = u->sources.n;
	it->chunked = aipm_chunked_ref(u->chunked);
	it->offset = u->offset;
	it->len = u->len;
	l->n++;
	return 0;
}

void
later_unit(const struct later *l, struct aipm_unit *u)
{
	aipm_unit_clear(u);
	u->kind = AIPM_UNIT_CHUNK;
	u->chunked = aipm_chunked_ref(l->chunked);
	u->offset = l->offset;
	u->len = l->len;
	u->sources.n = l->nsources;
	for (size_t i = 0; i < l->nsources; i++)
		u->sources.v[i] = l->sources[i];
}

void
laters_free(struct laters *l)
{
	for (size_t i = 0; i < l->n; i++) {
		aipm_chunked_unref(l->v[i].chunked);
		free(l->v[i].sources);
	}
	free(l->v);
	memset(l, 0, sizeof(*l));
}
