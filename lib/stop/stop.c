#include "aipm/stop.h"

#include "aipm/child.h"
#include "aipm/registry.h"

#include "command.h"
#include "run.h"
#include "session.h"
#include "supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a supervisor does in a session of its own. */
struct job {
	int (*body)(struct supervisor *v, struct session *s, char *const *argv,
	    struct aipm_err *err);
	char *const *argv; /* of a command; else NULL */
};

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
do_job(struct supervisor *v, void *ctx, struct aipm_err *err)
{
	const struct job *j = ctx;
	struct session s;
	int r;

	if (open_waiting(&s, &v->o, err) == -1)
		return -1;
	supervisor_tell_command(v, 0);
	r = j->body(v, &s, j->argv, err);
	session_close(&s);
	return r;
}

/*
 * The supervisor was killed: end its command, if there is one, and start what
 * it had stopped.  A signal ends the wait for a lock that somebody inherited.
 */
static int
take_over(const struct aipm_stop_options *o, pid_t group, struct aipm_err *err)
{
	struct aipm_err one;
	struct session s;
	int r;

	(void)command_end_all(group);
	if (session_open(&s, o, AIPM_LOCK_WAIT, &one) == -1)
		return -1;
	r = s.beneath ? 0 : session_start(&s, false, &one);
	session_close(&s);
	if (r == -1) {
		*err = one;
		return -1;
	}
	return aipm_err_set(err, AIPM_FAILED,
	    "its supervisor was killed: what it was at was ended, and what "
	    "it had stopped was started; aipm-stop --status says what is "
	    "still held");
}

static int
supervise_job(const struct aipm_stop_options *o, struct job *j,
    struct aipm_stop_end *end, struct aipm_err *err)
{
	bool killed;
	pid_t group;
	int r;

	memset(end, 0, sizeof(*end));
	r = supervise(o, do_job, j, end, &killed, &group, err);
	return killed && group != -1 ? take_over(o, group, err) : r;
}

int
aipm_stop_run(const struct aipm_stop_options *o, char *const *argv,
    struct aipm_stop_end *end, struct aipm_err *err)
{
	struct job j = { run_command, argv };

	memset(end, 0, sizeof(*end));
	if (aipm_child_find(argv[0], err) == -1)
		return -1;
	return supervise_job(o, &j, end, err);
}

static int
refuse_beneath(struct aipm_err *err)
{
	return aipm_err_set(err, AIPM_FAILED,
	    "the aipm-stop above this command starts the services when it "
	    "ends: nothing was changed");
}

/* Everything in the journal is held from now on.  On failure it is as it
 * was. */
static int
mark_held(struct session *s, struct aipm_err *err)
{
	struct aipm_journal *j = &s->journal;
	bool *before = calloc(j->n + 1, sizeof(*before));

	if (before == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < j->n; i++) {
		before[i] = j->v[i].held;
		j->v[i].held = true;
	}
	if (session_save(s, err) == 0) {
		free(before);
		return 0;
	}
	for (size_t i = 0; i < j->n; i++)
		j->v[i].held = before[i];
	free(before);
	return -1;
}

static int
hold(struct supervisor *v, struct session *s, char *const *argv,
    struct aipm_err *err)
{
	struct session_list l = { "", 0 };
	char text[640];

	(void)v;
	(void)argv;
	if (s->beneath)
		return refuse_beneath(err);
	if (session_quiesce(s, err) == -1 || mark_held(s, err) == -1)
		return run_start_behind(s, -1, err);
	for (size_t i = 0; i < s->journal.n; i++)
		session_list_add(&l, s->journal.v[i].name);
	(void)snprintf(
	    text, sizeof(text), "held until aipm-stop --start: %s", l.text);
	if (l.n != 0)
		aipm_warn(&s->o->note, NULL, text);
	return 0;
}

static int
start(struct supervisor *v, struct session *s, char *const *argv,
    struct aipm_err *err)
{
	struct aipm_engine e;
	struct aipm_err away;

	(void)v;
	(void)argv;
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
recover(struct supervisor *v, struct session *s, char *const *argv,
    struct aipm_err *err)
{
	(void)v;
	(void)argv;
	if (s->beneath)
		return refuse_beneath(err);
	return session_left_over(s) ? session_start(s, false, err) : 0;
}

int
aipm_stop_hold(const struct aipm_stop_options *o, struct aipm_stop_end *end,
    struct aipm_err *err)
{
	struct job j = { hold, NULL };

	return supervise_job(o, &j, end, err);
}

int
aipm_stop_start(const struct aipm_stop_options *o, struct aipm_stop_end *end,
    struct aipm_err *err)
{
	struct job j = { start, NULL };

	return supervise_job(o, &j, end, err);
}

int
aipm_stop_recover(const struct aipm_stop_options *o, struct aipm_stop_end *end,
    struct aipm_err *err)
{
	struct job j = { recover, NULL };
	int r = session_exists(o, err);

	memset(end, 0, sizeof(*end));
	return r == 1 ? supervise_job(o, &j, end, err) : r;
}

/* One project of the registry.  What is there no more may be a disk that is
 * not mounted yet: it stays registered. */
static int
recover_one(
    struct supervisor *v, const struct aipm_registered *r, struct aipm_err *err)
{
	struct aipm_stop_options o = v->o;
	struct session s;
	int result;

	o.root = r->root;
	o.backups = r->backups;
	o.lock_fd = -1;
	o.stopped = false;
	if ((result = session_exists(&o, err)) == 0)
		return aipm_err_file(err, AIPM_FAILED, r->backups,
		    "has no .aipm: is it mounted?  Services of it may be "
		    "down");
	if (result == -1)
		return -1;
	if (session_open(&s, &o, AIPM_LOCK_TRY, err) == -1) {
		if (err->cls != AIPM_LOCKED)
			return -1;
		aipm_warn(&o.note, r->root, "a run is at work there");
		return 0;
	}
	/* An empty journal leaves the registry, now that we have the lock. */
	result = s.journal.n == 0 ? session_save(&s, err)
	                          : recover(v, &s, NULL, err);
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
	supervisor_tell_command(v, 0);
	result = aipm_registry_read(
	    &r, session_registry(&v->o), &v->o.warn, err);
	for (size_t i = 0; i < r.n; i++) {
		if (recover_one(v, &r.v[i], &one) == 0)
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
	bool killed;
	pid_t group;

	memset(end, 0, sizeof(*end));
	return supervise(o, recover_all, NULL, end, &killed, &group, err);
}

int
aipm_stop_look(const struct aipm_stop_options *o, struct aipm_journal *j,
    bool *at_work, struct aipm_err *err)
{
	return session_look(o, j, at_work, err);
}

static int
become(struct session *s, char *const *argv, struct aipm_err *err)
{
	struct run_numbers n;
	struct aipm_child_command c = run_child(s, argv, s->beneath, -1, &n);

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
	if (!session_engine(o, &e))
		return aipm_cancel_check(&o->cancel, err);
	if (aipm_stack_read(s, &e, &place, &o->note, err) == -1)
		return -1;
	aipm_stack_outside(s, &place, &o->note);
	return 0;
}
