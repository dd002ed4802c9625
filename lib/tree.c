#include "aipm/tree.h"

#include "aipm/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A directory on the way down, with what is left in it: directories. */
struct level {
	dev_t dev;
	ino_t ino;
	struct aipm_buf names; /* each with its NUL */
	size_t next; /* the one that comes next */
	size_t at; /* the one that is being removed */
};

struct removal {
	int fd; /* the present directory; only this one is open */
	struct level *v;
	size_t n, cap;
};

/* Open the directory name, made ours to change, and add its level. */
static int
enter(struct removal *r, int parent, const char *name, dev_t dev)
{
	struct level *v;
	struct stat st;
	int fd;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	if (r->n > 0 && st.st_dev != dev) {
		errno = EBUSY; /* mounted here, perhaps full of data */
		return -1;
	}
	if ((st.st_mode & S_IRWXU) != S_IRWXU)
		(void)fchmodat(parent, name, S_IRWXU, 0);
	if ((fd = openat(parent, name, OPEN_DIR)) == -1)
		return -1;
	if (r->n == r->cap) {
		size_t cap = 2 * r->cap + 16;

		if ((v = realloc(r->v, cap * sizeof(*v))) == NULL) {
			(void)close(fd);
			errno = ENOMEM;
			return -1;
		}
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n++] = (struct level){ .dev = st.st_dev, .ino = st.st_ino };
	if (r->fd != -1)
		(void)close(r->fd);
	r->fd = fd;
	return 0;
}

/* Unlink it, or if it is a directory keep its name for later. */
static int
unlink_or_keep(int fd, const char *name, struct level *l)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = EPERM;
		return -1;
	}
	return aipm_buf_add(&l->names, name, strlen(name) + 1);
}

/* Remove everything in the present directory but directories. */
static int
empty(struct removal *r)
{
	struct level *l = &r->v[r->n - 1];
	int fd = openat(r->fd, ".", OPEN_DIR), ret = 0, saved;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (d == NULL) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	while (ret == 0 && (errno = 0, e = readdir(d)) != NULL)
		ret = unlink_or_keep(r->fd, e->d_name, l);
	if (ret == 0 && errno != 0)
		ret = -1;
	saved = errno;
	(void)closedir(d);
	errno = saved;
	return ret;
}

/* Go up by "..", which must be where we came from, and remove the child. */
static int
go_up(struct removal *r)
{
	struct level *l = &r->v[r->n - 2];
	int fd = openat(r->fd, "..", OPEN_DIR);
	struct stat st;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1 || st.st_dev != l->dev ||
	    st.st_ino != l->ino) {
		(void)close(fd);
		errno = ESTALE; /* somebody moves directories under us */
		return -1;
	}
	(void)close(r->fd);
	r->fd = fd;
	aipm_buf_free(&r->v[--r->n].names);
	return unlinkat(fd, (const char *)l->names.p + l->at, AT_REMOVEDIR);
}

static int
step(struct removal *r)
{
	struct level *l = &r->v[r->n - 1];
	const char *name;

	if (l->next == l->names.len)
		return go_up(r);
	name = (const char *)l->names.p + l->next;
	l->at = l->next;
	l->next += strlen(name) + 1;
	if (enter(r, r->fd, name, l->dev) == -1)
		return -1;
	return empty(r);
}

static int
remove_directory(struct removal *r, int dirfd, const char *name)
{
	if (enter(r, dirfd, name, 0) == -1 || empty(r) == -1)
		return -1;
	while (r->n > 1 || r->v[0].next < r->v[0].names.len)
		if (step(r) == -1)
			return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR);
}

int
aipm_tree_remove(
    int dirfd, const char *name, const char *shown, struct aipm_err *err)
{
	struct removal r = { .fd = -1 };
	struct stat st;
	int ret, saved;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		ret = errno == ENOENT ? 0 : -1;
	else if (S_ISDIR(st.st_mode))
		ret = remove_directory(&r, dirfd, name);
	else
		ret = unlinkat(dirfd, name, 0);
	saved = errno;
	while (r.n > 0)
		aipm_buf_free(&r.v[--r.n].names);
	free(r.v);
	if (r.fd != -1)
		(void)close(r.fd);
	errno = saved;
	if (ret == 0)
		return 0;
	return aipm_err_path(err, AIPM_FAILED, shown, "cannot remove it whole");
}
