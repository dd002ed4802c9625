#include "aipm/split.h"

#include "aipm/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Descriptors that a group may hold: the directories of its files, and the
 * files with more names.
 */
#define HELD_MAX 32

/* What headers may take, for the borders of groups. */
#define HEADERS 1536

struct shared {
	struct aipm_chunked c; /* first: the address is the same */
	atomic_uint refs;
	pthread_mutex_t lock;
	int fd; /* -1: not opened */
	bool staged; /* fd is a clone */
	struct aipm_found found; /* how to open it, and what its header says;
				    without strings in the entry */
};

struct aipm_split {
	struct aipm_split_options o;
	struct aipm_walk *walk;
	struct aipm_notes notes; /* for the next unit */
	bool nomem; /* a note was lost */
	struct aipm_found next; /* begins the next unit */
	struct aipm_known known; /* of that */
	bool have_next;
	bool walked; /* there is no next */
	size_t staged; /* clones made, and */
	uint64_t staged_bytes; /* bytes in them */
	struct aipm_chunked *file; /* being cut, or NULL */
	bool unchanged; /* it is */
	uint64_t at; /* in it */
	uint64_t data, hole; /* its next data, when known */
	bool begun, ended;
};

int
aipm_notes_add(
    struct aipm_notes *notes, const char *path, const char *reason, bool lost)
{
	struct aipm_note *v = realloc(
	    notes->v, (notes->n + 1) * sizeof(*notes->v));
	struct aipm_note note = { strdup(path), strdup(reason), lost };

	if (v != NULL)
		notes->v = v;
	if (v == NULL || note.path == NULL || note.reason == NULL) {
		free(note.path);
		free(note.reason);
		return -1;
	}
	v[notes->n++] = note;
	return 0;
}

void
aipm_notes_clear(struct aipm_notes *notes)
{
	for (size_t i = 0; i < notes->n; i++) {
		free(notes->v[i].path);
		free(notes->v[i].reason);
	}
	free(notes->v);
	memset(notes, 0, sizeof(*notes));
}

static struct shared *
shared_of(struct aipm_chunked *c)
{
	return (struct shared *)(void *)c;
}

struct aipm_chunked *
aipm_chunked_ref(struct aipm_chunked *c)
{
	atomic_fetch_add(&shared_of(c)->refs, 1);
	return c;
}

void
aipm_chunked_unref(struct aipm_chunked *c)
{
	struct shared *f;

	if (c == NULL || atomic_fetch_sub(&shared_of(c)->refs, 1) != 1)
		return;
	f = shared_of(c);
	if (f->fd != -1)
		(void)close(f->fd);
	aipm_found_free(&f->found);
	(void)pthread_mutex_destroy(&f->lock);
	free(c->path);
	free(f);
}

int
aipm_chunked_opened(struct aipm_chunked *c)
{
	struct shared *f = shared_of(c);
	int fd;

	(void)pthread_mutex_lock(&f->lock);
	fd = f->fd;
	(void)pthread_mutex_unlock(&f->lock);
	return fd;
}

int
aipm_chunked_open(struct aipm_chunked *c)
{
	struct shared *f = shared_of(c);
	struct stat st;
	int fd;

	(void)pthread_mutex_lock(&f->lock);
	if (f->fd == -1)
		f->fd = aipm_found_open(&f->found, &st);
	fd = f->fd;
	(void)pthread_mutex_unlock(&f->lock);
	return fd;
}

/* Whether st is still that of the file that e says. */
static bool
is_as(const struct aipm_entry *e, const struct stat *st)
{
	struct aipm_entry now = { 0 };

	return aipm_entry_from_stat(&now, st) == 0 && now.ino == e->ino &&
	       now.dev == e->dev && now.size == e->size &&
	       now.mtime.sec == e->mtime.sec &&
	       now.mtime.nsec == e->mtime.nsec &&
	       now.ctime.sec == e->ctime.sec && now.ctime.nsec == e->ctime.nsec;
}

bool
aipm_chunked_staged(const struct aipm_chunked *c)
{
	return ((const struct shared *)(const void *)c)->staged;
}

bool
aipm_chunked_changed(struct aipm_chunked *c)
{
	int fd = aipm_chunked_opened(c);
	struct stat st;

	return !aipm_chunked_staged(c) && fd != -1 &&
	       (fstat(fd, &st) == -1 ||
	           !is_as(&shared_of(c)->found.entry, &st));
}

void
aipm_unit_clear(struct aipm_unit *u)
{
	for (size_t i = 0; i < u->nfiles; i++)
		aipm_found_free(&u->files[i]);
	for (size_t i = 0; i < u->nfiles; i++)
		aipm_known_free(&u->known[i]);
	u->nfiles = 0;
	u->sources.n = 0;
	u->sources.sure = -1;
	aipm_chunked_unref(u->chunked);
	u->chunked = NULL;
	u->holes.len = 0;
	u->first = u->last = false;
	aipm_notes_clear(&u->notes);
}

void
aipm_unit_free(struct aipm_unit *u)
{
	aipm_unit_clear(u);
	aipm_buf_free(&u->holes);
	free(u->files);
	free(u->known);
	u->files = NULL;
	u->known = NULL;
	u->cap = 0;
}

static void
note_left_out(void *ctx, const char *path, const char *reason, bool lost)
{
	struct aipm_split *s = ctx;

	if (aipm_notes_add(&s->notes, path, reason, lost) == -1)
		s->nomem = true;
}

int
aipm_split_open(struct aipm_split **out, const char *top, const char *name,
    const struct aipm_split_options *o, struct aipm_err *err)
{
	struct aipm_split *s = calloc(1, sizeof(*s));
	struct aipm_walk_options w = { .skip = o->skip,
		.skip_ctx = o->skip_ctx,
		.left_out = note_left_out,
		.entered = o->entered,
		.entered_ctx = o->entered_ctx };

	*out = NULL;
	if (s == NULL)
		return aipm_err_nomem(err);
	s->o = *o;
	w.left_out_ctx = s;
	if (aipm_walk_open(&s->walk, top, name, &w, err) == -1) {
		aipm_split_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

/* FNV-1a of the path, 32 bits. */
static uint32_t
path_hash(const char *path)
{
	uint32_t h = 2166136261U;

	for (; *path != '\0'; path++)
		h = (h ^ (unsigned char)*path) * 16777619U;
	/* The last bytes hardly reach the high bits, which decide. */
	h ^= h >> 15;
	h *= 0x2c1b3c6dU;
	return h ^ (h >> 12);
}

static uint64_t
weight(const struct aipm_entry *e)
{
	return HEADERS + ((e->size + 511) & ~(uint64_t)511);
}

/*
 * Whether a group's border is before e: so likely that a block of entries
 * lies between two borders on the average.
 */
static bool
border(const struct aipm_split *s, const struct aipm_entry *e)
{
	return path_hash(e->path) < (weight(e) << 32) / s->o.block;
}

static bool
is_chunked(const struct aipm_split *s, const struct aipm_entry *e)
{
	return e->type == AIPM_FILE && e->size >= s->o.block / 2;
}

static int
peek(struct aipm_split *s, struct aipm_err *err)
{
	int r;

	if (s->have_next)
		return 1;
	if (s->walked)
		return 0;
	r = aipm_walk_next(s->walk, &s->next, err);
	s->have_next = r == 1;
	s->walked = r == 0;
	if (r != -1 && s->o.reuse != NULL &&
	    aipm_reuse_find(
	        s->o.reuse, r == 1 ? &s->next.entry : NULL, &s->known) == -1)
		return aipm_err_nomem(err);
	return r;
}

static int
grow_files(struct aipm_unit *u)
{
	size_t cap = 2 * u->cap + 8;
	struct aipm_found *v = realloc(u->files, cap * sizeof(*v));
	struct aipm_known *k;

	if (v == NULL)
		return -1;
	u->files = v;
	if ((k = realloc(u->known, cap * sizeof(*k))) == NULL)
		return -1;
	u->known = k;
	u->cap = cap;
	return 0;
}

static int
add_file(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	if (u->nfiles == u->cap && grow_files(u) == -1)
		return aipm_err_nomem(err);
	if (s->o.reuse != NULL)
		aipm_reuse_add(s->o.reuse, u->nfiles);
	u->files[u->nfiles] = s->next;
	u->known[u->nfiles++] = s->known;
	memset(&s->next, 0, sizeof(s->next));
	memset(&s->known, 0, sizeof(s->known));
	s->have_next = false;
	return 0;
}

/*
 * The file f, which says so now.  fd is taken, also on failure; -1: it is to
 * be opened only if it has to be.
 */
static struct aipm_chunked *
chunked_new(int fd, const struct aipm_found *f)
{
	struct shared *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->c.path = strdup(f->entry.path)) == NULL ||
	    (c->found.name = strdup(f->name)) == NULL) {
		if (c != NULL)
			free(c->c.path);
		free(c);
		if (fd != -1)
			(void)close(fd);
		return NULL;
	}
	(void)pthread_mutex_init(&c->lock, NULL);
	atomic_init(&c->refs, 1);
	c->c.size = f->entry.size;
	c->fd = fd;
	c->found.dir = aipm_dir_ref(f->dir);
	c->found.entry = f->entry;
	c->found.entry.path = c->found.entry.link = NULL;
	memset(&c->found.entry.xattrs, 0, sizeof(c->found.entry.xattrs));
	return &c->c;
}

/*
 * Open the file that comes next, to be cut.  The entry takes over what the
 * open file says, which is what will be read.  1; 0 if it is no more a file
 * to be cut: it then goes on as a small one, or is missing; -1.
 */
static int
open_next(struct aipm_split *s, int *fd, struct aipm_err *err)
{
	struct aipm_found *f = &s->next;
	struct stat st;

	if ((*fd = aipm_found_open(f, &st)) == -1) {
		if (aipm_err_too_many_open(err, f->entry.path))
			return -1;
		/* A group's reader opens it again, and says why it cannot. */
		f->entry.size = 0;
		return 0;
	}
	if (!is_as(&f->entry, &st))
		s->unchanged = false;
	(void)aipm_entry_from_stat(&f->entry, &st);
	if (is_chunked(s, &f->entry))
		return 1;
	f->fd = *fd;
	f->pinned = true;
	return 0;
}

/* Put a clone in the place of the file that is being cut, if that can be. */
static void
stage(struct aipm_split *s)
{
	struct shared *f = shared_of(s->file);
	struct stat st;
	int clone;

	if (s->unchanged || s->staged >= aipm_compat_nofile() / 2 ||
	    s->staged_bytes + s->file->size > s->o.stage)
		return;
	clone = aipm_compat_clone_file(aipm_dir_fd(f->found.dir), f->fd);
	if (clone == -1)
		return;
	/* It has to be a clone of what the header tells of. */
	if (fstat(f->fd, &st) == -1 || !is_as(&f->found.entry, &st)) {
		(void)close(clone);
		return;
	}
	(void)close(f->fd);
	f->fd = clone;
	f->staged = true;
	/* It will not be opened again: the descriptor is worth more. */
	aipm_dir_unref(f->found.dir);
	f->found.dir = NULL;
	s->staged++;
	s->staged_bytes += s->file->size;
}

/* Begin to cut the file that comes next; results as of open_next(). */
static int
open_chunked(struct aipm_split *s, struct aipm_err *err)
{
	int r, fd = -1;

	s->at = s->data = s->hole = 0;
	s->unchanged = s->known.unchanged;
	if ((!s->unchanged || s->next.pinned) &&
	    (r = open_next(s, &fd, err)) != 1)
		return r;
	if ((s->file = chunked_new(fd, &s->next)) == NULL)
		return aipm_err_nomem(err);
	if (fd != -1) {
		stage(s);
		aipm_compat_sequential(aipm_chunked_opened(s->file));
	}
	return 1;
}

/* Make sure that data and hole are those at or behind `at`. */
static void
find_data(struct aipm_split *s)
{
	uint64_t size = s->file->size;
	struct stat st;
	int fd;

	if (s->at < s->hole || (s->data >= size && s->hole >= size))
		return;
	fd = aipm_chunked_open(s->file);
	if (fd == -1 || fstat(fd, &st) == -1 ||
	    (uint64_t)st.st_blocks * 512 >= size ||
	    aipm_compat_next_data(fd, s->at, size, &s->data, &s->hole) == -1) {
		s->data = s->at;
		s->hole = size;
	}
}

/* The holes of [from, to) into u. */
static int
find_holes(
    struct aipm_split *s, struct aipm_unit *u, uint64_t from, uint64_t to)
{
	uint64_t size = s->file->size;
	struct aipm_range r;

	for (s->at = from; s->at < to; s->at = s->hole) {
		find_data(s);
		r.offset = s->at;
		r.len = s->data <= s->at
		            ? 0
		            : (s->data < to ? s->data : to) - s->at;
		if ((r.len >= AIPM_HOLE_MIN ||
		        (r.len > 0 && s->data == size)) &&
		    aipm_buf_add(&u->holes, &r, sizeof(r)) == -1)
			return -1;
		if (s->hole >= to || s->data >= to)
			break;
	}
	return 0;
}

/* count blocks of a hole; 0: one chunk.  Where it ends. */
static uint64_t
set_extent(const struct aipm_split *s, struct aipm_unit *u, uint64_t count)
{
	uint64_t left = s->file->size - u->offset;

	u->count = count;
	u->kind = count > 0 ? AIPM_UNIT_ZEROS : AIPM_UNIT_CHUNK;
	u->len = count > 0 || left > s->o.block ? s->o.block : (size_t)left;
	return u->offset + (count > 0 ? count * s->o.block : u->len);
}

/*
 * The next chunk of an unchanged file, as its reference tells of it: where it
 * ends, or 0 if that cannot be right.
 */
static uint64_t
known_chunk(const struct aipm_split *s, struct aipm_unit *u,
    const struct aipm_reuse_chunk *k, struct aipm_err *err)
{
	uint64_t end;

	if ((k->sources.sure == -1 && k->zeros == 0) ||
	    k->zeros > (s->file->size - u->offset) / s->o.block)
		return 0;
	end = set_extent(s, u, k->zeros);
	for (size_t i = 0; i < k->nholes; i++)
		if (k->holes[i].offset < u->offset ||
		    k->holes[i].offset + k->holes[i].len > end)
			return 0;
	if (aipm_buf_add(&u->holes, k->holes, k->nholes * sizeof(*k->holes)) ==
	    -1)
		return (uint64_t)aipm_err_nomem(err);
	return end;
}

static uint64_t
read_chunk(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	uint64_t end;

	find_data(s);
	end = set_extent(
	    s, u, s->data > s->at ? (s->data - s->at) / s->o.block : 0);
	if (u->kind == AIPM_UNIT_CHUNK &&
	    find_holes(s, u, u->offset, end) == -1)
		return (uint64_t)aipm_err_nomem(err);
	return end;
}

static int
next_chunk(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	struct aipm_reuse_chunk k = { .sources = { .sure = -1 } };
	uint64_t end = 0;

	u->chunked = aipm_chunked_ref(s->file);
	u->offset = s->at;
	if (s->o.reuse != NULL)
		aipm_reuse_block(s->o.reuse, s->at / s->o.block, &k);
	if (s->unchanged)
		end = known_chunk(s, u, &k, err);
	if (end == 0) {
		s->unchanged = false;
		k.sources.sure = -1;
		end = read_chunk(s, u, err);
	}
	if (end == UINT64_MAX)
		return -1;
	/* Blocks of a hole have no digest to compare. */
	if (u->kind == AIPM_UNIT_CHUNK)
		u->sources = k.sources;
	s->at = end;
	u->last = end == s->file->size;
	if (u->last) {
		aipm_chunked_unref(s->file);
		s->file = NULL;
	}
	return 1;
}

/* A group, or a file to be cut: what comes next. */
static int
gather(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	uint64_t sum = 0;
	unsigned held = 0;
	int r;

	u->kind = AIPM_UNIT_GROUP;
	u->len = 0;
	while ((r = peek(s, err)) == 1) {
		const struct aipm_entry *e = &s->next.entry;

		if (u->nfiles > 0 &&
		    (is_chunked(s, e) || sum + weight(e) > 2 * s->o.block ||
		        held >= HELD_MAX || border(s, e)))
			return 1;
		if (is_chunked(s, e) && (r = open_chunked(s, err)) != 0) {
			if (r == -1)
				return -1;
			u->kind = AIPM_UNIT_FILE;
			u->chunked = aipm_chunked_ref(s->file);
			return add_file(s, u, err) == -1 ? -1 : 1;
		}
		sum += weight(e);
		u->len = (size_t)sum;
		if (u->nfiles == 0 ||
		    u->files[u->nfiles - 1].dir != s->next.dir)
			held++;
		if (s->next.pinned)
			held++;
		if (add_file(s, u, err) == -1)
			return -1;
	}
	return r == 0 && u->nfiles > 0 ? 1 : r;
}

static int
next_entries(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	int r = gather(s, u, err);

	/* An archive's first member is marked as such, and never another's. */
	if (r == 1 && s->begun && s->o.reuse != NULL)
		aipm_reuse_group(s->o.reuse, u->nfiles, &u->sources);
	return r;
}

int
aipm_split_next(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	int r;

	if (s->ended)
		return 0;
	r = s->file != NULL ? next_chunk(s, u, err) : next_entries(s, u, err);
	if (r == -1)
		return -1;
	if (r == 0) {
		u->kind = AIPM_UNIT_END;
		s->ended = true;
	}
	u->first = !s->begun;
	s->begun = true;
	if (s->nomem)
		return aipm_err_nomem(err);
	u->notes = s->notes;
	memset(&s->notes, 0, sizeof(s->notes));
	return 1;
}

void
aipm_split_close(struct aipm_split *s)
{
	if (s == NULL)
		return;
	aipm_found_free(&s->next);
	aipm_known_free(&s->known);
	aipm_chunked_unref(s->file);
	aipm_notes_clear(&s->notes);
	aipm_walk_close(s->walk);
	free(s);
}
