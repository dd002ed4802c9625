#include "aipm/release.h"

#include "aipm/escape.h"
#include "aipm/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

int
aipm_release_fd(void)
{
	const char *s = getenv(AIPM_RELEASE_ENV);
	struct stat st;
	uint64_t fd;

	if (s == NULL || !aipm_parse_u64(s, INT_MAX, &fd) ||
	    fstat((int)fd, &st) == -1 || !S_ISSOCK(st.st_mode))
		return -1;
	(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

static int
no_answer(struct aipm_err *err)
{
	return aipm_err_set(err, AIPM_FAILED,
	    "aipm-stop did not say whether the data was quiet: nothing is "
	    "published");
}

static int
ask(int fd, const struct aipm_cancel *cancel, struct aipm_err *err)
{
	ssize_t n;

	while ((n = send(fd, "r", 1, MSG_NOSIGNAL)) == -1 && errno == EINTR)
		if (aipm_cancel_check(cancel, err) == -1)
			return -1;
	return n == 1 ? 0 : no_answer(err);
}

/* The answer, up to its end, terminated. */
static int
listen_to(int fd, char *text, size_t cap, const struct aipm_cancel *cancel,
    struct aipm_err *err)
{
	size_t at = 0;

	while (at < cap - 1) {
		ssize_t n = recv(fd, text + at, cap - 1 - at, 0);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0)
			break;
		else if (errno != EINTR)
			return no_answer(err);
		else if (aipm_cancel_check(cancel, err) == -1)
			return -1;
	}
	text[at] = '\0';
	return 0;
}

void
aipm_release_take(struct aipm_release *r, const char *name, const char *value)
{
	if (strcmp(name, "proof") == 0)
		aipm_escape(r->proof, sizeof(r->proof), value);
	else if (strcmp(name, "services") == 0)
		aipm_escape(r->services, sizeof(r->services), value);
	else if (strcmp(name, "downtime") == 0)
		aipm_escape(r->downtime, sizeof(r->downtime), value);
	else if (strcmp(name, "why") == 0)
		aipm_escape(r->why, sizeof(r->why), value);
}

/* A line "name\tvalue"; whether it is the last. */
static bool
take_line(struct aipm_release *r, char *line)
{
	char *tab = strchr(line, '\t');

	if (tab == NULL)
		return strcmp(line, "end") == 0;
	*tab = '\0';
	aipm_release_take(r, line, tab + 1);
	return false;
}

int
aipm_release_ask(int fd, struct aipm_release *r,
    const struct aipm_cancel *cancel, struct aipm_err *err)
{
	char text[4096], *line, *next;
	bool ended = false;

	memset(r, 0, sizeof(*r));
	if (ask(fd, cancel, err) == -1 ||
	    listen_to(fd, text, sizeof(text), cancel, err) == -1)
		return -1;
	for (line = text; !ended && (next = strchr(line, '\n')) != NULL;
	     line = next + 1) {
		*next = '\0';
		ended = take_line(r, line);
	}
	if (!ended)
		return no_answer(err);
	if (strcmp(r->proof, "quiet") == 0 || strcmp(r->proof, "none") == 0)
		return 0;
	return aipm_err_set(err, AIPM_BUSY,
	    "the data was not quiet while it was read: nothing is published: "
	    "%s",
	    r->why);
}
