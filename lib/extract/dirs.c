#include "dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum { MAX_OPEN = 64 };

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct level {
	int fd; /* -1: closed for the sake of deeper ones */
	dev_t dev; /* which it was, while it is closed */
	ino_t ino;
	size_t path_len;
	struct meta meta; /* to be set when it is left */
};

struct dirs {
	int root;
	struct aipm_warn warn;
	struct level *v; /* from below the root to the present one */
	size_t n, cap;
	size_t first_open; /* v[first_open..n) are open */
	char *path; /* of the present one */
	size_t path_cap;
};

int
dirs_new(struct dirs **out, int rootfd, const struct aipm_warn *warn,
    struct aipm_err *err)
{
	struct dirs *d = calloc(1, sizeof(*d));

	*out = d;
	if (d == NULL || (d->path = calloc(1, 1)) == NULL) {
		free(d);
		*out = NULL;
		return aipm_err_nomem(err);
	}
	d->path_cap = 1;
	d->root = rootfd;
	d->warn = *warn;
	return 0;
}

int
dirs_fd(const struct dirs *d)
{
	return d->n == 0 ? d->root : d->v[d->n - 1].fd;
}

void
dirs_set_meta(struct dirs *d, struct meta *m)
{
	struct level *l = &d->v[d->n - 1];

	meta_free(&l->meta);
	l->meta = *m;
	memset(m, 0, sizeof(*m));
}

/* Room for one level more, whose path has len bytes. */
static int
reserve(struct dirs *d, size_t len)
{
	if (d->n == d->cap) {
		size_t cap = 2 * d->cap + 16;
		struct level *v = realloc(d->v, cap * sizeof(*v));

		if (v == NULL)
			return -1;
		d->v = v;
		d->cap = cap;
	}
	if (len >= d->path_cap) {
		size_t cap = 2 * len + 256;
		char *p = realloc(d->path, cap);

		if (p == NULL)
			return -1;
		d->path = p;
		d->path_cap = cap;
	}
	return 0;
}

/* Close the outermost open directory if there are many. */
static int
close_one(struct dirs *d, struct aipm_err *err)
{
	struct level *l = &d->v[d->first_open];
	struct stat st;

	if (d->n - d->first_open < MAX_OPEN)
		return 0;
	if (fstat(l->fd, &st) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, d->path, "cannot examine");
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	(void)close(l->fd);
	l->fd = -1;
	d->first_open++;
	return 0;
}

/*
 * Open the directory above the present one again, by the latter's "..":
 * walking down again from the root would cost the square of the depth.
 */
static int
reopen_above(struct dirs *d)
{
	struct level *l;
	struct stat st;
	int fd;

	if (d->n < 2 || d->first_open < d->n - 1)
		return 0;
	l = &d->v[d->n - 2];
	if ((fd = openat(dirs_fd(d), "..", OPEN_DIR)) == -1)
		return -1;
	if (fstat(fd, &st) == -1 || st.st_dev != l->dev ||
	    st.st_ino != l->ino) {
		(void)close(fd);
		errno = ESTALE; /* somebody moves directories under us */
		return -1;
	}
	l->fd = fd;
	d->first_open--;
	return 0;
}

/* Forget the present directory. */
static void
drop(struct dirs *d)
{
	struct level *l = &d->v[--d->n];

	if (l->fd != -1)
		(void)close(l->fd);
	meta_free(&l->meta);
	if (d->first_open > d->n)
		d->first_open = d->n;
	d->path[d->n == 0 ? 0 : d->v[d->n - 1].path_len] = '\0';
}

/* Leave the present directory: it gets its metadata. */
static int
leave(struct dirs *d, struct aipm_err *err)
{
	struct level *l = &d->v[d->n - 1];
	struct target t = { .fd = l->fd, .path = d->path };
	int r;

	if (l->fd == -1 || reopen_above(d) == -1)
		r = aipm_err_path(err, AIPM_FAILED, d->path,
		    "cannot go back to the directory above");
	else
		r = meta_apply(&t, &l->meta, &d->warn, err);
	drop(d);
	return r;
}

/* What the directory has now, to be given back when it is left. */
static void
keep_meta(struct meta *m, const struct stat *st)
{
	memset(m, 0, sizeof(*m));
	m->mode = st->st_mode & 07777;
	m->times = true;
	m->mtime.sec = st->st_mtim.tv_sec;
	m->mtime.nsec = (uint32_t)st->st_mtim.tv_nsec;
}

/* The directory name exists: open it, as open as it must be. */
static int
open_known(struct dirs *d, const char *name, const struct stat *st,
    struct level *l, struct aipm_err *err)
{
	int dir = dirs_fd(d);

	if (!S_ISDIR(st->st_mode))
		return aipm_err_file(err, AIPM_DAMAGED, d->path,
		    "refused: its path passes through something that is no "
		    "directory");
	keep_meta(&l->meta, st);
	if ((st->st_mode & S_IRWXU) != S_IRWXU &&
	    fchmodat(dir, name, S_IRWXU, 0) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, d->path, "cannot open up the directory");
	if ((l->fd = openat(dir, name, OPEN_DIR)) == -1 ||
	    aipm_compat_default_acl_take(l->fd, &l->meta.xattrs) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, d->path, "cannot open the directory");
	return 0;
}

static int
make_new(
    struct dirs *d, const char *name, struct level *l, struct aipm_err *err)
{
	int dir = dirs_fd(d);

	l->meta.mode = 0755;
	if (mkdirat(dir, name, S_IRWXU) == -1 ||
	    (l->fd = openat(dir, name, OPEN_DIR)) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, d->path, "cannot make the directory");
	return 0;
}

/* Go down into the directory name, whose path stands in d->path. */
static int
enter(struct dirs *d, const char *name, size_t path_len, struct aipm_err *err)
{
	struct level l = { .fd = -1, .path_len = path_len };
	struct stat st;
	int r;

	if (close_one(d, err) == -1)
		return -1;
	if (fstatat(dirs_fd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = open_known(d, name, &st, &l, err);
	else if (errno == ENOENT)
		r = make_new(d, name, &l, err);
	else
		r = aipm_err_path(err, AIPM_FAILED, d->path, "cannot examine");
	d->v[d->n++] = l;
	if (r == -1)
		drop(d);
	return r;
}

/* How many of the open directories are on the way to path. */
static size_t
shared(const struct dirs *d, const char *path, size_t len)
{
	size_t same = 0, k = 0;

	while (
	    same < len && d->path[same] == path[same] && d->path[same] != '\0')
		same++;
	while (k < d->n && d->v[k].path_len <= same &&
	       (d->v[k].path_len == len || path[d->v[k].path_len] == '/'))
		k++;
	return k;
}

int
dirs_go(struct dirs *d, const char *path, size_t len, struct aipm_err *err)
{
	size_t keep = shared(d, path, len), at, start;

	while (d->n > keep)
		if (leave(d, err) == -1)
			return -1;
	at = d->n == 0 ? 0 : d->v[d->n - 1].path_len;
	while (at < len) {
		start = at == 0 ? 0 : at + 1;
		for (at = start; at < len && path[at] != '/'; at++)
			;
		if (reserve(d, at) == -1)
			return aipm_err_nomem(err);
		memcpy(d->path, path, at);
		d->path[at] = '\0';
		if (enter(d, d->path + start, at, err) == -1)
			return -1;
	}
	return 0;
}

int
dirs_find(const struct dirs *d, const char *path, size_t len)
{
	char *copy = strndup(path, len), *rest = copy, *slash;
	int fd, next, error;

	if (copy == NULL)
		return -1;
	fd = aipm_compat_open_search(d->root, ".");
	while (fd != -1 && rest != NULL && *rest != '\0') {
		if ((slash = strchr(rest, '/')) != NULL)
			*slash++ = '\0';
		next = aipm_compat_open_search(fd, rest);
		error = errno;
		(void)close(fd);
		errno = error;
		fd = next;
		rest = slash;
	}
	error = errno;
	free(copy);
	errno = error;
	return fd;
}

int
dirs_close(struct dirs *d, struct aipm_err *err)
{
	struct aipm_err more;
	int r = 0;

	if (d == NULL)
		return 0;
	while (d->n > 0)
		if (leave(d, r == 0 ? err : &more) == -1)
			r = -1;
	free(d->v);
	free(d->path);
	free(d);
	return r;
}
