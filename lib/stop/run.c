#include "run.h"

#include "aipm/child.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

struct aipm_child_command
run_child(const struct session *s, char *const *argv, bool stopped, int release,
    struct run_numbers *n)
{
	struct aipm_child_command c = { argv, { s->lock.fd, release },
		{ { "AIPM_ROOT", s->o->root }, { AIPM_STOP_LOCK_FD, n->lock },
		    { AIPM_STOP_STOPPED, !stopped      ? NULL
		                         : s->o->pause ? "paused"
		                                       : "stopped" },
		    { AIPM_STOP_RELEASE_FD, release == -1 ? NULL : n->release },
		    { NULL, NULL } } };

	(void)snprintf(n->lock, sizeof(n->lock), "%d", s->lock.fd);
	(void)snprintf(n->release, sizeof(n->release), "%d", release);
	return c;
}

int
run_start_behind(struct session *s, int r, struct aipm_err *err)
{
	struct aipm_err worse;

	if (session_start(s, false, &worse) == 0)
		return r;
	if (r == -1)
		aipm_warn(&s->o->warn, NULL, err->text);
	*err = worse;
	return -1;
}

/* What a restore has left stopped is easily forgotten. */
static void
note_held(const struct session *s)
{
	struct session_list l = { "", 0 };
	char text[640];

	for (size_t i = 0; i < s->journal.n; i++)
		if (s->journal.v[i].held)
			session_list_add(&l, s->journal.v[i].name);
	(void)snprintf(text, sizeof(text),
	    "held stopped, and so they stay (aipm-stop --start starts them): "
	    "%s",
	    l.text);
	if (l.n != 0)
		aipm_warn(&s->o->note, NULL, text);
}

/* What the release and the end behind it share. */
struct run {
	struct session *s;
	bool released; /* proof and start have been done */
	int proof; /* what came of the proof, and: */
	struct aipm_err why;
	int r; /* and of both, and: */
	struct aipm_err err;
};

/* The answer; see aipm-stop(1). */
static void
say_record(const struct run *x, char *text, size_t cap)
{
	const struct session *s = x->s;
	const char *proof = x->proof == -1        ? "failed"
	                    : s->unproven != NULL ? "none"
	                                          : "quiet";
	const char *how = s->o->pause ? "paused" : "stopped";
	int64_t down = s->down == 0 ? 0 : s->up - s->down;
	int n;

	n = snprintf(text, cap,
	    "proof\t%s\nservices\t%s\ndowntime\t%" PRId64 ".%03" PRId64 "\n",
	    proof, s->down == 0 ? "none" : how, down / 1000, down % 1000);
	if (n > 0 && x->proof == -1)
		n += snprintf(
		    text + n, cap - (size_t)n, "why\t%s\n", x->why.text);
	else if (n > 0 && s->unproven != NULL)
		n += snprintf(
		    text + n, cap - (size_t)n, "why\t%s\n", s->unproven);
	if (n > 0 && (size_t)n < cap)
		(void)snprintf(text + n, cap - (size_t)n, "end\n");
}

/* The command has read all: it asks for the services. */
static void
release(void *ctx, struct command *c)
{
	struct run *x = ctx;
	char text[2048];
	size_t at = 0, n;

	x->proof = session_prove(x->s, &x->why);
	x->err = x->why;
	x->r = run_start_behind(x->s, x->proof, &x->err);
	x->released = true;
	c->deadline = 0;
	say_record(x, text, sizeof(text));
	n = strlen(text);
	while (at < n) {
		ssize_t k = send(c->release, text + at, n - at, MSG_NOSIGNAL);

		if (k == -1 && errno == EINTR)
			continue;
		if (k == -1)
			return; /* it is gone */
		at += (size_t)k;
	}
}

/* Our end of the socket and the command's. */
static int
make_release(int pair[2], struct aipm_err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, "the release", "cannot make a socket");
	for (int i = 0; i < 2; i++)
		(void)fcntl(pair[i], F_SETFD, FD_CLOEXEC);
	return 0;
}

static int64_t
deadline_of(const struct session *s)
{
	int64_t from = s->down != 0 ? s->down : aipm_child_clock();

	return s->o->deadline == 0 ? 0 : from + (int64_t)s->o->deadline * 1000;
}

static int
late(const struct session *s, struct aipm_err *err)
{
	return aipm_err_set(err, AIPM_DEADLINE,
	    "the command was ended: the services had been down for %d s",
	    s->o->deadline);
}

/* Run the command while everything is quiet. */
static int
run_quiet(struct supervisor *v, struct run *x, char *const *argv,
    struct aipm_err *err)
{
	struct run_numbers n;
	struct aipm_child_command child;
	struct command c = { .child = &child,
		.deadline = deadline_of(x->s),
		.released = release,
		.ctx = x,
		.warn = v->o.warn };
	int pair[2], r;

	if (make_release(pair, err) == -1)
		return -1;
	child = run_child(x->s, argv, true, pair[1], &n);
	c.release = pair[0];
	r = command_run(v, &c, &v->end.status, err);
	(void)close(pair[1]);
	if (c.release != -1)
		(void)close(c.release);
	if (r == 0 && c.late)
		r = late(x->s, err);
	return r;
}

static int
run_beneath(struct supervisor *v, const struct session *s, char *const *argv,
    struct aipm_err *err)
{
	struct run_numbers n;
	struct aipm_child_command child = run_child(s, argv, true, -1, &n);
	struct command c = {
		.child = &child, .release = -1, .warn = v->o.warn
	};

	return command_run(v, &c, &v->end.status, err);
}

/* The command has ended.  What it could still do wrong behind a release is
 * its own; a proof behind a command that failed is but a message. */
static int
end_run(struct supervisor *v, struct run *x, int r, struct aipm_err *err)
{
	struct aipm_err busy;

	if (x->released) {
		if (r == 0 && x->r == -1) {
			*err = x->err;
			return -1;
		}
		return r;
	}
	if (r == 0 && aipm_cancel_check(&x->s->o->cancel, &busy) == 0 &&
	    session_prove(x->s, &busy) == -1) {
		if (v->end.status == 0 || v->end.status == AIPM_WARNED) {
			*err = busy;
			r = -1;
		} else
			aipm_warn(&x->s->o->warn, NULL, busy.text);
	}
	return run_start_behind(x->s, r, err);
}

int
run_command(struct supervisor *v, struct session *s, char *const *argv,
    struct aipm_err *err)
{
	struct run x = { .s = s };
	int r;

	if (s->beneath)
		return run_beneath(v, s, argv, err);
	(void)session_left_over(s);
	r = session_quiesce(s, err);
	note_held(s);
	if (r == 0)
		r = run_quiet(v, &x, argv, err);
	r = end_run(v, &x, r, err);
	return r == 0 ? aipm_cancel_check(&s->o->cancel, err) : -1;
}
