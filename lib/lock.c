#include "aipm/lock.h"

#include "aipm/child.h"
#include "aipm/num.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

/* Looked at again and again: a signal that comes just before a blocking
 * flock() would be noticed only at its end. */
enum { POLL_MS = 200 };

static bool
same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Who holds it, for a message. */
static void
describe_holder(char *dst, size_t cap, int fd)
{
	char s[32];
	uint64_t pid;
	ssize_t n = pread(fd, s, sizeof(s) - 1, 0);

	s[n > 0 ? n : 0] = '\0';
	s[strcspn(s, "\n")] = '\0';
	if (!aipm_parse_u64(s, INT32_MAX, &pid) || pid == 0) {
		(void)snprintf(dst, cap, "another run");
		return;
	}
	(void)snprintf(dst, cap, "the run with pid %s%s", s,
	    kill((pid_t)pid, 0) == -1 && errno == ESRCH
	        ? " (which is dead, but its command still runs)"
	        : "");
}

static int
write_pid(int fd, const char *path, struct aipm_err *err)
{
	char s[32];
	int n = snprintf(s, sizeof(s), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == -1 || pwrite(fd, s, (size_t)n, 0) != n)
		return aipm_err_path(err, AIPM_FAILED, path, "cannot write");
	return 0;
}

/* 1: it is ours now, 0: another has it. */
static int
try_lock(int fd, const char *path, struct aipm_err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 1;
	if (errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	return aipm_err_path(err, AIPM_FAILED, path, "cannot lock");
}

static int
take(int fd, const char *path, enum aipm_lock_wait wait,
    const struct aipm_warn *note, const struct aipm_cancel *cancel,
    struct aipm_err *err)
{
	bool said = false;
	char who[96], text[160];
	int r;

	while ((r = try_lock(fd, path, err)) == 0) {
		describe_holder(who, sizeof(who), fd);
		if (wait == AIPM_LOCK_TRY) {
			(void)snprintf(text, sizeof(text),
			    "held by %s; nothing was changed", who);
			return aipm_err_file(err, AIPM_LOCKED, path, text);
		}
		(void)snprintf(text, sizeof(text), "waiting for %s", who);
		if (!said)
			aipm_warn(note, path, text);
		said = true;
		if (aipm_cancel_check(cancel, err) == -1)
			return -1;
		aipm_child_sleep(POLL_MS);
	}
	return r == 1 ? write_pid(fd, path, err) : -1;
}

int
aipm_lock_take(struct aipm_lock *l, int dirfd, const char *name,
    const char *path, int given, enum aipm_lock_wait wait,
    const struct aipm_warn *note, const struct aipm_cancel *cancel,
    struct aipm_err *err)
{
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    (mode_t)0600);

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (fd == -1)
		return aipm_err_path(err, AIPM_FAILED, path, "cannot open");
	if (given >= 0 && given != fd && same_file(given, fd) &&
	    flock(given, LOCK_EX | LOCK_NB) == 0) {
		(void)close(fd);
		(void)fcntl(given, F_SETFD, FD_CLOEXEC);
		l->fd = given;
		l->inherited = true;
		return 0;
	}
	if (take(fd, path, wait, note, cancel, err) == -1) {
		(void)close(fd);
		return -1;
	}
	l->fd = fd;
	return 0;
}

bool
aipm_lock_is_held(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool held;

	if (fd == -1)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK;
	(void)close(fd);
	return held;
}

void
aipm_lock_release(struct aipm_lock *l)
{
	if (l->fd != -1)
		(void)close(l->fd);
	l->fd = -1;
}
