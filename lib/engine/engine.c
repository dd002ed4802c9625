#include "aipm/engine.h"

#include "aipm/child.h"
#include "aipm/escape.h"

#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANSWER = 60, /* seconds for a question */
	DEFAULT_STOP = 10, /* what an engine gives a container to stop */
	TRIES = 3 /* of a question whose containers vanish meanwhile */
};

int
aipm_engine_find(const char **command, const char *wanted, struct aipm_err *err)
{
	static const char *const known[] = { "docker", "podman" };

	if (wanted != NULL) {
		*command = wanted;
		return aipm_child_find(wanted, err);
	}
	for (size_t i = 0; i < 2; i++) {
		*command = known[i];
		if (aipm_child_find(known[i], err) == 0)
			return 0;
	}
	return aipm_err_set(err, AIPM_NOCOMMAND,
	    "no container engine: neither docker nor podman is in PATH");
}

/* What an engine said, in one line: "docker stop web: No such container". */
static int
refused(struct aipm_err *err, const char *const *argv, const char *what,
    const struct aipm_child_said *said)
{
	char shown[256], first[512];

	(void)snprintf(first, sizeof(first), "%s",
	    said->err.len == 0 ? "" : (const char *)said->err.p);
	first[strcspn(first, "\r\n")] = '\0';
	aipm_escape(shown, sizeof(shown), first);
	return aipm_err_set(err, AIPM_FAILED, "%s %s%s%s: %s", argv[0], argv[1],
	    *what == '\0' ? "" : " ", what,
	    *shown == '\0' ? "failed and said nothing" : shown);
}

/* Ask; 0 with what was said, whatever the status. */
static int
ask(const struct aipm_engine *e, struct aipm_child_said *said,
    const char *const *argv, struct aipm_err *err)
{
	memset(said, 0, sizeof(*said));
	return aipm_child_capture(said, argv, ANSWER, e->cancel, err);
}

struct ids {
	char **v; /* owned, as are the strings */
	size_t n;
};

static void
free_ids(struct ids *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		free(ids->v[i]);
	free(ids->v);
	memset(ids, 0, sizeof(*ids));
}

static bool
has_id(const struct ids *ids, const char *id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (strcmp(ids->v[i], id) == 0)
			return true;
	return false;
}

static int
add_id(struct ids *ids, const char *id, struct aipm_err *err)
{
	char **v;

	if (has_id(ids, id))
		return 0;
	if ((v = realloc(ids->v, (ids->n + 1) * sizeof(*v))) == NULL)
		return aipm_err_nomem(err);
	ids->v = v;
	if ((v[ids->n] = strdup(id)) == NULL)
		return aipm_err_nomem(err);
	ids->n++;
	return 0;
}

/* What the engine lists: all ids, and those of them that may run. */
struct listing {
	struct ids all, up;
};

static void
free_listing(struct listing *l)
{
	free_ids(&l->all);
	free_ids(&l->up);
}

/* "Up 3 minutes (Paused)", "Restarting (1) 5 seconds ago", "Exited (0) ...":
 * whether it may be one that runs. */
static bool
may_run(const char *status)
{
	static const char *const down[] = { "Exited", "Created", "Dead",
		"Initialized", "Configured", "Removing", "Removal" };

	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++)
		if (strncmp(status, down[i], strlen(down[i])) == 0)
			return false;
	return true;
}

static int
take_line(struct listing *l, char *line, struct aipm_err *err)
{
	char *status = line + strcspn(line, " ");

	if (*status != '\0')
		*status++ = '\0';
	if (add_id(&l->all, line, err) == -1)
		return -1;
	return may_run(status) ? add_id(&l->up, line, err) : 0;
}

/* *l is released with free_listing(), also on failure. */
static int
list(const struct aipm_engine *e, struct listing *l, struct aipm_err *err)
{
	const char *argv[] = { e->command, "ps", "--all", "--no-trunc",
		"--format", "{{.ID}} {{.Status}}", NULL };
	struct aipm_child_said said;
	char *s, *save;
	int r = 0;

	memset(l, 0, sizeof(*l));
	if (ask(e, &said, argv, err) == -1)
		return -1;
	if (said.status != 0)
		r = refused(err, argv, "", &said);
	for (s = strtok_r((char *)said.out.p, "\r\n", &save);
	     r == 0 && s != NULL; s = strtok_r(NULL, "\r\n", &save))
		r = take_line(l, s, err);
	aipm_child_said_free(&said);
	return r;
}

int
aipm_engine_ping(const struct aipm_engine *e, struct aipm_err *err)
{
	struct listing l;
	int r = list(e, &l, err);

	free_listing(&l);
	return r;
}

/* ARGV: the engine, words (NULL at their end), then n names. */
static const char **
make_argv(const struct aipm_engine *e, const char *const *words,
    const char *const *names, size_t n)
{
	size_t k = 0, at = 0;
	const char **argv;

	while (words[k] != NULL)
		k++;
	if ((argv = calloc(k + n + 2, sizeof(*argv))) == NULL)
		return NULL;
	argv[at++] = e->command;
	for (size_t i = 0; i < k; i++)
		argv[at++] = words[i];
	for (size_t i = 0; i < n; i++)
		argv[at++] = names[i];
	return argv;
}

/* Inspect all n: 1 done, 0 it refused (*err says why), -1. */
static int
inspect(const struct aipm_engine *e, const char *const *ids, size_t n,
    struct aipm_containers *c, struct aipm_err *err)
{
	static const char *const words[] = { "inspect", "--type", "container",
		"--format", ENGINE_INSPECT, NULL };
	const char **argv = make_argv(e, words, ids, n);
	struct aipm_child_said said;
	int r;

	if (argv == NULL)
		return aipm_err_nomem(err);
	if ((r = ask(e, &said, argv, err)) == 0) {
		if (said.status != 0)
			(void)refused(err, argv, "", &said);
		else if ((r = engine_parse_containers(
		              c, (char *)said.out.p, err)) == 0)
			r = 1;
		aipm_child_said_free(&said);
	}
	free(argv);
	return r;
}

static int
inspect_volumes(const struct aipm_engine *e, const struct ids *names,
    struct aipm_containers *c, struct aipm_err *err)
{
	static const char *const words[] = { "volume", "inspect", "--format",
		ENGINE_VOLUME, NULL };
	const char **argv;
	struct aipm_child_said said;
	int r;

	if (names->n == 0)
		return 1;
	argv = make_argv(e, words, (const char *const *)names->v, names->n);
	if (argv == NULL)
		return aipm_err_nomem(err);
	if ((r = ask(e, &said, argv, err)) == 0) {
		if (said.status != 0)
			(void)refused(err, argv, "inspect", &said);
		else if ((r = engine_parse_volumes(
		              c, (char *)said.out.p, err)) == 0)
			r = 1;
		aipm_child_said_free(&said);
	}
	free(argv);
	return r;
}

static int
add_devices(const struct aipm_engine *e, struct aipm_containers *c,
    struct aipm_err *err)
{
	struct ids names = { NULL, 0 };
	int r = 0;

	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; r == 0 && k < c->v[i].nmounts; k++)
			if (c->v[i].mounts[k].volume != NULL)
				r = add_id(
				    &names, c->v[i].mounts[k].volume, err);
	if (r == 0)
		r = inspect_volumes(e, &names, c, err);
	free_ids(&names);
	return r;
}

/*
 * Inspect those of the n ids that exist, and with running all that run: 1
 * done, 0 refused, -1.
 */
static int
read_listed(const struct aipm_engine *e, const char *const *ids, size_t n,
    bool running, struct aipm_containers *c, struct aipm_err *err)
{
	struct listing l;
	int r = list(e, &l, err);

	if (!running)
		free_ids(&l.up);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (has_id(&l.all, ids[i]))
			r = add_id(&l.up, ids[i], err);
	if (r == 0)
		r = l.up.n == 0 ? 1
		                : inspect(e, (const char *const *)l.up.v,
		                      l.up.n, c, err);
	if (r == 1 && running)
		r = add_devices(e, c, err);
	free_listing(&l);
	return r;
}

/* Containers that vanish between the list and the look are no failure. */
static int
read_patiently(const struct aipm_engine *e, const char *const *ids, size_t n,
    bool running, struct aipm_containers *c, struct aipm_err *err)
{
	int r = 0;

	memset(c, 0, sizeof(*c));
	for (int i = 0; r == 0 && i < TRIES; i++) {
		aipm_containers_free(c);
		r = read_listed(e, ids, n, running, c, err);
	}
	if (r == 1)
		return 0;
	aipm_containers_free(c);
	return -1;
}

int
aipm_engine_running(const struct aipm_engine *e, const char *const *ids,
    size_t n, struct aipm_containers *c, struct aipm_err *err)
{
	return read_patiently(e, ids, n, true, c, err);
}

int
aipm_engine_look(const struct aipm_engine *e, const char *const *ids, size_t n,
    struct aipm_containers *c, struct aipm_err *err)
{
	return read_patiently(e, ids, n, false, c, err);
}

int
aipm_engine_named(const struct aipm_engine *e, const char *name,
    struct aipm_containers *c, struct aipm_err *err)
{
	int r;

	memset(c, 0, sizeof(*c));
	if ((r = inspect(e, &name, 1, c, err)) == -1)
		aipm_containers_free(c);
	return r == -1 ? -1 : 0;
}

/*
 * A verb, with or without -t SECONDS, to n containers.  What was begun is not
 * broken off.
 */
static int
tell(const struct aipm_engine *e, const char *const *words,
    const char *const *ids, size_t n, unsigned limit, struct aipm_err *err)
{
	const char **argv = make_argv(e, words, ids, n);
	struct aipm_child_said said = { 0 };
	int r;

	if (argv == NULL)
		return aipm_err_nomem(err);
	r = aipm_child_capture(&said, argv, limit, NULL, err);
	if (r == 0 && said.status != 0)
		r = refused(err, argv, n == 1 ? ids[0] : "", &said);
	aipm_child_said_free(&said);
	free(argv);
	return r;
}

int
aipm_engine_stop_all(const struct aipm_engine *e, const char *const *ids,
    size_t n, int timeout, int own, struct aipm_err *err)
{
	char seconds[16];
	const char *with[] = { "stop", "-t", seconds, NULL };
	const char *plain[] = { "stop", NULL };
	int grace = timeout != -1 ? timeout : own != -1 ? own : DEFAULT_STOP;

	(void)snprintf(seconds, sizeof(seconds), "%d", timeout);
	return tell(e, timeout == -1 ? plain : with, ids, n,
	    (unsigned)grace + ANSWER, err);
}

int
aipm_engine_stop(const struct aipm_engine *e, const char *id, int timeout,
    int own, struct aipm_err *err)
{
	return aipm_engine_stop_all(e, &id, 1, timeout, own, err);
}

int
aipm_engine_tell(const struct aipm_engine *e, const char *verb,
    const char *const *ids, size_t n, struct aipm_err *err)
{
	const char *words[] = { verb, NULL };

	return tell(e, words, ids, n, ANSWER * (unsigned)(n == 0 ? 1 : n), err);
}

bool
aipm_engine_is_remote(void)
{
	static const char *const names[] = { "DOCKER_HOST", "CONTAINER_HOST" };
	const char *context = getenv("DOCKER_CONTEXT");

	for (size_t i = 0; i < 2; i++) {
		const char *host = getenv(names[i]);

		if (host != NULL && *host != '\0' &&
		    strncmp(host, "unix:", 5) != 0 && *host != '/')
			return true;
	}
	return context != NULL && *context != '\0' &&
	       strcmp(context, "default") != 0;
}
