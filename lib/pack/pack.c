#include "aipm/pack.h"

#include "job.h"

#include "aipm/catalog.h"
#include "aipm/compat.h"
#include "aipm/footer.h"
#include "aipm/index.h"
#include "aipm/match.h"
#include "aipm/member.h"
#include "aipm/publish.h"
#include "aipm/ring.h"
#include "aipm/runinfo.h"
#include "aipm/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
	struct aipm_split *split;
	struct job_worker *workers;
	unsigned nworkers;
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
	(void)ctx;
	return job_fetch(slot, AIPM_BLOCK_LOG2, err);
}

static int
work(void *ctx, unsigned number, void *slot, struct aipm_err *err)
{
	struct pack *p = ctx;

	return job_work(slot, &p->workers[number], AIPM_BLOCK_LOG2, err);
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
		.plain = j->plain.len,
		.count = 1,
		.holes = (const struct aipm_range *)(void *)j->unit.holes.p,
		.nholes = j->unit.holes.len / sizeof(struct aipm_range) };

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

static int
drain(struct pack *p, struct job *j, struct aipm_err *err)
{
	const struct aipm_chunked *c = j->unit.chunked;
	uint64_t count = j->unit.kind == AIPM_UNIT_ZEROS ? j->unit.count : 1;

	/* All of the file has been read when its last block comes by. */
	if (c != NULL && j->unit.last &&
	    job_check_unchanged(j, c->fd, c->path, &c->st, err) == -1)
		return -1;
	if (drain_notes(p, j, err) == -1)
		return -1;
	if (j->member.len == 0)
		return 0;
	if (drain_index(p, j, err) == -1)
		return -1;
	for (; count > 0; count--)
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

static enum aipm_kind
kind_of(const struct aipm_pack_options *o, const struct aipm_pack_sum *sum)
{
	if (o->kind == AIPM_KIND_BACKUP && sum->missing != 0)
		return AIPM_KIND_PARTIAL;
	return o->kind;
}

static int
finish(struct pack *p, struct aipm_err *err)
{
	struct aipm_footer f = { .block_log2 = AIPM_BLOCK_LOG2,
		.complete = p->sum->missing == 0,
		.index_offset = aipm_writer_offset(p->writer) };

	p->run.missing = p->sum->missing;
	p->run.content = p->sum->content;
	p->run.level = p->o->level;
	p->run.kind = kind_of(p->o, p->sum);
	if (aipm_runinfo_put(&p->run, p->index, err) == -1 ||
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

static int
open_all(struct pack *p, const char *dir, const char *as, int fd,
    const char *spool_dir, struct aipm_err *err)
{
	struct aipm_split_options s = { .block = (size_t)1 << AIPM_BLOCK_LOG2,
		.skip = skip,
		.skip_ctx = p };

	aipm_compat_raise_nofile();
	aipm_compat_keep_blocks_apart();
	aipm_runinfo_begin(&p->run);
	if (avoid_all(p, fd, err) == -1 ||
	    aipm_split_open(&p->split, dir, as, &s, err) == -1 ||
	    aipm_index_writer_new(&p->index, spool_dir, err) == -1 ||
	    aipm_writer_open(&p->writer, fd, p->name, &p->o->cancel, err) == -1)
		return -1;
	return open_workers(p, err);
}

static void
close_all(struct pack *p)
{
	aipm_split_close(p->split);
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

static int
pack(const struct aipm_pack_options *o, const char *dir, int fd,
    const char *name, const char *spool_dir, struct aipm_pack_sum *sum,
    struct aipm_err *err)
{
	struct pack p = { .o = o, .name = name, .sum = sum };
	char *as = o->as != NULL ? strdup(o->as) : entry_name(dir, err);
	int r = -1;

	memset(sum, 0, sizeof(*sum));
	if (as != NULL && open_all(&p, dir, as, fd, spool_dir, err) == 0 &&
	    run(&p, err) == 0)
		r = finish(&p, err);
	else if (as == NULL && o->as != NULL)
		r = aipm_err_nomem(err);
	close_all(&p);
	free(as);
	return r;
}

int
aipm_pack_stream(const struct aipm_pack_options *o, const char *dir, int fd,
    const char *name, struct aipm_pack_sum *sum, struct aipm_err *err)
{
	return pack(o, dir, fd, name, NULL, sum, err);
}

/* Read the footer and the whole index back. */
static int
verify(int fd, const char *name, struct aipm_err *err)
{
	struct aipm_footer f;
	struct aipm_err why;
	int r = aipm_footer_read(&f, fd, name, &why);

	if (r == 1 && aipm_index_verify(fd, &f, name, &why) == 0)
		return 0;
	return aipm_err_set(err, AIPM_FAILED,
	    "the new archive cannot be read back, nothing is published: %.400s",
	    r == 0 ? "no footer" : why.text);
}

/* Everything but the name. */
static int
pack_unpublished(const struct aipm_pack_options *o, const char *dir,
    struct aipm_publish **p, const char *out_dir, struct aipm_pack_sum *sum,
    struct aipm_err *err)
{
	if (aipm_publish_open(p, out_dir, err) == -1)
		return -1;
	if (pack(o, dir, aipm_publish_fd(*p), out_dir, out_dir, sum, err) == -1)
		return -1;
	return verify(aipm_publish_fd(*p), out_dir, err);
}

int
aipm_pack_file(const struct aipm_pack_options *o, const char *dir,
    const char *path, bool force, struct aipm_pack_sum *sum,
    struct aipm_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	char *out_dir = slash == NULL   ? strdup(".")
	                : slash == path ? strdup("/")
	                                : strndup(path, (size_t)(slash - path));
	struct aipm_publish *p = NULL;
	struct stat st;
	int r = -1;

	if (out_dir == NULL)
		return aipm_err_nomem(err);
	if (*base == '\0')
		(void)aipm_err_file(err, AIPM_USAGE, path,
		    "is a directory, not a file: use -d");
	else if (!force && lstat(path, &st) == 0)
		(void)aipm_err_file(err, AIPM_FAILED, path,
		    "exists already: use --force to replace it");
	else if (pack_unpublished(o, dir, &p, out_dir, sum, err) == 0)
		r = aipm_publish_commit(p, base, force, err);
	aipm_publish_close(p);
	free(out_dir);
	return r;
}

/* Publish under the next name that is free. */
static int
commit_next(struct aipm_publish *p, const char *shelf, const char *prefix,
    enum aipm_kind kind, char *name, struct aipm_err *err)
{
	int64_t taken;
	int r;

	do {
		if (aipm_catalog_next_time(
		        &taken, shelf, prefix, (int64_t)time(NULL), err) == -1)
			return -1;
		if (aipm_stamp_name(name, prefix, kind, taken) == -1)
			return aipm_err_set(err, AIPM_FAILED,
			    "no name for a backup: is the clock right?");
		r = aipm_publish_commit(p, name, false, err);
	} while (r == -1 && err->errnum == EEXIST);
	return r;
}

int
aipm_pack_shelf(const struct aipm_pack_options *o, const char *dir,
    const char *shelf, const char *prefix, char **path,
    struct aipm_pack_sum *sum, struct aipm_err *err)
{
	struct aipm_publish *p = NULL;
	char name[AIPM_STAMP_NAME_MAX];
	size_t n = strlen(shelf) + sizeof(name) + 1;
	int r;

	*path = NULL;
	if (mkdir(shelf, 0700) == -1 && errno != EEXIST)
		return aipm_err_path(
		    err, AIPM_FAILED, shelf, "cannot make the directory");
	r = pack_unpublished(o, dir, &p, shelf, sum, err);
	if (r == 0 && (*path = malloc(n)) == NULL)
		r = aipm_err_nomem(err);
	if (r == 0)
		r = commit_next(p, shelf, prefix, kind_of(o, sum), name, err);
	if (r == 0)
		(void)snprintf(*path, n, "%s/%s", shelf, name);
	aipm_publish_close(p);
	if (r == -1) {
		free(*path);
		*path = NULL;
	}
	return r;
}
