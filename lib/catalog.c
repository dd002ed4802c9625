#include "aipm/catalog.h"

#include "aipm/footer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

int
aipm_catalog_add(
    struct aipm_catalog *c, const struct aipm_backup *b, struct aipm_err *err)
{
	struct aipm_backup *v;
	char *name;

	/* Doubled whenever the count is a power of two. */
	if ((c->n & (c->n - 1)) == 0) {
		v = realloc(c->v, (c->n == 0 ? 1 : 2 * c->n) * sizeof(*v));
		if (v == NULL)
			return aipm_err_nomem(err);
		c->v = v;
	}
	if ((name = strdup(b->name)) == NULL)
		return aipm_err_nomem(err);
	c->v[c->n] = *b;
	c->v[c->n++].name = name;
	return 0;
}

static int
older(const void *x, const void *y)
{
	const struct aipm_backup *a = x, *b = y;

	if (a->stamp.taken != b->stamp.taken)
		return a->stamp.taken < b->stamp.taken ? -1 : 1;
	return strcmp(a->name, b->name);
}

void
aipm_catalog_sort(struct aipm_catalog *c)
{
	size_t kept = 1;

	if (c->n < 2)
		return;
	qsort(c->v, c->n, sizeof(*c->v), older);
	for (size_t i = 1; i < c->n; i++) {
		if (strcmp(c->v[i].name, c->v[kept - 1].name) == 0)
			free(c->v[i].name);
		else
			c->v[kept++] = c->v[i];
	}
	c->n = kept;
}

/* A walk over the names in a directory that are a backup's. */
struct scan {
	DIR *d;
	const char *dir;
	const char *prefix;
};

static int
scan_open(
    struct scan *s, const char *dir, const char *prefix, struct aipm_err *err)
{
	s->dir = dir;
	s->prefix = prefix;
	if ((s->d = opendir(dir)) != NULL)
		return 0;
	if (errno == ENOENT)
		return aipm_err_path(err, AIPM_NOMATCH, dir,
		    "no backups there; make one, or name their directory");
	return aipm_err_path(
	    err, AIPM_FAILED, dir, "cannot open the backups' directory");
}

/* 1 with a name (good until the next call) and stamp in *b, 0 at the end,
 * -1. */
static int
scan_next(struct scan *s, struct aipm_backup *b, struct aipm_err *err)
{
	struct dirent *de;

	for (;;) {
		errno = 0;
		if ((de = readdir(s->d)) == NULL)
			break;
		memset(b, 0, sizeof(*b));
		b->name = de->d_name;
		if (aipm_stamp_parse(&b->stamp, de->d_name, s->prefix))
			return 1;
	}
	if (errno == 0)
		return 0;
	return aipm_err_path(err, AIPM_FAILED, s->dir, "cannot read");
}

static void
scan_close(struct scan *s)
{
	(void)closedir(s->d);
}

static enum aipm_state
state_of(int fd, struct aipm_backup *b)
{
	struct aipm_footer f;
	struct aipm_err err;
	int r = aipm_footer_read(&f, fd, b->name, &err);

	/* A thin archive cannot be restored from: its name lies. */
	if (r == -1 || (r == 1 && f.thin))
		return AIPM_STATE_DAMAGED;
	if (r == 0)
		return AIPM_STATE_UNKNOWN;
	b->entries = f.entries;
	return f.complete ? AIPM_STATE_COMPLETE : AIPM_STATE_PARTIAL;
}

/*
 * Look into the file: 1 if it is a backup, 0 if it is none or is gone.  One
 * that cannot be opened must not hide the others, nor pass for a good one.
 */
static int
inspect(int dirfd, struct aipm_backup *b)
{
	struct stat st;
	int fd;

	b->state = AIPM_STATE_DAMAGED;
	if (fstatat(dirfd, b->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno != ENOENT;
	if (!S_ISREG(st.st_mode))
		return 0;
	b->size = (uint64_t)st.st_size;
	fd = openat(dirfd, b->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return errno != ENOENT;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		b->size = (uint64_t)st.st_size;
		b->state = state_of(fd, b);
	}
	(void)close(fd);
	return 1;
}

int
aipm_catalog_read(struct aipm_catalog *c, const char *dir, const char *prefix,
    struct aipm_err *err)
{
	struct scan s;
	struct aipm_backup b;
	int r;

	memset(c, 0, sizeof(*c));
	if (scan_open(&s, dir, prefix, err) == -1)
		return -1;
	while ((r = scan_next(&s, &b, err)) == 1) {
		if (inspect(dirfd(s.d), &b) == 0)
			continue;
		if ((r = aipm_catalog_add(c, &b, err)) == -1)
			break;
	}
	scan_close(&s);
	if (r == -1)
		aipm_catalog_free(c);
	/* readdir() may say a name twice while the directory changes. */
	aipm_catalog_sort(c);
	return r;
}

static const struct aipm_backup *
newest(const struct aipm_catalog *c, enum aipm_state state)
{
	for (size_t i = c->n; i > 0; i--)
		if (c->v[i - 1].stamp.kind == AIPM_KIND_BACKUP &&
		    c->v[i - 1].state == state)
			return &c->v[i - 1];
	return NULL;
}

const struct aipm_backup *
aipm_catalog_latest(const struct aipm_catalog *c)
{
	const struct aipm_backup *b = newest(c, AIPM_STATE_COMPLETE);

	return b != NULL ? b : newest(c, AIPM_STATE_UNKNOWN);
}

int
aipm_catalog_next_time(int64_t *taken, const char *dir, const char *prefix,
    int64_t now, struct aipm_err *err)
{
	struct scan s;
	struct aipm_backup b;
	int r;

	*taken = now;
	if (scan_open(&s, dir, prefix, err) == -1)
		return err->cls == AIPM_NOMATCH ? 0 : -1;
	while ((r = scan_next(&s, &b, err)) == 1)
		if (b.stamp.taken >= *taken)
			*taken = b.stamp.taken + 1;
	scan_close(&s);
	return r;
}

const char *
aipm_state_name(enum aipm_state s)
{
	static const char *const names[] = {
		[AIPM_STATE_COMPLETE] = "complete",
		[AIPM_STATE_PARTIAL] = "partial",
		[AIPM_STATE_UNKNOWN] = "unknown",
		[AIPM_STATE_DAMAGED] = "damaged",
	};

	return names[s];
}

void
aipm_catalog_free(struct aipm_catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].name);
	free(c->v);
	memset(c, 0, sizeof(*c));
}
