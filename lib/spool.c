#include "aipm/spool.h"

#include "aipm/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
aipm_spool_dir(const char *dir)
{
	if (dir == NULL)
		dir = getenv("TMPDIR");
	return dir == NULL || *dir == '\0' ? "/tmp" : dir;
}

int
aipm_spool_open(const char *dir, struct aipm_err *err)
{
	static const char name[] = "/" AIPM_SPOOL_PREFIX "XXXXXX";
	char *path;
	size_t n;
	int fd;

	dir = aipm_spool_dir(dir);
	if ((fd = aipm_compat_unnamed(dir)) != -1)
		return fd;
	if (errno != ENOTSUP)
		return aipm_err_path(err, AIPM_FAILED, dir,
		    "cannot make a temporary file in this directory");
	n = strlen(dir) + sizeof(name);
	if ((path = malloc(n)) == NULL)
		return aipm_err_nomem(err);
	(void)snprintf(path, n, "%s%s", dir, name);
	if ((fd = mkstemp(path)) == -1) {
		(void)aipm_err_path(
		    err, AIPM_FAILED, path, "cannot make a temporary file");
	} else {
		(void)unlink(path);
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	free(path);
	return fd;
}
