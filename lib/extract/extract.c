#include "ahead.h"
#include "content.h"
#include "dirs.h"
#include "inner.h"

#include "aipm/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum { PATH_LIMIT = 1 << 20, DEPTH_LIMIT = 16384 };

struct aipm_extract {
	struct aipm_extract_options o;
	int dirfd; /* borrowed */
	struct dirs *dirs;
	const struct aipm_entry *e; /* being made */
	char *path; /* of it, normal; owned */
	const char *name; /* the last component, in path */
	char *target; /* normal path of a hard link's target; owned */
	struct meta meta; /* what it is to get */
	struct content content; /* fd is -1 but for a file */
	struct aipm_buf skipped; /* paths left out, each with a NUL */
};

static int
refuse(const struct aipm_entry *e, const char *why, struct aipm_err *err)
{
	return aipm_err_file(err, AIPM_DAMAGED, e->path, why);
}

static int
failed(const struct aipm_entry *e, const char *what, struct aipm_err *err)
{
	return aipm_err_path(err, AIPM_FAILED, e->path, what);
}

/* Why a path is refused, whatever lies on the disk; NULL if it is not. */
static const char *
path_fault(const char *path)
{
	size_t depth = 0;

	if (*path == '\0')
		return "refused: an empty path";
	if (*path == '/')
		return "refused: an absolute path";
	if (strlen(path) > PATH_LIMIT)
		return "refused: a path of more than a million bytes";
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		if (++depth > DEPTH_LIMIT)
			return "refused: a path of too many directories";
		p += *p == '/';
		if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || p[2] == '\0'))
			return "refused: a path with '..'";
	}
	return NULL;
}

int
aipm_extract_check(const struct aipm_entry *e, struct aipm_err *err)
{
	const char *fault = path_fault(e->path);

	if (fault != NULL)
		return refuse(e, fault, err);
	if (e->type != AIPM_HARDLINK && e->type != AIPM_SYMLINK)
		return 0;
	if (e->link == NULL || *e->link == '\0')
		return refuse(e, "refused: a link to nothing", err);
	if (e->type == AIPM_HARDLINK && path_fault(e->link) != NULL)
		return refuse(
		    e, "refused: a hard link out of the archive", err);
	return 0;
}

int
extract_dirfd(const struct aipm_extract *x)
{
	return x->dirfd;
}

const struct aipm_extract_options *
extract_options(const struct aipm_extract *x)
{
	return &x->o;
}

char *
extract_normal(const char *path)
{
	char *copy = malloc(strlen(path) + 1), *to = copy;

	while (copy != NULL && *path != '\0') {
		size_t n = strcspn(path, "/");

		if (n > 0 && !(n == 1 && *path == '.')) {
			if (to != copy)
				*to++ = '/';
			memcpy(to, path, n);
			to += n;
		}
		path += n + (path[n] == '/');
	}
	if (copy != NULL)
		*to = '\0';
	return copy;
}

/* Where the last component of path begins. */
static size_t
base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash + 1 - path);
}

/* Bytes of the path of the directory that holds path. */
static size_t
parent_len(const char *path)
{
	size_t at = base(path);

	return at == 0 ? 0 : at - 1;
}

int
aipm_extract_open(struct aipm_extract **out, int dirfd,
    const struct aipm_extract_options *o, struct aipm_err *err)
{
	struct aipm_extract *x = calloc(1, sizeof(*x));

	*out = NULL;
	if (x == NULL)
		return aipm_err_nomem(err);
	x->o = *o;
	x->dirfd = dirfd;
	x->content.fd = -1;
	if (dirs_new(&x->dirs, dirfd, &o->warn, err) == -1) {
		free(x);
		return -1;
	}
	*out = x;
	return 0;
}

/* Release what belongs to the present entry. */
static void
forget(struct aipm_extract *x)
{
	if (x->content.fd != -1)
		(void)close(x->content.fd);
	x->content.fd = -1;
	meta_free(&x->meta);
	free(x->path);
	free(x->target);
	x->path = x->target = NULL;
	x->e = NULL;
}

/* The entry is left out; hard links to it will be too. */
static int
skip(struct aipm_extract *x, const char *why, struct aipm_err *err)
{
	aipm_warn(&x->o.warn, x->e->path, why);
	if (aipm_buf_add(&x->skipped, x->path, strlen(x->path) + 1) == -1)
		return aipm_err_nomem(err);
	forget(x);
	return 0;
}

static bool
was_skipped(const struct aipm_extract *x, const char *path)
{
	for (size_t at = 0; at < x->skipped.len;) {
		const char *p = (const char *)x->skipped.p + at;

		if (strcmp(p, path) == 0)
			return true;
		at += strlen(p) + 1;
	}
	return false;
}

/* A call that makes a name failed. */
static int
not_made(const struct aipm_extract *x, struct aipm_err *err)
{
	if (errno == EEXIST)
		return refuse(x->e, "refused: it is in the archive twice", err);
	return failed(x->e, "cannot make it", err);
}

static int
make_file(struct aipm_extract *x, struct aipm_err *err)
{
	int fd = openat(dirs_fd(x->dirs), x->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return not_made(x, err);
	x->content = (struct content){ .fd = fd,
		.path = x->e->path,
		.size = x->e->size,
		.sparse = x->o.sparse };
	return 0;
}

static int
make_symlink(struct aipm_extract *x, struct aipm_err *err)
{
	if (symlinkat(x->e->link, dirs_fd(x->dirs), x->name) == -1)
		return not_made(x, err);
	return 0;
}

static int
make_node(struct aipm_extract *x, mode_t type, struct aipm_err *err)
{
	if (!x->o.special)
		return skip(x, "a device: left out (without --special)", err);
	if (mknodat(dirs_fd(x->dirs), x->name, type | 0600,
	        aipm_compat_makedev(x->e->major, x->e->minor)) == 0)
		return 0;
	if (errno == EPERM)
		return skip(x, "a device: left out (only root may)", err);
	return not_made(x, err);
}

static int
make_fifo(struct aipm_extract *x, struct aipm_err *err)
{
	if (mkfifoat(dirs_fd(x->dirs), x->name, 0600) == -1)
		return not_made(x, err);
	return 0;
}

/* The target's directory is open as fd. */
static int
link_from(struct aipm_extract *x, int fd, struct aipm_err *err)
{
	const char *name = x->target + base(x->target);
	struct stat st = { 0 };
	bool found = fd != -1 &&
	             fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (!found && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return failed(x->e, "cannot reach what it is a link to", err);
	if (!found || S_ISDIR(st.st_mode))
		return refuse(x->e,
		    "refused: a hard link to what is no file of the archive",
		    err);
	if (linkat(fd, name, dirs_fd(x->dirs), x->name, 0) == -1)
		return not_made(x, err);
	return 0;
}

static int
make_hardlink(struct aipm_extract *x, struct aipm_err *err)
{
	int fd, r;

	if ((x->target = extract_normal(x->e->link)) == NULL)
		return aipm_err_nomem(err);
	if (was_skipped(x, x->target))
		return skip(x, "a link to what is left out: left out", err);
	fd = dirs_find(x->dirs, x->target, parent_len(x->target));
	r = link_from(x, fd, err);
	if (fd != -1)
		(void)close(fd);
	return r;
}

static int
make_dir(struct aipm_extract *x, struct aipm_err *err)
{
	if (dirs_go(x->dirs, x->path, strlen(x->path), err) == -1)
		return -1;
	dirs_set_meta(x->dirs, &x->meta);
	return 0;
}

static int
make(struct aipm_extract *x, struct aipm_err *err)
{
	switch (x->e->type) {
	case AIPM_FILE:
		return make_file(x, err);
	case AIPM_HARDLINK:
		return make_hardlink(x, err);
	case AIPM_SYMLINK:
		return make_symlink(x, err);
	case AIPM_CHAR:
		return make_node(x, S_IFCHR, err);
	case AIPM_BLOCK:
		return make_node(x, S_IFBLK, err);
	case AIPM_FIFO:
		return make_fifo(x, err);
	case AIPM_DIR:
		return make_dir(x, err);
	default:
		return refuse(x->e, "refused: of an unknown type", err);
	}
}

/* Learn what the entry is to get, and go where it is to be. */
static int
arrive(struct aipm_extract *x, struct aipm_err *err)
{
	if (*x->path == '\0')
		return refuse(x->e, "refused: it is no directory", err);
	x->name = x->path + base(x->path);
	if (x->e->type != AIPM_HARDLINK &&
	    meta_from_entry(&x->meta, x->e, &x->o, err) == -1)
		return -1;
	return dirs_go(x->dirs, x->path, parent_len(x->path), err);
}

static int
begin(struct aipm_extract *x, struct aipm_err *err)
{
	if ((x->path = extract_normal(x->e->path)) == NULL)
		return aipm_err_nomem(err);
	if (*x->path == '\0' && x->e->type == AIPM_DIR) {
		forget(x);
		return 0;
	}
	if (arrive(x, err) == -1)
		return -1;
	return make(x, err);
}

int
aipm_extract_begin(
    struct aipm_extract *x, const struct aipm_entry *e, struct aipm_err *err)
{
	if (aipm_extract_check(e, err) == -1)
		return -1;
	x->e = e;
	if (begin(x, err) == 0)
		return 0;
	forget(x);
	return -1;
}

int
aipm_extract_write(struct aipm_extract *x, uint64_t offset, const void *p,
    size_t len, const struct aipm_range *holes, size_t nholes,
    struct aipm_err *err)
{
	if (x->content.fd == -1)
		return 0;
	return content_write(&x->content, offset, p, len, holes, nholes, err);
}

static int
end_file(struct aipm_extract *x, struct aipm_err *err)
{
	struct target t = { .fd = x->content.fd, .path = x->e->path };
	int fd;

	if (content_end(&x->content, err) == -1 ||
	    meta_apply(&t, &x->meta, &x->o.warn, err) == -1)
		return -1;
	fd = x->content.fd;
	x->content.fd = -1;
	if (close(fd) == -1)
		return failed(x->e, "cannot write", err);
	return 0;
}

static int
end_other(struct aipm_extract *x, struct aipm_err *err)
{
	struct target t = { .fd = -1,
		.dir = dirs_fd(x->dirs),
		.name = x->name,
		.symlink = x->e->type == AIPM_SYMLINK,
		.path = x->e->path };

	return meta_apply(&t, &x->meta, &x->o.warn, err);
}

int
aipm_extract_end(struct aipm_extract *x, struct aipm_err *err)
{
	int r = 0;

	if (x->e == NULL)
		return 0;
	if (x->content.fd != -1)
		r = end_file(x, err);
	else if (x->e->type != AIPM_DIR && x->e->type != AIPM_HARDLINK)
		r = end_other(x, err);
	forget(x);
	return r;
}

struct aipm_ahead *
aipm_ahead_open(const struct aipm_extract *x, const struct aipm_entry *e)
{
	return ahead_make(x->dirfd, e, x->o.sparse);
}

static int
adopt(struct aipm_extract *x, struct aipm_ahead *a, struct aipm_err *err)
{
	if ((x->path = extract_normal(x->e->path)) == NULL)
		return aipm_err_nomem(err);
	if (x->e->type != AIPM_FILE)
		return refuse(x->e, "refused: it is no file", err);
	if (arrive(x, err) == -1)
		return -1;
	if (ahead_name(a, dirs_fd(x->dirs), x->name) == -1)
		return not_made(x, err);
	x->content = (struct content){ .fd = ahead_fd(a), .end = x->e->size };
	aipm_compat_begin_flush(x->content.fd);
	return end_file(x, err);
}

int
aipm_extract_adopt(struct aipm_extract *x, const struct aipm_entry *e,
    struct aipm_ahead *a, struct aipm_err *err)
{
	int r = aipm_extract_check(e, err);

	x->e = e;
	if (r == 0)
		r = adopt(x, a, err);
	forget(x);
	aipm_ahead_drop(a);
	return r;
}

int
aipm_extract_close(struct aipm_extract *x, struct aipm_err *err)
{
	int r;

	if (x == NULL)
		return 0;
	forget(x);
	r = dirs_close(x->dirs, err);
	aipm_buf_free(&x->skipped);
	free(x);
	return r;
}
