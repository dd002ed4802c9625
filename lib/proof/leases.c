#include "parts.h"

#include "aipm/compat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum { THREADS_MAX = 16 };

/* Directories still to be looked at, shared by the threads. */
struct hunt {
	int root;
	const char *top; /* the path of root */
	const struct aipm_cancel *cancel;
	struct stat skip; /* of the directory that is left out */
	pthread_mutex_t lock;
	pthread_cond_t more;
	char **todo; /* owned, as are the paths, which are below root */
	size_t ntodo, cap;
	unsigned busy; /* threads that may add to it */
	bool failed;
	struct aipm_err err;
	struct suspects *found;
};

static int
grow(void **v, size_t *cap, size_t n, size_t size)
{
	size_t want = 2 * *cap + 64;
	void *p;

	if (n < *cap)
		return 0;
	if ((p = realloc(*v, want * size)) == NULL)
		return -1;
	*v = p;
	*cap = want;
	return 0;
}

static char *
join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = malloc(n);

	if (path != NULL)
		(void)snprintf(
		    path, n, "%s%s%s", dir, *dir == '\0' ? "" : "/", name);
	return path;
}

/* Give up; the first reason counts. */
static void
fail(struct hunt *h, const struct aipm_err *err)
{
	(void)pthread_mutex_lock(&h->lock);
	if (!h->failed)
		h->err = *err;
	h->failed = true;
	(void)pthread_cond_broadcast(&h->more);
	(void)pthread_mutex_unlock(&h->lock);
}

static void
fail_nomem(struct hunt *h)
{
	struct aipm_err err;

	(void)aipm_err_nomem(&err);
	fail(h, &err);
}

/* A directory to look at; takes path. */
static void
push(struct hunt *h, char *path)
{
	(void)pthread_mutex_lock(&h->lock);
	if (path == NULL || grow((void **)&h->todo, &h->cap, h->ntodo,
	                        sizeof(*h->todo)) == -1) {
		free(path);
		path = NULL;
	} else
		h->todo[h->ntodo++] = path;
	(void)pthread_cond_signal(&h->more);
	(void)pthread_mutex_unlock(&h->lock);
	if (path == NULL)
		fail_nomem(h);
}

/* The next one, or NULL when all have been looked at. */
static char *
pop(struct hunt *h)
{
	char *path = NULL;

	(void)pthread_mutex_lock(&h->lock);
	h->busy--;
	while (h->ntodo == 0 && h->busy > 0 && !h->failed)
		(void)pthread_cond_wait(&h->more, &h->lock);
	if (h->ntodo > 0 && !h->failed) {
		path = h->todo[--h->ntodo];
		h->busy++;
	} else
		(void)pthread_cond_broadcast(&h->more);
	(void)pthread_mutex_unlock(&h->lock);
	return path;
}

/* Takes path, NULL for one that could not be asked for. */
static void
add_suspect(struct hunt *h, const struct stat *st, char *path)
{
	struct suspects *s = h->found;
	bool ok;

	(void)pthread_mutex_lock(&h->lock);
	ok = grow((void **)&s->v, &s->cap, s->n, sizeof(*s->v)) == 0;
	if (ok) {
		s->v[s->n++] = (struct suspect){
			.dev = st->st_dev, .ino = st->st_ino, .path = path
		};
		if (path != NULL)
			s->refused++;
	}
	(void)pthread_mutex_unlock(&h->lock);
	if (!ok) {
		free(path);
		fail_nomem(h);
	}
}

/* A lease was refused. */
static void
refused(
    struct hunt *h, const struct stat *st, const char *dir, const char *name)
{
	char *below = join(dir, name);
	char *path = below == NULL ? NULL : join(h->top, below);

	free(below);
	if (path == NULL)
		fail_nomem(h);
	else
		add_suspect(h, st, path);
}

/* Something cannot be asked for because of errnum: *st is what is known. */
static void
unasked(struct hunt *h, const struct stat *st, int errnum)
{
	/* It has gone meanwhile. */
	if (errnum == ENOENT || errnum == ELOOP || errnum == ENOTDIR)
		return;
	add_suspect(h, st, NULL);
	(void)pthread_mutex_lock(&h->lock);
	if (errnum == EACCES || errnum == EPERM)
		h->found->no_right = true;
	else if (errnum != ENOTSUP)
		h->found->failed = true;
	(void)pthread_mutex_unlock(&h->lock);
}

static void
ask(struct hunt *h, int dir, const char *path, const char *name,
    const struct stat *st)
{
	int fd = openat(
	    dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1) {
		unasked(h, st, errno);
		return;
	}
	if (aipm_compat_lease_ask(fd) == -1) {
		if (errno == EAGAIN)
			refused(h, st, path, name);
		else
			unasked(h, st, errno);
	}
	(void)close(fd);
}

static void
look_at(struct hunt *h, int dir, const char *path, const char *name)
{
	struct stat st = { 0 };

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		unasked(h, &st, errno);
	else if (S_ISDIR(st.st_mode)) {
		if (st.st_dev != h->skip.st_dev || st.st_ino != h->skip.st_ino)
			push(h, join(path, name));
	} else if (S_ISREG(st.st_mode))
		ask(h, dir, path, name, &st);
}

static void
search(struct hunt *h, const char *path)
{
	int fd = openat(h->root, *path == '\0' ? "." : path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct stat none = { 0 };
	struct dirent *e;
	struct aipm_err err;

	if (d == NULL) {
		unasked(h, &none, errno);
		if (fd != -1)
			(void)close(fd);
		return;
	}
	while (errno = 0, (e = readdir(d)) != NULL)
		look_at(h, fd, path, e->d_name);
	if (errno != 0)
		unasked(h, &none, errno);
	(void)closedir(d);
	if (aipm_cancel_check(h->cancel, &err) == -1)
		fail(h, &err);
}

static void *
run(void *arg)
{
	struct hunt *h = arg;
	char *path;

	while ((path = pop(h)) != NULL) {
		search(h, path);
		free(path);
	}
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

/* In order, and each file once, whatever links it has. */
static void
sort(struct suspects *s)
{
	size_t n = 0;

	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 0; i < s->n; i++) {
		if (n == 0 || compare(&s->v[n - 1], &s->v[i]) != 0) {
			s->v[n++] = s->v[i];
			continue;
		}
		if (s->v[i].path != NULL)
			s->refused--;
		free(s->v[i].path);
	}
	s->n = n;
}

/* This thread is one of them. */
static void
search_all(struct hunt *h)
{
	pthread_t threads[THREADS_MAX];
	unsigned n = 0, wanted = aipm_compat_processors();
	sigset_t all, old;

	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	h->busy = wanted; /* pop() begins by counting one off */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (n + 1 < wanted && pthread_create(&threads[n], NULL, run, h) == 0)
		n++;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_mutex_lock(&h->lock);
	h->busy -= wanted - 1 - n;
	(void)pthread_mutex_unlock(&h->lock);
	(void)run(h);
	while (n > 0)
		(void)pthread_join(threads[--n], NULL);
}

int
leases_ask(struct suspects *s, const char *dir,
    const struct aipm_proof_options *o, struct aipm_err *err)
{
	struct hunt h = { .top = dir, .cancel = o->cancel, .found = s };

	memset(s, 0, sizeof(*s));
	if (o->skip == NULL || stat(o->skip, &h.skip) == -1)
		memset(&h.skip, 0, sizeof(h.skip));
	h.root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h.root == -1)
		return errno == ENOENT ? 0
		                       : aipm_err_path(err, AIPM_FAILED, dir,
		                             "cannot open the directory");
	(void)pthread_mutex_init(&h.lock, NULL);
	(void)pthread_cond_init(&h.more, NULL);
	push(&h, strdup(""));
	search_all(&h);
	while (h.ntodo > 0)
		free(h.todo[--h.ntodo]);
	free(h.todo);
	(void)pthread_cond_destroy(&h.more);
	(void)pthread_mutex_destroy(&h.lock);
	(void)close(h.root);
	sort(s);
	if (!h.failed)
		return 0;
	*err = h.err;
	return -1;
}

struct suspect *
suspects_find(const struct suspects *s, const dev_t *dev, ino_t ino)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->v[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < s->n && s->v[low].ino == ino; low++)
		if (dev == NULL || s->v[low].dev == *dev)
			return &s->v[low];
	return NULL;
}

void
suspects_free(struct suspects *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	memset(s, 0, sizeof(*s));
}
