#include "aipm/child.h"

#include "aipm/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

enum {
	TICK = 100, /* ms between looks at a child that says nothing */
	SAID_MAX = 64 << 20 /* bytes of output that are still believed */
};

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int
cannot_find(struct aipm_err *err, const char *name, bool there)
{
	if (there)
		return aipm_err_file(err, AIPM_NOEXEC, name,
		    "cannot be executed: nothing was done");
	return aipm_err_file(
	    err, AIPM_NOCOMMAND, name, "no such command: nothing was done");
}

int
aipm_child_find(const char *name, struct aipm_err *err)
{
	const char *dir = getenv("PATH");
	bool there = false;
	char path[4096];

	if (dir == NULL)
		dir = "/bin:/usr/bin"; /* as execvp() has it */

	if (strchr(name, '/') != NULL) {
		there = access(name, F_OK) == 0;
		if (is_file(name) && access(name, X_OK) == 0)
			return 0;
		return cannot_find(err, name, there);
	}
	for (; dir != NULL && *name != '\0';
	     dir = *dir == ':' ? dir + 1 : NULL) {
		size_t n = strcspn(dir, ":"), len = strlen(name);

		if (n + len + 3 <= sizeof(path)) {
			/* An empty element is the current directory. */
			memcpy(path, n == 0 ? "." : dir, n == 0 ? 1 : n);
			path[n == 0 ? 1 : n] = '/';
			memcpy(path + (n == 0 ? 2 : n + 1), name, len + 1);
			if (is_file(path)) {
				if (access(path, X_OK) == 0)
					return 0;
				there = true;
			}
		}
		dir += n;
	}
	return cannot_find(err, name, there);
}

int64_t
aipm_child_clock(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
aipm_child_sleep(unsigned milliseconds)
{
	struct timespec t = { milliseconds / 1000,
		(long)(milliseconds % 1000) * 1000000 };

	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		continue;
}

int
aipm_child_status(int wstatus)
{
	if (WIFSIGNALED(wstatus))
		return 128 + WTERMSIG(wstatus);
	return WEXITSTATUS(wstatus);
}

static int
make_pipe(int fd[2])
{
	if (pipe(fd) == -1)
		return -1;
	for (int i = 0; i < 2; i++)
		(void)fcntl(fd[i], F_SETFD, FD_CLOEXEC);
	return 0;
}

static void
close_pipe(int fd[2])
{
	int saved = errno;

	(void)close(fd[0]);
	(void)close(fd[1]);
	errno = saved;
}

/* Our SIGPIPE is ignored, which exec would hand down. */
static void
reset_sigpipe(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_DFL;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

static int
cannot_run(struct aipm_err *err, const char *name, int errnum)
{
	errno = errnum;
	return aipm_err_path(err,
	    errnum == ENOENT ? AIPM_NOCOMMAND : AIPM_NOEXEC, name,
	    "cannot run");
}

/*
 * Fork; the child calls prepare and becomes argv.  That exec failed comes
 * back as an errno over a pipe that a good one closes.
 */
static int
spawn(pid_t *pid, char *const *argv, void (*prepare)(const void *),
    const void *arg, struct aipm_err *err)
{
	int report[2], errnum = 0;
	ssize_t n;

	if (make_pipe(report) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, argv[0], "cannot make a pipe");
	if ((*pid = fork()) == -1) {
		(void)aipm_err_path(
		    err, AIPM_FAILED, argv[0], "cannot fork to run it");
		close_pipe(report);
		return -1;
	}
	if (*pid == 0) {
		reset_sigpipe();
		prepare(arg);
		(void)execvp(argv[0], argv);
		errnum = errno;
		(void)!write(report[1], &errnum, sizeof(errnum));
		_exit(127);
	}
	(void)close(report[1]);
	do
		n = read(report[0], &errnum, sizeof(errnum));
	while (n == -1 && errno == EINTR);
	(void)close(report[0]);
	if (n != (ssize_t)sizeof(errnum))
		return 0;
	while (waitpid(*pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	return cannot_run(err, argv[0], errnum);
}

/* The ends of two pipes that a captured child writes to. */
struct ends {
	int out[2], err[2];
};

static void
prepare_captured(const void *arg)
{
	const struct ends *e = arg;
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	if (null != -1 && null != STDIN_FILENO) {
		(void)dup2(null, STDIN_FILENO);
		(void)close(null);
	}
	(void)dup2(e->out[1], STDOUT_FILENO);
	(void)dup2(e->err[1], STDERR_FILENO);
}

/* Take what is there.  Sets p->fd to -1 at the end. */
static int
drain(struct pollfd *p, struct aipm_buf *b)
{
	ssize_t n = -1;

	while (p->fd != -1) {
		if (b->len > SAID_MAX) {
			errno = EFBIG;
			return -1;
		}
		if (aipm_buf_reserve(b, 4096) == -1) {
			errno = ENOMEM;
			return -1;
		}
		n = read(p->fd, b->p + b->len, 4096);
		if (n > 0)
			b->len += (size_t)n;
		else if (n == 0)
			p->fd = -1;
		else
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	return 0;
}

/* The child's end: its status is in *wstatus; -1 with *err for a reason to
 * kill it. */
static int
listen_to(struct aipm_child_said *said, pid_t pid, const struct ends *e,
    const char *name, int64_t deadline, const struct aipm_cancel *cancel,
    int *wstatus, struct aipm_err *err)
{
	struct pollfd p[2] = { { e->out[0], POLLIN, 0 },
		{ e->err[0], POLLIN, 0 } };
	bool ended = false;

	while (!ended) {
		bool silent = p[0].fd == -1 && p[1].fd == -1;

		(void)poll(p, 2, silent ? 10 : TICK);
		/* A grandchild may keep the pipes: the child's end counts,
		 * and what it wrote is there by then. */
		ended = waitpid(pid, wstatus, WNOHANG) == pid;
		if (drain(&p[0], &said->out) == -1 ||
		    drain(&p[1], &said->err) == -1) {
			if (!ended)
				return aipm_err_path(err, AIPM_FAILED, name,
				    "cannot read what it says");
		}
		if (ended)
			break;
		if (aipm_cancel_check(cancel, err) == -1)
			return -1;
		if (aipm_child_clock() >= deadline) {
			errno = ETIMEDOUT;
			return aipm_err_path(
			    err, AIPM_FAILED, name, "does not answer");
		}
	}
	return 0;
}

static int
terminate(struct aipm_buf *b, struct aipm_err *err)
{
	if (aipm_buf_add_u8(b, 0) == -1)
		return aipm_err_nomem(err);
	b->len--;
	return 0;
}

static int
capture(struct aipm_child_said *said, const char *const *argv,
    const struct ends *e, unsigned limit, const struct aipm_cancel *cancel,
    struct aipm_err *err)
{
	int64_t deadline = aipm_child_clock() + (int64_t)limit * 1000;
	int wstatus = 0;
	pid_t pid;

	(void)fcntl(e->out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(e->err[0], F_SETFL, O_NONBLOCK);
	/* execvp() changes no argument; its type is older than const. */
	if (spawn(&pid, (char *const *)(uintptr_t)argv, prepare_captured, e,
	        err) == -1)
		return -1;
	if (listen_to(said, pid, e, argv[0], deadline, cancel, &wstatus, err) ==
	    -1) {
		(void)kill(-pid, SIGKILL);
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		return -1;
	}
	said->status = aipm_child_status(wstatus);
	if (terminate(&said->out, err) == -1)
		return -1;
	return terminate(&said->err, err);
}

int
aipm_child_capture(struct aipm_child_said *said, const char *const *argv,
    unsigned limit, const struct aipm_cancel *cancel, struct aipm_err *err)
{
	struct ends e;
	int r;

	if (make_pipe(e.out) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, argv[0], "cannot make a pipe");
	if (make_pipe(e.err) == -1) {
		(void)aipm_err_path(
		    err, AIPM_FAILED, argv[0], "cannot make a pipe");
		close_pipe(e.out);
		return -1;
	}
	r = capture(said, argv, &e, limit, cancel, err);
	close_pipe(e.out);
	close_pipe(e.err);
	if (r == -1)
		aipm_child_said_free(said);
	return r;
}

void
aipm_child_said_free(struct aipm_child_said *said)
{
	aipm_buf_free(&said->out);
	aipm_buf_free(&said->err);
	memset(said, 0, sizeof(*said));
}

static void
apply(const struct aipm_child_command *c)
{
	for (const struct aipm_child_env *e = c->env; e->name != NULL; e++) {
		if (e->value == NULL)
			(void)unsetenv(e->name);
		else
			(void)setenv(e->name, e->value, 1);
	}
	for (size_t i = 0; i < sizeof(c->keep) / sizeof(c->keep[0]); i++)
		if (c->keep[i] != -1)
			(void)fcntl(c->keep[i], F_SETFD, 0);
}

/* A command and the signal mask that it is to begin with. */
struct begin {
	const struct aipm_child_command *c;
	const sigset_t *mask;
};

static void
prepare_command(const void *arg)
{
	const struct begin *b = arg;

	(void)setpgid(0, 0);
	apply(b->c);
	(void)sigprocmask(SIG_SETMASK, b->mask, NULL);
}

int
aipm_child_start(const struct aipm_child_command *c, const sigset_t *mask,
    pid_t *pid, struct aipm_err *err)
{
	struct begin b = { c, mask };

	return spawn(pid, c->argv, prepare_command, &b, err);
}

int
aipm_child_exec(const struct aipm_child_command *c, struct aipm_err *err)
{
	reset_sigpipe();
	apply(c);
	(void)execvp(c->argv[0], c->argv);
	return cannot_run(err, c->argv[0], errno);
}
