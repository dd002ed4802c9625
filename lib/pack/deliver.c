#include "pack.h"

#include "aipm/catalog.h"
#include "aipm/footer.h"
#include "aipm/index.h"
#include "aipm/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/stat.h>

int
aipm_pack_stream(const struct aipm_pack_options *o, const char *dir, int fd,
    const char *name, struct aipm_pack_sum *sum, struct aipm_err *err)
{
	return pack_tree(o, dir, fd, name, NULL, sum, err);
}

/* Read the footer and the whole index back. */
static int
verify(int fd, const char *name, struct aipm_err *err)
{
	struct aipm_footer f;
	struct aipm_err why;
	int r = aipm_footer_read(&f, fd, name, &why);

	if (r == 1 && aipm_index_verify(fd, &f, name, &why) == 0)
		return 0;
	return aipm_err_set(err, AIPM_FAILED,
	    "the new archive cannot be read back, nothing is published: %.400s",
	    r == 0 ? "no footer" : why.text);
}

/* Everything but the name. */
static int
pack_unpublished(const struct aipm_pack_options *o, const char *dir,
    struct aipm_publish **p, const char *out_dir, struct aipm_pack_sum *sum,
    struct aipm_err *err)
{
	if (aipm_publish_open(p, out_dir, err) == -1)
		return -1;
	if (pack_tree(
	        o, dir, aipm_publish_fd(*p), out_dir, out_dir, sum, err) == -1)
		return -1;
	return verify(aipm_publish_fd(*p), out_dir, err);
}

int
aipm_pack_file(const struct aipm_pack_options *o, const char *dir,
    const char *path, bool force, struct aipm_pack_sum *sum,
    struct aipm_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	char *out_dir = slash == NULL   ? strdup(".")
	                : slash == path ? strdup("/")
	                                : strndup(path, (size_t)(slash - path));
	struct aipm_publish *p = NULL;
	struct stat st;
	int r = -1;

	if (out_dir == NULL)
		return aipm_err_nomem(err);
	if (*base == '\0')
		(void)aipm_err_file(err, AIPM_USAGE, path,
		    "is a directory, not a file: use -d");
	else if (!force && lstat(path, &st) == 0)
		(void)aipm_err_file(err, AIPM_FAILED, path,
		    "exists already: use --force to replace it");
	else if (pack_unpublished(o, dir, &p, out_dir, sum, err) == 0)
		r = aipm_publish_commit(p, base, force, err);
	aipm_publish_close(p);
	free(out_dir);
	return r;
}

/* Publish under the next name that is free. */
static int
commit_next(struct aipm_publish *p, const char *shelf, const char *prefix,
    enum aipm_kind kind, char *name, struct aipm_err *err)
{
	int64_t taken;
	int r;

	do {
		if (aipm_catalog_next_time(
		        &taken, shelf, prefix, (int64_t)time(NULL), err) == -1)
			return -1;
		if (aipm_stamp_name(name, prefix, kind, taken) == -1)
			return aipm_err_set(err, AIPM_FAILED,
			    "no name for a backup: is the clock right?");
		r = aipm_publish_commit(p, name, false, err);
	} while (r == -1 && err->errnum == EEXIST);
	return r;
}

int
aipm_pack_shelf(const struct aipm_pack_options *o, const char *dir,
    const char *shelf, const char *prefix, char **path,
    struct aipm_pack_sum *sum, struct aipm_err *err)
{
	struct aipm_publish *p = NULL;
	char name[AIPM_STAMP_NAME_MAX];
	size_t n = strlen(shelf) + sizeof(name) + 1;
	int r;

	*path = NULL;
	if (mkdir(shelf, 0700) == -1 && errno != EEXIST)
		return aipm_err_path(
		    err, AIPM_FAILED, shelf, "cannot make the directory");
	r = pack_unpublished(o, dir, &p, shelf, sum, err);
	if (r == 0 && (*path = malloc(n)) == NULL)
		r = aipm_err_nomem(err);
	if (r == 0)
		r = commit_next(p, shelf, prefix, pack_kind(o, sum), name, err);
	if (r == 0)
		(void)snprintf(*path, n, "%s/%s", shelf, name);
	aipm_publish_close(p);
	if (r == -1) {
		free(*path);
		*path = NULL;
	}
	return r;
}
