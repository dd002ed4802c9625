#include "supervisor.h"

#include "aipm/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/wait.h>

static const int passed[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM,
	SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU };
enum { PASSED = sizeof(passed) / sizeof(passed[0]) };

/* What a handler can reach: the supervisor's. */
static volatile sig_atomic_t came[PASSED], last, lost;
static volatile sig_atomic_t front_fd = -1;

/* What goes over the socket to the front. */
struct message {
	enum { COMMAND, END } kind;
	pid_t group; /* COMMAND */
	int r; /* END: what the body returned, and: */
	struct aipm_stop_end end;
	struct aipm_err err;
};

static void
on_signal(int signum)
{
	for (size_t i = 0; i < PASSED; i++)
		if (passed[i] == signum)
			came[i] = 1;
	last = signum;
}

/* The front sends nothing: there is something to read when it is gone. */
static void
on_socket(int signum)
{
	int saved = errno;
	char byte;

	ssize_t n = recv((int)front_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	(void)signum;
	/* An error, too, if it died with messages unread. */
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		lost = last = SIGHUP;
	errno = saved;
}

static void
on_child(int signum)
{
	(void)signum;
}

void
supervisor_signals(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < PASSED; i++)
		sigaddset(set, passed[i]);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGIO);
}

int
supervisor_take_signal(void)
{
	for (size_t i = 0; i < PASSED; i++)
		if (came[i]) {
			came[i] = 0;
			/* The command has it now. */
			last = lost;
			return passed[i];
		}
	return 0;
}

bool
supervisor_alone(void)
{
	return lost != 0;
}

static void
send_message(const struct supervisor *v, const struct message *m)
{
	ssize_t n;

	do
		n = send(v->front, m, sizeof(*m), MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
}

void
supervisor_tell_command(const struct supervisor *v, pid_t group)
{
	struct message m;

	memset(&m, 0, sizeof(m));
	m.kind = COMMAND;
	m.group = group;
	send_message(v, &m);
}

/* What the caller of the front ignores (nohup) stays ignored. */
static void
handle(int signum, void (*handler)(int))
{
	struct sigaction sa, old;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = handler;
	if (sigaction(signum, NULL, &old) == 0 &&
	    (old.sa_handler != SIG_IGN || signum == SIGCHLD || signum == SIGIO))
		(void)sigaction(signum, &sa, NULL);
}

/* From here on the supervisor does not depend on the front. */
static void
come_of_age(struct supervisor *v)
{
	(void)setsid();
	aipm_compat_adopt_orphans();
	front_fd = v->front;
	for (size_t i = 0; i < PASSED; i++)
		handle(passed[i], on_signal);
	handle(SIGCHLD, on_child);
	handle(SIGIO, on_socket);
	(void)fcntl(v->front, F_SETOWN, getpid());
	aipm_compat_signal_input(v->front);
	on_socket(SIGIO); /* it may be gone already */
}

static void
count_warning(void *ctx, const char *path, const char *text)
{
	struct supervisor *v = ctx;

	v->end.warned = true;
	aipm_warn(&v->warn, path, text);
}

static void
be_supervisor(const struct aipm_stop_options *o, int front,
    supervisor_body *body, void *ctx, const sigset_t *mask)
{
	struct supervisor v = { .o = *o, .warn = o->warn, .front = front };
	struct message m;

	v.o.warn = (struct aipm_warn){ count_warning, &v };
	v.o.cancel.signum = &last;
	come_of_age(&v);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	memset(&m, 0, sizeof(m));
	m.kind = END;
	m.r = body(&v, ctx, &m.err);
	m.end = v.end;
	if (m.r == -1 && lost && m.err.cls != AIPM_SIGNALLED)
		aipm_warn(&v.warn, NULL, m.err.text);
	send_message(&v, &m);
	_exit(0);
}

/* Pass signals on until the supervisor ends. */
static void
attend(pid_t pid, const sigset_t *watched)
{
	int signum;

	for (;;) {
		if ((signum = sigwaitinfo(watched, NULL)) == -1)
			continue; /* EINTR: stopped and continued */
		if (signum != SIGCHLD)
			(void)kill(pid, signum);
		else if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
	}
}

/* The next message of one that has ended; false if there is none. */
static bool
receive(int fd, struct message *m)
{
	ssize_t n;

	do
		n = recv(fd, m, sizeof(*m), MSG_WAITALL);
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof(*m);
}

static int
fork_supervisor(const struct aipm_stop_options *o, supervisor_body *body,
    void *ctx, int *fd, const sigset_t *mask, pid_t *pid, struct aipm_err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, "the supervisor", "cannot make a socket");
	for (int i = 0; i < 2; i++)
		(void)fcntl(pair[i], F_SETFD, FD_CLOEXEC);
	(void)fflush(NULL);
	if ((*pid = fork()) == 0) {
		(void)close(pair[0]);
		be_supervisor(o, pair[1], body, ctx, mask);
	}
	(void)close(pair[1]);
	*fd = pair[0];
	if (*pid != -1)
		return 0;
	(void)aipm_err_path(err, AIPM_FAILED, "the supervisor", "cannot fork");
	(void)close(pair[0]);
	return -1;
}

/* What the supervisor, which has ended, said: false if it did not come to
 * say what came of it. */
static bool
hear(int fd, struct message *end, pid_t *group)
{
	while (receive(fd, end)) {
		if (end->kind == END)
			return true;
		*group = end->group;
	}
	return false;
}

int
supervise(const struct aipm_stop_options *o, supervisor_body *body, void *ctx,
    struct aipm_stop_end *end, bool *killed, pid_t *group, struct aipm_err *err)
{
	sigset_t watched, mask;
	struct message m;
	pid_t pid = -1;
	int fd = -1, r;

	*killed = false;
	*group = -1;
	supervisor_signals(&watched);
	sigdelset(&watched, SIGIO);
	handle(SIGCHLD, on_child); /* ignored, it would never come */
	(void)sigprocmask(SIG_BLOCK, &watched, &mask);
	aipm_compat_adopt_orphans();
	r = aipm_cancel_check(&o->cancel, err);
	if (r == 0)
		r = fork_supervisor(o, body, ctx, &fd, &mask, &pid, err);
	if (r == 0) {
		attend(pid, &watched);
		*killed = !hear(fd, &m, group);
		(void)close(fd);
	}
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	if (r == -1)
		return -1;
	if (*killed)
		return aipm_err_set(err, AIPM_FAILED,
		    "its supervisor was killed%s",
		    *group == -1 ? " before it did anything"
		                 : ": aipm-stop --status says what is down, "
		                   "aipm-stop --recover starts it");
	*end = m.end;
	*err = m.err;
	return m.r;
}
