#include "aipm/refs.h"

#include "aipm/compat.h"
#include "aipm/digest.h"
#include "aipm/footer.h"
#include "aipm/io.h"
#include "aipm/num.h"
#include "aipm/runinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define SECOND ((int64_t)1000000000)
#define MARGIN (10 * SECOND)
#define GRAIN (SECOND / 50) /* two ticks of the slowest kernel's clock */
#define NOTED_MAX ((size_t)1 << 20) /* more, and no time is believed */
#define JUMP SECOND /* slewing a clock stays below that */

struct reference {
	char *path; /* owned */
	int fd;
	struct aipm_footer footer;
	/* What its run page says. */
	int64_t start; /* ns since the Epoch; 0: it does not say */
	int64_t start_offset, end_offset; /* ns */
	bool quiet, paused, flushed;
	bool same_boot, same_user; /* as now */
	char boot[AIPM_BOOT_MAX]; /* now */
	uint64_t generation;
	/* Hashes of the paths that are not sound in it, sorted. */
	uint64_t *noted; /* owned */
	size_t nnoted;
	bool too_many; /* of them to tell */
	/* Its own references, if it is thin: */
	unsigned char thin[AIPM_REFS_MAX][AIPM_DIGEST_SIZE];
	size_t nthin;
	size_t at[AIPM_REFS_MAX]; /* and which of ours they are */
};

struct aipm_refs {
	struct reference v[AIPM_REFS_MAX];
	size_t n;
	int64_t clock_offset; /* now */
};

/* "1795000000.123456789" as nanoseconds; 0 if it is none. */
static int64_t
parse_time(const char *s)
{
	char sec[24];
	const char *dot = strchr(s, '.');
	uint64_t a, b;

	if (dot == NULL || (size_t)(dot - s) >= sizeof(sec) ||
	    strlen(dot + 1) != 9)
		return 0;
	memcpy(sec, s, (size_t)(dot - s));
	sec[dot - s] = '\0';
	if (!aipm_parse_u64(sec, INT64_MAX / SECOND - 1, &a) ||
	    !aipm_parse_u64(dot + 1, 999999999, &b))
		return 0;
	return (int64_t)a * SECOND + (int64_t)b;
}

static int64_t
parse_offset(const char *s)
{
	uint64_t v;

	return aipm_parse_u64(*s == '-' ? s + 1 : s, INT64_MAX / 2, &v)
	           ? (*s == '-' ? -(int64_t)v : (int64_t)v)
	           : 0;
}

/* A digest in hexadecimal; false if it is none. */
static bool
parse_digest(const char *s, unsigned char d[AIPM_DIGEST_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(s) != 2 * (size_t)AIPM_DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < AIPM_DIGEST_SIZE; i++) {
		const char *hi = strchr(digits, s[2 * i]);
		const char *lo = strchr(digits, s[2 * i + 1]);

		if (hi == NULL || lo == NULL)
			return false;
		d[i] = (unsigned char)((hi - digits) << 4 | (lo - digits));
	}
	return true;
}

static void
take_run(struct reference *f, const char *name, const char *value)
{
	uint64_t uid;

	if (strcmp(name, "start") == 0)
		f->start = parse_time(value);
	else if (strcmp(name, "start.clock-offset") == 0)
		f->start_offset = parse_offset(value);
	else if (strcmp(name, "end.clock-offset") == 0)
		f->end_offset = parse_offset(value);
	else if (strcmp(name, "generation") == 0)
		(void)aipm_parse_u64(value, UINT32_MAX, &f->generation);
	else if (strcmp(name, "proof") == 0)
		f->quiet = strcmp(value, "quiet") == 0;
	else if (strcmp(name, "services") == 0)
		f->paused = strcmp(value, "paused") == 0;
	else if (strcmp(name, "boot") == 0)
		f->same_boot = *value != '\0' && strcmp(value, f->boot) == 0;
	else if (strcmp(name, "uid") == 0)
		f->same_user = aipm_parse_u64(value, UINT32_MAX, &uid) &&
		               uid == geteuid();
	else if (strcmp(name, "flushed") == 0)
		f->flushed = strcmp(value, "yes") == 0;
	else if (strcmp(name, "reference") == 0 && f->nthin < AIPM_REFS_MAX &&
	         parse_digest(value, f->thin[f->nthin]))
		f->nthin++;
}

/* FNV-1a, 64 bits. */
static uint64_t
hash(const char *path)
{
	uint64_t h = 14695981039346656037U;

	for (; *path != '\0'; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211U;
	return h;
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct pairs {
	struct reference *f;
	struct aipm_buf noted; /* uint64_t */
};

static int
take_pair(void *ctx, const struct aipm_index_item *it)
{
	struct pairs *p = ctx;
	uint64_t h;

	if (it->tag == AIPM_INDEX_RUN) {
		take_run(p->f, it->key, it->value);
		return 0;
	}
	h = hash(it->key);
	p->f->too_many = p->noted.len >= NOTED_MAX * sizeof(h);
	return p->f->too_many ? 0 : aipm_buf_add(&p->noted, &h, sizeof(h));
}

static int
read_pairs(struct reference *f, struct aipm_err *err)
{
	struct pairs p = { .f = f };
	int r = aipm_runinfo_read(
	    f->fd, &f->footer, f->path, take_pair, &p, err);

	f->noted = (uint64_t *)(void *)p.noted.p;
	f->nnoted = p.noted.len / sizeof(*f->noted);
	if (f->nnoted != 0)
		qsort(f->noted, f->nnoted, sizeof(*f->noted), by_value);
	return r;
}

/* 1, 0 if another tool made it, -1. */
static int
load(struct reference *f, struct aipm_err *err)
{
	struct stat st;
	int r;

	f->fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (f->fd == -1 || fstat(f->fd, &st) == -1)
		return aipm_err_path(err, AIPM_FAILED, f->path, "cannot open");
	if (!S_ISREG(st.st_mode))
		return aipm_err_file(
		    err, AIPM_FAILED, f->path, "is not a regular file");
	r = aipm_footer_read(&f->footer, f->fd, f->path, err);
	if (r == 0)
		(void)aipm_err_file(err, AIPM_FAILED, f->path,
		    "was not made by aipm-pack: it has no index");
	if (r != 1)
		return r;
	if (aipm_index_sound(f->fd, &f->footer, f->path, err) == -1 ||
	    read_pairs(f, err) == -1)
		return -1;
	if (f->footer.block_log2 != AIPM_BLOCK_LOG2)
		return aipm_err_file(
		    err, AIPM_FAILED, f->path, "has blocks of another size");
	return 1;
}

static void
drop(struct aipm_refs *r, size_t i)
{
	struct reference *f = &r->v[i];

	if (f->fd != -1)
		(void)close(f->fd);
	free(f->path);
	free(f->noted);
	memmove(f, f + 1, (--r->n - i) * sizeof(*f));
}

/* Whether all that a thin one refers to is here; fills in where. */
static bool
resolve(struct aipm_refs *r, struct reference *f)
{
	for (size_t k = 0; k < f->nthin; k++) {
		size_t i = 0;

		while (i < r->n && memcmp(r->v[i].footer.sha256, f->thin[k],
		                       AIPM_DIGEST_SIZE) != 0)
			i++;
		if (i == r->n)
			return false;
		f->at[k] = i;
	}
	return true;
}

/* Thin ones go that refer to one that is not here. */
static void
drop_unresolved(struct aipm_refs *r, const struct aipm_warn *warn)
{
	for (size_t i = 0; i < r->n;) {
		if (!r->v[i].footer.thin || resolve(r, &r->v[i])) {
			i++;
			continue;
		}
		aipm_warn(warn, r->v[i].path,
		    "is a thin archive whose own references are not given "
		    "with -r: not used");
		drop(r, i);
		i = 0; /* the others have moved */
	}
}

int
aipm_refs_open(struct aipm_refs **out, const char *const *paths, size_t n,
    const struct aipm_warn *warn, const struct aipm_warn *note,
    struct aipm_err *err)
{
	struct aipm_refs *r = calloc(1, sizeof(*r));
	struct aipm_err why;
	char text[1100];
	int usable;

	*out = NULL;
	if (r == NULL)
		return aipm_err_nomem(err);
	r->clock_offset = aipm_compat_clock_offset();
	for (size_t i = 0; i < n && r->n < AIPM_REFS_MAX; i++) {
		struct reference *f = &r->v[r->n++];

		memset(f, 0, sizeof(*f));
		f->fd = -1;
		aipm_compat_boot(f->boot);
		if ((f->path = strdup(paths[i])) == NULL) {
			aipm_refs_close(r);
			return aipm_err_nomem(err);
		}
		if ((usable = load(f, &why)) == 1)
			continue;
		(void)snprintf(text, sizeof(text),
		    "%s: nothing is taken out of it", why.text);
		aipm_warn(usable == 0 ? note : warn, NULL, text);
		drop(r, r->n - 1);
	}
	drop_unresolved(r, warn);
	*out = r;
	return 0;
}

uint64_t
aipm_refs_generation(const struct aipm_refs *r)
{
	uint64_t max = 0;

	for (size_t i = 0; i < aipm_refs_count(r); i++)
		if (!r->v[i].footer.thin && r->v[i].generation >= max)
			max = r->v[i].generation + 1;
	return max;
}

size_t
aipm_refs_count(const struct aipm_refs *r)
{
	return r == NULL ? 0 : r->n;
}

const unsigned char *
aipm_refs_sha256(const struct aipm_refs *r, size_t i)
{
	return r->v[i].footer.sha256;
}

const char *
aipm_refs_path(const struct aipm_refs *r, size_t i)
{
	return r->v[i].path;
}

int
aipm_refs_fd(const struct aipm_refs *r, size_t i)
{
	return r->v[i].fd;
}

int
aipm_refs_index(const struct aipm_refs *r, size_t i, struct aipm_index **x,
    struct aipm_err *err)
{
	return aipm_index_open_file(
	    x, r->v[i].fd, &r->v[i].footer, r->v[i].path, err);
}

bool
aipm_refs_find(const struct aipm_refs *r, size_t i,
    const struct aipm_index_item *it, struct aipm_place *place)
{
	const struct reference *f = &r->v[i];

	if (it->reference > f->nthin)
		return false;
	place->archive = it->reference == 0 ? i : f->at[it->reference - 1];
	place->offset = it->offset;
	place->size = it->size;
	place->crc = it->crc;
	/* An archive's first member is marked as such. */
	return it->offset != 0;
}

bool
aipm_refs_read(const struct aipm_refs *r, const struct aipm_place *place,
    struct aipm_buf *out)
{
	const struct reference *f = &r->v[place->archive];
	struct aipm_err err;
	size_t got, n = (size_t)place->size;

	if (place->size > 2 * AIPM_MEMBER_PLAIN_MAX ||
	    aipm_buf_reserve_exact(out, n) == -1 ||
	    aipm_pread_full(f->fd, out->p + out->len, n, place->offset, &got,
	        f->path, &err) == -1 ||
	    got != n || aipm_crc32(0, out->p + out->len, n) != place->crc)
		return false;
	out->len += n;
	return true;
}

static bool
before(const struct aipm_time *t, int64_t limit)
{
	if (t->sec < 0)
		return true;
	return t->sec < INT64_MAX / SECOND - 1 &&
	       t->sec * SECOND + t->nsec < limit;
}

static bool
is_noted(const struct reference *f, const char *path)
{
	uint64_t h = hash(path);

	return f->nnoted != 0 &&
	       bsearch(&h, f->noted, f->nnoted, sizeof(h), by_value) != NULL;
}

static bool
same_time(const struct aipm_time *a, const struct aipm_time *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

/* Whether the times that reference i has seen tell anything. */
static bool
clock_is_sound(const struct aipm_refs *r, const struct reference *f)
{
	int64_t jumped = f->end_offset - f->start_offset;

	return f->start != 0 && !f->too_many && jumped > -JUMP &&
	       jumped < JUMP && r->clock_offset > f->end_offset - JUMP;
}

bool
aipm_refs_unchanged(const struct aipm_refs *r, size_t i,
    const struct aipm_entry *now, const struct aipm_entry *then)
{
	const struct reference *f = &r->v[i];
	bool quiet = f->quiet && !f->paused;
	int64_t limit = f->start - (quiet ? GRAIN : MARGIN);

	if (now->type != then->type || now->size != then->size ||
	    now->ino != then->ino || now->dev != then->dev ||
	    !same_time(&now->mtime, &then->mtime) ||
	    !same_time(&now->ctime, &then->ctime))
		return false;
	return clock_is_sound(r, f) && f->same_boot && f->same_user &&
	       (quiet || f->flushed) && now->ctime.nsec != 0 &&
	       before(&now->mtime, limit) && before(&now->ctime, limit) &&
	       !is_noted(f, now->path);
}

void
aipm_refs_close(struct aipm_refs *r)
{
	if (r == NULL)
		return;
	while (r->n > 0)
		drop(r, r->n - 1);
	free(r);
}
