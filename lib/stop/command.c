#include "command.h"

#include "strays.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Between TERM and KILL, and the wait for what was killed, in ms. */
enum { GRACE = 10000, GONE = 10000, STEP = 20 };

/* What command_run() knows of its command. */
struct run {
	struct supervisor *v;
	struct command *c;
	pid_t pid;
	bool ended;
	int status;
	int64_t kill_at; /* 0: it was not told to end */
};

/* Processes that have ended, ours and those that were left to us. */
static void
reap(struct run *r)
{
	int wstatus;
	pid_t pid;

	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0)
		if (pid == r->pid) {
			r->ended = true;
			r->status = aipm_child_status(wstatus);
		}
}

/* Whether anything is left of the group, or of the command beside it. */
static bool
is_left(pid_t group)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	if (group > 0 && (kill(-group, 0) == 0 || errno == EPERM))
		return true;
	return strays_signal(0) > 0;
}

static void
signal_all(pid_t group, int signum)
{
	if (group > 0)
		(void)kill(-group, signum);
	(void)strays_signal(signum);
}

static void
ask_to_end(pid_t group)
{
	signal_all(group, SIGTERM);
	signal_all(group, SIGCONT); /* stopped, it would not notice */
}

/* Wait for their end for so many ms; those of them that were orphaned
 * meanwhile get signum too. */
static bool
all_end(pid_t group, int64_t limit, int signum)
{
	int64_t until = aipm_child_clock() + limit;

	while (is_left(group)) {
		if (aipm_child_clock() >= until)
			return false;
		aipm_child_sleep(STEP);
		(void)strays_signal(signum);
	}
	return true;
}

bool
command_end_all(pid_t group)
{
	if (!is_left(group))
		return true;
	ask_to_end(group);
	if (all_end(group, GRACE, SIGTERM))
		return true;
	signal_all(group, SIGKILL);
	return all_end(group, GONE, SIGKILL);
}

static void
tell_to_end(struct run *r)
{
	if (r->kill_at != 0)
		return;
	r->kill_at = aipm_child_clock() + GRACE;
	ask_to_end(r->pid);
}

/* Everything that the clock and signals ask for. */
static void
look_around(struct run *r)
{
	int64_t now = aipm_child_clock();
	int signum;

	while ((signum = supervisor_take_signal()) != 0)
		(void)kill(-r->pid, signum);
	if (supervisor_alone())
		tell_to_end(r);
	if (r->c->deadline != 0 && now >= r->c->deadline && !r->c->late) {
		r->c->late = true;
		tell_to_end(r);
	}
	if (r->kill_at != 0 && now >= r->kill_at)
		(void)kill(-r->pid, SIGKILL);
}

/* How long nothing has to be done; NULL: until something happens. */
static struct timespec *
pause_of(const struct run *r, struct timespec *t)
{
	int64_t at = 0, left;

	if (r->c->deadline != 0 && !r->c->late)
		at = r->c->deadline;
	if (r->kill_at != 0)
		at = r->kill_at;
	if (at == 0)
		return NULL;
	left = at - aipm_child_clock();
	if (left < 1)
		left = r->kill_at != 0 ? 100 : 1;
	t->tv_sec = (time_t)(left / 1000);
	t->tv_nsec = (long)(left % 1000) * 1000000;
	return t;
}

/* One byte asks; an end of file, an error and more bytes ask for nothing. */
static void
answer_release(struct run *r, const sigset_t *open)
{
	char byte;
	ssize_t n = recv(r->c->release, &byte, 1, MSG_DONTWAIT);
	sigset_t blocked;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 1) {
		/* A signal may cut waits short; the command gets it too. */
		(void)sigprocmask(SIG_SETMASK, open, &blocked);
		r->c->released(r->c->ctx, r->c);
		(void)sigprocmask(SIG_SETMASK, &blocked, NULL);
	}
	(void)close(r->c->release);
	r->c->release = -1;
}

static void
attend(struct run *r, const sigset_t *open)
{
	for (;;) {
		struct timespec t;
		fd_set in;
		int n;

		reap(r);
		if (r->ended)
			return;
		look_around(r);
		FD_ZERO(&in);
		if (r->c->release != -1)
			FD_SET(r->c->release, &in);
		n = pselect(
		    r->c->release + 1, &in, NULL, NULL, pause_of(r, &t), open);
		if (n == 1)
			answer_release(r, open);
	}
}

int
command_run(
    struct supervisor *v, struct command *c, int *status, struct aipm_err *err)
{
	struct run r = { .v = v, .c = c };
	sigset_t watched, before;
	int result;

	supervisor_signals(&watched);
	(void)sigprocmask(SIG_BLOCK, &watched, &before);
	result = aipm_cancel_check(&v->o.cancel, err);
	if (result == 0)
		result = aipm_child_start(c->child, &before, &r.pid, err);
	if (result == 0) {
		supervisor_tell_command(v, r.pid);
		attend(&r, &before);
		if (is_left(r.pid) && r.kill_at == 0)
			aipm_warn(&c->warn, NULL,
			    "the command has left processes behind: they are "
			    "ended");
		if (!command_end_all(r.pid))
			aipm_warn(&c->warn, NULL,
			    "processes of the command cannot be ended: what it "
			    "made is not to be trusted");
		/* The number may be another's from now on. */
		supervisor_tell_command(v, 0);
		*status = r.status;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
