#include "aipm/pack.h"

#include "assemble.h"
#include "job.h"
#include "pack.h"

#include "aipm/codec.h"
#include "aipm/compat.h"
#include "aipm/escape.h"
#include "aipm/footer.h"
#include "aipm/index.h"
#include "aipm/match.h"
#include "aipm/member.h"
#include "aipm/ring.h"
#include "aipm/runinfo.h"
#include "aipm/spool.h"
#include "aipm/volumes.h"
#include "aipm/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * How many jobs are read at a time, at least: disks like that.  More gain
 * little, and each holds a block and some descriptors.
 */
#define READERS 8

/* A file or directory that is not packed: an output, the backups. */
struct avoided {
	dev_t dev;
	ino_t ino;
};

struct pack {
	const struct aipm_pack_options *o;
	const char *name; /* of the output */
	struct avoided *avoided;
	size_t navoided;
	struct aipm_volumes volumes;
	struct aipm_refs *refs; /* NULL: none is usable */
	bool blamed[AIPM_REFS_MAX]; /* damage in it was said */
	struct aipm_reuse *reuse;
	struct aipm_split *split;
	struct job_options job;
	struct job_worker *workers;
	unsigned nworkers;
	/*
	 * A whole archive cannot be written before it is known where its
	 * members lie: they go to the spool at first.
	 */
	int spool; /* -1: none is needed */
	struct aipm_writer *writer;
	struct aipm_index_writer *index;
	struct aipm_runinfo run;
	struct aipm_pack_sum *sum;
};

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

static int
drain_notes(struct pack *p, struct job *j, struct aipm_err *err)
{
	for (size_t i = 0; i < j->unit.notes.n; i++) {
		const struct aipm_note *n = &j->unit.notes.v[i];
		struct aipm_index_item it = { .tag = AIPM_INDEX_MISSING,
			.key = n->path,
			.value = n->reason };

		if (!n->lost) {
			aipm_warn(&p->o->note, n->path, n->reason);
			continue;
		}
		/* The run that a thin one is made for says it of itself. */
		if (!p->o->thin)
			aipm_warn(&p->o->warn, n->path, n->reason);
		p->sum->missing++;
		if (aipm_index_put(p->index, &it, err) == -1)
			return -1;
	}
	return 0;
}

/* A cluster's major version stands in its PG_VERSION; each database below
 * base/ and each tablespace has one too. */
static int
drain_pg_version(struct pack *p, const struct aipm_entry *e,
    const unsigned char *content, size_t n, struct aipm_err *err)
{
	const char *base = strrchr(e->path, '/');
	char name[512], value[16];

	if (base == NULL || strcmp(base, "/PG_VERSION") != 0 ||
	    strstr(e->path, "/base/") != NULL ||
	    strstr(e->path, "/pg_tblspc/") != NULL || n == 0 ||
	    n >= sizeof(value) || strlen(e->path) > 400)
		return 0;
	memcpy(value, content, n);
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	(void)snprintf(name, sizeof(name), "pg-version:%.*s",
	    (int)(base - e->path), e->path);
	return aipm_runinfo_pair(p->index, name, value, err);
}

static int
drain_entries(struct pack *p, struct job *j, struct aipm_err *err)
{
	const struct aipm_range *holes =
	    (const struct aipm_range *)(const void *)j->holes.p;

	for (size_t i = 0; i < j->unit.nfiles; i++) {
		const struct aipm_entry *e = &j->unit.files[i].entry;
		const struct job_file *f = &j->files[i];
		struct aipm_index_item it = { .tag = AIPM_INDEX_ENTRY,
			.entry = e,
			.headers = f->headers,
			.chunked = j->unit.kind == AIPM_UNIT_FILE,
			.holes = f->nholes == 0 ? NULL : holes + f->holes,
			.nholes = f->nholes };

		if (f->left_out)
			continue;
		p->sum->entries++;
		p->sum->content += e->size;
		if (aipm_index_put(p->index, &it, err) == -1)
			return -1;
		if (drain_pg_version(p, e, j->plain.p + f->at + f->headers,
		        f->content, err) == -1)
			return -1;
	}
	return 0;
}

static int
drain_index(struct pack *p, struct job *j, struct aipm_err *err)
{
	struct aipm_index_item it = { .size = j->member.len,
		.crc = j->crc,
		.plain = j->tar,
		.count = 1,
		.holes = (const struct aipm_range *)(void *)j->unit.holes.p,
		.nholes = j->unit.holes.len / sizeof(struct aipm_range) };

	if (j->taken) {
		it.reference = j->from.archive + 1;
		it.offset = j->from.offset;
		it.size = j->from.size;
		it.crc = j->from.crc;
	}
	memcpy(it.digest, j->digest, sizeof(it.digest));
	memcpy(it.headers_digest, j->headers_digest, sizeof(it.digest));
	switch (j->unit.kind) {
	case AIPM_UNIT_CHUNK:
		it.tag = AIPM_INDEX_CHUNK;
		break;
	case AIPM_UNIT_ZEROS:
		it.tag = AIPM_INDEX_ZEROS;
		it.count = j->unit.count;
		break;
	case AIPM_UNIT_END:
		it.tag = AIPM_INDEX_END;
		break;
	default:
		it.tag = AIPM_INDEX_MEMBER;
		if (aipm_index_put(p->index, &it, err) == -1)
			return -1;
		return drain_entries(p, j, err);
	}
	return aipm_index_put(p->index, &it, err);
}

/* Each reference in which something is damaged is named once. */
static void
drain_damage(struct pack *p, const struct job *j)
{
	if (j->damaged == 0 || p->blamed[j->damaged - 1])
		return;
	p->blamed[j->damaged - 1] = true;
	aipm_warn(&p->o->warn, aipm_refs_path(p->refs, j->damaged - 1),
	    "is damaged: what cannot be taken out of it is read anew");
}

static void
count_up(struct aipm_pack_sum *sum, const struct job *j)
{
	uint64_t count = j->unit.kind == AIPM_UNIT_ZEROS ? j->unit.count : 1;

	if (j->read)
		sum->read += j->tar;
	if (j->taken)
		sum->reused += j->from.size;
	else
		sum->made += count * j->member.len;
}

static int
drain(struct pack *p, struct job *j, struct aipm_err *err)
{
	struct aipm_chunked *c = j->unit.chunked;
	uint64_t count = j->unit.kind == AIPM_UNIT_ZEROS ? j->unit.count : 1;

	/* All of the file has been read when its last block comes by. */
	if (c != NULL && j->unit.last && aipm_chunked_changed(c) &&
	    job_note_changed(j, c->path, err) == -1)
		return -1;
	drain_damage(p, j);
	if (drain_notes(p, j, err) == -1)
		return -1;
	if (j->tar == 0)
		return 0;
	count_up(p->sum, j);
	if (drain_index(p, j, err) == -1)
		return -1;
	for (; !j->taken && count > 0; count--)
		if (aipm_cancel_check(&p->o->cancel, err) == -1 ||
		    aipm_writer_put(
		        p->writer, j->member.p, j->member.len, err) == -1)
			return -1;
	return 0;
}

static void
release(void *ctx, void *slot)
{
	(void)ctx;
	job_free(slot);
}

/* The index in its members, then the footer. */
static int
write_index(struct pack *p, struct aipm_footer *f, struct aipm_err *err)
{
	unsigned char slice[AIPM_INDEX_SLICE];
	struct aipm_buf member = { 0 };
	int r = 0;

	for (uint64_t at = 0; r == 0 && at < f->index_size;) {
		size_t n = f->index_size - at < sizeof(slice)
		               ? (size_t)(f->index_size - at)
		               : sizeof(slice);

		member.len = 0;
		r = aipm_index_slice(p->index, at, slice, n, err);
		if (r == 0)
			r = aipm_member_empty(
			    &member, AIPM_MEMBER_INDEX, slice, n, err);
		if (r == 0)
			r = aipm_writer_put(
			    p->writer, member.p, member.len, err);
		at += n;
	}
	member.len = 0;
	f->file_size = aipm_writer_offset(p->writer) + AIPM_FOOTER_SIZE;
	if (r == 0)
		r = aipm_footer_encode(&member, f, err);
	if (r == 0)
		r = aipm_writer_put(p->writer, member.p, member.len, err);
	aipm_buf_free(&member);
	return r;
}

enum aipm_kind
pack_kind(const struct aipm_pack_options *o, const struct aipm_pack_sum *sum)
{
	if (o->kind == AIPM_KIND_BACKUP && sum->missing != 0)
		return AIPM_KIND_PARTIAL;
	return o->kind;
}

/* The references that a thin archive needs. */
static int
put_references(struct pack *p, struct aipm_err *err)
{
	char hex[2 * AIPM_DIGEST_SIZE + 1];

	for (size_t i = 0; i < aipm_refs_count(p->refs); i++) {
		aipm_digest_hex(hex, aipm_refs_sha256(p->refs, i));
		if (aipm_runinfo_pair(p->index, "reference", hex, err) == -1)
			return -1;
	}
	return 0;
}

static int
finish(struct pack *p, struct aipm_err *err)
{
	struct aipm_footer f = { .block_log2 = AIPM_BLOCK_LOG2,
		.complete = p->sum->missing == 0,
		.thin = p->o->thin,
		.index_offset = aipm_writer_offset(p->writer) };

	p->run.missing = p->sum->missing;
	p->run.content = p->sum->content;
	p->run.level = p->o->level;
	p->run.kind = pack_kind(p->o, p->sum);
	p->run.read = p->sum->read;
	p->run.reused = p->sum->reused;
	p->run.made = p->sum->made;
	p->run.generation = aipm_refs_generation(p->refs);
	p->run.flushed = p->volumes.flush && !p->volumes.unflushed;
	if ((p->o->thin && put_references(p, err) == -1) ||
	    aipm_runinfo_put(&p->run, p->index, err) == -1 ||
	    aipm_index_finish(p->index, &f, err) == -1 ||
	    write_index(p, &f, err) == -1)
		return -1;
	p->sum->size = f.file_size;
	return aipm_writer_finish(p->writer, err);
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
	if (!o->thin && (p->spool = aipm_spool_open(spool_dir, err)) == -1)
		return -1;
	return 0;
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
	/* Under aipm-stop nobody has a page to write to. */
	p->volumes.flush = p->o->release == -1;
	if (open_refs(p, spool_dir, err) == -1)
		return -1;
	s.reuse = p->reuse;
	if (avoid_all(p, fd, err) == -1 ||
	    aipm_split_open(&p->split, dir, as, &s, err) == -1 ||
	    aipm_index_writer_new(&p->index, spool_dir,
	        p->spool == -1 ? AIPM_INDEX_LEVEL : AIPM_LEVEL_MIN,
	        err) == -1 ||
	    aipm_writer_open(&p->writer, p->spool == -1 ? fd : p->spool,
	        p->name, &p->o->cancel, err) == -1)
		return -1;
	return open_workers(p, err);
}

static void
close_all(struct pack *p)
{
	aipm_split_close(p->split);
	aipm_reuse_close(p->reuse);
	aipm_refs_close(p->refs);
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

static int
run(struct pack *p, struct aipm_err *err)
{
	unsigned readers = p->nworkers < READERS ? READERS : p->nworkers;
	struct aipm_ring_options o = { .workers = p->nworkers,
		.readers = readers,
		.slots = readers + 2 * (size_t)p->nworkers + 2,
		.slot_size = sizeof(struct job),
		.ctx = p,
		.produce = produce,
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
		if (drain(p, slot, err) == -1) {
			r = -1;
			break;
		}
	aipm_ring_close(ring);
	return r;
}

/* All is read: let the services start. */
static int
let_go(struct pack *p, struct aipm_err *err)
{
	if (p->o->release == -1)
		return 0;
	p->sum->released = true;
	return aipm_release_ask(
	    p->o->release, &p->run.release, &p->o->cancel, err);
}

struct slices {
	struct aipm_index_writer *w;
	uint64_t at;
};

static int
read_slice(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct slices *s = ctx;
	uint64_t at = s->at;

	s->at += n;
	return aipm_index_slice(s->w, at, p, n, err);
}

/*
 * What was gathered becomes a whole archive in fd, but for what finish()
 * puts: a second writer and index take the place of the first.
 */
static int
fill_in(struct pack *p, int fd, const char *spool_dir, struct aipm_err *err)
{
	struct aipm_footer unused;
	struct slices s = { .w = p->index };
	struct assembly a = { .spool = p->spool,
		.refs = p->refs,
		.check = !p->job.check,
		.share = !p->o->no_clone,
		.cancel = p->o->cancel };
	uint64_t end = aipm_writer_offset(p->writer);
	int r;

	if (aipm_writer_finish(p->writer, err) == -1 ||
	    aipm_index_finish(p->index, &unused, err) == -1)
		return -1;
	aipm_writer_close(p->writer);
	p->writer = NULL;
	p->index = NULL;
	r = aipm_writer_open(&p->writer, fd, p->name, &p->o->cancel, err);
	if (r == 0)
		r = aipm_index_writer_new(
		    &p->index, spool_dir, AIPM_INDEX_LEVEL, err);
	if (r == 0)
		r = aipm_index_open(&a.thin, read_slice, &s, end, p->name, err);
	a.writer = p->writer;
	a.index = p->index;
	if (r == 0) {
		aipm_index_thin(a.thin);
		r = assemble(&a, err);
	}
	p->sum->shared = a.shared;
	aipm_index_close(a.thin);
	aipm_index_writer_free(s.w);
	return r;
}

static int
pack(struct pack *p, const char *dir, const char *as, int fd,
    const char *spool_dir, struct aipm_err *err)
{
	if (open_all(p, dir, as, fd, spool_dir, err) == -1 || run(p, err) == -1)
		return -1;
	if (p->reuse != NULL)
		aipm_reuse_report(p->reuse, &p->o->warn);
	if (let_go(p, err) == -1)
		return -1;
	if (p->spool != -1 && fill_in(p, fd, spool_dir, err) == -1)
		return -1;
	return finish(p, err);
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
