#include "session.h"

#include "aipm/child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pauses before the second and each later try, in ms: an engine that
 * restarts needs some seconds. */
static const unsigned backoff[] = { 1000, 2000, 4000, 8000 };

/* A started container is looked at after these, in ms. */
enum { SETTLE = 300, SETTLE_MORE = 1000 };

enum fate { TO_START, STARTED, UP, GONE };

/* One service on its way up. */
struct task {
	const struct aipm_journal_entry *e; /* borrowed from the journal */
	enum fate fate;
	char why[384]; /* it is not up */
};

struct tasks {
	struct task *v; /* in the order to start them */
	size_t n;
	bool hung; /* the engine did not answer in its time */
};

static void
say_why(struct task *t, const char *why)
{
	(void)snprintf(t->why, sizeof(t->why), "%.380s", why);
}

static struct aipm_engine
engine_of(const struct task *t)
{
	/* No cancel: a signal is honoured when everything runs. */
	return (struct aipm_engine){ t->e->engine, NULL };
}

/* The container into *c (n is 0 if there is none): -1, *t says why. */
static int
look(struct tasks *all, struct task *t, struct aipm_containers *c)
{
	const struct aipm_engine e = engine_of(t);
	const char *id = t->e->id;
	struct aipm_err err;

	if (aipm_engine_look(&e, &id, 1, c, &err) == 0)
		return 0;
	if (err.errnum == ETIMEDOUT)
		all->hung = true;
	say_why(t, err.text);
	return -1;
}

/* It was removed; somebody may have made it anew under its name. */
static void
look_for_successor(struct task *t)
{
	const struct aipm_engine e = engine_of(t);
	struct aipm_containers c;
	struct aipm_err err;

	t->fate = GONE;
	say_why(t, "was removed meanwhile");
	if (aipm_engine_named(&e, t->e->name, &c, &err) == -1)
		return;
	if (c.n == 1 && c.v[0].state != AIPM_CONTAINER_DOWN)
		t->fate = UP;
	aipm_containers_free(&c);
}

/*
 * Stop, and only then start: the engine goes on with a stop whose client
 * died, and would take the container down again after our start.
 */
static void
stop_and_start(
    struct tasks *all, struct task *t, const struct aipm_container *c)
{
	const struct aipm_engine e = engine_of(t);
	struct aipm_err err;

	if (c->state == AIPM_CONTAINER_PAUSED)
		(void)aipm_engine_tell(&e, "unpause", t->e->id, &err);
	/* If this fails, the start and the look after it tell. */
	(void)aipm_engine_stop(&e, t->e->id, t->e->timeout, c->timeout, &err);
	if (aipm_engine_tell(&e, "start", t->e->id, &err) == 0) {
		t->fate = STARTED;
		return;
	}
	if (err.errnum == ETIMEDOUT)
		all->hung = true;
	say_why(t, err.text);
}

static void
start_one(struct tasks *all, struct task *t)
{
	struct aipm_containers c;

	if (look(all, t, &c) == -1)
		return;
	if (c.n == 0)
		look_for_successor(t);
	else if (t->e->paused && c.v[0].state == AIPM_CONTAINER_PAUSED)
		t->fate = UP; /* the first step of a stop is to unpause */
	else
		stop_and_start(all, t, &c.v[0]);
	aipm_containers_free(&c);
}

/* Look at what was started: UP, or (if last) TO_START again. */
static void
check_one(const struct session *s, struct tasks *all, struct task *t, bool last)
{
	const struct aipm_engine e = engine_of(t);
	struct aipm_containers c = { NULL, 0 };
	struct aipm_err err;
	bool up = look(all, t, &c) == 0 && c.n == 1 &&
	          c.v[0].state != AIPM_CONTAINER_DOWN;

	if (up) {
		t->fate = UP;
		if (t->e->paused &&
		    aipm_engine_tell(&e, "pause", t->e->id, &err) == -1)
			aipm_warn(&s->o->warn, NULL, err.text);
	} else if (last) {
		t->fate = TO_START;
		if (c.n == 1)
			(void)snprintf(t->why, sizeof(t->why),
			    "ended right after its start, with status %d",
			    c.v[0].exit_code);
	}
	aipm_containers_free(&c);
}

static bool
any(const struct tasks *all, enum fate f)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].fate == f)
			return true;
	return false;
}

static void
start_round(const struct session *s, struct tasks *all)
{
	static const unsigned pauses[] = { SETTLE, SETTLE_MORE };

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].fate == TO_START)
			start_one(all, &all->v[i]);
	for (size_t k = 0; k < 2 && any(all, STARTED); k++) {
		aipm_child_sleep(pauses[k]);
		for (size_t i = 0; i < all->n; i++)
			if (all->v[i].fate == STARTED)
				check_one(s, all, &all->v[i], k == 1);
	}
}

static int
make_tasks(struct tasks *all, const struct aipm_journal *j, bool held,
    struct aipm_err *err)
{
	memset(all, 0, sizeof(*all));
	if ((all->v = calloc(j->n, sizeof(*all->v))) == NULL)
		return aipm_err_nomem(err);
	for (size_t i = j->n; i > 0; i--)
		if (held || !j->v[i - 1].held)
			all->v[all->n++].e = &j->v[i - 1];
	return 0;
}

/* Append to the text of *err, which is cut when it is full. */
static void
append(struct aipm_err *err, const char *a, const char *b)
{
	size_t n = strlen(err->text);

	(void)snprintf(err->text + n, sizeof(err->text) - n, "%s%s", a, b);
}

/* The command that starts what is down: "docker start db web". */
static void
append_commands(struct aipm_err *err, const struct tasks *all)
{
	const char *engine = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct aipm_journal_entry *e = all->v[i].e;

		if (all->v[i].fate != TO_START)
			continue;
		if (engine == NULL || strcmp(engine, e->engine) != 0) {
			append(err, engine == NULL ? "" : "; ", e->engine);
			append(err, " start", "");
			engine = e->engine;
		}
		append(err, " ", e->name);
	}
}

static int
report(const struct session *s, const struct tasks *all, struct aipm_err *err)
{
	struct session_list up = { "", 0 };
	int64_t down = s->down == 0 ? 0 : aipm_child_clock() - s->down;
	char text[640], after[64] = "";

	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].fate == UP)
			session_list_add(&up, all->v[i].e->name);
		else
			aipm_warn(
			    &s->o->warn, all->v[i].e->name, all->v[i].why);
	}
	if (up.n != 0) {
		if (down != 0)
			(void)snprintf(after, sizeof(after),
			    " after %" PRId64 ".%" PRId64 " s", down / 1000,
			    down % 1000 / 100);
		(void)snprintf(
		    text, sizeof(text), "started%s: %s", after, up.text);
		aipm_warn(&s->o->note, NULL, text);
	}
	if (!any(all, TO_START) && !any(all, GONE))
		return 0;
	(void)aipm_err_set(err, AIPM_NOTSTARTED, "services are down; %s",
	    any(all, TO_START) ? "start them with: "
	                       : "make them anew: docker-compose up -d");
	append_commands(err, all);
	return -1;
}

/* What is up, or gone for ever, leaves the journal. */
static void
update_journal(struct session *s, const struct tasks *all)
{
	struct aipm_err err;

	/* The first task is the journal's last entry: removing it moves none
	 * of those that the later tasks point to. */
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].fate == UP || all->v[i].fate == GONE)
			aipm_journal_remove(
			    &s->journal, (size_t)(all->v[i].e - s->journal.v));
	if (session_save(s, &err) == -1)
		aipm_warn(&s->o->warn, NULL, err.text);
}

int
session_start(struct session *s, bool held, struct aipm_err *err)
{
	enum { TRIES = sizeof(backoff) / sizeof(backoff[0]) };
	struct tasks all;
	int r;

	if (s->journal.n == 0)
		return session_save(s, err);
	if (make_tasks(&all, &s->journal, held, err) == -1)
		return -1;
	start_round(s, &all);
	for (size_t i = 0; i < TRIES && any(&all, TO_START) && !all.hung; i++) {
		aipm_child_sleep(backoff[i]);
		start_round(s, &all);
	}
	r = report(s, &all, err);
	update_journal(s, &all);
	free(all.v);
	return r;
}
