#include "links.h"

#include <stdlib.h>
#include <string.h>

/*
 * Links come in crowds that share a directory: its path is stored once for
 * all that were met one after the other.
 */
struct place {
	uint64_t refs, dev;
	size_t len;
	char path[]; /* len bytes: of the directory, with its last slash */
};

struct linked {
	struct linked *next;
	struct place *place;
	uint64_t ino;
	uint64_t left; /* names still to come */
	char name[];
};

static void
place_unref(struct place *p)
{
	if (p != NULL && --p->refs == 0)
		free(p);
}

/* The place of the first len bytes of path; it is t's, not the caller's. */
static struct place *
place_of(struct links *t, uint64_t dev, const char *path, size_t len)
{
	struct place *p = t->last;

	if (p != NULL && p->dev == dev && p->len == len &&
	    memcmp(p->path, path, len) == 0)
		return p;
	if ((p = malloc(sizeof(*p) + len)) == NULL)
		return NULL;
	p->refs = 1;
	p->dev = dev;
	p->len = len;
	memcpy(p->path, path, len);
	place_unref(t->last);
	t->last = p;
	return p;
}

static void
linked_free(struct linked *l)
{
	place_unref(l->place);
	free(l);
}

/* Where the inode is, or belongs; the table is not empty. */
static struct linked **
find(const struct links *t, uint64_t dev, uint64_t ino)
{
	struct linked **at = &t->v[(ino ^ dev) % t->size];

	while (*at != NULL && ((*at)->ino != ino || (*at)->place->dev != dev))
		at = &(*at)->next;
	return at;
}

static int
grow(struct links *t)
{
	struct links bigger = *t;

	bigger.size = t->size == 0 ? 256 : 2 * t->size;
	bigger.v = calloc(bigger.size, sizeof(*bigger.v));
	if (bigger.v == NULL)
		return -1;
	for (size_t i = 0; i < t->size; i++)
		while (t->v[i] != NULL) {
			struct linked *l = t->v[i];

			t->v[i] = l->next;
			l->next = NULL;
			*find(&bigger, l->place->dev, l->ino) = l;
		}
	free(t->v);
	*t = bigger;
	return 0;
}

int
links_met(const struct links *t, const struct aipm_entry *e)
{
	return t->size != 0 && *find(t, e->dev, e->ino) != NULL;
}

static int
remember(struct links *t, const struct aipm_entry *e)
{
	const char *slash = strrchr(e->path, '/');
	const char *name = slash == NULL ? e->path : slash + 1;
	size_t n = strlen(name) + 1;
	struct place *p;
	struct linked *l;

	if (t->n >= t->size && grow(t) == -1)
		return -1;
	p = place_of(t, e->dev, e->path, (size_t)(name - e->path));
	if (p == NULL || (l = malloc(sizeof(*l) + n)) == NULL)
		return -1;
	p->refs++;
	l->next = NULL;
	l->place = p;
	l->ino = e->ino;
	l->left = e->nlink - 1;
	memcpy(l->name, name, n);
	*find(t, e->dev, e->ino) = l;
	t->n++;
	return 0;
}

static char *
path_of(const struct linked *l)
{
	size_t n = strlen(l->name) + 1;
	char *path = malloc(l->place->len + n);

	if (path != NULL) {
		memcpy(path, l->place->path, l->place->len);
		memcpy(path + l->place->len, l->name, n);
	}
	return path;
}

int
links_resolve(struct links *t, struct aipm_entry *e)
{
	struct linked **at, *l;
	char *path;

	if (!links_met(t, e))
		return remember(t, e);
	at = find(t, e->dev, e->ino);
	l = *at;
	if ((path = path_of(l)) == NULL)
		return -1;
	if (--l->left == 0) {
		*at = l->next;
		linked_free(l);
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
			linked_free(l);
		}
	free(t->v);
	place_unref(t->last);
	memset(t, 0, sizeof(*t));
}
