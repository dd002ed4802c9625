#include "aipm/entry.h"

#include "aipm/compat.h"

#include <stdlib.h>
#include <string.h>

void
aipm_entry_free(struct aipm_entry *e)
{
	free(e->path);
	free(e->link);
	aipm_xattrs_free(&e->xattrs);
	memset(e, 0, sizeof(*e));
}

void
aipm_xattrs_free(struct aipm_xattrs *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->v[i].name);
		free(x->v[i].value);
	}
	free(x->v);
	memset(x, 0, sizeof(*x));
}

/* Where name is, or belongs. */
static size_t
xattr_place(const struct aipm_xattrs *x, const char *name)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(x->v[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* An empty place for name at i, the rest moved up. */
static int
xattr_insert(struct aipm_xattrs *x, size_t i, const char *name)
{
	struct aipm_xattr *v;
	char *copy = strdup(name);

	v = realloc(x->v, (x->n + 1) * sizeof(*v));
	if (v != NULL)
		x->v = v;
	if (copy == NULL || v == NULL) {
		free(copy);
		return -1;
	}
	memmove(&v[i + 1], &v[i], (x->n - i) * sizeof(*v));
	v[i] = (struct aipm_xattr){ .name = copy };
	x->n++;
	return 0;
}

int
aipm_xattrs_add(
    struct aipm_xattrs *x, const char *name, const void *value, size_t len)
{
	size_t i = xattr_place(x, name);
	unsigned char *copy;

	if ((copy = malloc(len == 0 ? 1 : len)) == NULL)
		return -1;
	if (len != 0)
		memcpy(copy, value, len);
	if ((i == x->n || strcmp(x->v[i].name, name) != 0) &&
	    xattr_insert(x, i, name) == -1) {
		free(copy);
		return -1;
	}
	free(x->v[i].value);
	x->v[i].value = copy;
	x->v[i].len = len;
	return 0;
}

static int
type_of(mode_t mode, enum aipm_type *type)
{
	if (S_ISREG(mode))
		*type = AIPM_FILE;
	else if (S_ISDIR(mode))
		*type = AIPM_DIR;
	else if (S_ISLNK(mode))
		*type = AIPM_SYMLINK;
	else if (S_ISCHR(mode))
		*type = AIPM_CHAR;
	else if (S_ISBLK(mode))
		*type = AIPM_BLOCK;
	else if (S_ISFIFO(mode))
		*type = AIPM_FIFO;
	else
		return -1;
	return 0;
}

int
aipm_entry_from_stat(struct aipm_entry *e, const struct stat *st)
{
	if (type_of(st->st_mode, &e->type) == -1)
		return -1;
	e->mode = (uint32_t)st->st_mode & 07777;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->size = e->type == AIPM_FILE ? (uint64_t)st->st_size : 0;
	e->mtime.sec = st->st_mtim.tv_sec;
	e->mtime.nsec = (uint32_t)st->st_mtim.tv_nsec;
	e->ctime.sec = st->st_ctim.tv_sec;
	e->ctime.nsec = (uint32_t)st->st_ctim.tv_nsec;
	e->ino = st->st_ino;
	e->dev = st->st_dev;
	e->nlink = st->st_nlink;
	e->major = e->minor = 0;
	if (e->type == AIPM_CHAR || e->type == AIPM_BLOCK)
		aipm_compat_device(st->st_rdev, &e->major, &e->minor);
	return 0;
}

int
aipm_path_compare(const char *a, const char *b)
{
	unsigned char x, y;

	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	x = (unsigned char)*a;
	y = (unsigned char)*b;
	if (x == y)
		return 0;
	if (x == '\0' || (x == '/' && y != '\0'))
		return -1;
	if (y == '\0' || y == '/')
		return 1;
	return x < y ? -1 : 1;
}

int
aipm_path_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}
