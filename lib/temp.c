#include "aipm/temp.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
aipm_temp_name(char dst[AIPM_TEMP_NAME_MAX], const char *prefix, unsigned try)
{
	struct timespec now = { 0, 0 };
	unsigned long mix;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	mix = (unsigned long)now.tv_nsec ^ ((unsigned long)getpid() << 12) ^
	      ((unsigned long)now.tv_sec << 4) ^ try;
	(void)snprintf(
	    dst, AIPM_TEMP_NAME_MAX, "%.20s%08lx", prefix, mix & 0xffffffffUL);
}

void
aipm_temp_each(int dirfd, const char *prefix,
    void (*fn)(void *ctx, int dirfd, const char *name), void *ctx)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (d == NULL) {
		if (fd != -1)
			(void)close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
			fn(ctx, dirfd, e->d_name);
	(void)closedir(d);
}
