#include "aipm/pack.h"

#include "inner.h"
#include "pack.h"

#include "aipm/codec.h"
#include "aipm/compat.h"
#include "aipm/match.h"
#include "aipm/ring.h"
#include "aipm/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * How many jobs are read at a time, at least: disks like that.  More gain
 * little, and each holds a block and some descriptors.
 */
#define READERS 8

static int
avoid(struct pack *p, const struct stat *st, struct aipm_err *err)
{
	struct avoided *v = realloc(p->avoided, (p->navoided + 1) * sizeof(*v));

	if (v == NULL)
		return aipm_err_nomem(err);
	p->avoided = v;
	v[p->navoided++] = (struct avoided){ st->st_dev, st->st_ino };
	return 0;
}

static int
avoid_all(struct pack *p, int fd, struct aipm_err *err)
{
	const char *const *v = p->o->avoid;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return aipm_err_path(err, AIPM_FAILED, p->name, "cannot stat");
	if (avoid(p, &st, err) == -1)
		return -1;
	for (; v != NULL && *v != NULL; v++)
		if (stat(*v, &st) == 0 && avoid(p, &st, err) == -1)
			return -1;
	return 0;
}

static bool
skip(void *ctx, const char *path, const struct stat *st)
{
	const struct pack *p = ctx;

	for (size_t i = 0; i < p->navoided; i++)
		if (p->avoided[i].dev == st->st_dev &&
		    p->avoided[i].ino == st->st_ino)
			return true;
	for (size_t i = 0; i < p->o->nexclude; i++)
		if (aipm_match(p->o->exclude[i], path))
			return true;
	return false;
}

static int
produce(void *ctx, void *slot, struct aipm_err *err)
{
	struct pack *p = ctx;
	struct job *j = slot;

	aipm_unit_clear(&j->unit);
	return aipm_split_next(p->split, &j->unit, err);
}

static int
fetch(void *ctx, void *slot, struct aipm_err *err)
{
	const struct pack *p = ctx;

	return job_fetch(slot, &p->job, err);
}

static int
work(void *ctx, unsigned number, void *slot, struct aipm_err *err)
{
	struct pack *p = ctx;

	return job_work(slot, &p->workers[number], &p->job, err);
}

static void
release(void *ctx, void *slot)
{
	(void)ctx;
	job_free(slot);
}

static int
open_workers(struct pack *p, struct aipm_err *err)
{
	unsigned n = p->o->workers;

	if (n == 0)
		n = aipm_compat_processors();
	if ((p->workers = calloc(n, sizeof(*p->workers))) == NULL)
		return aipm_err_nomem(err);
	for (p->nworkers = 0; p->nworkers < n; p->nworkers++)
		if (job_worker_open(
		        &p->workers[p->nworkers], p->o->level, err) == -1) {
			p->nworkers++;
			return -1;
		}
	return 0;
}

static void
enter(void *ctx, int fd, uint64_t dev)
{
	struct pack *p = ctx;

	aipm_volumes_meet(&p->volumes, fd, dev);
}

static int
open_refs(struct pack *p, const char *spool_dir, struct aipm_err *err)
{
	const struct aipm_pack_options *o = p->o;

	p->spool = -1;
	if (o->nrefs != 0 && aipm_refs_open(&p->refs, o->refs, o->nrefs,
	                         &o->warn, &o->note, err) == -1)
		return -1;
	if (aipm_refs_count(p->refs) == 0)
		return 0;
	p->job.refs = p->refs;
	/* Later the tree is written to again: then it is too late to read it
	 * anew.  While the services wait, there is no time for it. */
	p->job.check = o->release == -1;
	if (aipm_reuse_open(
	        &p->reuse, p->refs, &p->volumes, o->checksum, err) == -1)
		return -1;
	if (o->thin)
		return 0;
	p->job.defer = o->release != -1;
	return (p->spool = aipm_spool_open(spool_dir, err)) == -1 ? -1 : 0;
}

static int
open_all(struct pack *p, const char *dir, const char *as, int fd,
    const char *spool_dir, struct aipm_err *err)
{
	struct aipm_split_options s = { .block = (size_t)1 << AIPM_BLOCK_LOG2,
		.skip = skip,
		.skip_ctx = p,
		.entered = enter,
		.entered_ctx = p };

	aipm_compat_raise_nofile();
	aipm_compat_keep_blocks_apart();
	aipm_runinfo_begin(&p->run);
	p->job.block_log2 = AIPM_BLOCK_LOG2;
	/* Where it is proven that nobody has a page to write to, none is. */
	p->volumes.flush = p->o->release == -1 || !p->o->covered;
	if (open_refs(p, spool_dir, err) == -1)
		return -1;
	s.reuse = p->reuse;
	s.stage = p->job.defer ? LATER_MAX : 0;
	if (avoid_all(p, fd, err) == -1 ||
	    aipm_split_open(&p->split, dir, as, &s, err) == -1 ||
	    aipm_index_writer_new(&p->index, spool_dir,
	        p->spool == -1 ? AIPM_INDEX_LEVEL : AIPM_LEVEL_MIN,
	        err) == -1 ||
	    aipm_writer_open(&p->writer, p->spool == -1 ? fd : p->spool,
	        p->spool == -1 ? p->name : aipm_spool_dir(spool_dir),
	        &p->o->cancel, err) == -1)
		return -1;
	return open_workers(p, err);
}

static void
close_all(struct pack *p)
{
	aipm_split_close(p->split);
	aipm_reuse_close(p->reuse);
	aipm_refs_close(p->refs);
	laters_free(&p->laters);
	aipm_volumes_free(&p->volumes);
	if (p->spool != -1)
		(void)close(p->spool);
	aipm_index_writer_free(p->index);
	aipm_writer_close(p->writer);
	while (p->nworkers > 0)
		job_worker_close(&p->workers[--p->nworkers]);
	free(p->workers);
	free(p->avoided);
}

/* DIRECTORY's last component, "." and ".." and symlinks resolved; the
 * caller frees it. */
static char *
entry_name(const char *dir, struct aipm_err *err)
{
	char *real, *name;
	const char *base;
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	base = dir + n;
	while (base > dir && base[-1] != '/')
		base--;
	if ((name = strndup(base, n - (size_t)(base - dir))) == NULL) {
		(void)aipm_err_nomem(err);
		return NULL;
	}
	if (*name != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		return name;
	free(name);
	if ((real = realpath(dir, NULL)) == NULL) {
		(void)aipm_err_path(
		    err, AIPM_FAILED, dir, "cannot open the directory");
		return NULL;
	}
	base = strrchr(real, '/') + 1;
	name = strdup(*base == '\0' ? "root" : base);
	free(real);
	if (name == NULL)
		(void)aipm_err_nomem(err);
	return name;
}

/* Let the jobs that next_unit makes run, and drain each. */
static int
run(struct pack *p, int (*next_unit)(void *, void *, struct aipm_err *),
    int (*drain_one)(struct pack *, struct job *, struct aipm_err *),
    struct aipm_err *err)
{
	unsigned readers = p->nworkers < READERS ? READERS : p->nworkers;
	struct aipm_ring_options o = { .workers = p->nworkers,
		.readers = readers,
		.slots = readers + 2 * (size_t)p->nworkers + 2,
		.slot_size = sizeof(struct job),
		.ctx = p,
		.produce = next_unit,
		.fetch = fetch,
		.work = work,
		.release = release,
		.cancel = p->o->cancel };
	struct aipm_ring *ring;
	void *slot;
	int r;

	if (aipm_ring_open(&ring, &o, err) == -1)
		return -1;
	while ((r = aipm_ring_next(ring, &slot, err)) == 1)
		if (drain_one(p, slot, err) == -1) {
			r = -1;
			break;
		}
	aipm_ring_close(ring);
	return r;
}

static int
produce_later(void *ctx, void *slot, struct aipm_err *err)
{
	struct pack *p = ctx;
	struct job *j = slot;

	(void)err;
	if (p->at == p->laters.n)
		return 0;
	later_unit(&p->laters.v[p->at++], &j->unit);
	return 1;
}

/* What was staged while the services were down. */
static int
read_later(struct pack *p, struct aipm_err *err)
{
	p->job.defer = false;
	/* What is damaged can be read anew out of the clones. */
	p->job.check = true;
	return p->laters.n == 0 ? 0
	                        : run(p, produce_later, pack_drain_later, err);
}

/* All is read: let the services start. */
static int
let_go(struct pack *p, struct aipm_err *err)
{
	if (p->o->release == -1)
		return 0;
	if (aipm_release_ask(
	        p->o->release, &p->run.release, &p->o->cancel, err) == -1)
		return -1;
	if (!p->o->covered && strcmp(p->run.release.services, "paused") != 0) {
		(void)strcpy(p->run.release.proof, "none");
		(void)strcpy(p->run.release.why, "not the data that is proven");
	}
	return 0;
}

static int
pack(struct pack *p, const char *dir, const char *as, int fd,
    const char *spool_dir, struct aipm_err *err)
{
	if (open_all(p, dir, as, fd, spool_dir, err) == -1 ||
	    run(p, produce, pack_drain, err) == -1)
		return -1;
	if (p->reuse != NULL)
		aipm_reuse_report(p->reuse, &p->o->warn);
	if (let_go(p, err) == -1 || read_later(p, err) == -1)
		return -1;
	if (p->spool != -1 && pack_fill_in(p, fd, spool_dir, err) == -1)
		return -1;
	return pack_finish(p, err);
}

int
pack_tree(const struct aipm_pack_options *o, const char *dir, int fd,
    const char *name, const char *spool_dir, struct aipm_pack_sum *sum,
    struct aipm_err *err)
{
	struct pack p = { .o = o, .name = name, .sum = sum, .spool = -1 };
	char *as = o->as != NULL ? strdup(o->as) : entry_name(dir, err);
	int r = -1;

	memset(sum, 0, sizeof(*sum));
	if (as != NULL)
		r = pack(&p, dir, as, fd, spool_dir, err);
	else if (o->as != NULL)
		r = aipm_err_nomem(err);
	close_all(&p);
	free(as);
	return r;
}
