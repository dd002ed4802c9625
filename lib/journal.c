#include "aipm/journal.h"

#include "aipm/buf.h"
#include "aipm/io.h"
#include "aipm/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char header[] = "aipm-journal\t1";

enum { FIELDS = 7, SIZE_MAX_SANE = 1 << 20 };

static void
free_entry(struct aipm_journal_entry *e)
{
	free(e->id);
	free(e->name);
	free(e->engine);
}

size_t
aipm_journal_find(const struct aipm_journal *j, const char *id)
{
	size_t i = 0;

	while (i < j->n && strcmp(j->v[i].id, id) != 0)
		i++;
	return i;
}

void
aipm_journal_remove(struct aipm_journal *j, size_t i)
{
	free_entry(&j->v[i]);
	memmove(&j->v[i], &j->v[i + 1], (j->n - i - 1) * sizeof(*j->v));
	j->n--;
}

int
aipm_journal_add(struct aipm_journal *j, const struct aipm_journal_entry *e,
    struct aipm_err *err)
{
	struct aipm_journal_entry *v, copy = *e;
	size_t i;

	if ((v = realloc(j->v, (j->n + 1) * sizeof(*v))) == NULL)
		return aipm_err_nomem(err);
	j->v = v;
	copy.id = strdup(e->id);
	copy.name = strdup(e->name);
	copy.engine = strdup(e->engine);
	if (copy.id == NULL || copy.name == NULL || copy.engine == NULL) {
		free_entry(&copy);
		return aipm_err_nomem(err);
	}
	if ((i = aipm_journal_find(j, copy.id)) < j->n)
		aipm_journal_remove(j, i);
	j->v[j->n++] = copy;
	return 0;
}

void
aipm_journal_free(struct aipm_journal *j)
{
	for (size_t i = 0; i < j->n; i++)
		free_entry(&j->v[i]);
	free(j->v);
	memset(j, 0, sizeof(*j));
}

/* Take a line off *text, or a field off a line; NULL at the end. */
static char *
cut(char **text, char at)
{
	char *s = *text, *end;

	if (s == NULL)
		return NULL;
	end = strchr(s, at);
	*text = end == NULL ? NULL : end + 1;
	if (end != NULL)
		*end = '\0';
	return s;
}

/* Whether s is one of two words; *out tells which. */
static bool
either(const char *s, const char *no, const char *yes, bool *out)
{
	*out = strcmp(s, yes) == 0;
	return *out || strcmp(s, no) == 0;
}

static bool
parse_entry(struct aipm_journal_entry *e, char *line)
{
	char *f[FIELDS];
	uint64_t t;

	for (size_t i = 0; i < FIELDS; i++)
		if ((f[i] = cut(&line, '\t')) == NULL || *f[i] == '\0')
			return false;
	if (line != NULL || strcmp(f[0], "container") != 0 ||
	    !either(f[1], "in-progress", "held", &e->held))
		return false;
	e->paused = strcmp(f[2], "paused") == 0;
	e->frozen = strcmp(f[2], "frozen") == 0;
	if (!e->paused && !e->frozen && strcmp(f[2], "running") != 0)
		return false;
	e->timeout = -1;
	if (strcmp(f[3], "-") != 0) {
		if (!aipm_parse_u64(f[3], INT_MAX, &t))
			return false;
		e->timeout = (int)t;
	}
	e->id = f[4];
	e->engine = f[5];
	e->name = f[6];
	return true;
}

static int
parse(
    struct aipm_journal *j, char *text, const char *path, struct aipm_err *err)
{
	struct aipm_journal_entry e;
	char *line = cut(&text, '\n');

	if (line != NULL && strcmp(line, header) == 0) {
		while ((line = cut(&text, '\n')) != NULL) {
			if (strcmp(line, "end") == 0)
				return 0;
			if (!parse_entry(&e, line))
				break;
			if (aipm_journal_add(j, &e, err) == -1)
				return -1;
		}
	}
	return aipm_err_file(err, AIPM_FAILED, path,
	    "cannot be understood; start by hand what it names, then remove "
	    "it");
}

static int
read_text(struct aipm_buf *b, int fd, const char *path, struct aipm_err *err)
{
	size_t got;

	if (aipm_buf_reserve(b, SIZE_MAX_SANE) == -1)
		return aipm_err_nomem(err);
	if (aipm_read_full(
	        fd, b->p, SIZE_MAX_SANE - 1, &got, path, NULL, err) == -1)
		return -1;
	b->len = got;
	b->p[got] = '\0';
	return 0;
}

int
aipm_journal_read(struct aipm_journal *j, int dirfd, const char *name,
    const char *path, struct aipm_err *err)
{
	struct aipm_buf b = { 0 };
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r;

	memset(j, 0, sizeof(*j));
	if (fd == -1) {
		if (errno == ENOENT)
			return 0;
		return aipm_err_path(err, AIPM_FAILED, path, "cannot open");
	}
	if ((r = read_text(&b, fd, path, err)) == 0)
		r = parse(j, (char *)b.p, path, err);
	aipm_buf_free(&b);
	(void)close(fd);
	if (r == -1)
		aipm_journal_free(j);
	return r;
}

static int
add_text(struct aipm_buf *b, const char *s)
{
	return aipm_buf_add(b, s, strlen(s));
}

static int
add_entry(struct aipm_buf *b, const struct aipm_journal_entry *e)
{
	const char *was = e->paused   ? "\tpaused\t"
	                  : e->frozen ? "\tfrozen\t"
	                              : "\trunning\t";
	char t[16] = "-";

	if (e->timeout >= 0)
		(void)snprintf(t, sizeof(t), "%d", e->timeout);
	return add_text(b, "container\t") == -1 ||
	               add_text(b, e->held ? "held" : "in-progress") == -1 ||
	               add_text(b, was) == -1 || add_text(b, t) == -1 ||
	               add_text(b, "\t") == -1 || add_text(b, e->id) == -1 ||
	               add_text(b, "\t") == -1 ||
	               add_text(b, e->engine) == -1 ||
	               add_text(b, "\t") == -1 || add_text(b, e->name) == -1 ||
	               add_text(b, "\n") == -1
	           ? -1
	           : 0;
}

static int
add_journal(struct aipm_buf *b, const struct aipm_journal *j)
{
	if (add_text(b, header) == -1 || add_text(b, "\n") == -1)
		return -1;
	for (size_t i = 0; i < j->n; i++)
		if (add_entry(b, &j->v[i]) == -1)
			return -1;
	return add_text(b, "end\n");
}

static int
write_beside(const struct aipm_buf *b, int dirfd, const char *temp,
    const char *path, struct aipm_err *err)
{
	int fd = openat(dirfd, temp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    (mode_t)0600);

	if (fd == -1)
		return aipm_err_path(err, AIPM_FAILED, path, "cannot write");
	if (aipm_write_full(fd, b->p, b->len, path, NULL, err) == -1) {
		(void)close(fd);
		return -1;
	}
	if (fsync(fd) == -1) {
		(void)aipm_err_path(err, AIPM_FAILED, path, "cannot flush");
		(void)close(fd);
		return -1;
	}
	if (close(fd) == -1)
		return aipm_err_path(err, AIPM_FAILED, path, "cannot write");
	return 0;
}

static int
publish(const struct aipm_buf *b, int dirfd, const char *name, const char *path,
    struct aipm_err *err)
{
	char temp[64];

	/* Under the lock nobody else makes this name. */
	(void)snprintf(temp, sizeof(temp), ".%s.new", name);
	if (write_beside(b, dirfd, temp, path, err) == -1) {
		(void)unlinkat(dirfd, temp, 0);
		return -1;
	}
	if (renameat(dirfd, temp, dirfd, name) == -1) {
		(void)aipm_err_path(err, AIPM_FAILED, path, "cannot replace");
		(void)unlinkat(dirfd, temp, 0);
		return -1;
	}
	return 0;
}

int
aipm_journal_write(const struct aipm_journal *j, int dirfd, const char *name,
    const char *path, struct aipm_err *err)
{
	struct aipm_buf b = { 0 };
	int r = 0;

	if (j->n == 0) {
		if (unlinkat(dirfd, name, 0) == -1 && errno != ENOENT)
			return aipm_err_path(
			    err, AIPM_FAILED, path, "cannot remove");
	} else if (add_journal(&b, j) == -1)
		r = aipm_err_nomem(err);
	else
		r = publish(&b, dirfd, name, path, err);
	aipm_buf_free(&b);
	if (r == 0 && fsync(dirfd) == -1)
		return aipm_err_path(err, AIPM_FAILED, path, "cannot flush");
	return r;
}
