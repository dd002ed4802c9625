#include "content.h"
#include "inner.h"
#include "meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* Directories on the way down, and descriptors altogether: of those that the
 * process may have, at most a quarter. */
enum { DEPTH_MAX = 64, SPOTS_MAX = 192, SHARE = 4 };

struct aipm_spot {
	int fd; /* the directory */
	atomic_uint refs;
	struct aipm_scout *scout;
};

struct aipm_scout {
	const struct aipm_extract *x;
	struct aipm_spot *way[DEPTH_MAX]; /* references */
	size_t ends[DEPTH_MAX]; /* of their paths, in path */
	size_t depth;
	char *path; /* of the last entry met; "" before the first */
	bool lost; /* nothing is made ahead any more */
	atomic_uint spots; /* descriptors, those in use elsewhere too, and */
	unsigned spots_max;
};

int
aipm_scout_open(
    struct aipm_scout **out, const struct aipm_extract *x, struct aipm_err *err)
{
	struct aipm_scout *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL || (s->path = strdup("")) == NULL) {
		free(s);
		return aipm_err_nomem(err);
	}
	s->x = x;
	s->spots_max = aipm_compat_nofile() / SHARE;
	if (s->spots_max > SPOTS_MAX)
		s->spots_max = SPOTS_MAX;
	*out = s;
	return 0;
}

/* Takes the descriptor, also on failure. */
static struct aipm_spot *
spot_new(struct aipm_scout *s, int fd)
{
	struct aipm_spot *p = fd == -1 ? NULL : malloc(sizeof(*p));

	if (p == NULL) {
		if (fd != -1)
			(void)close(fd);
		return NULL;
	}
	p->fd = fd;
	p->scout = s;
	atomic_init(&p->refs, 1);
	atomic_fetch_add(&s->spots, 1);
	return p;
}

void
aipm_spot_free(struct aipm_spot *p)
{
	if (p == NULL || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	(void)close(p->fd);
	atomic_fetch_sub(&p->scout->spots, 1);
	free(p);
}

/* Go back up until that many directories are on the way. */
static void
go_up(struct aipm_scout *s, size_t depth)
{
	while (s->depth > depth)
		aipm_spot_free(s->way[--s->depth]);
}

/* How many of the directories on the way are above path. */
static size_t
shared(const struct aipm_scout *s, const char *path)
{
	size_t same = 0, k = 0;

	while (path[same] != '\0' && path[same] == s->path[same])
		same++;
	while (k < s->depth && s->ends[k] <= same && path[s->ends[k]] == '/')
		k++;
	return k;
}

/* How many directories are above path. */
static size_t
depth_of(const char *path)
{
	size_t n = 0;

	for (; (path = strchr(path, '/')) != NULL; path++)
		n++;
	return n;
}

/* Whether e is a hard link to what does not come before it: it is refused, and
 * so must not find its target made ahead. */
static bool
links_forward(const struct aipm_entry *e, const char *path)
{
	char *target;
	bool forward;

	if (e->type != AIPM_HARDLINK)
		return false;
	target = extract_normal(e->link);
	forward = target == NULL || aipm_path_compare(target, path) >= 0;
	free(target);
	return forward;
}

/*
 * Follow the entries to e.  Whether it can be made ahead: the directory above
 * is on the way.  Out of archive order nothing can be any more, because the
 * directory may have been left, with all that it was to get.
 */
static bool
follow(struct aipm_scout *s, const struct aipm_entry *e)
{
	struct aipm_err ignored;
	char *path = s->lost ? NULL : extract_normal(e->path);

	if (path == NULL || strcmp(path, e->path) != 0 ||
	    aipm_extract_check(e, &ignored) == -1 ||
	    aipm_path_compare(s->path, path) >= 0 || links_forward(e, path)) {
		free(path);
		s->lost = true;
		return false;
	}
	go_up(s, shared(s, path));
	free(s->path);
	s->path = path;
	return depth_of(path) == s->depth;
}

static const char *
base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static int
parent_fd(const struct aipm_scout *s)
{
	return s->depth == 0 ? extract_dirfd(s->x) : s->way[s->depth - 1]->fd;
}

/* Make the directory and go down into it, if that can be done. */
static void
enter(struct aipm_scout *s)
{
	const char *name = base(s->path);
	struct aipm_spot *p;

	if (s->depth == DEPTH_MAX || atomic_load(&s->spots) >= s->spots_max ||
	    mkdirat(parent_fd(s), name, S_IRWXU) == -1)
		return;
	p = spot_new(s, openat(parent_fd(s), name,
	                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (p == NULL)
		return;
	s->ends[s->depth] = strlen(s->path);
	s->way[s->depth++] = p;
}

struct aipm_spot *
aipm_scout_find(struct aipm_scout *s, const struct aipm_entry *e)
{
	struct aipm_spot *p;

	if (!follow(s, e))
		return NULL;
	if (e->type == AIPM_DIR)
		enter(s);
	if (e->type != AIPM_FILE || s->depth == 0)
		return NULL;
	p = s->way[s->depth - 1];
	atomic_fetch_add(&p->refs, 1);
	return p;
}

/* A warning is the extract's to give, in its turn. */
static void
note_warning(void *warned, const char *path, const char *text)
{
	(void)path;
	(void)text;
	*(bool *)warned = true;
}

static int
fill(int fd, const struct aipm_entry *e, const struct meta *m, const void *p,
    const struct aipm_range *holes, size_t nholes, bool sparse)
{
	struct content c = {
		.fd = fd, .path = e->path, .size = e->size, .sparse = sparse
	};
	struct target t = { .fd = fd, .path = e->path };
	bool warned = false;
	struct aipm_warn warn = { note_warning, &warned };
	struct aipm_err ignored;

	if (content_write(&c, 0, p, (size_t)e->size, holes, nholes, &ignored) ==
	        -1 ||
	    content_end(&c, &ignored) == -1 ||
	    meta_apply(&t, m, &warn, &ignored) == -1 || warned)
		return -1;
	return 0;
}

/* With what it is to get known: make it, or leave nothing. */
static bool
make(struct aipm_spot *spot, const struct aipm_entry *e, const struct meta *m,
    const void *p, const struct aipm_range *holes, size_t nholes)
{
	const char *name = base(e->path);
	int fd = openat(spot->fd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd == -1)
		return false;
	r = fill(fd, e, m, p, holes, nholes,
	    extract_options(spot->scout->x)->sparse);
	if (close(fd) == 0 && r == 0)
		return true;
	(void)unlinkat(spot->fd, name, 0);
	return false;
}

bool
aipm_spot_make(struct aipm_spot *spot, const struct aipm_entry *e,
    const void *p, const struct aipm_range *holes, size_t nholes)
{
	bool warned = false, made = false;
	struct aipm_extract_options o = *extract_options(spot->scout->x);
	struct aipm_err ignored;
	struct meta m;

	o.warn = (struct aipm_warn){ note_warning, &warned };
	if (meta_from_entry(&m, e, &o, &ignored) == 0 && !warned)
		made = make(spot, e, &m, p, holes, nholes);
	meta_free(&m);
	return made;
}

void
aipm_scout_close(struct aipm_scout *s)
{
	if (s == NULL)
		return;
	go_up(s, 0);
	free(s->path);
	free(s);
}
