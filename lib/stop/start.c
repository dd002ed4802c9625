#include "session.h"

#include "aipm/child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Pauses before the second and each later try, in ms.  Behind the first PLENTY
 * of them it is tried again only while the engine does not answer: one that
 * restarts needs some time.
 */
static const unsigned backoff[] = { 1000, 2000, 4000, 8000, 10000, 10000, 10000,
	15000, 15000, 15000 };
enum { PLENTY = 4, TRIES = sizeof(backoff) / sizeof(backoff[0]) };

/* Started containers are looked at after these, in ms. */
enum { SETTLE = 100, SETTLE_MORE = 1000, HEALTH_STEP = 250 };

enum fate { TO_START, STARTED, UP, GONE };

/* One service on its way up. */
struct task {
	const struct aipm_journal_entry *e; /* borrowed from the journal */
	enum fate fate;
	/* As the last look found it: */
	bool there;
	bool restarting;
	enum aipm_container_state state;
	enum aipm_health health;
	int exit_code;
	int timeout; /* its own, or -1 */
	char why[384]; /* it is not up */
};

struct tasks {
	struct task *v; /* in the order to start them */
	size_t n;
	const char **ids; /* room for n */
	struct task **of; /* the tasks of those ids */
	bool hung; /* the engine did not answer in its time */
	bool away; /* the last look of this round was not answered */
};

static void
say_why(struct task *t, const char *why)
{
	(void)snprintf(t->why, sizeof(t->why), "%.380s", why);
}

/* No cancel: a signal is honoured when everything runs. */
static struct aipm_engine
engine_of(const struct task *t)
{
	return (struct aipm_engine){ t->e->engine, NULL };
}

static void
failed(struct tasks *all, size_t n, const struct aipm_err *err)
{
	if (err->errnum == ETIMEDOUT)
		all->hung = true;
	for (size_t i = 0; i < n; i++)
		say_why(all->of[i], err->text);
}

/* Collect ids and tasks of that fate with the engine of first: how many. */
static size_t
collect(struct tasks *all, const struct task *first, enum fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct task *t = &all->v[i];

		if (t->fate != fate ||
		    strcmp(t->e->engine, first->e->engine) != 0)
			continue;
		all->ids[n] = t->e->id;
		all->of[n++] = t;
	}
	return n;
}

/* Narrow what was collected to those that want holds for. */
static size_t
narrow(struct tasks *all, size_t n, bool (*want)(const struct task *t))
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (want(all->of[i])) {
			all->ids[k] = all->ids[i];
			all->of[k++] = all->of[i];
		}
	return k;
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

static void
take_look(struct task *t, const struct aipm_containers *c)
{
	const struct aipm_container *x = aipm_containers_find(c, t->e->id);

	t->there = x != NULL;
	if (x == NULL)
		return;
	t->state = x->state;
	t->restarting = x->restarting;
	t->health = x->health;
	t->exit_code = x->exit_code;
	t->timeout = x->timeout;
}

/* Look at the n that were collected: -1, they say why. */
static int
look(struct tasks *all, size_t n)
{
	const struct aipm_engine e = engine_of(all->of[0]);
	struct aipm_containers c;
	struct aipm_err err;

	if (aipm_engine_look(&e, all->ids, n, &c, &err) == -1) {
		all->away = true;
		failed(all, n, &err);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		take_look(all->of[i], &c);
	aipm_containers_free(&c);
	return 0;
}

static bool
is_paused(const struct task *t)
{
	return t->state == AIPM_CONTAINER_PAUSED;
}

/* What is frozen was never stopped. */
static bool
wants_stop(const struct task *t)
{
	return !t->e->frozen;
}

/* Frozen by us, it should be paused: a pause whose client died may still
 * come. */
static bool
wants_pause(const struct task *t)
{
	return t->e->frozen && t->state == AIPM_CONTAINER_RUNNING;
}

/* Then it has to be unpaused, as what is paused for another reason. */
static bool
wants_unpause(const struct task *t)
{
	return is_paused(t) || wants_pause(t);
}

static bool
wants_start(const struct task *t)
{
	return !t->e->frozen || t->state == AIPM_CONTAINER_DOWN;
}

/* Stop those of the n collected from i on that have its time, unless one
 * before it had. */
static void
repeat_stop(struct tasks *all, size_t n, size_t i)
{
	const struct task *first = all->of[i];
	const struct aipm_engine e = engine_of(first);
	struct aipm_err err;
	int own = -1;
	size_t k = 0;

	for (size_t p = 0; p < i; p++)
		if (all->of[p]->e->timeout == first->e->timeout)
			return;
	for (size_t p = i; p < n; p++) {
		const struct task *t = all->of[p];

		if (t->e->timeout != first->e->timeout)
			continue;
		all->ids[k++] = t->e->id;
		own = t->timeout > own ? t->timeout : own;
	}
	/* If this fails, the start and the look after it tell. */
	(void)aipm_engine_stop_all(
	    &e, all->ids, k, first->e->timeout, own, &err);
}

/*
 * The engine goes on with a stop whose client died, and would take the
 * container down again after our start: so each stop is repeated, which waits
 * for the other.
 */
static void
repeat_stops(struct tasks *all, const struct task *first)
{
	size_t n = narrow(all, collect(all, first, TO_START), wants_stop);

	for (size_t i = 0; i < n; i++)
		repeat_stop(all, n, i);
}

static void
tell(struct tasks *all, const struct task *first, const char *verb,
    bool (*want)(const struct task *t))
{
	const struct aipm_engine e = engine_of(first);
	size_t n = narrow(all, collect(all, first, TO_START), want);
	struct aipm_err err;

	/* If it fails for one it may have worked for others: the look tells. */
	if (n > 0 && aipm_engine_tell(&e, verb, all->ids, n, &err) == -1)
		failed(all, n, &err);
}

/* What the engine of first knows of those that are to be started: false if
 * it does not answer. */
static bool
survey(struct tasks *all, const struct task *first)
{
	size_t n = collect(all, first, TO_START);

	if (look(all, n) == -1)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct task *t = all->of[i];

		if (!t->there)
			look_for_successor(t);
		else if (t->e->paused && is_paused(t))
			t->fate = UP; /* the first step of a stop is to
					 unpause */
	}
	return true;
}

/* Start what is to be started with the engine of first. */
static void
start_with(struct tasks *all, const struct task *first)
{
	if (!survey(all, first))
		return;
	tell(all, first, "pause", wants_pause);
	tell(all, first, "unpause", wants_unpause);
	if (all->hung || collect(all, first, TO_START) == 0)
		return;
	repeat_stops(all, first);
	tell(all, first, "start", wants_start);
	for (size_t n = collect(all, first, TO_START); n > 0; n--)
		all->of[n - 1]->fate = STARTED;
}

static bool
any(const struct tasks *all, enum fate f)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].fate == f)
			return true;
	return false;
}

/* Whether it is the first task of that fate and of its engine. */
static bool
leads(const struct tasks *all, const struct task *t, enum fate fate)
{
	if (t->fate != fate)
		return false;
	for (const struct task *p = all->v; p < t; p++)
		if (p->fate == fate && strcmp(p->e->engine, t->e->engine) == 0)
			return false;
	return true;
}

static void
pause_again(const struct session *s, const struct task *t)
{
	const struct aipm_engine e = engine_of(t);
	const char *id = t->e->id;
	struct aipm_err err;

	if (aipm_engine_tell(&e, "pause", &id, 1, &err) == -1)
		aipm_warn(&s->o->warn, NULL, err.text);
}

/* Judge what was started by a look: UP, or (if last) TO_START again. */
static void
judge(const struct session *s, struct task *t, bool last)
{
	if (t->there && t->state == AIPM_CONTAINER_RUNNING &&
	    (!t->restarting || last)) {
		t->fate = UP;
		if (t->restarting)
			aipm_warn(&s->o->warn, t->e->name,
			    "was started, and ends again and again");
		if (t->e->paused)
			pause_again(s, t);
	} else if (last) {
		t->fate = TO_START;
		if (t->why[0] == '\0' && !t->there)
			say_why(t, "is gone right after its start");
		if (t->why[0] == '\0')
			(void)snprintf(t->why, sizeof(t->why),
			    "ended right after its start, with status %d",
			    t->exit_code);
	}
}

static void
check(const struct session *s, struct tasks *all, bool last)
{
	for (size_t i = 0; i < all->n; i++) {
		struct task *first = &all->v[i];
		size_t n;
		bool answered;

		if (!leads(all, first, STARTED))
			continue;
		n = collect(all, first, STARTED);
		answered = look(all, n) == 0;
		for (size_t k = 0; k < n; k++) {
			if (!answered)
				all->of[k]->there = false;
			judge(s, all->of[k], last);
		}
	}
}

static void
start_round(const struct session *s, struct tasks *all)
{
	static const unsigned pauses[] = { SETTLE, SETTLE_MORE };

	all->away = false;
	for (size_t i = 0; i < all->n; i++)
		all->v[i].why[0] = '\0';
	for (size_t i = 0; i < all->n; i++)
		if (leads(all, &all->v[i], TO_START))
			start_with(all, &all->v[i]);
	for (size_t k = 0; k < 2 && any(all, STARTED); k++) {
		aipm_child_sleep(pauses[k]);
		check(s, all, k == 1);
	}
}

static void
free_tasks(struct tasks *all)
{
	free(all->v);
	free(all->ids);
	free(all->of);
}

static int
make_tasks(struct tasks *all, const struct aipm_journal *j, bool held,
    struct aipm_err *err)
{
	memset(all, 0, sizeof(*all));
	all->v = calloc(j->n, sizeof(*all->v));
	all->ids = calloc(j->n, sizeof(*all->ids));
	all->of = calloc(j->n, sizeof(struct task *));
	if (all->v == NULL || all->ids == NULL || all->of == NULL) {
		free_tasks(all);
		return aipm_err_set(err, AIPM_NOTSTARTED,
		    "services are down, and there is no memory to start "
		    "them: aipm-stop --recover does");
	}
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
	const char *engine = NULL, *verb = "";

	for (size_t i = 0; i < all->n; i++) {
		const struct task *t = &all->v[i];
		const char *mine = t->there && is_paused(t) ? " unpause"
		                                            : " start";

		if (t->fate != TO_START)
			continue;
		if (engine == NULL || strcmp(engine, t->e->engine) != 0 ||
		    strcmp(verb, mine) != 0) {
			append(err, engine == NULL ? "" : "; ", t->e->engine);
			append(err, mine, "");
			engine = t->e->engine;
			verb = mine;
		}
		append(err, " ", t->e->name);
	}
}

/* And those that have to be made anew: "make anew: db". */
static void
append_gone(struct aipm_err *err, const struct tasks *all)
{
	const char *before = any(all, TO_START) ? "; " : "";

	if (!any(all, GONE))
		return;
	append(err, before, "make anew (docker-compose up -d):");
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].fate == GONE)
			append(err, " ", all->v[i].e->name);
}

static void
say_started(const struct session *s, const struct session_list *up)
{
	int64_t down = s->down == 0 ? 0 : s->up - s->down;
	char text[640], after[64] = "";

	if (down != 0)
		(void)snprintf(after, sizeof(after),
		    " after %" PRId64 ".%" PRId64 " s", down / 1000,
		    down % 1000 / 100);
	(void)snprintf(text, sizeof(text), "started%s: %s", after, up->text);
	aipm_warn(&s->o->note, NULL, text);
}

static int
report(const struct session *s, const struct tasks *all, struct aipm_err *err)
{
	struct session_list up = { "", 0 };

	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].fate == UP)
			session_list_add(&up, all->v[i].e->name);
		else
			aipm_warn(
			    &s->o->warn, all->v[i].e->name, all->v[i].why);
	}
	if (up.n != 0)
		say_started(s, &up);
	if (!any(all, TO_START) && !any(all, GONE))
		return 0;
	(void)aipm_err_set(err, AIPM_NOTSTARTED, "services are down; %s",
	    any(all, TO_START) ? "start them with: " : "");
	append_commands(err, all);
	append_gone(err, all);
	return -1;
}

/* Whether a health check has not said yes so far. */
static bool
is_unwell(const struct task *t)
{
	return t->there && t->state == AIPM_CONTAINER_RUNNING &&
	       (t->health == AIPM_HEALTH_STARTING ||
	           t->health == AIPM_HEALTH_BAD);
}

/* One look at all that are up: whether all are well. */
static bool
all_well(struct tasks *all)
{
	bool well = true;

	for (size_t i = 0; i < all->n; i++) {
		size_t n;

		if (!leads(all, &all->v[i], UP))
			continue;
		n = collect(all, &all->v[i], UP);
		if (look(all, n) == -1 || narrow(all, n, is_unwell) > 0)
			well = false;
	}
	return well;
}

/* Wait for the health checks of what was started. */
static void
wait_for_health(const struct session *s, struct tasks *all)
{
	int64_t until = aipm_child_clock() + (int64_t)s->o->health * 1000;
	bool well = false;

	if (s->o->health == 0)
		return;
	while (!(well = all_well(all)) && aipm_child_clock() < until &&
	       (s->o->cancel.signum == NULL || *s->o->cancel.signum == 0))
		aipm_child_sleep(HEALTH_STEP);
	for (size_t i = 0; !well && i < all->n; i++)
		if (all->v[i].fate == UP && is_unwell(&all->v[i]))
			aipm_warn(&s->o->warn, all->v[i].e->name,
			    "runs, but its health check does not say so");
}

/* Whether the engine knows none of them: it may be another one. */
static bool
knows_none(const struct tasks *all)
{
	return all->n > 0 && !any(all, TO_START) && !any(all, UP);
}

/*
 * Whether an entry stays in the journal: it is not up, nor gone for ever.  It
 * is gone for sure if the engine knows others of them, or the user asked for
 * the start.
 */
static bool
stays(const struct tasks *all, const struct aipm_journal_entry *e, bool asked)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].e == e)
			return all->v[i].fate == TO_START ||
			       (all->v[i].fate == GONE && !asked &&
			           knows_none(all));
	return true;
}

/* The session's journal becomes what stays of it; the tasks' entries are in
 * *old from then on. */
static void
update_journal(struct session *s, const struct tasks *all, bool asked,
    struct aipm_journal *old)
{
	struct aipm_err err;
	int r = 0;

	*old = s->journal;
	memset(&s->journal, 0, sizeof(s->journal));
	for (size_t i = 0; r == 0 && i < old->n; i++)
		if (stays(all, &old->v[i], asked))
			r = aipm_journal_add(&s->journal, &old->v[i], &err);
	if (r == 0)
		r = session_save(s, &err);
	if (r == -1)
		aipm_warn(&s->o->warn, NULL, err.text);
}

int
session_start(struct session *s, bool held, struct aipm_err *err)
{
	struct aipm_journal old;
	struct tasks all;
	int r;

	/* Those that were not reached may have been taken out again: the disk
	 * shall hear of it. */
	if (s->journal.n == 0)
		return session_save(s, err);
	if (make_tasks(&all, &s->journal, held, err) == -1)
		return -1;
	start_round(s, &all);
	for (size_t i = 0; i < (all.away ? TRIES : PLENTY) &&
	                   any(&all, TO_START) && !all.hung;
	     i++) {
		aipm_child_sleep(backoff[i]);
		start_round(s, &all);
	}
	s->up = aipm_child_clock();
	r = report(s, &all, err);
	update_journal(s, &all, held, &old);
	wait_for_health(s, &all);
	aipm_journal_free(&old);
	free_tasks(&all);
	return r;
}
