#include "aipm/stop.h"

#include "aipm/child.h"
#include "aipm/registry.h"

#include "command.h"
#include "session.h"
#include "supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

/* The numbers of descriptors, for the environment. */
struct numbers {
	char lock[16], release[16];
};

/* A command beneath the lock; release is a descriptor for it, or -1. */
static struct aipm_child_command
command(const struct session *s, char *const *argv, bool stopped, int release,
    struct numbers *n)
{
	struct aipm_child_command c = { argv, { s->lock.fd, release },
		{ { "AIPM_ROOT", s->o->root }, { AIPM_STOP_LOCK_FD, n->lock },
		    { AIPM_STOP_STOPPED, stopped ? "1" : NULL },
		    { AIPM_STOP_RELEASE_FD, release == -1 ? NULL : n->release },
		    { NULL, NULL } } };

	(void)snprintf(n->lock, sizeof(n->lock), "%d", s->lock.fd);
	(void)snprintf(n->release, sizeof(n->release), "%d", release);
	return c;
}

/* Start everything again behind a step that gave r; the worst error wins. */
static int
start_behind(struct session *s, int r, struct aipm_err *err)
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

/* A run of a command: what the release and the end behind it share. */
struct run {
	struct session *s;
	bool released; /* proof and start have been done */
	int r; /* what came of them, and: */
	struct aipm_err err;
};

/* The second proof, and the start. */
static int
finish(struct session *s, struct aipm_err *err)
{
	return start_behind(s, session_prove(s, err), err);
}

/* What the packer keeps in the archive. */
static void
say_record(const struct run *x, char *text, size_t cap)
{
	const struct session *s = x->s;
	const char *proof = x->r == 0 && s->unproven == NULL && s->has_engine
	                        ? "quiet"
	                        : "none";
	const char *how = s->o->pause ? "paused" : "stopped";
	int64_t down = s->down == 0 ? 0 : s->up - s->down;
	int n;

	n = snprintf(text, cap,
	    "proof\t%s\nservices\t%s\ndowntime\t%" PRId64 ".%03" PRId64 "\n",
	    proof, s->down == 0 ? "none" : how, down / 1000, down % 1000);
	if (n > 0 && x->r == -1)
		n += snprintf(
		    text + n, cap - (size_t)n, "why\t%s\n", x->err.text);
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

	x->r = finish(x->s, &x->err);
	x->released = true;
	c->deadline = 0;
	say_record(x, text, sizeof(text));
	n = strlen(text);
	while (at < n) {
		ssize_t k = send(c->release, text + at, n - at, MSG_NOSIGNAL);

		if (k == -1 && errno == EINTR)
			continue;
		if (k == -1)
			return; /* it is gone, and will publish nothing */
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
	struct numbers n;
	struct aipm_child_command child;
	struct command c = { .child = &child,
		.deadline = deadline_of(x->s),
		.released = release,
		.ctx = x,
		.warn = v->o.warn };
	int pair[2], r;

	if (make_release(pair, err) == -1)
		return -1;
	child = command(x->s, argv, true, pair[1], &n);
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
	struct numbers n;
	struct aipm_child_command child = command(s, argv, true, -1, &n);
	struct command c = {
		.child = &child, .release = -1, .warn = v->o.warn
	};

	return command_run(v, &c, &v->end.status, err);
}

/* The proof behind a command that failed changes nothing but the messages. */
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
	return start_behind(x->s, r, err);
}

static int
run(struct supervisor *v, struct session *s, char *const *argv,
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

static int
open_waiting(
    struct session *s, const struct aipm_stop_options *o, struct aipm_err *err)
{
	if (session_open(
	        s, o, o->no_wait ? AIPM_LOCK_TRY : AIPM_LOCK_WAIT, err) == 0)
		return 0;
	if (err->cls == AIPM_LOCKED)
		err->cls = AIPM_STOPLOCKED;
	return -1;
}

static int
supervised_run(struct supervisor *v, void *ctx, struct aipm_err *err)
{
	struct session s;
	int r;

	if (open_waiting(&s, &v->o, err) == -1)
		return -1;
	r = run(v, &s, ctx, err);
	session_close(&s);
	return r;
}

int
aipm_stop_run(const struct aipm_stop_options *o, char *const *argv,
    struct aipm_stop_end *end, struct aipm_err *err)
{
	memset(end, 0, sizeof(*end));
	if (aipm_child_find(argv[0], err) == -1)
		return -1;
	return supervise(o, supervised_run, (void *)(uintptr_t)argv, end, err);
}

static int
refuse_beneath(struct aipm_err *err)
{
	return aipm_err_set(err, AIPM_FAILED,
	    "the aipm-stop above this command starts the services when it "
	    "ends: nothing was changed");
}

static int
hold(struct session *s, struct aipm_err *err)
{
	struct session_list l = { "", 0 };
	struct aipm_err worse;
	char text[640];

	if (s->beneath)
		return refuse_beneath(err);
	if (session_quiesce(s, err) == -1)
		return start_behind(s, -1, err);
	for (size_t i = 0; i < s->journal.n; i++) {
		s->journal.v[i].held = true;
		session_list_add(&l, s->journal.v[i].name);
	}
	if (session_save(s, err) == -1)
		return session_load(s, &worse) == 0 ? start_behind(s, -1, err)
		                                    : -1;
	(void)snprintf(
	    text, sizeof(text), "held until aipm-stop --start: %s", l.text);
	if (l.n != 0)
		aipm_warn(&s->o->note, NULL, text);
	return 0;
}

static int
start(struct session *s, struct aipm_err *err)
{
	struct aipm_engine e;
	struct aipm_err away;

	if (s->beneath)
		return refuse_beneath(err);
	if (session_find_engine(s->o, &e, &away) &&
	    session_refresh(s, &e, err) == -1)
		return -1;
	if (s->journal.n == 0)
		aipm_warn(&s->o->note, NULL, "nothing to start");
	if (session_start(s, true, err) == -1)
		return -1;
	return aipm_cancel_check(&s->o->cancel, err);
}

static int
recover(struct session *s, struct aipm_err *err)
{
	if (s->beneath)
		return refuse_beneath(err);
	if (!session_left_over(s))
		return 0;
	return session_start(s, false, err);
}

/* Whether there is a journal, which means that there is a backups directory
 * that need not be made. */
static bool
has_journal(const struct aipm_stop_options *o)
{
	int dir = session_peek(o);
	bool has = dir != -1 && faccessat(dir, "journal", F_OK, 0) == 0;

	if (dir != -1)
		(void)close(dir);
	return has;
}

static int
in_session(struct supervisor *v, void *ctx, struct aipm_err *err)
{
	int (*body)(struct session *, struct aipm_err *) = NULL;
	struct session s;
	int r;

	memcpy(&body, ctx, sizeof(body));
	if (open_waiting(&s, &v->o, err) == -1)
		return -1;
	r = body(&s, err);
	session_close(&s);
	return r;
}

/* What needs a session and no command. */
static int
supervise_session(const struct aipm_stop_options *o,
    int (*body)(struct session *, struct aipm_err *), struct aipm_stop_end *end,
    struct aipm_err *err)
{
	memset(end, 0, sizeof(*end));
	return supervise(o, in_session, &body, end, err);
}

int
aipm_stop_hold(const struct aipm_stop_options *o, struct aipm_stop_end *end,
    struct aipm_err *err)
{
	return supervise_session(o, hold, end, err);
}

int
aipm_stop_start(const struct aipm_stop_options *o, struct aipm_stop_end *end,
    struct aipm_err *err)
{
	return supervise_session(o, start, end, err);
}

int
aipm_stop_recover(const struct aipm_stop_options *o, struct aipm_stop_end *end,
    struct aipm_err *err)
{
	memset(end, 0, sizeof(*end));
	return has_journal(o) ? supervise_session(o, recover, end, err) : 0;
}

/* One project of the registry. */
static int
recover_one(const struct aipm_stop_options *all,
    const struct aipm_registered *r, struct aipm_err *err)
{
	struct aipm_stop_options o = *all;
	struct session s;
	int result;

	o.root = r->root;
	o.data = r->data;
	o.backups = r->backups;
	o.lock_fd = -1;
	o.stopped = false;
	if (access(r->backups, F_OK) == -1)
		return aipm_err_path(err, AIPM_FAILED, r->backups,
		    "cannot be reached, its services may be down");
	if (!has_journal(&o))
		return aipm_registry_remove(
		    session_registry(all), r->root, r->data, r->backups, err);
	if (session_open(&s, &o, AIPM_LOCK_TRY, err) == -1) {
		if (err->cls != AIPM_LOCKED)
			return -1;
		aipm_warn(&o.note, r->root, "a run is at work there");
		return 0;
	}
	aipm_warn(&o.note, r->root, "looked at");
	result = recover(&s, err);
	session_close(&s);
	return result;
}

static int
recover_all(struct supervisor *v, void *ctx, struct aipm_err *err)
{
	struct aipm_registry r;
	struct aipm_err one;
	int result;

	(void)ctx;
	result = aipm_registry_read(
	    &r, session_registry(&v->o), &v->o.warn, err);
	for (size_t i = 0; i < r.n; i++) {
		if (recover_one(&v->o, &r.v[i], &one) == 0)
			continue;
		if (result == 0)
			*err = one;
		else
			aipm_warn(&v->o.warn, NULL, one.text);
		result = -1;
	}
	aipm_registry_free(&r);
	return result;
}

int
aipm_stop_recover_all(const struct aipm_stop_options *o,
    struct aipm_stop_end *end, struct aipm_err *err)
{
	memset(end, 0, sizeof(*end));
	return supervise(o, recover_all, NULL, end, err);
}

int
aipm_stop_look(const struct aipm_stop_options *o, struct aipm_journal *j,
    bool *at_work, struct aipm_err *err)
{
	int dir = session_peek(o), r;

	memset(j, 0, sizeof(*j));
	*at_work = false;
	if (dir == -1) {
		if (errno == ENOENT)
			return 0;
		return aipm_err_path(
		    err, AIPM_FAILED, o->backups, "cannot look at its .aipm");
	}
	*at_work = aipm_lock_is_held(dir, "lock");
	r = aipm_journal_read(j, dir, "journal", o->backups, err);
	(void)close(dir);
	return r;
}

static int
become(struct session *s, char *const *argv, struct aipm_err *err)
{
	struct numbers n;
	struct aipm_child_command c = command(s, argv, s->beneath, -1, &n);

	/* What still will not start is tried again by the runs beneath. */
	if (!s->beneath && session_left_over(s) &&
	    session_start(s, false, err) == -1)
		aipm_warn(&s->o->warn, NULL, err->text);
	if (aipm_cancel_check(&s->o->cancel, err) == -1)
		return -1;
	return aipm_child_exec(&c, err);
}

int
aipm_stop_lock(
    const struct aipm_stop_options *o, char *const *argv, struct aipm_err *err)
{
	struct session s;
	int r;

	if (aipm_child_find(argv[0], err) == -1 ||
	    session_open(&s, o, AIPM_LOCK_TRY, err) == -1)
		return -1;
	r = become(&s, argv, err);
	session_close(&s);
	return r;
}

int
aipm_stop_plan(const struct aipm_stop_options *o, struct aipm_stack *s,
    struct aipm_err *err)
{
	struct aipm_project place = { o->root, o->data };
	struct aipm_engine e;

	memset(s, 0, sizeof(*s));
	if (session_engine(o, &e) == 0)
		return aipm_cancel_check(&o->cancel, err);
	if (aipm_stack_read(s, &e, &place, &o->note, err) == -1)
		return -1;
	aipm_stack_outside(s, &place, &o->note);
	return 0;
}
