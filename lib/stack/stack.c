#include "aipm/stack.h"

#include "aipm/buf.h"
#include "aipm/child.h"
#include "aipm/escape.h"
#include "aipm/io.h"

#include "parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
	READINGS = 10, /* of which two in a row must agree */
	BETWEEN = 100, /* ms */
	PROC_MAX = 1 << 20 /* bytes that are looked at of a file in /proc */
};

static const char *
project_of(const struct aipm_container *c)
{
	return c->project != NULL ? c->project : "";
}

static bool
at_root(const struct aipm_container *c, const struct aipm_project *place)
{
	return c->working_dir != NULL && *c->working_dir == '/' &&
	       stack_same(c->working_dir, place->root);
}

/* Whether c is of a project that has a container at the project folder. */
static bool
in_project(const struct aipm_containers *all, const struct aipm_container *c,
    const struct aipm_project *place)
{
	if (at_root(c, place))
		return true;
	if (c->project == NULL)
		return false;
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(project_of(&all->v[i]), c->project) == 0 &&
		    at_root(&all->v[i], place))
			return true;
	return false;
}

static const char *
data_mount(const struct aipm_container *c, const struct aipm_project *place)
{
	const char *path = NULL;

	for (size_t i = 0; path == NULL && i < c->nmounts; i++)
		path = stack_mount_touches(&c->mounts[i], place->data);
	return path;
}

static int
cannot_stop(
    struct aipm_err *err, const struct aipm_container *c, const char *what)
{
	return aipm_err_file(err, AIPM_NOTSTOPPED, c->name, what);
}

/* Take c into the stack if it must be stopped. */
static int
consider(struct aipm_stack *s, const struct aipm_container *c,
    const struct aipm_project *place, const struct aipm_warn *note,
    struct aipm_err *err)
{
	struct aipm_stopped m = { c, NULL, data_mount(c, place) };

	if (in_project(&s->running, c, place))
		m.project = project_of(c);
	if (c->state == AIPM_CONTAINER_DOWN ||
	    (m.project == NULL && m.mount == NULL))
		return 0;
	if (c->remove && m.mount != NULL)
		return cannot_stop(err, c,
		    "uses the data, and was started with --rm: stopping would "
		    "remove it; end it first");
	if (c->remove) {
		aipm_warn(note, c->name,
		    "left running: it was started with --rm, stopping would "
		    "remove it");
		return 0;
	}
	s->v[s->n++] = m;
	return 0;
}

/* One reading. */
static int
read_once(struct aipm_stack *s, const struct aipm_engine *e,
    const struct aipm_project *place, const char *const *ids, size_t n,
    const struct aipm_warn *note, struct aipm_err *err)
{
	memset(s, 0, sizeof(*s));
	if (aipm_engine_running(e, ids, n, &s->running, err) == -1)
		return -1;
	if ((s->v = calloc(s->running.n + 1, sizeof(*s->v))) == NULL) {
		aipm_stack_free(s);
		return aipm_err_nomem(err);
	}
	for (size_t i = 0; i < s->running.n; i++)
		if (consider(s, &s->running.v[i], place, note, err) == -1) {
			aipm_stack_free(s);
			return -1;
		}
	stack_order(s->v, s->n);
	return 0;
}

/* Same members, in the same order, paused or not. */
static bool
agree(const struct aipm_stack *a, const struct aipm_stack *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].c->id, b->v[i].c->id) != 0 ||
		    a->v[i].c->state != b->v[i].c->state)
			return false;
	return true;
}

/* We must not stop the container that we run in. */
static int
refuse_self(const struct aipm_stack *s, struct aipm_err *err)
{
	char host[256] = "";
	struct stack_self self = { aipm_slurp(
		                       "/proc/self/cgroup", PROC_MAX, NULL),
		aipm_slurp("/proc/self/mountinfo", PROC_MAX, NULL), host,
		getenv("HOSTNAME") };
	int r = 0;

	(void)gethostname(host, sizeof(host) - 1);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		if (stack_is_self(&self, s->v[i].c->id))
			r = cannot_stop(err, s->v[i].c,
			    "is the container that this runs in, and would "
			    "have to be stopped: run it on the host");
	free(self.cgroup);
	free(self.mountinfo);
	return r;
}

int
aipm_stack_read(struct aipm_stack *s, const struct aipm_engine *e,
    const struct aipm_project *place, const struct aipm_warn *note,
    struct aipm_err *err)
{
	struct aipm_stack next;

	if (read_once(s, e, place, NULL, 0, note, err) == -1)
		return -1;
	for (int i = 1; i < READINGS; i++) {
		bool same;

		aipm_child_sleep(BETWEEN);
		if (read_once(&next, e, place, NULL, 0, NULL, err) == -1) {
			aipm_stack_free(s);
			return -1;
		}
		same = agree(s, &next);
		aipm_stack_free(s);
		*s = next;
		if (!same)
			continue;
		if (refuse_self(s, err) == 0)
			return 0;
		aipm_stack_free(s);
		return -1;
	}
	aipm_stack_free(s);
	return aipm_err_set(err, AIPM_NOTSTOPPED,
	    "the services keep changing: wait until they have settled");
}

int
aipm_stack_look(struct aipm_stack *s, const struct aipm_engine *e,
    const struct aipm_project *place, const char *const *ids, size_t n,
    struct aipm_err *err)
{
	return read_once(s, e, place, ids, n, NULL, err);
}

/* A socket or a device holds nothing that could be backed up. */
static bool
holds_data(const struct aipm_mount *m)
{
	struct stat st;

	return m->volume != NULL || stat(m->source, &st) == -1 ||
	       S_ISDIR(st.st_mode) || S_ISREG(st.st_mode);
}

static const char *
mount_path(const struct aipm_mount *m)
{
	if (m->device != NULL)
		return m->device;
	return *m->source != '\0' ? m->source : m->volume;
}

/* Whether a member before the i-th, or its mounts before the k-th, named
 * path already. */
static bool
named_before(const struct aipm_stack *s, size_t i, size_t k, const char *path)
{
	for (size_t a = 0; a <= i; a++) {
		const struct aipm_container *c = s->v[a].c;

		for (size_t b = 0; b < (a == i ? k : c->nmounts); b++)
			if (s->v[a].project != NULL && c->mounts[b].writable &&
			    strcmp(mount_path(&c->mounts[b]), path) == 0)
				return true;
	}
	return false;
}

void
aipm_stack_outside(const struct aipm_stack *s, const struct aipm_project *place,
    const struct aipm_warn *note)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct aipm_container *c = s->v[i].c;

		for (size_t k = 0; s->v[i].project != NULL && k < c->nmounts;
		     k++) {
			const struct aipm_mount *m = &c->mounts[k];
			char text[320];

			if (!m->writable || !holds_data(m) ||
			    stack_mount_touches(m, place->data) != NULL ||
			    named_before(s, i, k, mount_path(m)))
				continue;
			(void)snprintf(text, sizeof(text),
			    "not in this backup: %.200s can write to it",
			    c->name);
			aipm_warn(note, mount_path(m), text);
		}
	}
}

void
aipm_stack_free(struct aipm_stack *s)
{
	free(s->v);
	aipm_containers_free(&s->running);
	memset(s, 0, sizeof(*s));
}
