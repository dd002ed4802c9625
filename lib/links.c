#include "links.h"

#include <stdlib.h>
#include <string.h>

struct linked {
	uint64_t dev, ino;
	uint64_t left; /* names still to come */
	char *path;
	struct linked *next;
};

/* Where the inode is, or belongs; the table is not empty. */
static struct linked **
place(const struct links *t, uint64_t dev, uint64_t ino)
{
	struct linked **at = &t->v[(ino ^ dev) % t->size];

	while (*at != NULL && ((*at)->ino != ino || (*at)->dev != dev))
		at = &(*at)->next;
	return at;
}

static int
grow(struct links *t)
{
	struct links bigger = { NULL, t->size == 0 ? 1024 : 4 * t->size, t->n };

	bigger.v = calloc(bigger.size, sizeof(*bigger.v));
	if (bigger.v == NULL)
		return -1;
	for (size_t i = 0; i < t->size; i++)
		while (t->v[i] != NULL) {
			struct linked *l = t->v[i];

			t->v[i] = l->next;
			l->next = NULL;
			*place(&bigger, l->dev, l->ino) = l;
		}
	free(t->v);
	*t = bigger;
	return 0;
}

int
links_met(const struct links *t, const struct aipm_entry *e)
{
	return t->size != 0 && *place(t, e->dev, e->ino) != NULL;
}

static int
remember(struct links *t, const struct aipm_entry *e)
{
	struct linked *l;

	if (t->n >= t->size && grow(t) == -1)
		return -1;
	if ((l = malloc(sizeof(*l))) == NULL)
		return -1;
	*l = (struct linked){ .dev = e->dev,
		.ino = e->ino,
		.left = e->nlink - 1,
		.path = strdup(e->path) };
	if (l->path == NULL) {
		free(l);
		return -1;
	}
	*place(t, e->dev, e->ino) = l;
	t->n++;
	return 0;
}

int
links_resolve(struct links *t, struct aipm_entry *e)
{
	struct linked **at, *l;
	char *path;

	if (!links_met(t, e))
		return remember(t, e);
	at = place(t, e->dev, e->ino);
	l = *at;
	path = l->path;
	if (--l->left > 0) {
		if ((path = strdup(l->path)) == NULL)
			return -1;
	} else {
		*at = l->next;
		free(l);
		t->n--;
	}
	free(e->link);
	e->link = path;
	e->type = AIPM_HARDLINK;
	e->size = 0;
	e->major = e->minor = 0;
	return 0;
}

void
links_free(struct links *t)
{
	for (size_t i = 0; i < t->size; i++)
		while (t->v[i] != NULL) {
			struct linked *l = t->v[i];

			t->v[i] = l->next;
			free(l->path);
			free(l);
		}
	free(t->v);
	memset(t, 0, sizeof(*t));
}
