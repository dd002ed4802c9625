#include "aipm/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

static const char pin_suffix[] = ".pin";

/* How many places are taken by newer backups. */
struct places {
	size_t complete, unknown, partial;
};

/* The rule that keeps b wherever it stands; such a one takes no place. */
static enum aipm_rule
rule_of_itself(const struct aipm_backup *b, const struct aipm_prune_options *o)
{
	if (b->stamp.legacy && !o->legacy)
		return AIPM_RULE_LEGACY;
	if (b->state == AIPM_STATE_DAMAGED)
		return AIPM_RULE_DAMAGED;
	if (b->stamp.kind == AIPM_KIND_PRE_RESTORE)
		return AIPM_RULE_PRE_RESTORE;
	return AIPM_RULE_NONE;
}

static enum aipm_rule
rule_of_place(struct places *p, const struct aipm_backup *b, size_t keep_last)
{
	bool kept;

	if (b->stamp.kind == AIPM_KIND_PARTIAL ||
	    b->state == AIPM_STATE_PARTIAL)
		return p->partial++ < AIPM_PRUNE_PARTIAL ? AIPM_RULE_PARTIAL
		                                         : AIPM_RULE_NONE;
	if (b->state == AIPM_STATE_COMPLETE)
		kept = p->complete++ < keep_last;
	else
		kept = p->complete + p->unknown++ < keep_last;
	return kept ? AIPM_RULE_LAST : AIPM_RULE_NONE;
}

/* The promise itself, looked at once more without the rules. */
static bool
newest_is_kept(const struct aipm_catalog *c, const enum aipm_rule *rules)
{
	const struct aipm_backup *b = aipm_catalog_latest(c);

	for (size_t i = 1; i < c->n; i++)
		if (c->v[i].stamp.taken < c->v[i - 1].stamp.taken)
			return false;
	return b == NULL || rules[b - c->v] != AIPM_RULE_NONE;
}

static int
refuse(enum aipm_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rules[i] = AIPM_RULE_PINNED;
	return -1;
}

int
aipm_prune_decide(enum aipm_rule *rules, const struct aipm_catalog *c,
    const bool *pinned, const struct aipm_prune_options *o,
    struct aipm_err *err)
{
	struct places p = { 0, 0, 0 };

	if (o->keep_last == 0) {
		(void)aipm_err_set(
		    err, AIPM_USAGE, "at least one backup has to be kept");
		return refuse(rules, c->n);
	}
	for (size_t i = c->n; i-- > 0;) {
		rules[i] = rule_of_itself(&c->v[i], o);
		if (rules[i] == AIPM_RULE_NONE)
			rules[i] = rule_of_place(&p, &c->v[i], o->keep_last);
		if (rules[i] == AIPM_RULE_NONE && pinned[i])
			rules[i] = AIPM_RULE_PINNED;
	}
	if (newest_is_kept(c, rules))
		return 0;
	(void)aipm_err_set(err, AIPM_FAILED,
	    "nothing removed: the newest backup would have gone; this is a "
	    "mistake in aipm-prune, please report it");
	return refuse(rules, c->n);
}

/* What one decision is about, and its outcome. */
struct shelf {
	char *dir; /* owned; with the slash or colon behind it, if any */
	struct aipm_catalog c;
	bool *pinned;
	enum aipm_rule *rules;
	struct aipm_catalog pins; /* names said to be pinned, for a list */
};

static void
shelf_free(struct shelf *s)
{
	free(s->dir);
	free(s->pinned);
	free(s->rules);
	aipm_catalog_free(&s->c);
	aipm_catalog_free(&s->pins);
}

/* Room for what is decided about each of s->c, nothing pinned. */
static int
shelf_ready(struct shelf *s, struct aipm_err *err)
{
	size_t n = s->c.n == 0 ? 1 : s->c.n;

	s->pinned = calloc(n, sizeof(*s->pinned));
	s->rules = calloc(n, sizeof(*s->rules));
	if (s->pinned == NULL || s->rules == NULL)
		return aipm_err_nomem(err);
	return 0;
}

/* dir and name in one, in new memory. */
static char *
join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 1;
	char *path = malloc(n);

	if (path != NULL)
		(void)snprintf(path, n, "%s%s", dir, name);
	return path;
}

/* Anything but a certain absence pins. */
static bool
pin_lies_beside(int dirfd, const char *name)
{
	char pin[AIPM_STAMP_NAME_MAX + sizeof(pin_suffix)];
	struct stat st;

	(void)snprintf(pin, sizeof(pin), "%s%s", name, pin_suffix);
	return fstatat(dirfd, pin, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

static int
warn_damaged(const struct shelf *s, const struct aipm_prune_options *o,
    struct aipm_err *err)
{
	char *path;

	for (size_t i = 0; i < s->c.n; i++) {
		if (s->rules[i] != AIPM_RULE_DAMAGED)
			continue;
		if ((path = join(s->dir, s->c.v[i].name)) == NULL)
			return aipm_err_nomem(err);
		aipm_warn(&o->warn, path,
		    "damaged or unreadable, so it is neither counted nor "
		    "removed: see what aipm-unpack -t says, then remove it "
		    "by hand");
		free(path);
	}
	return 0;
}

/* Remove one.  1: it is gone, 0: it was gone before, -1. */
static int
remove_one(int dirfd, const char *name, const char *path,
    const struct aipm_prune_options *o, struct aipm_err *err)
{
	if (aipm_cancel_check(&o->cancel, err) == -1)
		return -1;
	if (o->dry_run || unlinkat(dirfd, name, 0) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	return aipm_err_path(err, AIPM_FAILED, path, "cannot remove");
}

/* Remove what no rule keeps; *removed counts, whatever is returned. */
static int
remove_all(const struct shelf *s, int dirfd, const struct aipm_prune_options *o,
    size_t *removed, struct aipm_err *err)
{
	int r = 0;

	for (size_t i = 0; i < s->c.n && r != -1; i++) {
		char *path;

		if (s->rules[i] != AIPM_RULE_NONE)
			continue;
		if ((path = join(s->dir, s->c.v[i].name)) == NULL)
			return aipm_err_nomem(err);
		r = remove_one(dirfd, s->c.v[i].name, path, o, err);
		if (r == 1) {
			o->removed(o->removed_ctx, path);
			++*removed;
		}
		free(path);
	}
	return r == -1 ? -1 : 0;
}

static int
sync_directory(int dirfd, const char *dir, struct aipm_err *err)
{
	/* Some network file systems have no fsync for directories. */
	if (fsync(dirfd) == 0 || errno == EINVAL || errno == ENOTSUP)
		return 0;
	return aipm_err_path(err, AIPM_FAILED, dir, "cannot flush");
}

/* Part of the work is done: say so, and what does the rest. */
static void
say_halfway(struct aipm_err *err, size_t removed)
{
	struct aipm_err why = *err;

	if (err->cls != AIPM_SIGNALLED)
		(void)aipm_err_set(err, AIPM_HALFWAY,
		    "%zu removed, then stopped; run the same command again: %s",
		    removed, why.text);
}

static int
remove_and_flush(const struct shelf *s, int dirfd, const char *dir,
    const struct aipm_prune_options *o, struct aipm_err *err)
{
	struct aipm_err second;
	size_t removed = 0;
	int r = remove_all(s, dirfd, o, &removed, err);

	if (removed == 0 || o->dry_run)
		return r;
	if (sync_directory(dirfd, dir, r == 0 ? err : &second) == -1)
		r = -1;
	if (r == -1)
		say_halfway(err, removed);
	return r;
}

static int
prune_shelf(struct shelf *s, int dirfd, const char *dir,
    const struct aipm_prune_options *o, struct aipm_err *err)
{
	size_t n = strlen(dir);

	s->dir = join(dir, n > 0 && dir[n - 1] == '/' ? "" : "/");
	if (s->dir == NULL)
		return aipm_err_nomem(err);
	if (aipm_catalog_read(&s->c, dir, o->prefix, err) == -1 ||
	    shelf_ready(s, err) == -1)
		return -1;
	for (size_t i = 0; i < s->c.n; i++)
		s->pinned[i] = pin_lies_beside(dirfd, s->c.v[i].name);
	if (aipm_prune_decide(s->rules, &s->c, s->pinned, o, err) == -1 ||
	    warn_damaged(s, o, err) == -1)
		return -1;
	return remove_and_flush(s, dirfd, dir, o, err);
}

int
aipm_prune_directory(
    const char *dir, const struct aipm_prune_options *o, struct aipm_err *err)
{
	struct shelf s;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (dirfd == -1)
		return aipm_err_path(err,
		    errno == ENOENT ? AIPM_NOMATCH : AIPM_FAILED, dir,
		    "cannot open the backups' directory");
	memset(&s, 0, sizeof(s));
	r = prune_shelf(&s, dirfd, dir, o, err);
	shelf_free(&s);
	(void)close(dirfd);
	return r;
}

/* The shelves that a list of names is about. */
struct shelves {
	struct shelf *v;
	size_t n;
};

/* The shelf of the directory that is the first len bytes of line. */
static struct shelf *
shelf_for(
    struct shelves *all, const char *line, size_t len, struct aipm_err *err)
{
	struct shelf *v;

	for (size_t i = all->n; i-- > 0;)
		if (strlen(all->v[i].dir) == len &&
		    memcmp(all->v[i].dir, line, len) == 0)
			return &all->v[i];
	v = realloc(all->v, (all->n + 1) * sizeof(*v));
	if (v != NULL) {
		all->v = v;
		memset(&v[all->n], 0, sizeof(*v));
		v[all->n].dir = strndup(line, len);
	}
	if (v == NULL || v[all->n].dir == NULL) {
		(void)aipm_err_nomem(err);
		return NULL;
	}
	return &v[all->n++];
}

/* Bytes of the line before the name. */
static size_t
directory_part(const char *line)
{
	size_t n = strlen(line);

	while (n > 0 && line[n - 1] != '/' && line[n - 1] != ':')
		n--;
	return n;
}

static enum aipm_state
state_by_name(const struct aipm_stamp *s)
{
	return s->legacy                      ? AIPM_STATE_UNKNOWN
	       : s->kind == AIPM_KIND_PARTIAL ? AIPM_STATE_PARTIAL
	                                      : AIPM_STATE_COMPLETE;
}

/* Put the line on its shelf, as a backup or as a pin, or skip it. */
static int
take_line(
    struct shelves *all, char *line, const char *prefix, struct aipm_err *err)
{
	size_t dir = directory_part(line), end = strlen(line);
	size_t tail = sizeof(pin_suffix) - 1;
	struct aipm_backup b = { .name = line + dir };
	struct shelf *s;
	bool pin = end - dir > tail &&
	           strcmp(line + end - tail, pin_suffix) == 0;

	if (pin)
		line[end - tail] = '\0';
	if (!aipm_stamp_parse(&b.stamp, b.name, prefix))
		return 0;
	b.state = state_by_name(&b.stamp);
	if ((s = shelf_for(all, line, dir, err)) == NULL)
		return -1;
	return aipm_catalog_add(pin ? &s->pins : &s->c, &b, err);
}

static int
take_lines(struct shelves *all, FILE *in, const struct aipm_prune_options *o,
    struct aipm_err *err)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = getline(&line, &cap, in)) != -1) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		/* A name with a NUL inside is nobody's. */
		if (strlen(line) == (size_t)n)
			r = take_line(all, line, o->prefix, err);
		if (r == 0)
			r = aipm_cancel_check(&o->cancel, err);
	}
	if (r == 0 && ferror(in))
		r = aipm_err_path(
		    err, AIPM_FAILED, "standard input", "cannot read");
	if (r == -1 && err->errnum == EINTR)
		(void)aipm_cancel_check(&o->cancel, err);
	free(line);
	return r;
}

static bool
listed(const struct aipm_catalog *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return true;
	return false;
}

static int
decide_by_names(
    struct shelf *s, const struct aipm_prune_options *o, struct aipm_err *err)
{
	struct aipm_prune_options dry = *o;
	size_t removed = 0;

	dry.dry_run = true;
	aipm_catalog_sort(&s->c);
	if (shelf_ready(s, err) == -1)
		return -1;
	for (size_t i = 0; i < s->c.n; i++)
		s->pinned[i] = listed(&s->pins, s->c.v[i].name);
	if (aipm_prune_decide(s->rules, &s->c, s->pinned, o, err) == -1)
		return -1;
	return remove_all(s, -1, &dry, &removed, err);
}

int
aipm_prune_names(
    FILE *in, const struct aipm_prune_options *o, struct aipm_err *err)
{
	struct shelves all = { NULL, 0 };
	int r = take_lines(&all, in, o, err);

	for (size_t i = 0; i < all.n && r == 0; i++)
		r = decide_by_names(&all.v[i], o, err);
	for (size_t i = 0; i < all.n; i++)
		shelf_free(&all.v[i]);
	free(all.v);
	return r;
}
