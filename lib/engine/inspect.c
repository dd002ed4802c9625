#include "inspect.h"

#include "json.h"

#include "aipm/escape.h"
#include "aipm/num.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What podman writes into every container, and docker means by none. */
enum { DEFAULT_TIMEOUT = 10 };

/* A line of an answer: its word, and the rest. */
struct line {
	const char *word;
	const char *rest;
};

/* The next line that is not empty, or false. */
static bool
next_line(char **text, struct line *l)
{
	char *s = *text + strspn(*text, "\r\n"), *end, *blank;

	if (*s == '\0')
		return false;
	end = s + strcspn(s, "\r\n");
	*text = *end == '\0' ? end : end + 1;
	*end = '\0';
	blank = strchr(s, ' ');
	if (blank != NULL)
		*blank = '\0';
	l->word = s;
	l->rest = blank == NULL ? end : blank + 1;
	return true;
}

/* The next value of a line, a string or null, into *v; false if it is
 * neither. */
static bool
take_string(const char **s, char **v)
{
	*s += strspn(*s, " ");
	*v = NULL;
	if (strncmp(*s, "null", 4) == 0) {
		*s += 4;
		return true;
	}
	return (*v = engine_json_string(s)) != NULL;
}

static bool
take_bool(const char **s, bool *v)
{
	*s += strspn(*s, " ");
	*v = strncmp(*s, "true", 4) == 0;
	if (!*v && strncmp(*s, "false", 5) != 0)
		return false;
	*s += *v ? 4 : 5;
	return true;
}

static bool
parse_name(struct aipm_container *c, const char *s)
{
	char *name;

	if (!take_string(&s, &name) || name == NULL)
		return false;
	memmove(name, name + (*name == '/'), strlen(name) + (*name != '/'));
	free(c->name);
	c->name = name;
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			*name = '\0';
	if (*name == '\0') {
		free(name);
		c->name = strdup(c->id);
	}
	return c->name != NULL;
}

static bool
parse_created(struct aipm_container *c, const char *s)
{
	char *t;

	if (!take_string(&s, &t) || t == NULL)
		return false;
	if (strlen(t) > 19) /* YYYY-MM-DDTHH:MM:SS, fraction, zone */
		t[19 + strspn(t + 19, ".0123456789")] = '\0';
	free(c->created);
	c->created = t;
	return true;
}

static bool
parse_started(struct aipm_container *c, const char *s)
{
	char *t;

	if (!take_string(&s, &t) || t == NULL)
		return false;
	free(c->started);
	c->started = t;
	return true;
}

static bool
parse_status(struct aipm_container *c, const char *s)
{
	char *t;

	if (!take_string(&s, &t) || t == NULL)
		return false;
	c->state = AIPM_CONTAINER_DOWN;
	c->restarting = strcmp(t, "restarting") == 0;
	if (strcmp(t, "running") == 0 || strcmp(t, "restarting") == 0 ||
	    strcmp(t, "stopping") == 0)
		c->state = AIPM_CONTAINER_RUNNING;
	if (strcmp(t, "paused") == 0)
		c->state = AIPM_CONTAINER_PAUSED;
	free(t);
	return true;
}

/* Podman gives those without a check an empty one. */
static bool
parse_health(struct aipm_container *c, const char *s)
{
	char *t;

	if (!take_string(&s, &t))
		return false;
	c->health = t == NULL || *t == '\0' || strcmp(t, "none") == 0
	                ? AIPM_HEALTH_NONE
	            : strcmp(t, "healthy") == 0  ? AIPM_HEALTH_GOOD
	            : strcmp(t, "starting") == 0 ? AIPM_HEALTH_STARTING
	                                         : AIPM_HEALTH_BAD;
	free(t);
	return true;
}

/* null and what exceeds an int are fallback: no exit code or time does. */
static bool
parse_int(int *v, const char *s, int fallback)
{
	uint64_t n;

	*v = fallback;
	if (aipm_parse_u64(s, INT_MAX, &n))
		*v = (int)n;
	return *s != '\0';
}

static bool
parse_timeout(struct aipm_container *c, const char *s)
{
	if (!parse_int(&c->timeout, s, -1))
		return false;
	if (c->timeout == DEFAULT_TIMEOUT)
		c->timeout = -1;
	return true;
}

static bool
parse_label(struct aipm_container *c, const char *s)
{
	const struct {
		const char *name;
		char **value;
	} known[] = {
		{ "com.docker.compose.project", &c->project },
		{ "com.docker.compose.service", &c->service },
		{ "com.docker.compose.project.working_dir", &c->working_dir },
		{ "com.docker.compose.depends_on", &c->depends_on },
	};
	char *name, *value;

	if (!take_string(&s, &name) || name == NULL)
		return false;
	if (!take_string(&s, &value)) {
		free(name);
		return false;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i].name) == 0) {
			free(*known[i].value);
			*known[i].value = value;
			value = NULL;
		}
	free(name);
	free(value);
	return true;
}

static void
free_mount(struct aipm_mount *m)
{
	free(m->source);
	free(m->volume);
	free(m->device);
}

static bool
take_mount(const char *s, char **type, struct aipm_mount *m)
{
	return take_string(&s, type) && *type != NULL &&
	       take_bool(&s, &m->writable) && take_string(&s, &m->source) &&
	       take_string(&s, &m->volume);
}

static bool
add_mount(struct aipm_container *c, const struct aipm_mount *m)
{
	struct aipm_mount *v = realloc(
	    c->mounts, (c->nmounts + 1) * sizeof(*v));

	if (v == NULL)
		return false;
	c->mounts = v;
	v[c->nmounts++] = *m;
	return true;
}

static bool
parse_mount(struct aipm_container *c, const char *s)
{
	struct aipm_mount m = { NULL, NULL, NULL, false };
	char *type = NULL;
	bool ok = take_mount(s, &type, &m), wanted = false;

	if (ok && strcmp(type, "bind") == 0) {
		wanted = true;
		free(m.volume);
		m.volume = NULL;
	} else if (ok && strcmp(type, "volume") == 0) {
		wanted = m.volume != NULL;
	}
	free(type);
	if (wanted && m.source == NULL)
		wanted = (m.source = strdup("")) != NULL;
	if (wanted && add_mount(c, &m))
		return true;
	free_mount(&m);
	return ok && !wanted;
}

static bool
parse_line(struct aipm_container *c, const struct line *l)
{
	if (strcmp(l->word, "name") == 0)
		return parse_name(c, l->rest);
	if (strcmp(l->word, "created") == 0)
		return parse_created(c, l->rest);
	if (strcmp(l->word, "status") == 0)
		return parse_status(c, l->rest);
	if (strcmp(l->word, "started") == 0)
		return parse_started(c, l->rest);
	if (strcmp(l->word, "health") == 0)
		return parse_health(c, l->rest);
	if (strcmp(l->word, "exit") == 0)
		return parse_int(&c->exit_code, l->rest, 0);
	if (strcmp(l->word, "timeout") == 0)
		return parse_timeout(c, l->rest);
	if (strcmp(l->word, "remove") == 0)
		return strcmp(l->rest, "null") == 0 ||
		       take_bool(&(const char *){ l->rest }, &c->remove);
	if (strcmp(l->word, "label") == 0)
		return parse_label(c, l->rest);
	if (strcmp(l->word, "mount") == 0)
		return parse_mount(c, l->rest);
	return false;
}

static struct aipm_container *
add_container(struct aipm_containers *c, const char *id)
{
	struct aipm_container *v = realloc(c->v, (c->n + 1) * sizeof(*v));

	if (v == NULL)
		return NULL;
	c->v = v;
	memset(&v[c->n], 0, sizeof(*v));
	if ((v[c->n].id = strdup(id)) == NULL)
		return NULL;
	v[c->n].timeout = -1;
	return &v[c->n++];
}

static int
not_understood(struct aipm_err *err, const struct line *l)
{
	char shown[80];

	aipm_escape(shown, sizeof(shown), l->rest);
	return aipm_err_set(err, AIPM_FAILED,
	    "cannot understand what the engine says: %.40s %s", l->word, shown);
}

/* Whether a container has all that the others rely on. */
static bool
whole(const struct aipm_container *c)
{
	return c->name != NULL && c->created != NULL && c->started != NULL;
}

int
engine_parse_containers(
    struct aipm_containers *c, char *text, struct aipm_err *err)
{
	struct aipm_container *now = NULL;
	struct line l = { "", "" };

	while (next_line(&text, &l)) {
		if (now == NULL) {
			if (strcmp(l.word, "container") != 0 || *l.rest == '\0')
				return not_understood(err, &l);
			if ((now = add_container(c, l.rest)) == NULL)
				return aipm_err_nomem(err);
		} else if (strcmp(l.word, "end") == 0) {
			if (!whole(now))
				return not_understood(err, &l);
			now = NULL;
		} else if (!parse_line(now, &l)) {
			return not_understood(err, &l);
		}
	}
	return now == NULL ? 0 : not_understood(err, &l);
}

static bool
enter_device(struct aipm_containers *c, const char *volume, const char *device)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->v[i].nmounts; k++) {
			struct aipm_mount *m = &c->v[i].mounts[k];

			if (m->volume == NULL || strcmp(m->volume, volume) != 0)
				continue;
			free(m->device);
			if ((m->device = strdup(device)) == NULL)
				return false;
		}
	return true;
}

static bool
parse_option(struct aipm_containers *c, const char *volume, const char *s)
{
	char *name = NULL, *value = NULL;
	bool ok = volume != NULL && take_string(&s, &name) && name != NULL &&
	          take_string(&s, &value);

	if (ok && value != NULL && strcmp(name, "device") == 0)
		ok = enter_device(c, volume, value);
	free(name);
	free(value);
	return ok;
}

int
engine_parse_volumes(
    struct aipm_containers *c, char *text, struct aipm_err *err)
{
	struct line l;
	char *volume = NULL;
	bool ok = true;

	while (ok && next_line(&text, &l)) {
		if (strcmp(l.word, "volume") == 0) {
			free(volume);
			ok = take_string(&l.rest, &volume) && volume != NULL;
		} else if (strcmp(l.word, "option") == 0) {
			ok = parse_option(c, volume, l.rest);
		} else {
			ok = strcmp(l.word, "end") == 0;
		}
	}
	free(volume);
	return ok ? 0 : not_understood(err, &l);
}

const struct aipm_container *
aipm_containers_find(const struct aipm_containers *c, const char *id)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].id, id) == 0)
			return &c->v[i];
	return NULL;
}

static void
free_container(struct aipm_container *c)
{
	for (size_t i = 0; i < c->nmounts; i++)
		free_mount(&c->mounts[i]);
	free(c->mounts);
	free(c->id);
	free(c->name);
	free(c->created);
	free(c->started);
	free(c->project);
	free(c->service);
	free(c->working_dir);
	free(c->depends_on);
}

void
aipm_containers_free(struct aipm_containers *c)
{
	for (size_t i = 0; i < c->n; i++)
		free_container(&c->v[i]);
	free(c->v);
	memset(c, 0, sizeof(*c));
}
