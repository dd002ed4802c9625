#include "aipm/stop.h"

#include "aipm/child.h"

#include "session.h"

#include <stdio.h>
#include <string.h>

/* A command beneath the lock.  number is room for the descriptor's. */
static struct aipm_child_command
command(
    const struct session *s, char *const *argv, bool stopped, char number[16])
{
	struct aipm_child_command c = { argv, s->lock.fd,
		{ { "AIPM_ROOT", s->o->root }, { AIPM_STOP_LOCK_FD, number },
		    { AIPM_STOP_STOPPED, stopped ? "1" : NULL },
		    { NULL, NULL } } };

	(void)snprintf(number, 16, "%d", s->lock.fd);
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

static int
run(struct session *s, char *const *argv, int *status, struct aipm_err *err)
{
	char number[16];
	struct aipm_child_command c = command(s, argv, true, number);
	int r;

	if (s->beneath)
		return aipm_child_run(&c, &s->o->cancel, status, err);
	(void)session_left_over(s);
	r = session_quiesce(s, err);
	if (r == 0)
		r = aipm_child_run(&c, &s->o->cancel, status, err);
	r = start_behind(s, r, err);
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

int
aipm_stop_run(const struct aipm_stop_options *o, char *const *argv, int *status,
    struct aipm_err *err)
{
	struct session s;
	int r;

	if (aipm_child_find(argv[0], err) == -1 ||
	    open_waiting(&s, o, err) == -1)
		return -1;
	r = run(&s, argv, status, err);
	session_close(&s);
	return r;
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

int
aipm_stop_hold(const struct aipm_stop_options *o, struct aipm_err *err)
{
	struct session s;
	int r;

	if (open_waiting(&s, o, err) == -1)
		return -1;
	r = hold(&s, err);
	session_close(&s);
	return r;
}

static int
start(struct session *s, struct aipm_err *err)
{
	struct aipm_engine e = { NULL, NULL };
	struct aipm_err away;

	if (s->beneath)
		return refuse_beneath(err);
	if (aipm_engine_find(&e.command, s->o->engine, &away) == 0 &&
	    aipm_engine_ping(&e, &away) == 0 &&
	    session_refresh(s, &e, err) == -1)
		return -1;
	if (s->journal.n == 0)
		aipm_warn(&s->o->note, NULL, "nothing to start");
	if (session_start(s, true, err) == -1)
		return -1;
	return aipm_cancel_check(&s->o->cancel, err);
}

int
aipm_stop_start(const struct aipm_stop_options *o, struct aipm_err *err)
{
	struct session s;
	int r;

	if (open_waiting(&s, o, err) == -1)
		return -1;
	r = start(&s, err);
	session_close(&s);
	return r;
}

static int
become(struct session *s, char *const *argv, struct aipm_err *err)
{
	char number[16];
	struct aipm_child_command c = command(s, argv, s->beneath, number);

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
