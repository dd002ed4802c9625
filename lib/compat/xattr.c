#define _GNU_SOURCE

#include "aipm/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/xattr.h>

/*
 * A file by descriptor, or (fd == -1) by a path that is not followed.
 * A name below a directory descriptor goes by /proc/self/fd, because the
 * calls that take both came with Linux 6.13.
 */
struct target {
	int fd;
	char *path;
};

static ssize_t
list(const struct target *t, char *names, size_t n)
{
	return t->fd != -1 ? flistxattr(t->fd, names, n)
	                   : llistxattr(t->path, names, n);
}

static ssize_t
get(const struct target *t, const char *name, void *value, size_t n)
{
	return t->fd != -1 ? fgetxattr(t->fd, name, value, n)
	                   : lgetxattr(t->path, name, value, n);
}

/* A list or value may grow between asking its size and reading it. */
#define TRIES 16

static ssize_t
list_dup(const struct target *t, char **names)
{
	ssize_t n, got;
	char *p = NULL, *q;

	*names = NULL;
	for (int i = 0; i < TRIES; i++) {
		if ((n = list(t, NULL, 0)) <= 0) {
			free(p);
			return n;
		}
		if ((q = realloc(p, (size_t)n)) == NULL)
			break;
		p = q;
		if ((got = list(t, p, (size_t)n)) >= 0) {
			*names = p;
			return got;
		}
		if (errno != ERANGE)
			break;
	}
	free(p);
	return -1;
}

static int
read_one(const struct target *t, const char *name, struct aipm_xattrs *x)
{
	ssize_t n, got;
	unsigned char *p = NULL, *q;
	int r = -1;

	for (int i = 0; i < TRIES; i++) {
		if ((n = get(t, name, NULL, 0)) == -1)
			break;
		if ((q = realloc(p, n == 0 ? 1 : (size_t)n)) == NULL)
			break;
		p = q;
		if ((got = get(t, name, p, (size_t)n)) >= 0) {
			r = aipm_xattrs_add(x, name, p, (size_t)got);
			break;
		}
		if (errno != ERANGE)
			break;
	}
	free(p);
	return r == -1 && errno == ENODATA ? 0 : r;
}

static int
read_all(const struct target *t, struct aipm_xattrs *x)
{
	char *names;
	ssize_t n = list_dup(t, &names);
	int r = 0, saved = errno;

	if (n == -1)
		return errno == ENOTSUP || errno == ENOSYS ? 0 : -1;
	if (names == NULL)
		return 0;
	/* One that cannot be read does not take the others with it. */
	for (char *p = names; p < names + n; p += strlen(p) + 1)
		if (read_one(t, p, x) == -1) {
			r = -1;
			saved = errno;
		}
	free(names);
	errno = saved;
	return r;
}

static char *
proc_path(int dir, const char *name)
{
	size_t n = strlen(name) + 64;
	char *p = malloc(n);

	if (p != NULL)
		(void)snprintf(p, n, "/proc/self/fd/%d/%s", dir, name);
	return p;
}

int
aipm_compat_xattrs_read(int fd, struct aipm_xattrs *x)
{
	return read_all(&(struct target){ .fd = fd }, x);
}

int
aipm_compat_xattrs_read_at(int dir, const char *name, struct aipm_xattrs *x)
{
	struct target t = { .fd = -1, .path = proc_path(dir, name) };
	int r = t.path == NULL ? -1 : read_all(&t, x), saved = errno;

	free(t.path);
	errno = saved;
	return r;
}

int
aipm_compat_xattr_write(int fd, const struct aipm_xattr *x)
{
	return fsetxattr(fd, x->name, x->value, x->len, 0);
}

int
aipm_compat_xattr_write_at(
    int dir, const char *name, const struct aipm_xattr *x)
{
	char *path = proc_path(dir, name);
	int r, saved;

	if (path == NULL)
		return -1;
	r = lsetxattr(path, x->name, x->value, x->len, 0);
	saved = errno;
	free(path);
	errno = saved;
	return r;
}

#define DEFAULT_ACL "system.posix_acl_default"

int
aipm_compat_default_acl_take(int fd, struct aipm_xattrs *x)
{
	struct target t = { .fd = fd };

	if (get(&t, DEFAULT_ACL, NULL, 0) == -1)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -1;
	if (x != NULL && read_one(&t, DEFAULT_ACL, x) == -1)
		return -1;
	return fremovexattr(fd, DEFAULT_ACL);
}
#else
int
aipm_compat_xattrs_read(int fd, struct aipm_xattrs *x)
{
	(void)fd;
	(void)x;
	return 0;
}

int
aipm_compat_xattrs_read_at(int dir, const char *name, struct aipm_xattrs *x)
{
	(void)dir;
	(void)name;
	(void)x;
	return 0;
}

int
aipm_compat_xattr_write(int fd, const struct aipm_xattr *x)
{
	(void)fd;
	(void)x;
	errno = ENOTSUP;
	return -1;
}

int
aipm_compat_xattr_write_at(
    int dir, const char *name, const struct aipm_xattr *x)
{
	(void)dir;
	(void)name;
	(void)x;
	errno = ENOTSUP;
	return -1;
}

int
aipm_compat_default_acl_take(int fd, struct aipm_xattrs *x)
{
	(void)fd;
	(void)x;
	return 0;
}
#endif
