#define _GNU_SOURCE

#include "aipm/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
/* Undo proc(5)'s \ooo in place. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
			               (s[3] - '0'));
			s += 3;
		} else
			*to++ = *s;
	}
	*to = '\0';
}

/* The mount point, the fifth field of a line of mountinfo; NULL if cut. */
static char *
mount_point(char *line)
{
	char *at = line, *field = NULL;

	for (int i = 0; i < 5; i++)
		if ((field = strsep(&at, " ")) == NULL)
			return NULL;
	unescape(field);
	return field;
}

static int
below(const char *path, const char *top)
{
	return strcmp(top, "/") == 0 || aipm_path_below(path, top);
}

int
aipm_compat_mount_find(const char *path, char **where)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *point;
	size_t cap = 0;
	int r = 0, saved;

	*where = NULL;
	if (f == NULL)
		return -1;
	while (r == 0 && getline(&line, &cap, f) != -1) {
		if ((point = mount_point(line)) == NULL || !below(point, path))
			continue;
		r = (*where = strdup(point)) == NULL ? -1 : 1;
	}
	if (r == 0 && ferror(f))
		r = -1;
	saved = errno;
	free(line);
	(void)fclose(f);
	errno = saved;
	return r;
}
#else
int
aipm_compat_mount_find(const char *path, char **where)
{
	(void)path;
	*where = NULL;
	errno = ENOTSUP;
	return -1;
}
#endif
