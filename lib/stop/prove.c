#include "session.h"

#include "aipm/escape.h"
#include "aipm/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A container's name by its id, or the beginning of the id. */
static void
name_container(const struct aipm_engine *e, const char *id, char dst[128])
{
	struct aipm_containers c;
	struct aipm_err err;

	(void)snprintf(dst, 128, "%.12s", id);
	if (e == NULL || aipm_engine_look(e, &id, 1, &c, &err) == -1)
		return;
	if (c.n == 1)
		aipm_escape(dst, 128, c.v[0].name);
	aipm_containers_free(&c);
}

/* "data/db/wal: open for writing by postgres (pid 77, container db)" */
static void
say_holder(char *dst, size_t cap, const struct aipm_engine *e,
    const struct aipm_holder *h)
{
	char path[512], command[80], container[128];
	int n;

	aipm_escape(path, sizeof(path), h->path);
	aipm_escape(command, sizeof(command), h->command);
	if (h->pid == 0) {
		(void)snprintf(dst, cap,
		    "%s: open for writing by something that /proc does not "
		    "show",
		    path);
		return;
	}
	n = snprintf(dst, cap, "%s: %s by %s (pid %ld", path,
	    h->mapped ? "mapped for writing" : "open for writing",
	    *command == '\0' ? "a process" : command, (long)h->pid);
	if (n < 0 || (size_t)n >= cap)
		return;
	if (h->container[0] == '\0') {
		(void)snprintf(dst + n, cap - (size_t)n, ")");
		return;
	}
	name_container(e, h->container, container);
	(void)snprintf(dst + n, cap - (size_t)n, ", container %s)", container);
}

/* All but the first as warnings; the first is the error. */
static int
say_written(const struct session *s, const struct aipm_engine *e,
    const struct aipm_proof_result *r, struct aipm_err *err)
{
	char text[900], more[64] = "";

	for (size_t i = 1; i < r->n; i++) {
		say_holder(text, sizeof(text), e, &r->v[i]);
		aipm_warn(&s->o->warn, NULL, text);
	}
	if (r->more > 0) {
		(void)snprintf(more, sizeof(more), "and %zu more", r->more);
		aipm_warn(&s->o->warn, NULL, more);
	}
	say_holder(text, sizeof(text), e, &r->v[0]);
	return aipm_err_set(err, AIPM_BUSY, "%s", text);
}

static void
say_unproven(struct session *s, const char *why)
{
	char text[256];

	if (s->unproven != NULL)
		return;
	s->unproven = why;
	(void)snprintf(text, sizeof(text),
	    "it cannot be shown that nobody writes: %s", why);
	aipm_warn(&s->o->warn, s->o->data, text);
}

int
session_ask(struct session *s, struct aipm_err *err)
{
	const struct aipm_proof_options o = {
		.frozen = (const char *const *)s->frozen,
		.nfrozen = s->nfrozen,
		/* Our own lock lies there. */
		.skip = s->o->backups,
		.cancel = &s->o->cancel,
	};
	const struct aipm_engine *e = s->has_engine ? &s->engine : NULL;
	struct aipm_proof_result r;
	int result = 0;

	if (e != NULL && aipm_engine_is_remote())
		say_unproven(s, "its engine is on another machine");
	if (aipm_proof_take(&r, s->o->data, &o, err) == -1)
		return -1;
	if (r.proof == AIPM_WRITTEN)
		result = say_written(s, e, &r, err);
	/* An emergency backup must not need an engine, even of services that
	 * nobody can stop. */
	if (result == -1 && e == NULL) {
		aipm_warn(&s->o->warn, NULL, err->text);
		result = 0;
	} else if (r.proof == AIPM_UNPROVEN)
		say_unproven(s, r.why);
	aipm_proof_free(&r);
	return result;
}

static int
compare(const struct session *s, const struct aipm_stack *stack,
    struct aipm_err *err)
{
	const struct aipm_stopped *m = session_first_loud(s, stack);

	if (m != NULL)
		return aipm_err_file(err, AIPM_BUSY, m->c->name,
		    "runs again: it was started meanwhile");
	for (size_t i = 0; i < s->nseen; i++) {
		const struct aipm_container *c = aipm_containers_find(
		    &stack->running, s->seen[i].id);

		if (c != NULL && strcmp(c->started, s->seen[i].started) != 0)
			return aipm_err_file(err, AIPM_BUSY, c->name,
			    "ran meanwhile: it was started and stopped again");
	}
	return 0;
}

/* Whether none of the services has come back. */
static int
look(struct session *s, struct aipm_err *err)
{
	struct aipm_project place = { s->o->root, s->o->data };
	const char **ids = calloc(s->nseen + 1, sizeof(*ids));
	struct aipm_stack stack;
	int r;

	if (ids == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < s->nseen; i++)
		ids[i] = s->seen[i].id;
	r = aipm_stack_look(&stack, &s->engine, &place, ids, s->nseen, err);
	free(ids);
	if (r == 0) {
		r = compare(s, &stack, err);
		aipm_stack_free(&stack);
		return r;
	}
	/* A newcomer that could not be stopped at all. */
	if (err->cls == AIPM_NOTSTOPPED)
		err->cls = AIPM_BUSY;
	if (err->cls != AIPM_FAILED)
		return -1;
	say_unproven(s, "the engine does not answer any more");
	return 0;
}

int
session_prove(struct session *s, struct aipm_err *err)
{
	if (s->has_engine && look(s, err) == -1)
		return -1;
	return session_ask(s, err);
}
