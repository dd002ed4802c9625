#include "aipm/release.h"

#include "aipm/entry.h"
#include "aipm/escape.h"
#include "aipm/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

int
aipm_release_open(int *fd, struct aipm_err *err)
{
	const char *s = getenv(AIPM_RELEASE_ENV);
	struct stat st;
	uint64_t n;

	*fd = -1;
	if (s == NULL || *s == '\0')
		return 0;
	if (!aipm_parse_u64(s, INT_MAX, &n) || fstat((int)n, &st) == -1 ||
	    !S_ISSOCK(st.st_mode))
		return aipm_err_set(err, AIPM_FAILED,
		    AIPM_RELEASE_ENV
		    "=%.40s is no socket: something between "
		    "aipm-stop and this program has closed it, so nobody "
		    "could say whether the data was quiet",
		    s);
	*fd = (int)n;
	(void)fcntl(*fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/* AIPM_DATA below AIPM_ROOT, as aipm-stop has set them. */
static char *
proven_dir(void)
{
	const char *root = getenv("AIPM_ROOT"), *data = getenv("AIPM_DATA");
	char path[PATH_MAX];

	if (root == NULL || data == NULL ||
	    snprintf(path, sizeof(path), "%s/%s", *data == '/' ? "" : root,
	        data) >= (int)sizeof(path))
		return NULL;
	return realpath(path, NULL);
}

bool
aipm_release_covers(const char *dir)
{
	const char *how = getenv("AIPM_STOPPED");
	char *proven = proven_dir(), *real = realpath(dir, NULL);
	bool covered = proven != NULL && real != NULL &&
	               (strcmp(proven, "/") == 0 ||
	                   aipm_path_below(real, proven)) &&
	               (how == NULL || strcmp(how, "paused") != 0);

	free(proven);
	free(real);
	return covered;
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
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		/* A signal just before the wait is seen within a second. */
		if (aipm_cancel_check(cancel, err) == -1)
			return -1;
		if (poll(&p, 1, 1000) != 1)
			continue;
		n = recv(fd, text + at, cap - 1 - at, MSG_DONTWAIT);
		if (n > 0)
			at += (size_t)n;
		else if (n == 0)
			break;
		else if (errno != EINTR && errno != EAGAIN)
			return no_answer(err);
	}
	text[at] = '\0';
	return aipm_cancel_check(cancel, err);
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
