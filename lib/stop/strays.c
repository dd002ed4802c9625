#include "strays.h"

#include "aipm/num.h"
#include "aipm/stop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHILDREN_MAX = 65536, ENVIRON_MAX = 1 << 17 };

/* A file of /proc as text; the caller frees it.  NULL: there is none. */
static char *
slurp(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd == -1 ? NULL : malloc(max + 1);
	size_t n = 0;
	ssize_t r = 0;

	while (text != NULL && n < max && (r = read(fd, text + n, max - n)) > 0)
		n += (size_t)r;
	if (fd != -1)
		(void)close(fd);
	if (text != NULL)
		text[n] = '\0';
	*len = n;
	return text;
}

static bool
is_of_command(pid_t pid)
{
	static const char mark[] = AIPM_STOP_STOPPED "=";
	char path[64], *text, *p;
	bool found = false;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
	if ((text = slurp(path, ENVIRON_MAX, &n)) == NULL)
		return false;
	for (p = text; !found && p < text + n; p += strlen(p) + 1)
		found = strncmp(p, mark, sizeof(mark) - 1) == 0;
	free(text);
	return found;
}

size_t
strays_signal(int signum)
{
	char path[96], *text, *word, *save;
	size_t n, count = 0;
	uint64_t pid;

	(void)snprintf(
	    path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	if ((text = slurp(path, CHILDREN_MAX, &n)) == NULL)
		return 0;
	for (word = strtok_r(text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		if (!aipm_parse_u64(word, INT32_MAX, &pid) ||
		    !is_of_command((pid_t)pid))
			continue;
		count++;
		if (signum != 0)
			(void)kill((pid_t)pid, signum);
	}
	free(text);
	return count;
}
