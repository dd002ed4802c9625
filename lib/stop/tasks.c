#include "tasks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
tasks_say_why(struct task *t, const char *why)
{
	(void)snprintf(t->why, sizeof(t->why), "%.380s", why);
}

struct aipm_engine
tasks_engine(const struct task *t)
{
	return (struct aipm_engine){ t->e->engine, NULL };
}

void
tasks_failed(struct tasks *all, size_t n, const struct aipm_err *err)
{
	if (err->errnum == ETIMEDOUT)
		all->hung = true;
	for (size_t i = 0; i < n; i++)
		tasks_say_why(all->of[i], err->text);
}

size_t
tasks_collect(struct tasks *all, const struct task *first, enum fate fate)
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

size_t
tasks_narrow(struct tasks *all, size_t n, bool (*want)(const struct task *t))
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (want(all->of[i])) {
			all->ids[k] = all->ids[i];
			all->of[k++] = all->of[i];
		}
	return k;
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

int
tasks_look(struct tasks *all, size_t n)
{
	const struct aipm_engine e = tasks_engine(all->of[0]);
	struct aipm_containers c;
	struct aipm_err err;

	if (aipm_engine_look(&e, all->ids, n, &c, &err) == -1) {
		all->away = true;
		tasks_failed(all, n, &err);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		take_look(all->of[i], &c);
	aipm_containers_free(&c);
	return 0;
}

bool
tasks_is_paused(const struct task *t)
{
	return t->state == AIPM_CONTAINER_PAUSED;
}

bool
tasks_any(const struct tasks *all, enum fate f)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].fate == f)
			return true;
	return false;
}

bool
tasks_lead(const struct tasks *all, const struct task *t, enum fate fate)
{
	if (t->fate != fate)
		return false;
	for (const struct task *p = all->v; p < t; p++)
		if (p->fate == fate && strcmp(p->e->engine, t->e->engine) == 0)
			return false;
	return true;
}

void
tasks_free(struct tasks *all)
{
	free(all->v);
	free(all->ids);
	free(all->of);
}

int
tasks_make(struct tasks *all, const struct aipm_journal *j, bool held,
    struct aipm_err *err)
{
	memset(all, 0, sizeof(*all));
	all->v = calloc(j->n, sizeof(*all->v));
	all->ids = calloc(j->n, sizeof(*all->ids));
	all->of = calloc(j->n, sizeof(struct task *));
	if (all->v == NULL || all->ids == NULL || all->of == NULL) {
		tasks_free(all);
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
		const char *mine = t->there && tasks_is_paused(t) ? " unpause"
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
	const char *before = tasks_any(all, TO_START) ? "; " : "";

	if (!tasks_any(all, GONE))
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

int
tasks_report(
    const struct session *s, const struct tasks *all, struct aipm_err *err)
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
	if (!tasks_any(all, TO_START) && !tasks_any(all, GONE))
		return 0;
	(void)aipm_err_set(err, AIPM_NOTSTARTED, "services are down; %s",
	    tasks_any(all, TO_START) ? "start them with: " : "");
	append_commands(err, all);
	append_gone(err, all);
	return -1;
}
