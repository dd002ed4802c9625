#include "aipm/walk.h"

#include "links.h"

#include "aipm/compat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct aipm_dir {
	int fd;
	atomic_uint refs;
};

/* A directory on the way down: its names, in one block, sorted. */
struct level {
	struct aipm_dir *dir;
	char *block;
	char **names;
	size_t n, next;
	size_t path_len; /* of the directory's path */
};

struct aipm_walk {
	struct aipm_walk_options o;
	struct level *levels;
	size_t depth, cap;
	char *path; /* of the directory walked */
	size_t path_cap;
	struct links links;
	uint64_t dev; /* of the directory entered last */
	bool entered;
	int top; /* descriptor until the top is returned, else -1 */
};

int
aipm_dir_fd(const struct aipm_dir *d)
{
	return d->fd;
}

struct aipm_dir *
aipm_dir_ref(struct aipm_dir *d)
{
	atomic_fetch_add(&d->refs, 1);
	return d;
}

void
aipm_dir_unref(struct aipm_dir *d)
{
	if (d == NULL || atomic_fetch_sub(&d->refs, 1) != 1)
		return;
	(void)close(d->fd);
	free(d);
}

/* Takes the descriptor, also on failure. */
static struct aipm_dir *
dir_new(int fd)
{
	struct aipm_dir *d = malloc(sizeof(*d));

	if (d == NULL) {
		(void)close(fd);
		return NULL;
	}
	d->fd = fd;
	atomic_init(&d->refs, 1);
	return d;
}

void
aipm_found_free(struct aipm_found *f)
{
	aipm_entry_free(&f->entry);
	aipm_dir_unref(f->dir);
	free(f->name);
	if (f->pinned)
		(void)close(f->fd);
	memset(f, 0, sizeof(*f));
}

int
aipm_found_open(struct aipm_found *f, struct stat *st)
{
	int fd = f->pinned ? f->fd
	                   : openat(f->dir->fd, f->name,
	                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	                             O_CLOEXEC);
	int saved;

	f->pinned = false;
	if (fd == -1)
		return -1;
	if (fstat(fd, st) == 0) {
		if (S_ISREG(st->st_mode))
			return fd;
		errno = ESTALE;
	}
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static void
missing(struct aipm_walk *w, const char *path, const char *reason)
{
	if (w->o.left_out != NULL)
		w->o.left_out(w->o.left_out_ctx, path, reason, true);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of the directory, one behind the other, into *block. */
static int
read_block(DIR *d, char **block, size_t *len, size_t *count)
{
	const struct dirent *e;
	size_t cap = 0, n;
	char *p;

	for (errno = 0; (e = readdir(d)) != NULL; errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n = strlen(e->d_name) + 1;
		if (cap - *len < n) {
			cap = 2 * cap + n + 4096;
			if ((p = realloc(*block, cap)) == NULL)
				return -1;
			*block = p;
		}
		memcpy(*block + *len, e->d_name, n);
		*len += n;
		++*count;
	}
	return errno == 0 ? 0 : -1;
}

/* Sort the names of l's block, and drop what readdir gave twice. */
static int
sort_names(struct level *l, size_t len)
{
	size_t i = 0, kept = 0;

	if ((l->names = malloc((l->n + 1) * sizeof(*l->names))) == NULL)
		return -1;
	for (size_t at = 0; at < len; at += strlen(l->block + at) + 1)
		l->names[i++] = l->block + at;
	qsort(l->names, l->n, sizeof(*l->names), by_name);
	for (i = 0; i < l->n; i++)
		if (kept == 0 || strcmp(l->names[kept - 1], l->names[i]) != 0)
			l->names[kept++] = l->names[i];
	l->n = kept;
	return 0;
}

static int
read_names(struct level *l)
{
	size_t len = 0;
	int fd = openat(l->dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	int r, saved;

	if (d == NULL) {
		saved = errno;
		if (fd != -1)
			(void)close(fd);
		errno = saved;
		return -1;
	}
	/* Names that were read before an error still count. */
	r = read_block(d, &l->block, &len, &l->n);
	saved = errno;
	(void)closedir(d);
	if (sort_names(l, len) == -1) {
		l->n = 0;
		saved = ENOMEM;
		r = -1;
	}
	errno = saved;
	return r;
}

static void
level_free(struct level *l)
{
	aipm_dir_unref(l->dir);
	free(l->block);
	free(l->names);
	memset(l, 0, sizeof(*l));
}

/* Room for the level and its path below the present ones. */
static int
reserve(struct aipm_walk *w, size_t path_len)
{
	if (w->depth == w->cap) {
		size_t cap = 2 * w->cap + 16;
		struct level *v = realloc(w->levels, cap * sizeof(*v));

		if (v == NULL)
			return -1;
		w->levels = v;
		w->cap = cap;
	}
	if (path_len >= w->path_cap) {
		size_t cap = 2 * path_len + 256;
		char *p = realloc(w->path, cap);

		if (p == NULL)
			return -1;
		w->path = p;
		w->path_cap = cap;
	}
	return 0;
}

static void
note_device(struct aipm_walk *w, int fd, uint64_t dev)
{
	if (w->o.entered != NULL && (!w->entered || dev != w->dev))
		w->o.entered(w->o.entered_ctx, fd, dev);
	w->entered = true;
	w->dev = dev;
}

/*
 * Go down into dir (the reference is taken), which is e.  What cannot be
 * listed is missing, and that is no failure.
 */
static int
enter(struct aipm_walk *w, struct aipm_dir *dir, const struct aipm_entry *e,
    struct aipm_err *err)
{
	struct level *l;
	const char *path = e->path;
	size_t n = strlen(path);

	if (reserve(w, n) == -1) {
		aipm_dir_unref(dir);
		return aipm_err_nomem(err);
	}
	memmove(w->path, path, n + 1);
	note_device(w, dir->fd, e->dev);
	l = &w->levels[w->depth++];
	memset(l, 0, sizeof(*l));
	l->dir = dir;
	l->path_len = n;
	if (read_names(l) == 0)
		return 0;
	if (errno == ENOMEM)
		return aipm_err_nomem(err);
	if (aipm_err_too_many_open(err, path))
		return -1;
	missing(w, path, strerror(errno));
	return 0;
}

static char *
join(const struct aipm_walk *w, const struct level *l, const char *name)
{
	size_t n = strlen(name);
	char *p = malloc(l->path_len + n + 2);

	if (p == NULL)
		return NULL;
	memcpy(p, w->path, l->path_len);
	p[l->path_len] = '/';
	memcpy(p + l->path_len + 1, name, n + 1);
	return p;
}

/* The target of a symlink; NULL with errno. */
static char *
read_link(int dirfd, const char *name, size_t size)
{
	for (size_t cap = size + 64; cap < SIZE_MAX / 4; cap *= 2) {
		char *p = malloc(cap);
		ssize_t n;

		if (p == NULL)
			return NULL;
		n = readlinkat(dirfd, name, p, cap);
		if (n >= 0 && (size_t)n < cap) {
			p[n] = '\0';
			return p;
		}
		free(p);
		if (n == -1)
			return NULL;
	}
	errno = ENAMETOOLONG;
	return NULL;
}

/*
 * Open the first name of a file that has more: 1, 0 if it cannot be read, and
 * the next name will be the first, -1.
 */
static int
pin(struct aipm_walk *w, struct aipm_found *f, struct aipm_err *err)
{
	struct stat st;
	int fd = aipm_found_open(f, &st);

	if (fd == -1) {
		if (aipm_err_too_many_open(err, f->entry.path))
			return -1;
		missing(w, f->entry.path, strerror(errno));
		return 0;
	}
	f->fd = fd;
	f->pinned = true;
	(void)aipm_entry_from_stat(&f->entry, &st);
	return 1;
}

/*
 * Fill *f for the name in l: 1, 0 if it is left out, -1.
 */
static int
examine(struct aipm_walk *w, struct level *l, const char *name,
    struct aipm_found *f, struct aipm_err *err)
{
	struct stat st;
	int r;

	f->entry.path = join(w, l, name);
	f->name = strdup(name);
	if (f->entry.path == NULL || f->name == NULL)
		return aipm_err_nomem(err);
	if (fstatat(l->dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		missing(w, f->entry.path, strerror(errno));
		return 0;
	}
	if (w->o.skip != NULL && w->o.skip(w->o.skip_ctx, f->entry.path, &st))
		return 0;
	if (aipm_entry_from_stat(&f->entry, &st) == -1) {
		if (w->o.left_out != NULL)
			w->o.left_out(w->o.left_out_ctx, f->entry.path,
			    "a socket: not archived", false);
		return 0;
	}
	if (f->entry.type == AIPM_SYMLINK &&
	    (f->entry.link = read_link(l->dir->fd, name, (size_t)st.st_size)) ==
	        NULL) {
		missing(w, f->entry.path, strerror(errno));
		return 0;
	}
	f->dir = aipm_dir_ref(l->dir);
	if (f->entry.nlink < 2 || f->entry.type == AIPM_DIR)
		return 1;
	if (!links_met(&w->links, &f->entry) && f->entry.type == AIPM_FILE &&
	    (r = pin(w, f, err)) != 1)
		return r;
	return links_resolve(&w->links, &f->entry) == -1 ? aipm_err_nomem(err)
	                                                 : 1;
}

/* Go down into the directory just found. */
static int
descend(struct aipm_walk *w, const struct aipm_found *f, struct aipm_err *err)
{
	int fd = openat(f->dir->fd, f->name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct aipm_dir *dir;

	if (fd == -1 && aipm_err_too_many_open(err, f->entry.path))
		return -1;
	if (fd == -1) {
		missing(w, f->entry.path, strerror(errno));
		return 0;
	}
	if ((dir = dir_new(fd)) == NULL)
		return aipm_err_nomem(err);
	return enter(w, dir, &f->entry, err);
}

int
aipm_walk_open(struct aipm_walk **out, const char *top, const char *name,
    const struct aipm_walk_options *o, struct aipm_err *err)
{
	struct aipm_walk *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return aipm_err_nomem(err);
	w->o = *o;
	w->path = strdup(name);
	w->top = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->top == -1) {
		(void)aipm_err_path(
		    err, AIPM_FAILED, top, "cannot open the directory");
		aipm_walk_close(w);
		return -1;
	}
	if (w->path == NULL) {
		aipm_walk_close(w);
		return aipm_err_nomem(err);
	}
	w->path_cap = strlen(name) + 1;
	*out = w;
	return 0;
}

/* The top itself, and into it. */
static int
first(struct aipm_walk *w, struct aipm_found *f, struct aipm_err *err)
{
	struct stat st;
	struct aipm_dir *dir;
	int fd = w->top;

	w->top = -1;
	if ((dir = dir_new(fd)) == NULL)
		return aipm_err_nomem(err);
	f->entry.path = strdup(w->path);
	if (f->entry.path == NULL || fstat(fd, &st) == -1) {
		aipm_dir_unref(dir);
		return aipm_err_path(err, AIPM_FAILED, w->path, "cannot stat");
	}
	(void)aipm_entry_from_stat(&f->entry, &st);
	f->dir = aipm_dir_ref(dir);
	if ((f->name = strdup(".")) == NULL) {
		aipm_dir_unref(dir);
		return aipm_err_nomem(err);
	}
	return enter(w, dir, &f->entry, err) == -1 ? -1 : 1;
}

int
aipm_walk_next(struct aipm_walk *w, struct aipm_found *f, struct aipm_err *err)
{
	int r;

	memset(f, 0, sizeof(*f));
	if (w->top != -1)
		return first(w, f, err);
	while (w->depth > 0) {
		struct level *l = &w->levels[w->depth - 1];

		if (l->next == l->n) {
			level_free(l);
			w->depth--;
			continue;
		}
		w->path[l->path_len] = '\0';
		r = examine(w, l, l->names[l->next++], f, err);
		if (r == 1 && f->entry.type == AIPM_DIR &&
		    descend(w, f, err) == -1)
			r = -1;
		if (r == 1)
			return 1;
		aipm_found_free(f);
		if (r == -1)
			return -1;
	}
	return 0;
}

void
aipm_walk_close(struct aipm_walk *w)
{
	if (w == NULL)
		return;
	while (w->depth > 0)
		level_free(&w->levels[--w->depth]);
	if (w->top != -1)
		(void)close(w->top);
	links_free(&w->links);
	free(w->levels);
	free(w->path);
	free(w);
}
