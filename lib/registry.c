#include "aipm/registry.h"

#include "aipm/buf.h"
#include "aipm/digest.h"
#include "aipm/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum { NAME = 2 * AIPM_DIGEST_SIZE, TEXT_MAX = 16384 };

/* The lines behind the first, in order. */
enum { ROOT, BACKUPS, PATHS };
static const char *const words[PATHS] = { "root\t", "backups\t" };
static const char header[] = "aipm-project\t1\n";

static int
add_text(struct aipm_buf *b, const char *s)
{
	return aipm_buf_add(b, s, strlen(s));
}

static bool
fits_a_line(const char *path)
{
	for (; *path != '\0'; path++)
		if ((unsigned char)*path < ' ' || *path == 0x7f)
			return false;
	return true;
}

/* The project's text, and the name of its file. */
static int
describe(struct aipm_buf *b, char name[NAME + 1], const char *const *paths,
    struct aipm_err *err)
{
	unsigned char sha256[AIPM_DIGEST_SIZE];
	struct aipm_digest *d;
	int r;

	for (int i = 0; i < PATHS; i++)
		if (!fits_a_line(paths[i]))
			return aipm_err_file(err, AIPM_FAILED, paths[i],
			    "cannot be registered: a control character");
	d = aipm_digest_new();
	r = d == NULL ? -1 : add_text(b, header);
	for (int i = 0; r == 0 && i < PATHS; i++)
		if (add_text(b, words[i]) == -1 ||
		    add_text(b, paths[i]) == -1 || add_text(b, "\n") == -1)
			r = -1;
	if (r == 0)
		r = add_text(b, "end\n");
	if (r == -1) {
		aipm_digest_free(d);
		return aipm_err_nomem(err);
	}
	aipm_digest_add(d, b->p, b->len);
	aipm_digest_take(d, sha256);
	aipm_digest_free(d);
	aipm_digest_hex(name, sha256);
	return 0;
}

static int
put_file(int dir, const char *name, const struct aipm_buf *b, const char *path,
    struct aipm_err *err)
{
	char temp[NAME + 8];
	int fd, r;

	(void)snprintf(temp, sizeof(temp), ".%s.new", name);
	fd = openat(dir, temp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return aipm_err_path(err, AIPM_FAILED, path, "cannot write to");
	r = aipm_write_full(fd, b->p, b->len, path, NULL, err);
	if (r == 0 && (fsync(fd) == -1 || renameat(dir, temp, dir, name) == -1))
		r = aipm_err_path(err, AIPM_FAILED, path, "cannot write to");
	(void)close(fd);
	if (r == -1)
		(void)unlinkat(dir, temp, 0);
	else if (fsync(dir) == -1)
		r = aipm_err_path(err, AIPM_FAILED, path, "cannot flush");
	return r;
}

static int
open_dir(const char *path, struct aipm_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return aipm_err_path(err, AIPM_FAILED, path, "cannot open");
	return fd;
}

int
aipm_registry_add(const char *dir, const char *root, const char *backups,
    struct aipm_err *err)
{
	const char *const paths[PATHS] = { root, backups };
	struct aipm_buf b = { 0 };
	char name[NAME + 1];
	int fd = -1, r = describe(&b, name, paths, err);

	if (r == 0 && mkdir(dir, 0700) == -1 && errno != EEXIST)
		r = aipm_err_path(
		    err, AIPM_FAILED, dir, "cannot make this directory");
	if (r == 0)
		r = fd = open_dir(dir, err);
	if (fd != -1) {
		r = put_file(fd, name, &b, dir, err);
		(void)close(fd);
	}
	aipm_buf_free(&b);
	return r;
}

int
aipm_registry_remove(const char *dir, const char *root, const char *backups,
    struct aipm_err *err)
{
	const char *const paths[PATHS] = { root, backups };
	struct aipm_buf b = { 0 };
	char name[NAME + 1];
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd == -1)
		return errno == ENOENT || errno == EACCES
		           ? 0
		           : aipm_err_path(
		                 err, AIPM_FAILED, dir, "cannot open");
	r = describe(&b, name, paths, err);
	if (r == 0 && unlinkat(fd, name, 0) == -1 && errno != ENOENT)
		r = aipm_err_path(err, AIPM_FAILED, dir, "cannot remove from");
	(void)close(fd);
	aipm_buf_free(&b);
	return r;
}

/* The path of the next line, or NULL; *text goes on behind it. */
static char *
take_path(char **text, const char *word)
{
	size_t n = strlen(word);
	char *line = *text, *end = strchr(line, '\n');

	if (end == NULL || strncmp(line, word, n) != 0 || line[n] != '/')
		return NULL;
	*end = '\0';
	*text = end + 1;
	return strdup(line + n);
}

static void
free_registered(struct aipm_registered *r)
{
	free(r->root);
	free(r->backups);
}

/* Whether the file's text is as it should be. */
static bool
parse(struct aipm_registered *r, char *text)
{
	size_t n = sizeof(header) - 1;

	if (strncmp(text, header, n) != 0)
		return false;
	text += n;
	r->root = take_path(&text, words[ROOT]);
	r->backups = r->root == NULL ? NULL : take_path(&text, words[BACKUPS]);
	return r->backups != NULL && strcmp(text, "end\n") == 0;
}

/* 1 if it was read, 0 if it is none of ours or has gone, -1. */
static int
read_file(
    struct aipm_registered *r, int dir, const char *name, struct aipm_err *err)
{
	char text[TEXT_MAX];
	size_t got;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), result;

	memset(r, 0, sizeof(*r));
	if (fd == -1)
		return errno == ENOENT || errno == ELOOP
		           ? 0
		           : aipm_err_path(
		                 err, AIPM_FAILED, name, "cannot open");
	result = aipm_read_full(
	    fd, text, sizeof(text) - 1, &got, name, NULL, err);
	(void)close(fd);
	if (result == -1)
		return -1;
	text[got] = '\0';
	if (parse(r, text))
		return 1;
	free_registered(r);
	return 0;
}

static int
add(struct aipm_registry *r, struct aipm_registered *one, struct aipm_err *err)
{
	struct aipm_registered *v = realloc(r->v, (r->n + 1) * sizeof(*v));

	if (v == NULL) {
		free_registered(one);
		return aipm_err_nomem(err);
	}
	r->v = v;
	v[r->n++] = *one;
	return 0;
}

int
aipm_registry_read(struct aipm_registry *r, const char *dir,
    const struct aipm_warn *warn, struct aipm_err *err)
{
	struct aipm_registered one;
	DIR *d = opendir(dir);
	struct dirent *e;
	int result = 1;

	memset(r, 0, sizeof(*r));
	if (d == NULL)
		return errno == ENOENT ? 0
		                       : aipm_err_path(err, AIPM_FAILED, dir,
		                             "cannot open");
	while (result != -1 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		result = read_file(&one, dirfd(d), e->d_name, err);
		if (result == 1)
			result = add(r, &one, err);
		else if (result == 0)
			aipm_warn(warn, e->d_name,
			    "in the registry is no project of ours: passed "
			    "over, remove it");
	}
	(void)closedir(d);
	if (result != -1)
		return 0;
	aipm_registry_free(r);
	return -1;
}

void
aipm_registry_free(struct aipm_registry *r)
{
	for (size_t i = 0; i < r->n; i++)
		free_registered(&r->v[i]);
	free(r->v);
	memset(r, 0, sizeof(*r));
}
