#include "ahead.h"

#include "content.h"

#include "aipm/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The disk gets to work while the next so many bytes come. */
#define FLUSH ((uint64_t)8 << 20)

struct aipm_ahead {
	int fd; /* -1 when it was given away */
	int dirfd; /* borrowed; where the temporary name is */
	char name[AIPM_TEMP_NAME_MAX]; /* "" when it has its own */
	char *path; /* in messages */
	uint64_t size;
	bool sparse;
	pthread_mutex_t lock; /* held by who writes */
};

static int
create(struct aipm_ahead *a)
{
	for (unsigned try = 0; a->fd == -1 && try < 100; try++) {
		aipm_temp_name(a->name, ".aipm-file-", try);
		a->fd = openat(a->dirfd, a->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (a->fd == -1 && errno != EEXIST)
			break;
	}
	if (a->fd == -1)
		a->name[0] = '\0';
	return a->fd == -1 ? -1 : ftruncate(a->fd, (off_t)a->size);
}

struct aipm_ahead *
ahead_make(int dirfd, const struct aipm_entry *e, bool sparse)
{
	struct aipm_ahead *a = calloc(1, sizeof(*a));

	if (a == NULL || (a->path = strdup(e->path)) == NULL) {
		free(a);
		return NULL;
	}
	(void)pthread_mutex_init(&a->lock, NULL);
	a->fd = -1;
	a->dirfd = dirfd;
	a->size = e->size;
	a->sparse = sparse;
	if (create(a) == 0)
		return a;
	aipm_ahead_drop(a);
	return NULL;
}

int
aipm_ahead_write(struct aipm_ahead *a, uint64_t offset, const void *p,
    size_t len, const struct aipm_range *holes, size_t nholes, bool wait,
    struct aipm_err *err)
{
	struct content c = { .fd = a->fd,
		.path = a->path,
		.size = a->size,
		.sparse = a->sparse };
	int r;

	/* The kernel has such a lock too, and burns the processor over it. */
	if (wait)
		(void)pthread_mutex_lock(&a->lock);
	else if (pthread_mutex_trylock(&a->lock) != 0)
		return 0;
	r = content_write(&c, offset, p, len, holes, nholes, err);
	(void)pthread_mutex_unlock(&a->lock);
	if (offset / FLUSH != (offset + len) / FLUSH)
		aipm_compat_begin_flush(a->fd);
	return r == -1 ? -1 : 1;
}

int
ahead_name(struct aipm_ahead *a, int dir, const char *name)
{
	if (aipm_compat_rename_new(a->dirfd, a->name, dir, name) == -1)
		return -1;
	a->name[0] = '\0';
	return 0;
}

int
ahead_fd(struct aipm_ahead *a)
{
	int fd = a->fd;

	a->fd = -1;
	return fd;
}

void
aipm_ahead_drop(struct aipm_ahead *a)
{
	if (a == NULL)
		return;
	if (a->fd != -1)
		(void)close(a->fd);
	if (a->name[0] != '\0')
		(void)unlinkat(a->dirfd, a->name, 0);
	(void)pthread_mutex_destroy(&a->lock);
	free(a->path);
	free(a);
}
