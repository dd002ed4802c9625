#include "aipm/stage.h"

#include "aipm/buf.h"
#include "aipm/compat.h"
#include "aipm/swap.h"
#include "aipm/temp.h"
#include "aipm/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#define PARTIAL ".aipm-partial-"
#define SWAP ".aipm-swap-"
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct aipm_stage {
	int dirfd;
	const char *dir;
	bool overwrite;
	struct aipm_warn warn;
	int fd; /* of the stage, locked */
	char name[AIPM_TEMP_NAME_MAX]; /* "" if it is not to be removed */
	char *path; /* dir/name, for messages; owned */
	char *checked; /* the first name that was last found free; owned */
};

/* The names of a stage on their way into place. */
struct move {
	struct aipm_buf names; /* each with its NUL */
	struct moved {
		const char *name; /* in names */
		bool exchanged; /* the old one is in the stage now */
	} * v; /* owned */
	size_t n;
};

/* Remove the stage if nobody holds its lock.  Its maker locks it right after
 * making it, and makes another one if this came between. */
static void
remove_stale(void *ctx, int dirfd, const char *name)
{
	struct aipm_err err;
	int fd = openat(dirfd, name, OPEN_DIR);

	(void)ctx;
	if (fd == -1)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)aipm_tree_remove(dirfd, name, name, &err);
	(void)close(fd);
}

/* A swap that nobody works on: a run died over it. */
static void
warn_of_swap(void *warn, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, OPEN_DIR);

	if (fd == -1)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		aipm_warn(warn, name,
		    "left by a run that died while it put files in place, and "
		    "may hold what was there before: look, then remove it");
	(void)close(fd);
}

/* Whether the stage is locked and still in its place. */
static bool
hold(const struct aipm_stage *s)
{
	struct stat a, b;

	return flock(s->fd, LOCK_EX) == 0 && fstat(s->fd, &a) == 0 &&
	       fstatat(s->dirfd, s->name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* 1: made and locked, 0: try another name, -1. */
static int
try_create(struct aipm_stage *s)
{
	if (mkdirat(s->dirfd, s->name, S_IRWXU) == -1) {
		s->name[0] = '\0';
		return errno == EEXIST ? 0 : -1;
	}
	if ((s->fd = openat(s->dirfd, s->name, OPEN_DIR)) == -1)
		return errno == ENOENT ? 0 : -1;
	if (hold(s))
		return 1;
	(void)unlinkat(s->dirfd, s->name, AT_REMOVEDIR);
	(void)close(s->fd);
	s->fd = -1;
	return 0;
}

/* Nothing made in it shall inherit what dir may have: set-gid, ACLs. */
static int
create(struct aipm_stage *s, struct aipm_err *err)
{
	int r = 0;

	for (unsigned try = 0; r == 0 && try < 100; try++) {
		aipm_temp_name(s->name, PARTIAL, try);
		r = try_create(s);
	}
	if (r == 1 && fchmod(s->fd, S_IRWXU) == 0 &&
	    aipm_compat_default_acl_take(s->fd, NULL) == 0)
		return 0;
	return aipm_err_path(err, AIPM_FAILED, s->dir,
	    "cannot make a directory in this directory");
}

static int
name_path(struct aipm_stage *s, struct aipm_err *err)
{
	size_t n = strlen(s->dir) + sizeof(s->name) + 1;

	free(s->path);
	if ((s->path = malloc(n)) == NULL)
		return aipm_err_nomem(err);
	(void)snprintf(s->path, n, "%s/%s", s->dir, s->name);
	return 0;
}

int
aipm_stage_open(struct aipm_stage **out, const char *dir, bool overwrite,
    const struct aipm_warn *warn, struct aipm_err *err)
{
	struct aipm_stage *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return aipm_err_nomem(err);
	s->fd = -1;
	s->dir = dir;
	s->overwrite = overwrite;
	s->warn = *warn;
	s->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd == -1) {
		(void)aipm_err_path(
		    err, AIPM_FAILED, dir, "cannot open the directory");
		aipm_stage_close(s);
		return -1;
	}
	aipm_temp_each(s->dirfd, PARTIAL, remove_stale, NULL);
	aipm_temp_each(s->dirfd, SWAP, warn_of_swap, &s->warn);
	if (create(s, err) == -1 || name_path(s, err) == -1) {
		aipm_stage_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

int
aipm_stage_fd(const struct aipm_stage *s)
{
	return s->fd;
}

/* name in dir, as messages call it. */
static int
err_name(const struct aipm_stage *s, struct aipm_err *err, const char *name,
    const char *what)
{
	size_t n = strlen(s->dir) + strlen(name) + 2;
	int saved = errno;
	char *path = malloc(n);

	if (path == NULL)
		return aipm_err_nomem(err);
	(void)snprintf(path, n, "%s/%s", s->dir, name);
	errno = saved;
	if (errno == EEXIST)
		(void)aipm_err_file(err, AIPM_FAILED, path,
		    "exists already: --overwrite replaces it, -C DIR unpacks "
		    "elsewhere");
	else
		(void)aipm_err_path(err, AIPM_FAILED, path, what);
	free(path);
	return -1;
}

static struct aipm_place
outside(const struct aipm_stage *s, const char *name)
{
	return (struct aipm_place){ s->dirfd, s->dir, name };
}

static struct aipm_place
inside(const struct aipm_stage *s, const char *name)
{
	return (struct aipm_place){ s->fd, s->path, name };
}

/* Look at one name in dir. */
static int
check_name(const struct aipm_stage *s, const char *name, struct aipm_err *err)
{
	struct aipm_place p = outside(s, name);
	struct stat st;

	if (fstatat(s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT
		           ? 0
		           : err_name(s, err, name, "cannot examine");
	if (s->overwrite)
		return aipm_swap_check_mounts(&p, err);
	errno = EEXIST;
	return err_name(s, err, name, "");
}

int
aipm_stage_check(struct aipm_stage *s, const char *path, struct aipm_err *err)
{
	size_t n;
	char *name;

	while (path[0] == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	n = strcspn(path, "/");
	if (n == 0 || (n == 1 && path[0] == '.'))
		return 0;
	if (s->checked != NULL && strncmp(s->checked, path, n) == 0 &&
	    s->checked[n] == '\0')
		return 0;
	if ((name = strndup(path, n)) == NULL)
		return aipm_err_nomem(err);
	free(s->checked);
	s->checked = name;
	return check_name(s, name, err);
}

static int
read_names(int fd, struct move *m)
{
	int dup = openat(fd, ".", OPEN_DIR), r = 0, saved;
	DIR *d = dup == -1 ? NULL : fdopendir(dup);
	const struct dirent *e;

	if (d == NULL) {
		if (dup != -1)
			(void)close(dup);
		return -1;
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = aipm_buf_add(&m->names, e->d_name, strlen(e->d_name) + 1);
		m->n++;
	}
	if (r == 0 && errno != 0)
		r = -1;
	saved = errno;
	(void)closedir(d);
	errno = saved;
	return r;
}

/* Fill *m, which is released with move_free(), also on failure. */
static int
list_names(const struct aipm_stage *s, struct move *m)
{
	size_t at = 0;

	if (read_names(s->fd, m) == -1 ||
	    (m->v = calloc(m->n + 1, sizeof(*m->v))) == NULL)
		return -1;
	for (size_t i = 0; i < m->n; i++) {
		m->v[i].name = (const char *)m->names.p + at;
		at += strlen(m->v[i].name) + 1;
	}
	return 0;
}

static void
move_free(struct move *m)
{
	aipm_buf_free(&m->names);
	free(m->v);
}

/*
 * A directory that its owner may not write cannot be moved by him: its ".."
 * changes.  Whether it was made writable; *mode is what it had.
 */
static bool
make_movable(const struct aipm_place *p, mode_t *mode)
{
	struct stat st;

	if (fstatat(p->dirfd, p->name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISDIR(st.st_mode) || (st.st_mode & S_IWUSR) != 0)
		return false;
	*mode = st.st_mode & 07777;
	return fchmodat(p->dirfd, p->name, *mode | S_IWUSR, 0) == 0;
}

static int
rename_or_exchange(
    const struct aipm_stage *s, struct moved *m, struct aipm_err *err)
{
	struct aipm_place from = inside(s, m->name), to = outside(s, m->name);

	if (aipm_compat_rename_new(s->fd, m->name, s->dirfd, m->name) == 0)
		return 0;
	if (errno != EEXIST || !s->overwrite)
		return err_name(s, err, m->name, "cannot be put in place");
	if (aipm_swap_check_mounts(&to, err) == -1)
		return -1;
	m->exchanged = true;
	return aipm_swap_places(&from, &to, err);
}

static int
put_in_place(const struct aipm_stage *s, struct moved *m, struct aipm_err *err)
{
	struct aipm_place from = inside(s, m->name);
	mode_t mode = 0;
	bool opened = make_movable(&from, &mode);
	int r = rename_or_exchange(s, m, err);

	if (opened && r == 0 && fchmodat(s->dirfd, m->name, mode, 0) == -1)
		aipm_warn(&s->warn, m->name, "its mode cannot be set");
	return r;
}

/* The way back; if it is barred, *err says what lies where. */
static void
take_back(
    const struct aipm_stage *s, const struct moved *m, struct aipm_err *err)
{
	struct aipm_place in = inside(s, m->name), out = outside(s, m->name);
	struct aipm_err why;
	mode_t mode;

	(void)make_movable(&out, &mode);
	if (m->exchanged && aipm_swap_places(&in, &out, &why) == -1)
		(void)aipm_swap_halfway(err,
		    "stopped half-way: the new one is in place, the old one "
		    "aside; move the new one away, then undo with",
		    &in, &out);
	else if (!m->exchanged && aipm_compat_rename_new(
	                              s->dirfd, m->name, s->fd, m->name) == -1)
		(void)aipm_swap_halfway(err,
		    "stopped half-way: some is in place, some is not; undo "
		    "with",
		    &out, &in);
}

static int
put_all(struct aipm_stage *s, struct move *m, struct aipm_err *err)
{
	size_t i = 0;

	while (i < m->n && put_in_place(s, &m->v[i], err) == 0)
		i++;
	if (i == m->n)
		return 0;
	while (i-- > 0)
		take_back(s, &m->v[i], err);
	return -1;
}

/* From now on the stage is nothing that a later run may remove. */
static int
rename_to_swap(struct aipm_stage *s, struct aipm_err *err)
{
	char old[sizeof(s->name)];

	memcpy(old, s->name, sizeof(old));
	(void)snprintf(
	    s->name, sizeof(s->name), SWAP "%s", old + strlen(PARTIAL));
	if (aipm_compat_rename_new(s->dirfd, old, s->dirfd, s->name) == -1) {
		memcpy(s->name, old, sizeof(old));
		return aipm_err_path(
		    err, AIPM_FAILED, s->path, "cannot be renamed");
	}
	return name_path(s, err);
}

/* All is in place; what is left in the stage has been replaced. */
static int
remove_old(struct aipm_stage *s, struct aipm_err *err)
{
	struct aipm_place p = outside(s, s->name);
	struct aipm_err why;
	char *command;

	if (aipm_tree_remove(s->dirfd, s->name, s->path, &why) == 0) {
		s->name[0] = '\0';
		return 0;
	}
	command = aipm_place_quoted(&p);
	(void)aipm_err_set(err, AIPM_HALFWAY,
	    "all is in place; what it replaced is not removed: %.400s; "
	    "finish with: rm -rf -- %.400s",
	    why.text, command != NULL ? command : s->name);
	free(command);
	return -1;
}

static int
publish(struct aipm_stage *s, struct move *m, struct aipm_err *err)
{
	if (aipm_compat_syncfs(s->fd) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, s->dir, "cannot flush to the disk");
	if (list_names(s, m) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, s->path, "cannot read the directory");
	if (rename_to_swap(s, err) == -1 || put_all(s, m, err) == -1)
		return -1;
	if (fsync(s->dirfd) == -1) {
		(void)aipm_err_path(err, AIPM_FAILED, s->dir,
		    "all is in place, but not flushed to the disk; finish "
		    "with: sync");
		err->cls = AIPM_HALFWAY;
		return -1;
	}
	return remove_old(s, err);
}

int
aipm_stage_publish(struct aipm_stage *s, struct aipm_err *err)
{
	struct move m = { 0 };
	int r = publish(s, &m, err);

	/* Then it holds what nobody else has. */
	if (r == -1 && err->cls == AIPM_HALFWAY)
		s->name[0] = '\0';
	move_free(&m);
	return r;
}

void
aipm_stage_close(struct aipm_stage *s)
{
	struct aipm_err err;

	if (s == NULL)
		return;
	if (s->fd != -1 && s->name[0] != '\0')
		(void)aipm_tree_remove(s->dirfd, s->name, s->path, &err);
	if (s->fd != -1)
		(void)close(s->fd);
	if (s->dirfd != -1)
		(void)close(s->dirfd);
	free(s->path);
	free(s->checked);
	free(s);
}
