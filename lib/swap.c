#include "aipm/swap.h"

#include "aipm/compat.h"
#include "aipm/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* Where the old tree waits while an exchange is made of three renames. */
#define WAITING ".aipm-swap-waiting"

/* "dir/name", or NULL when there is no memory. */
static char *
join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *p = malloc(n);

	if (p != NULL)
		(void)snprintf(p, n, "%s/%s", dir, name);
	return p;
}

static int
place_err(struct aipm_err *err, const struct aipm_place *p, const char *what)
{
	int saved = errno;
	char *path = join(p->dir, p->name);

	errno = saved;
	(void)aipm_err_path(
	    err, AIPM_FAILED, path != NULL ? path : p->name, what);
	free(path);
	return -1;
}

/* s in single quotes, for a shell. */
static char *
quote(const char *s)
{
	char *quoted = malloc(4 * strlen(s) + 3), *to = quoted;

	if (quoted == NULL)
		return NULL;
	*to++ = '\'';
	for (; *s != '\0'; s++) {
		if (*s == '\'') {
			memcpy(to, "'\\''", 4);
			to += 4;
		} else
			*to++ = *s;
	}
	*to++ = '\'';
	*to = '\0';
	return quoted;
}

char *
aipm_place_quoted(const struct aipm_place *p)
{
	char *path = join(p->dir, p->name);
	char *shown = path == NULL ? NULL : aipm_escape_dup(path);
	char *quoted = shown == NULL ? NULL : quote(shown);

	free(shown);
	free(path);
	return quoted;
}

int
aipm_swap_halfway(struct aipm_err *err, const char *what,
    const struct aipm_place *from, const struct aipm_place *to)
{
	char *a = aipm_place_quoted(from), *b = aipm_place_quoted(to);

	(void)aipm_err_set(err, AIPM_HALFWAY, "%.150s: mv -T -- %.400s %.400s",
	    what, a != NULL ? a : from->name, b != NULL ? b : to->name);
	free(a);
	free(b);
	return -1;
}

static int
move(const struct aipm_place *from, const struct aipm_place *to)
{
	return aipm_compat_rename_new(
	    from->dirfd, from->name, to->dirfd, to->name);
}

/* b waits beside a, a becomes b, then what waits becomes a. */
static int
swap_by_renames(const struct aipm_place *a, const struct aipm_place *b,
    struct aipm_err *err)
{
	struct aipm_place waiting = { a->dirfd, a->dir, WAITING };

	if (move(b, &waiting) == -1)
		return place_err(err, b, "cannot be moved aside");
	if (move(a, b) == -1) {
		(void)place_err(err, a, "cannot be moved into place");
		if (move(&waiting, b) == 0)
			return -1;
		return aipm_swap_halfway(err,
		    "stopped half-way: the old one is moved aside; undo with",
		    &waiting, b);
	}
	if (move(&waiting, a) == 0)
		return 0;
	return aipm_swap_halfway(err,
	    "the new one is in place, the old one aside; finish with", &waiting,
	    a);
}

int
aipm_swap_places(const struct aipm_place *a, const struct aipm_place *b,
    struct aipm_err *err)
{
	if (aipm_compat_exchange(a->dirfd, a->name, b->dirfd, b->name) == 0)
		return 0;
	if (errno == ENOTSUP)
		return swap_by_renames(a, b, err);
	if (errno == EXDEV)
		return place_err(err, a,
		    "cannot be exchanged with what is on another file system");
	return place_err(err, b, "cannot be exchanged");
}

int
aipm_swap_check_mounts(const struct aipm_place *p, struct aipm_err *err)
{
	char *dir = realpath(p->dir, NULL), *path, *where = NULL, *shown;
	int r;

	if (dir == NULL)
		return place_err(err, p, "cannot find out where it lies");
	path = join(strcmp(dir, "/") == 0 ? "" : dir, p->name);
	free(dir);
	if (path == NULL)
		return aipm_err_nomem(err);
	r = aipm_compat_mount_find(path, &where);
	free(path);
	if (r == 0 || (r == -1 && errno == ENOTSUP))
		return 0;
	if (r == -1)
		return place_err(
		    err, p, "cannot find out what is mounted below");
	shown = aipm_escape_dup(where);
	r = aipm_err_set(err, AIPM_FAILED,
	    "%.400s is a mount: an exchange would carry it away; unmount it "
	    "first",
	    shown != NULL ? shown : p->name);
	free(shown);
	free(where);
	return r;
}

/* A path as an open parent and a name; owned. */
struct split {
	char *dir, *name;
	struct aipm_place place;
};

static void
split_free(struct split *s)
{
	if (s->place.dirfd != -1)
		(void)close(s->place.dirfd);
	free(s->dir);
	free(s->name);
}

/* Take path apart; on failure too *s is released with split_free(). */
static int
split_path(struct split *s, const char *path, struct aipm_err *err)
{
	size_t end = strlen(path), at;

	memset(s, 0, sizeof(*s));
	s->place.dirfd = -1;
	while (end > 1 && path[end - 1] == '/')
		end--;
	for (at = end; at > 0 && path[at - 1] != '/'; at--)
		;
	s->name = strndup(path + at, end - at);
	while (at > 1 && path[at - 1] == '/')
		at--;
	s->dir = at == 0 ? strdup(".") : strndup(path, at);
	if (s->name == NULL || s->dir == NULL)
		return aipm_err_nomem(err);
	if (*s->name == '\0' || strcmp(s->name, ".") == 0 ||
	    strcmp(s->name, "..") == 0)
		return aipm_err_file(err, AIPM_FAILED, path,
		    "cannot be exchanged: give it by its name");
	s->place.dirfd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->place.dirfd == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, s->dir, "cannot open the directory");
	s->place.dir = s->dir;
	s->place.name = s->name;
	return 0;
}

/* 1: a directory without mounts, 0: nothing there, -1. */
static int
examine(const struct aipm_place *p, struct aipm_err *err)
{
	struct stat st;

	if (fstatat(p->dirfd, p->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0
		                       : place_err(err, p, "cannot examine");
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return place_err(err, p, "cannot be exchanged");
	}
	return aipm_swap_check_mounts(p, err) == -1 ? -1 : 1;
}

static int
flush(const struct aipm_place *p, struct aipm_err *err)
{
	if (fsync(p->dirfd) == 0)
		return 0;
	(void)aipm_err_path(err, AIPM_FAILED, p->dir,
	    "exchanged, but not flushed to the disk; finish with: sync");
	err->cls = AIPM_HALFWAY;
	return -1;
}

static int
swap(const struct aipm_place *new, const struct aipm_place *old,
    struct aipm_err *err)
{
	int r = examine(new, err);

	if (r == 0) {
		errno = ENOENT;
		return place_err(err, new, "cannot be exchanged");
	}
	if (r == -1 || (r = examine(old, err)) == -1)
		return -1;
	if (r == 1)
		r = aipm_swap_places(new, old, err);
	else if (move(new, old) == -1)
		r = place_err(err, old, "cannot be put in place");
	if (r == -1 || flush(new, err) == -1 || flush(old, err) == -1)
		return -1;
	return 0;
}

int
aipm_swap(const char *newpath, const char *oldpath, struct aipm_err *err)
{
	struct split new, old = { .place.dirfd = -1 };
	int r = -1;

	if (split_path(&new, newpath, err) == 0 &&
	    split_path(&old, oldpath, err) == 0)
		r = swap(&new.place, &old.place, err);
	split_free(&old);
	split_free(&new);
	return r;
}
