#include "session.h"

#include "aipm/escape.h"
#include "aipm/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

static const char journal_name[] = "journal", lock_name[] = "lock";

static int
make_dir(const char *path, struct aipm_err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return aipm_err_path(
	    err, AIPM_FAILED, path, "cannot make this directory");
}

static int
open_dir(struct session *s, struct aipm_err *err)
{
	int n = snprintf(s->path, sizeof(s->path), "%s/.aipm", s->o->backups);

	if (n < 0 || (size_t)n >= sizeof(s->path) - sizeof("/journal")) {
		errno = ENAMETOOLONG;
		return aipm_err_path(
		    err, AIPM_FAILED, s->o->backups, "cannot open");
	}
	if (make_dir(s->o->backups, err) == -1 || make_dir(s->path, err) == -1)
		return -1;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir == -1)
		return aipm_err_path(err, AIPM_FAILED, s->path, "cannot open");
	return 0;
}

static void
full_path(char dst[4096 + 16], const struct session *s, const char *name)
{
	(void)snprintf(dst, 4096 + 16, "%s/%s", s->path, name);
}

int
session_open(struct session *s, const struct aipm_stop_options *o,
    enum aipm_lock_wait wait, struct aipm_err *err)
{
	char path[4096 + 16];

	memset(s, 0, sizeof(*s));
	s->o = o;
	s->lock.fd = -1;
	if (open_dir(s, err) == -1)
		return -1;
	full_path(path, s, lock_name);
	if (aipm_lock_take(&s->lock, s->dir, lock_name, path, o->lock_fd, wait,
	        &o->note, &o->cancel, err) == -1)
		goto fail;
	s->beneath = s->lock.inherited && o->stopped;
	if (session_load(s, err) == 0)
		return 0;
fail:
	session_close(s);
	return -1;
}

static void
forget_seen(struct session *s)
{
	for (size_t i = 0; i < s->nseen; i++) {
		free(s->seen[i].id);
		free(s->seen[i].started);
	}
	free(s->seen);
	s->seen = NULL;
	s->nseen = 0;
}

int
session_remember(
    struct session *s, const struct aipm_containers *c, struct aipm_err *err)
{
	const struct aipm_journal *j = &s->journal;

	forget_seen(s);
	if ((s->seen = calloc(j->n + 1, sizeof(*s->seen))) == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < j->n; i++) {
		const struct aipm_container *x = aipm_containers_find(
		    c, j->v[i].id);
		struct session_seen *seen = &s->seen[s->nseen];

		if (x == NULL)
			continue;
		seen->id = strdup(x->id);
		seen->started = strdup(x->started);
		s->nseen++;
		if (seen->id == NULL || seen->started == NULL)
			return aipm_err_nomem(err);
	}
	return 0;
}

void
session_close(struct session *s)
{
	for (size_t i = 0; i < s->nfrozen; i++)
		free(s->frozen[i]);
	free(s->frozen);
	forget_seen(s);
	aipm_journal_free(&s->journal);
	aipm_lock_release(&s->lock);
	(void)close(s->dir);
}

int
session_load(struct session *s, struct aipm_err *err)
{
	char path[4096 + 16];

	full_path(path, s, journal_name);
	aipm_journal_free(&s->journal);
	return aipm_journal_read(&s->journal, s->dir, journal_name, path, err);
}

const char *
session_registry(const struct aipm_stop_options *o)
{
	return o->registry != NULL ? o->registry : AIPM_REGISTRY;
}

/* The directory of lock and journal: 1 with *dir open, 0 where there is none,
 * -1. */
static int
peek(const struct aipm_stop_options *o, int *dir, char path[4096],
    struct aipm_err *err)
{
	int n = snprintf(path, 4096, "%s/.aipm", o->backups);

	if (n < 0 || n >= 4096) {
		errno = ENAMETOOLONG;
		return aipm_err_path(
		    err, AIPM_FAILED, o->backups, "cannot open");
	}
	*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir != -1)
		return 1;
	return errno == ENOENT
	           ? 0
	           : aipm_err_path(err, AIPM_FAILED, path, "cannot open");
}

int
session_exists(const struct aipm_stop_options *o, struct aipm_err *err)
{
	char path[4096];
	int dir, r = peek(o, &dir, path, err);

	if (r == 1)
		(void)close(dir);
	return r;
}

int
session_look(const struct aipm_stop_options *o, struct aipm_journal *j,
    bool *at_work, struct aipm_err *err)
{
	char path[4096];
	int dir, r = peek(o, &dir, path, err);

	memset(j, 0, sizeof(*j));
	*at_work = false;
	if (r != 1)
		return r;
	*at_work = aipm_lock_is_held(dir, lock_name);
	r = aipm_journal_read(j, dir, journal_name, path, err);
	(void)close(dir);
	return r;
}

/* Before there is something to recover.  Without it the project's own next
 * run still starts what is down. */
static void
enter_registry(struct session *s)
{
	struct aipm_err err;
	char text[sizeof(err.text) + 64];

	if (s->registered)
		return;
	s->registered = true;
	if (aipm_registry_add(
	        session_registry(s->o), s->o->root, s->o->backups, &err) == 0)
		return;
	(void)snprintf(text, sizeof(text),
	    "not registered for aipm-stop --recover --all: %s", err.text);
	aipm_warn(&s->o->note, NULL, text);
}

static void
leave_registry(struct session *s)
{
	struct aipm_err err;

	s->registered = false;
	if (aipm_registry_remove(
	        session_registry(s->o), s->o->root, s->o->backups, &err) == -1)
		aipm_warn(&s->o->note, NULL, err.text);
}

int
session_save(struct session *s, struct aipm_err *err)
{
	char path[4096 + 16];

	full_path(path, s, journal_name);
	if (s->journal.n > 0)
		enter_registry(s);
	if (aipm_journal_write(&s->journal, s->dir, journal_name, path, err) ==
	    -1)
		return -1;
	if (s->journal.n == 0)
		leave_registry(s);
	return 0;
}

bool
session_left_over(const struct session *s)
{
	struct session_list l = { "", 0 };
	char text[640];

	for (size_t i = 0; i < s->journal.n; i++)
		if (!s->journal.v[i].held)
			session_list_add(&l, s->journal.v[i].name);
	if (l.n == 0)
		return false;
	(void)snprintf(text, sizeof(text),
	    "an earlier run was cut off; this one starts what it had stopped: "
	    "%s",
	    l.text);
	aipm_warn(&s->o->note, NULL, text);
	return true;
}

static bool
has_compose_file(const char *root)
{
	static const char *const names[] = { "docker-compose.yml",
		"docker-compose.yaml", "compose.yml", "compose.yaml" };
	char path[4096];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", root, names[i]);

		if (n > 0 && (size_t)n < sizeof(path) &&
		    access(path, F_OK) == 0)
			return true;
	}
	return false;
}

bool
session_find_engine(const struct aipm_stop_options *o, struct aipm_engine *e,
    struct aipm_err *err)
{
	e->cancel = &o->cancel;
	return aipm_engine_find(&e->command, o->engine, err) == 0 &&
	       aipm_engine_ping(e, err) == 0;
}

bool
session_engine(const struct aipm_stop_options *o, struct aipm_engine *e)
{
	struct aipm_err err;
	char text[sizeof(err.text) + 64];

	if (session_find_engine(o, e, &err))
		return true;
	if (err.cls == AIPM_SIGNALLED)
		return false;
	(void)snprintf(text, sizeof(text),
	    "nothing was stopped, the data is not proven quiet: %s", err.text);
	aipm_warn(has_compose_file(o->root) ? &o->warn : &o->note, NULL, text);
	return false;
}

/* What a look says about one entry of the journal: whether it goes. */
static bool
out_of_date(const struct session *s, const struct aipm_journal_entry *e,
    const struct aipm_container *c)
{
	if (c == NULL) {
		aipm_warn(&s->o->note, e->name,
		    "was stopped by an earlier run and has been removed since: "
		    "it is not started again");
		return true;
	}
	if (e->held && (c->state == AIPM_CONTAINER_RUNNING ||
	                   (c->state == AIPM_CONTAINER_PAUSED && !e->frozen))) {
		aipm_warn(&s->o->note, e->name,
		    "was held stopped and has been started since: it is no "
		    "longer held");
		return true;
	}
	return false;
}

int
session_refresh(
    struct session *s, const struct aipm_engine *e, struct aipm_err *err)
{
	struct aipm_journal *j = &s->journal;
	struct aipm_containers c;
	const char **ids;
	size_t n = 0, before = j->n;
	int r;

	if (j->n == 0)
		return 0;
	if ((ids = calloc(j->n, sizeof(*ids))) == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < j->n; i++)
		if (strcmp(j->v[i].engine, e->command) == 0)
			ids[n++] = j->v[i].id;
	r = aipm_engine_look(e, ids, n, &c, err);
	free(ids);
	if (r == -1)
		return -1;
	if (c.n == 0) {
		aipm_containers_free(&c);
		if (n > 0)
			aipm_warn(&s->o->warn, e->command,
			    "knows none of the containers that an earlier run "
			    "stopped: is it the same engine?  aipm-stop "
			    "--start "
			    "forgets those that were removed");
		return 0;
	}
	for (size_t i = j->n; i > 0; i--) {
		const struct aipm_journal_entry *entry = &j->v[i - 1];

		if (strcmp(entry->engine, e->command) == 0 &&
		    out_of_date(s, entry, aipm_containers_find(&c, entry->id)))
			aipm_journal_remove(j, i - 1);
	}
	aipm_containers_free(&c);
	return j->n == before ? 0 : session_save(s, err);
}

void
session_list_add(struct session_list *l, const char *name)
{
	size_t n = strlen(l->text);
	char shown[128];

	aipm_escape(shown, sizeof(shown), name);
	(void)snprintf(l->text + n, sizeof(l->text) - n, "%s%s",
	    l->n == 0 ? "" : ", ", shown);
	l->n++;
}
