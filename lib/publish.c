#include "aipm/publish.h"

#include "aipm/compat.h"
#include "aipm/spool.h"
#include "aipm/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#define TMP_PREFIX ".aipm-tmp-"

struct aipm_publish {
	int dirfd;
	int fd;
	char *dir;
	char tmp[AIPM_TEMP_NAME_MAX]; /* "" once it is published */
};

/*
 * Remove the temporary name if nobody holds its lock.  The writer locks its
 * file right after making it, and makes another one if this came between.
 */
static void
remove_stale(void *ctx, int dirfd, const char *name)
{
	int fd = openat(
	    dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	(void)ctx;
	if (fd == -1)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(dirfd, name, 0);
	(void)close(fd);
}

/* 1: made and locked, 0: try another name, -1. */
static int
try_create(struct aipm_publish *p)
{
	struct stat st;

	p->fd = openat(p->dirfd, p->tmp,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd == -1) {
		p->tmp[0] = '\0';
		return errno == EEXIST ? 0 : -1;
	}
	/* Where there are no locks, nobody takes it for a dead run's. */
	if ((flock(p->fd, LOCK_EX) == 0 || errno != EINTR) &&
	    fstat(p->fd, &st) == 0 && st.st_nlink == 1)
		return 1;
	(void)unlinkat(p->dirfd, p->tmp, 0);
	(void)close(p->fd);
	p->fd = -1;
	return 0;
}

static int
create(struct aipm_publish *p, struct aipm_err *err)
{
	int r = 0;

	for (unsigned try = 0; r == 0 && try < 100; try++) {
		aipm_temp_name(p->tmp, TMP_PREFIX, try);
		r = try_create(p);
	}
	if (r == 1)
		return 0;
	return aipm_err_path(
	    err, AIPM_FAILED, p->dir, "cannot make a file in this directory");
}

int
aipm_publish_open(
    struct aipm_publish **out, const char *dir, struct aipm_err *err)
{
	struct aipm_publish *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (p == NULL)
		return aipm_err_nomem(err);
	p->fd = -1;
	p->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dirfd == -1) {
		(void)aipm_err_path(
		    err, AIPM_FAILED, dir, "cannot open the directory");
		aipm_publish_close(p);
		return -1;
	}
	if ((p->dir = strdup(dir)) == NULL) {
		aipm_publish_close(p);
		return aipm_err_nomem(err);
	}
	aipm_temp_each(p->dirfd, TMP_PREFIX, remove_stale, NULL);
	aipm_temp_each(p->dirfd, AIPM_SPOOL_PREFIX, remove_stale, NULL);
	if (create(p, err) == -1) {
		aipm_publish_close(p);
		return -1;
	}
	*out = p;
	return 0;
}

int
aipm_publish_fd(const struct aipm_publish *p)
{
	return p->fd;
}

int
aipm_publish_commit(struct aipm_publish *p, const char *name, bool replace,
    struct aipm_err *err)
{
	int r;

	if (fsync(p->fd) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, name, "cannot flush to the disk");
	if (replace)
		r = renameat(p->dirfd, p->tmp, p->dirfd, name);
	else
		r = aipm_compat_rename_new(p->dirfd, p->tmp, p->dirfd, name);
	if (r == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, name, "cannot give the file its name");
	p->tmp[0] = '\0';
	if (fsync(p->dirfd) == -1)
		return aipm_err_path(err, AIPM_WARNED, p->dir,
		    "the file is there, but its directory cannot be flushed "
		    "to the disk");
	return 0;
}

void
aipm_publish_close(struct aipm_publish *p)
{
	if (p == NULL)
		return;
	if (p->tmp[0] != '\0')
		(void)unlinkat(p->dirfd, p->tmp, 0);
	if (p->fd != -1)
		(void)close(p->fd);
	if (p->dirfd != -1)
		(void)close(p->dirfd);
	free(p->dir);
	free(p);
}
