#include "tasks.h"

#include "aipm/child.h"

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

/* It was removed; somebody may have made it anew under its name. */
static void
look_for_successor(struct task *t)
{
	const struct aipm_engine e = tasks_engine(t);
	struct aipm_containers c;
	struct aipm_err err;

	t->fate = GONE;
	tasks_say_why(t, "was removed meanwhile");
	if (aipm_engine_named(&e, t->e->name, &c, &err) == -1)
		return;
	if (c.n == 1 && c.v[0].state != AIPM_CONTAINER_DOWN)
		t->fate = UP;
	aipm_containers_free(&c);
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
	return tasks_is_paused(t) || wants_pause(t);
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
	const struct aipm_engine e = tasks_engine(first);
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
	size_t n = tasks_narrow(
	    all, tasks_collect(all, first, TO_START), wants_stop);

	for (size_t i = 0; i < n; i++)
		repeat_stop(all, n, i);
}

static void
tell(struct tasks *all, const struct task *first, const char *verb,
    bool (*want)(const struct task *t))
{
	const struct aipm_engine e = tasks_engine(first);
	size_t n = tasks_narrow(all, tasks_collect(all, first, TO_START), want);
	struct aipm_err err;

	/* If it fails for one it may have worked for others: the look tells. */
	if (n > 0 && aipm_engine_tell(&e, verb, all->ids, n, &err) == -1)
		tasks_failed(all, n, &err);
}

/* What the engine of first knows of those that are to be started: false if
 * it does not answer. */
static bool
survey(struct tasks *all, const struct task *first)
{
	size_t n = tasks_collect(all, first, TO_START);

	if (tasks_look(all, n) == -1)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct task *t = all->of[i];

		if (!t->there)
			look_for_successor(t);
		else if (t->e->paused && tasks_is_paused(t))
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
	if (all->hung || tasks_collect(all, first, TO_START) == 0)
		return;
	repeat_stops(all, first);
	tell(all, first, "start", wants_start);
	for (size_t n = tasks_collect(all, first, TO_START); n > 0; n--)
		all->of[n - 1]->fate = STARTED;
}

static void
pause_again(const struct session *s, const struct task *t)
{
	const struct aipm_engine e = tasks_engine(t);
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
			tasks_say_why(t, "is gone right after its start");
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

		if (!tasks_lead(all, first, STARTED))
			continue;
		n = tasks_collect(all, first, STARTED);
		answered = tasks_look(all, n) == 0;
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
		if (tasks_lead(all, &all->v[i], TO_START))
			start_with(all, &all->v[i]);
	for (size_t k = 0; k < 2 && tasks_any(all, STARTED); k++) {
		aipm_child_sleep(pauses[k]);
		check(s, all, k == 1);
	}
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

		if (!tasks_lead(all, &all->v[i], UP))
			continue;
		n = tasks_collect(all, &all->v[i], UP);
		if (tasks_look(all, n) == -1 ||
		    tasks_narrow(all, n, is_unwell) > 0)
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
	return all->n > 0 && !tasks_any(all, TO_START) && !tasks_any(all, UP);
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
	if (tasks_make(&all, &s->journal, held, err) == -1)
		return -1;
	start_round(s, &all);
	for (size_t i = 0; i < (all.away ? TRIES : PLENTY) &&
	                   tasks_any(&all, TO_START) && !all.hung;
	     i++) {
		aipm_child_sleep(backoff[i]);
		start_round(s, &all);
	}
	s->up = aipm_child_clock();
	r = tasks_report(s, &all, err);
	update_journal(s, &all, held, &old);
	wait_for_health(s, &all);
	aipm_journal_free(&old);
	tasks_free(&all);
	return r;
}
