#include "strays.h"

#include "aipm/io.h"
#include "aipm/num.h"
#include "aipm/stop.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHILDREN_MAX = 65536, ENVIRON_MAX = 1 << 17 };

static bool
is_of_command(pid_t pid)
{
	static const char mark[] = AIPM_STOP_STOPPED "=";
	char path[64], *text, *p;
	bool found = false;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
	if ((text = aipm_slurp(path, ENVIRON_MAX, &n)) == NULL)
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
	if ((text = aipm_slurp(path, CHILDREN_MAX, &n)) == NULL)
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
