#include "session.h"

#include "aipm/child.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROUNDS = 3, /* of stopping what was started while we stopped */
	KILLED = 137 /* the exit code of what SIGKILL ended */
};

/* What a stop -t gets, or -1: the container knows better. */
static int
timeout_of(const struct session *s, const struct aipm_stopped *m)
{
	return m->mount != NULL && m->c->timeout == -1 ? s->o->timeout : -1;
}

/* Whether nothing has to be done to it: it is paused, and so it is wanted, by
 * this run or by one that holds it so. */
static bool
is_quiet(const struct session *s, const struct aipm_stopped *m)
{
	const struct aipm_journal *j = &s->journal;
	size_t i = aipm_journal_find(j, m->c->id);

	return m->c->state == AIPM_CONTAINER_PAUSED &&
	       (s->o->pause || (i < j->n && j->v[i].held && j->v[i].frozen));
}

/* Whether it is paused, and not by a run that died; or was when an earlier
 * look or run began. */
static bool
was_paused(const struct aipm_journal *j, const struct aipm_container *c)
{
	size_t i = aipm_journal_find(j, c->id);

	if (i == j->n)
		return c->state == AIPM_CONTAINER_PAUSED;
	return !j->v[i].frozen &&
	       (j->v[i].paused || c->state == AIPM_CONTAINER_PAUSED);
}

static int
add_members(struct aipm_journal *j, const struct session *s,
    const struct aipm_engine *e, const struct aipm_stack *stack,
    struct aipm_err *err)
{
	for (size_t i = 0; i < stack->n; i++) {
		const struct aipm_stopped *m = &stack->v[i];
		struct aipm_journal_entry entry = {
			.id = m->c->id,
			.name = m->c->name,
			/* Only read: the journal keeps a copy. */
			.engine = (char *)(uintptr_t)e->command,
			.timeout = timeout_of(s, m),
			.held = false,
			.paused = was_paused(j, m->c),
			.frozen = s->o->pause,
		};

		if (!is_quiet(s, m) && aipm_journal_add(j, &entry, err) == -1)
			return -1;
	}
	return 0;
}

/* On failure the journal is what it was: nothing has been stopped. */
static int
note_down(struct session *s, const struct aipm_engine *e,
    const struct aipm_stack *stack, struct aipm_err *err)
{
	struct aipm_journal old = s->journal, now = { 0 };

	for (size_t i = 0; i < old.n; i++)
		if (aipm_journal_add(&now, &old.v[i], err) == -1)
			goto fail;
	if (add_members(&now, s, e, stack, err) == -1)
		goto fail;
	s->journal = now;
	if (session_save(s, err) == 0) {
		aipm_journal_free(&old);
		return 0;
	}
	s->journal = old;
fail:
	aipm_journal_free(&now);
	return -1;
}

/*
 * Forget members from the i-th on, which were not reached: but for those that
 * are not as they were before, because an earlier run has paused them, say.
 */
static void
forget(struct session *s, const struct aipm_stack *stack, size_t i)
{
	struct aipm_journal *j = &s->journal;

	for (; i < stack->n; i++) {
		const struct aipm_container *c = stack->v[i].c;
		size_t k = aipm_journal_find(j, c->id);

		if (k < j->n &&
		    j->v[k].paused == (c->state == AIPM_CONTAINER_PAUSED))
			aipm_journal_remove(j, k);
	}
}

/* Whether the engine says that it runs, or does not say that it does not. */
static bool
still_up(const struct aipm_engine *e, const char *id)
{
	struct aipm_containers c;
	struct aipm_err err;
	bool up;

	if (aipm_engine_look(e, &id, 1, &c, &err) == -1)
		return true;
	up = c.n == 1 && c.v[0].state != AIPM_CONTAINER_DOWN;
	aipm_containers_free(&c);
	return up;
}

static int
stop_one(const struct session *s, const struct aipm_engine *e,
    const struct aipm_stopped *m, struct aipm_err *err)
{
	const struct aipm_container *c = m->c;
	const char *id = c->id;
	int r = 0;

	if (is_quiet(s, m))
		return 0;
	if (s->o->pause)
		return aipm_engine_tell(e, "pause", &id, 1, err);
	/* Frozen, it cannot end and would be killed. */
	if (c->state == AIPM_CONTAINER_PAUSED)
		r = aipm_engine_tell(e, "unpause", &id, 1, err);
	if (r == 0)
		r = aipm_engine_stop(e, id, timeout_of(s, m), c->timeout, err);
	return r == -1 && still_up(e, id) ? -1 : 0;
}

static void
say_stopped(const struct session *s, const struct aipm_stack *stack)
{
	struct session_list l = { "", 0 };
	char text[640];

	for (size_t i = 0; i < stack->n; i++)
		if (!is_quiet(s, &stack->v[i]))
			session_list_add(&l, stack->v[i].c->name);
	(void)snprintf(text, sizeof(text), "%s: %s",
	    s->o->pause ? "paused (a copy is as after a crash)" : "stopped",
	    l.text);
	aipm_warn(&s->o->note, NULL, text);
}

static int
stop_all(struct session *s, const struct aipm_engine *e,
    const struct aipm_stack *stack, struct aipm_err *err)
{
	if (note_down(s, e, stack, err) == -1)
		return -1;
	if (s->down == 0)
		s->down = aipm_child_clock();
	for (size_t i = 0; i < stack->n; i++) {
		if (aipm_cancel_check(&s->o->cancel, err) == -1) {
			forget(s, stack, i);
			return -1;
		}
		if (stop_one(s, e, &stack->v[i], err) == -1) {
			forget(s, stack, i + 1);
			return -1;
		}
	}
	say_stopped(s, stack);
	return 0;
}

/* Name the containers with data that did not end by themselves. */
static void
report_killed(const struct session *s, const struct aipm_stack *before,
    const struct aipm_stack *now)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct aipm_container *c = aipm_containers_find(
		    &now->running, before->v[i].c->id);

		if (before->v[i].mount != NULL && c != NULL &&
		    c->state == AIPM_CONTAINER_DOWN && c->exit_code == KILLED)
			aipm_warn(&s->o->warn, c->name,
			    "was killed because it did not stop in time: its "
			    "data is as after a crash (a longer -t helps)");
	}
}

/* Look again behind a round of stopping. */
static int
look_again(struct session *s, const struct aipm_engine *e,
    struct aipm_stack *stack, const struct aipm_project *place,
    struct aipm_err *err)
{
	const char **ids = calloc(stack->n + 1, sizeof(*ids));
	struct aipm_stack now;
	int r;

	if (ids == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < stack->n; i++)
		ids[i] = stack->v[i].c->id;
	r = aipm_stack_look(&now, e, place, ids, stack->n, err);
	free(ids);
	if (r == -1)
		return -1;
	report_killed(s, stack, &now);
	aipm_stack_free(stack);
	*stack = now;
	return session_remember(s, &stack->running, err);
}

const struct aipm_stopped *
session_first_loud(const struct session *s, const struct aipm_stack *stack)
{
	for (size_t i = 0; i < stack->n; i++)
		if (!is_quiet(s, &stack->v[i]))
			return &stack->v[i];
	return NULL;
}

/* Stop what runs until a look finds nothing. */
static int
stop_until_quiet(struct session *s, const struct aipm_engine *e,
    struct aipm_stack *stack, const struct aipm_project *place,
    struct aipm_err *err)
{
	const struct aipm_stopped *m = session_first_loud(s, stack);

	for (int i = 0; i < ROUNDS && m != NULL; i++) {
		if (stop_all(s, e, stack, err) == -1 ||
		    look_again(s, e, stack, place, err) == -1)
			return -1;
		m = session_first_loud(s, stack);
	}
	if (m == NULL)
		return 0;
	return aipm_err_file(err, AIPM_NOTSTOPPED, m->c->name,
	    "is started again whenever it is stopped: find out by whom");
}

/* Those may hold files open. */
static int
keep_frozen(
    struct session *s, const struct aipm_stack *stack, struct aipm_err *err)
{
	if ((s->frozen = calloc(stack->n + 1, sizeof(*s->frozen))) == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < stack->n; i++) {
		char *id = strdup(stack->v[i].c->id);

		if (id == NULL)
			return aipm_err_nomem(err);
		s->frozen[s->nfrozen++] = id;
	}
	return 0;
}

static int
quiesce(struct session *s, const struct aipm_engine *e, struct aipm_err *err)
{
	struct aipm_project place = { s->o->root, s->o->data };
	struct aipm_stack stack;
	int r;

	if (session_refresh(s, e, err) == -1)
		return -1;
	if (aipm_stack_read(&stack, e, &place, &s->o->note, err) == -1)
		return -1;
	aipm_stack_outside(&stack, &place, &s->o->note);
	if (stack.n == 0)
		aipm_warn(&s->o->note, NULL,
		    "no service of this project runs: nothing to stop");
	r = stop_until_quiet(s, e, &stack, &place, err);
	if (r == 0)
		r = aipm_cancel_check(&s->o->cancel, err);
	if (r == 0)
		r = keep_frozen(s, &stack, err);
	aipm_stack_free(&stack);
	return r;
}

int
session_quiesce(struct session *s, struct aipm_err *err)
{
	int r;

	s->has_engine = session_engine(s->o, &s->engine);
	if (s->has_engine)
		r = quiesce(s, &s->engine, err);
	else {
		s->unproven = "no engine answers";
		r = aipm_cancel_check(&s->o->cancel, err);
	}
	if (r == 0)
		r = session_ask(s, err);
	if (r == -1 && err->cls == AIPM_FAILED)
		err->cls = AIPM_NOTSTOPPED;
	return r;
}
