#include "aipm/split.h"

#include "aipm/compat.h"

#include <errno.h>
#include <fcntl.h>
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
};

struct aipm_split {
	struct aipm_split_options o;
	struct aipm_walk *walk;
	struct aipm_notes notes; /* for the next unit */
	bool nomem; /* a note was lost */
	struct aipm_found next; /* begins the next unit */
	bool have_next;
	struct aipm_chunked *file; /* being cut, or NULL */
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

struct aipm_chunked *
aipm_chunked_ref(struct aipm_chunked *c)
{
	atomic_fetch_add(&((struct shared *)(void *)c)->refs, 1);
	return c;
}

void
aipm_chunked_unref(struct aipm_chunked *c)
{
	if (c == NULL ||
	    atomic_fetch_sub(&((struct shared *)(void *)c)->refs, 1) != 1)
		return;
	(void)close(c->fd);
	free(c->path);
	free(c);
}

void
aipm_unit_clear(struct aipm_unit *u)
{
	for (size_t i = 0; i < u->nfiles; i++)
		aipm_found_free(&u->files[i]);
	u->nfiles = 0;
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
	u->files = NULL;
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
		.left_out = note_left_out };

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
	r = aipm_walk_next(s->walk, &s->next, err);
	s->have_next = r == 1;
	return r;
}

static int
add_file(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	if (u->nfiles == u->cap) {
		size_t cap = 2 * u->cap + 8;
		struct aipm_found *v = realloc(u->files, cap * sizeof(*v));

		if (v == NULL)
			return aipm_err_nomem(err);
		u->files = v;
		u->cap = cap;
	}
	u->files[u->nfiles++] = s->next;
	memset(&s->next, 0, sizeof(s->next));
	s->have_next = false;
	return 0;
}

static struct aipm_chunked *
chunked_new(int fd, const struct stat *st, const char *path)
{
	struct shared *f = calloc(1, sizeof(*f));

	if (f == NULL || (f->c.path = strdup(path)) == NULL) {
		free(f);
		(void)close(fd);
		return NULL;
	}
	f->c.fd = fd;
	f->c.st = *st;
	atomic_init(&f->refs, 1);
	return &f->c;
}

/*
 * Open the file that comes next, to be cut.  The entry takes over what the
 * open file says, which is what will be read.  1; 0 if it is no more a file
 * to be cut: it then goes on as a small one, or is missing; -1.
 */
static int
open_chunked(struct aipm_split *s, struct aipm_err *err)
{
	struct aipm_found *f = &s->next;
	struct stat st;
	int fd = aipm_found_open(f, &st);

	if (fd == -1) {
		if (aipm_err_too_many_open(err, f->entry.path))
			return -1;
		/* A group's reader opens it again, and says why it cannot. */
		f->entry.size = 0;
		return 0;
	}
	(void)aipm_entry_from_stat(&f->entry, &st);
	if (!is_chunked(s, &f->entry)) {
		f->fd = fd;
		f->pinned = true;
		return 0;
	}
	if ((s->file = chunked_new(fd, &st, f->entry.path)) == NULL)
		return aipm_err_nomem(err);
	aipm_compat_sequential(fd);
	s->at = s->data = s->hole = 0;
	return 1;
}

/* Make sure that data and hole are those at or behind `at`. */
static void
find_data(struct aipm_split *s)
{
	uint64_t size = (uint64_t)s->file->st.st_size;

	if (s->at < s->hole || (s->data >= size && s->hole >= size))
		return;
	if ((uint64_t)s->file->st.st_blocks * 512 >= size ||
	    aipm_compat_next_data(
	        s->file->fd, s->at, size, &s->data, &s->hole) == -1) {
		s->data = s->at;
		s->hole = size;
	}
}

/* The holes of [from, to) into u. */
static int
find_holes(
    struct aipm_split *s, struct aipm_unit *u, uint64_t from, uint64_t to)
{
	uint64_t size = (uint64_t)s->file->st.st_size;
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

static int
next_chunk(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
{
	uint64_t size = (uint64_t)s->file->st.st_size, at = s->at, end;

	find_data(s);
	u->chunked = aipm_chunked_ref(s->file);
	u->offset = at;
	u->count = s->data > at ? (s->data - at) / s->o.block : 0;
	if (u->count > 0) {
		u->kind = AIPM_UNIT_ZEROS;
		u->len = s->o.block;
		end = at + u->count * s->o.block;
	} else {
		u->kind = AIPM_UNIT_CHUNK;
		end = size - at < s->o.block ? size : at + s->o.block;
		u->len = (size_t)(end - at);
		if (find_holes(s, u, at, end) == -1)
			return aipm_err_nomem(err);
	}
	s->at = end;
	u->last = end == size;
	if (u->last) {
		aipm_chunked_unref(s->file);
		s->file = NULL;
	}
	return 1;
}

/* A group, or a file to be cut: what comes next. */
static int
next_entries(struct aipm_split *s, struct aipm_unit *u, struct aipm_err *err)
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
	aipm_chunked_unref(s->file);
	aipm_notes_clear(&s->notes);
	aipm_walk_close(s->walk);
	free(s);
}
