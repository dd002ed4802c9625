#include "job.h"

#include "aipm/compat.h"
#include "aipm/pax.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAR_BLOCK ((size_t)512)
#define SALVAGE_STEP ((size_t)4096)
#define GROUP_FULL ((size_t)8 << 20)
#define XATTRS_FULL ((size_t)16 << 20) /* of a group; and of one file: */
#define XATTRS_MAX ((size_t)1 << 20)

static int
note(struct job *j, const char *path, const char *reason, struct aipm_err *err)
{
	if (aipm_notes_add(&j->unit.notes, path, reason, true) == -1)
		return aipm_err_nomem(err);
	return 0;
}

static int
note_errno(
    struct job *j, const char *path, const char *what, struct aipm_err *err)
{
	char reason[256];

	(void)snprintf(reason, sizeof(reason), "%s: %s", what, strerror(errno));
	return note(j, path, reason, err);
}

/*
 * n bytes at offset to dst; what a bad disk refuses is read again in small
 * steps, and is zeros if it is really gone.  Returns the bytes before the
 * end of the file; *bad counts those that could not be read.
 */
static size_t
read_some(int fd, unsigned char *dst, size_t n, uint64_t offset, size_t *bad)
{
	size_t done = 0, step = n;

	while (done < n) {
		size_t want = n - done < step ? n - done : step;
		ssize_t r = pread(fd, dst + done, want, (off_t)(offset + done));

		if (r == -1 && errno == EINTR)
			continue;
		if (r == 0)
			break;
		if (r > 0) {
			done += (size_t)r;
			continue;
		}
		if (step > SALVAGE_STEP) {
			step = SALVAGE_STEP;
			continue;
		}
		memset(dst + done, 0, want);
		done += want;
		*bad += want;
	}
	return done;
}

/* The content of n bytes from offset, exactly, behind what plain holds. */
static int
add_content(struct job *j, int fd, const char *path, uint64_t offset, size_t n,
    struct aipm_err *err)
{
	size_t bad = 0, got;
	unsigned char *p;
	char reason[128];

	if (aipm_buf_reserve(&j->plain, n) == -1)
		return aipm_err_nomem(err);
	p = j->plain.p + j->plain.len;
	got = read_some(fd, p, n, offset, &bad);
	memset(p + got, 0, n - got);
	j->plain.len += n;
	if (bad != 0) {
		(void)snprintf(reason, sizeof(reason),
		    "%zu bytes from offset %llu on cannot be read: zeros in "
		    "the archive",
		    bad, (unsigned long long)offset);
		return note(j, path, reason, err);
	}
	if (got != n)
		return note(j, path,
		    "became shorter while it was read: filled up with zeros",
		    err);
	return 0;
}

static bool
same_version(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int
job_note_changed(struct job *j, const char *path, struct aipm_err *err)
{
	return note(j, path, "changed while it was read", err);
}

/* Note it if the open file is no more what fstat said before it was read. */
static int
check_unchanged(struct job *j, int fd, const char *path,
    const struct stat *before, struct aipm_err *err)
{
	struct stat now;

	if (fstat(fd, &now) == 0 && same_version(before, &now))
		return 0;
	return job_note_changed(j, path, err);
}

static int
find_small_holes(
    struct job *j, struct job_file *f, int fd, const struct stat *st)
{
	uint64_t size = f->content, at = 0, data, hole;
	struct aipm_range r;

	if (st->st_blocks * 512 >= st->st_size)
		return 0;
	while (at < size) {
		if (aipm_compat_next_data(fd, at, size, &data, &hole) == -1)
			return 0;
		r.offset = at;
		r.len = data - at;
		at = hole;
		if (r.len < AIPM_HOLE_MIN && (r.len == 0 || data != size))
			continue;
		if (aipm_buf_add(&j->holes, &r, sizeof(r)) == -1)
			return -1;
		f->nholes++;
	}
	return 0;
}

/* What no reader should have to take is left out. */
static int
limit_xattrs(struct job *j, struct aipm_entry *e, struct aipm_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < e->xattrs.n; i++)
		n += e->xattrs.v[i].len + 256;
	if (n <= XATTRS_MAX && j->plain.len + n <= XATTRS_FULL)
		return 0;
	aipm_xattrs_free(&e->xattrs);
	return note(j, e->path, "too many extended attributes: left out", err);
}

static int
add_headers(struct job *j, struct job_file *f, struct aipm_entry *e,
    struct aipm_err *err)
{
	f->at = j->plain.len;
	if (limit_xattrs(j, e, err) == -1 ||
	    aipm_pax_encode(&j->plain, e, err) == -1)
		return -1;
	f->headers = j->plain.len - f->at;
	return 0;
}

/* The extended attributes of an entry that is unchanged. */
static void
take_xattrs(struct aipm_entry *e, struct aipm_known *k)
{
	if (k->taken)
		return;
	aipm_xattrs_free(&e->xattrs);
	e->xattrs = k->xattrs;
	memset(&k->xattrs, 0, sizeof(k->xattrs));
	k->taken = true;
}

/* Those of the open file. */
static int
add_xattrs(struct job *j, struct aipm_entry *e, int fd, struct aipm_err *err)
{
	aipm_xattrs_free(&e->xattrs);
	if (aipm_compat_xattrs_read(fd, &e->xattrs) == 0)
		return 0;
	return note_errno(j, e->path, "cannot read extended attributes", err);
}

/* Those of the file by its name. */
static int
add_xattrs_at(struct job *j, struct aipm_found *found, struct aipm_err *err)
{
	struct aipm_entry *e = &found->entry;

	aipm_xattrs_free(&e->xattrs);
	if (aipm_compat_xattrs_read_at(
	        aipm_dir_fd(found->dir), found->name, &e->xattrs) == 0)
		return 0;
	return note_errno(j, e->path, "cannot read extended attributes", err);
}

/* Read the opened small file; st is what fd says. */
static int
add_file(struct job *j, struct job_file *f, struct aipm_entry *e, int fd,
    const struct stat *st, struct aipm_err *err)
{
	size_t n = (size_t)e->size;

	if (add_xattrs(j, e, fd, err) == -1 || add_headers(j, f, e, err) == -1)
		return -1;
	if (n == 0)
		return 0;
	f->content = n;
	f->holes = j->holes.len / sizeof(struct aipm_range);
	if (find_small_holes(j, f, fd, st) == -1)
		return aipm_err_nomem(err);
	if (add_content(j, fd, e->path, 0, n, err) == -1 ||
	    check_unchanged(j, fd, e->path, st, err) == -1)
		return -1;
	if (aipm_buf_add_zeros(&j->plain, aipm_pax_padding(n)) == -1)
		return aipm_err_nomem(err);
	return 0;
}

/* How far a file that grew since it was found is followed, so that a group
 * of them stays a member of bounded size. */
static uint64_t
size_limit(const struct job *j, const struct aipm_entry *e, size_t block)
{
	return e->size > block / 2 || j->plain.len > GROUP_FULL ? e->size
	                                                        : block / 2;
}

static int
open_and_add(struct job *j, struct job_file *f, struct aipm_found *found,
    size_t block, struct aipm_err *err)
{
	struct aipm_entry *e = &found->entry;
	uint64_t limit = size_limit(j, e, block);
	struct stat st;
	int r, fd = aipm_found_open(found, &st);

	if (fd == -1) {
		if (aipm_err_too_many_open(err, e->path))
			return -1;
		f->left_out = true;
		return note_errno(j, e->path, "cannot read", err);
	}
	/* It may have been replaced since it was found: what is open counts. */
	(void)aipm_entry_from_stat(e, &st);
	if (e->size > limit)
		e->size = limit;
	r = add_file(j, f, e, fd, &st, err);
	if (r == 0 && (uint64_t)st.st_size > limit)
		r = note(j, e->path, "grew while it was read: cut", err);
	(void)close(fd);
	return r;
}

/* The header of a chunked file: it is open already, or unchanged. */
static int
add_chunked_header(struct job *j, struct job_file *f, struct aipm_found *found,
    struct aipm_known *k, struct aipm_err *err)
{
	struct aipm_entry *e = &found->entry;
	int fd = aipm_chunked_opened(j->unit.chunked);

	if (fd == -1)
		take_xattrs(e, k);
	/* A clone has none. */
	else if (aipm_chunked_staged(j->unit.chunked)
	             ? add_xattrs_at(j, found, err) == -1
	             : add_xattrs(j, e, fd, err) == -1)
		return -1;
	return add_headers(j, f, e, err);
}

/* What has no content. */
static int
add_other(struct job *j, struct job_file *f, struct aipm_found *found,
    struct aipm_known *k, struct aipm_err *err)
{
	struct aipm_entry *e = &found->entry;

	if (k->unchanged)
		take_xattrs(e, k);
	else if (e->type != AIPM_HARDLINK &&
	         aipm_compat_xattrs_read_at(
	             aipm_dir_fd(found->dir), found->name, &e->xattrs) == -1 &&
	         note_errno(
	             j, e->path, "cannot read extended attributes", err) == -1)
		return -1;
	return add_headers(j, f, e, err);
}

/* A job_file, zeroed, for each of the unit's. */
static int
ready_files(struct job *j)
{
	struct job_file *v = j->files;
	size_t cap = j->unit.cap;

	if (j->unit.nfiles > j->cap) {
		if ((v = realloc(v, cap * sizeof(*v))) == NULL)
			return -1;
		j->files = v;
		j->cap = cap;
	}
	memset(v, 0, j->unit.nfiles * sizeof(*v));
	return 0;
}

static int
add_group(struct job *j, size_t block, struct aipm_err *err)
{
	struct aipm_unit *u = &j->unit;

	if (ready_files(j) == -1 ||
	    aipm_buf_reserve_exact(&j->plain, u->len) == -1)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < u->nfiles; i++) {
		struct aipm_found *f = &u->files[i];
		int r;

		if (u->kind == AIPM_UNIT_FILE)
			r = add_chunked_header(
			    j, &j->files[i], f, &u->known[i], err);
		else if (f->entry.type == AIPM_FILE)
			r = open_and_add(j, &j->files[i], f, block, err);
		else
			r = add_other(j, &j->files[i], f, &u->known[i], err);
		if (r == -1)
			return -1;
	}
	return 0;
}

/* The packer looks into it (see drain_pg_version()), so it is always read. */
static bool
is_looked_into(const struct aipm_entry *e)
{
	const char *slash = strrchr(e->path, '/');

	return slash != NULL && strcmp(slash, "/PG_VERSION") == 0;
}

/* The headers alone, of a unit in which all is unchanged. */
static int
add_known_headers(struct job *j, struct aipm_err *err)
{
	struct aipm_unit *u = &j->unit;

	for (size_t i = 0; i < u->nfiles; i++) {
		struct aipm_entry *e = &u->files[i].entry;
		struct aipm_known *k = &u->known[i];
		struct job_file *f = &j->files[i];

		take_xattrs(e, k);
		if (add_headers(j, f, e, err) == -1)
			return -1;
		j->tar += f->headers;
		if (u->kind == AIPM_UNIT_FILE)
			continue;
		j->tar += e->size + aipm_pax_padding((size_t)e->size);
		f->holes = j->holes.len / sizeof(*k->holes);
		f->nholes = k->nholes;
		if (aipm_buf_add(&j->holes, k->holes,
		        k->nholes * sizeof(*k->holes)) == -1)
			return aipm_err_nomem(err);
	}
	return 0;
}

/* The member of a group in which all is unchanged, if its headers, made anew,
 * are what they were: 1, 0 if it has to be read, -1. */
static int
take_group(struct job *j, const struct job_options *o, struct aipm_err *err)
{
	struct aipm_unit *u = &j->unit;
	const struct aipm_source *s = &u->sources.v[u->sources.sure];
	unsigned char digest[AIPM_DIGEST_SIZE];
	struct aipm_digest *d;

	for (size_t i = 0; i < u->nfiles; i++)
		if (is_looked_into(&u->files[i].entry))
			return 0;
	if (ready_files(j) == -1)
		return aipm_err_nomem(err);
	if (add_known_headers(j, err) == -1)
		return -1;
	if ((d = aipm_digest_new()) == NULL)
		return aipm_err_nomem(err);
	aipm_digest_add(d, j->plain.p, j->plain.len);
	aipm_digest_take(d, digest);
	aipm_digest_free(d);
	if (j->tar == s->plain &&
	    memcmp(digest, s->headers_digest, sizeof(digest)) == 0 &&
	    job_take(j, s, o))
		return 1;
	return 0;
}

/* As take_group(), of any unit that has a sure source. */
static int
take(struct job *j, const struct job_options *o, struct aipm_err *err)
{
	const struct aipm_sources *s = &j->unit.sources;

	if (s->sure == -1)
		return 0;
	if (j->unit.kind != AIPM_UNIT_CHUNK)
		return take_group(j, o, err);
	j->tar = j->unit.len + aipm_pax_padding(j->unit.len);
	return job_take(j, &s->v[s->sure], o);
}

/* Whether the holes are all there is of the chunk. */
static bool
all_hole(const struct aipm_unit *u)
{
	const struct aipm_range *r = (const struct aipm_range *)(const void *)
	                                 u->holes.p;

	return u->holes.len == sizeof(*r) && r->offset == u->offset &&
	       r->len == u->len;
}

/* The content of a chunk, from the file that its unit names. */
static int
read_chunk(struct job *j, struct aipm_err *err)
{
	struct aipm_unit *u = &j->unit;
	int fd = aipm_chunked_open(u->chunked);

	if (fd != -1)
		return add_content(
		    j, fd, u->chunked->path, u->offset, u->len, err);
	if (aipm_err_too_many_open(err, u->chunked->path))
		return -1;
	if (aipm_buf_add_zeros(&j->plain, u->len) == -1)
		return aipm_err_nomem(err);
	return note_errno(
	    j, u->chunked->path, "cannot read: zeros in the archive", err);
}

static int
add_chunk(struct job *j, struct aipm_err *err)
{
	struct aipm_unit *u = &j->unit;

	if (u->kind == AIPM_UNIT_ZEROS || all_hole(u)) {
		if (aipm_buf_add_zeros(&j->plain, u->len) == -1)
			return aipm_err_nomem(err);
	} else if (read_chunk(j, err) == -1)
		return -1;
	/* Only a file's last block is not a multiple of 512. */
	if (aipm_buf_add_zeros(&j->plain, aipm_pax_padding(u->len)) == -1)
		return aipm_err_nomem(err);
	return 0;
}

static int
read_unit(struct job *j, const struct job_options *o, struct aipm_err *err)
{
	j->plain.len = j->holes.len = 0;
	switch (j->unit.kind) {
	case AIPM_UNIT_CHUNK:
	case AIPM_UNIT_ZEROS:
		return add_chunk(j, err);
	case AIPM_UNIT_END:
		if (aipm_buf_add_zeros(&j->plain, 2 * TAR_BLOCK) == -1)
			return aipm_err_nomem(err);
		return 0;
	default:
		return add_group(j, (size_t)1 << o->block_log2, err);
	}
}

static bool
can_wait(const struct aipm_unit *u)
{
	return u->kind == AIPM_UNIT_CHUNK && !all_hole(u) &&
	       aipm_chunked_staged(u->chunked);
}

int
job_fetch(struct job *j, const struct job_options *o, struct aipm_err *err)
{
	int r;

	j->plain.len = j->holes.len = 0;
	j->tar = 0;
	j->read = j->taken = j->later = false;
	j->damaged = 0;
	if ((r = take(j, o, err)) != 0)
		return r == 1 ? 0 : -1;
	if (o->defer && can_wait(&j->unit)) {
		j->tar = j->unit.len + aipm_pax_padding(j->unit.len);
		j->later = true;
		return 0;
	}
	if (read_unit(j, o, err) == -1)
		return -1;
	j->tar = j->plain.len;
	j->read = j->unit.kind != AIPM_UNIT_ZEROS;
	return 0;
}
