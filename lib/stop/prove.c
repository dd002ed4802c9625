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

/* The ids of what we paused, and of what was paused before, which may hold
 * files open. */
static const char **
frozen_ids(const struct aipm_stack *stack, size_t *n)
{
	const char **ids = calloc(stack->n + 1, sizeof(*ids));

	*n = 0;
	for (size_t i = 0; ids != NULL && i < stack->n; i++)
		if (stack->v[i].c->state == AIPM_CONTAINER_PAUSED)
			ids[(*n)++] = stack->v[i].c->id;
	return ids;
}

int
session_ask(struct session *s, const struct aipm_engine *e,
    const struct aipm_stack *stack, struct aipm_err *err)
{
	struct aipm_proof_options o = { .cancel = &s->o->cancel };
	struct aipm_proof_result r;
	const char **ids = NULL;
	int result;

	if (e != NULL && aipm_engine_is_remote(e))
		say_unproven(s, "its engine is on another machine");
	if (s->o->pause) {
		if ((ids = frozen_ids(stack, &o.nfrozen)) == NULL)
			return aipm_err_nomem(err);
		o.frozen = ids;
	}
	result = aipm_proof_take(&r, s->o->data, &o, err);
	free(ids);
	if (result == -1)
		return -1;
	if (r.proof == AIPM_WRITTEN)
		result = say_written(s, e, &r, err);
	else if (r.proof == AIPM_UNPROVEN)
		say_unproven(s, r.why);
	aipm_proof_free(&r);
	return result;
}

/* Those that run again although they were stopped. */
static int
refuse_loud(const struct session *s, const struct aipm_stack *stack,
    struct aipm_err *err)
{
	for (size_t i = 0; i < stack->n; i++)
		if (!s->o->pause ||
		    stack->v[i].c->state != AIPM_CONTAINER_PAUSED)
			return aipm_err_file(err, AIPM_BUSY,
			    stack->v[i].c->name,
			    "runs again: it was started meanwhile");
	return 0;
}

int
session_prove(struct session *s, struct aipm_err *err)
{
	struct aipm_project place = { s->o->root, s->o->data };
	struct aipm_stack stack = { .n = 0 };
	int r;

	if (!s->has_engine)
		return session_ask(s, NULL, &stack, err);
	if (aipm_stack_look(&stack, &s->engine, &place, NULL, 0, err) == -1) {
		if (err->cls == AIPM_SIGNALLED)
			return -1;
		say_unproven(s, "the engine does not answer any more");
		memset(&stack, 0, sizeof(stack));
	}
	r = refuse_loud(s, &stack, err);
	if (r == 0)
		r = session_ask(s, &s->engine, &stack, err);
	aipm_stack_free(&stack);
	return r;
}
