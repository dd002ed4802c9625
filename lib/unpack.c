#include "aipm/unpack.h"

#include "aipm/extract.h"
#include "aipm/reader.h"
#include "aipm/stage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is wanted: a path of the user's without "./" and last slashes. */
struct wish {
	const char *path;
	size_t len;
	bool met;
};

struct unpack {
	const struct aipm_unpack_options *o;
	const char *name;
	struct wish *wishes; /* o->npaths of them */
	struct aipm_reader *reader;
	struct aipm_stage *stage; /* these two are NULL with o->test */
	struct aipm_extract *extract;
	uint64_t entries;
	bool damaged; /* met, and passed over: salvage */
};

/* The length of path without slashes at its end; *path loses its "./". */
static size_t
trim(const char **path)
{
	size_t n;

	while ((*path)[0] == '.' && (*path)[1] == '/') {
		++*path;
		while (**path == '/')
			++*path;
	}
	n = strlen(*path);
	while (n > 0 && (*path)[n - 1] == '/')
		n--;
	return n;
}

static int
take_wishes(struct unpack *u, struct aipm_err *err)
{
	u->wishes = calloc(u->o->npaths + 1, sizeof(*u->wishes));
	if (u->wishes == NULL)
		return aipm_err_nomem(err);
	for (size_t i = 0; i < u->o->npaths; i++) {
		u->wishes[i].path = u->o->paths[i];
		u->wishes[i].len = trim(&u->wishes[i].path);
	}
	return 0;
}

/* Whether path is or lies below top, a string of len bytes. */
static bool
below(const char *path, const char *top, size_t len)
{
	return strncmp(path, top, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

static bool
selected(const struct unpack *u, const char *path)
{
	for (size_t i = 0; i < u->o->npaths; i++)
		if (below(path, u->wishes[i].path, u->wishes[i].len))
			return true;
	return u->o->npaths == 0;
}

static void
mark_met(struct unpack *u, const char *path)
{
	for (size_t i = 0; i < u->o->npaths; i++)
		if (below(path, u->wishes[i].path, u->wishes[i].len))
			u->wishes[i].met = true;
}

/* The reader's question: directories on the way to what is selected too. */
static bool
wanted(void *ctx, const char *path)
{
	const struct unpack *u = ctx;
	size_t n = strlen(path);

	for (size_t i = 0; i < u->o->npaths; i++) {
		const struct wish *w = &u->wishes[i];

		if (below(path, w->path, w->len) ||
		    (n < w->len && strncmp(w->path, path, n) == 0 &&
		        w->path[n] == '/'))
			return true;
	}
	return false;
}

/* With salvage the reader says each loss as a warning. */
static void
note_damage(void *ctx, const char *path, const char *text)
{
	struct unpack *u = ctx;

	u->damaged = true;
	aipm_warn(&u->o->warn, path, text);
}

static int
open_reader(struct unpack *u, int fd, struct aipm_err *err)
{
	struct aipm_reader_options o = { .salvage = u->o->salvage,
		.warn = { note_damage, u },
		.cancel = u->o->cancel };

	if (u->o->npaths > 0) {
		o.wanted = wanted;
		o.wanted_ctx = u;
	}
	return aipm_reader_open(&u->reader, fd, u->name, &o, err);
}

static int
open_stage(struct unpack *u, struct aipm_err *err)
{
	struct aipm_extract_options o = { .owner = u->o->owner,
		.special = u->o->special,
		.sparse = u->o->sparse,
		.warn = u->o->warn };

	if (u->o->test)
		return 0;
	if (aipm_stage_open(
	        &u->stage, u->o->dir, u->o->overwrite, &u->o->warn, err) == -1)
		return -1;
	return aipm_extract_open(&u->extract, aipm_stage_fd(u->stage), &o, err);
}

/* What can be refused before any of it is made. */
static int
check_entry(struct unpack *u, const struct aipm_entry *e, struct aipm_err *err)
{
	if (aipm_extract_check(e, err) == -1)
		return -1;
	if (u->stage == NULL)
		return 0;
	if (e->type == AIPM_HARDLINK && !selected(u, e->link))
		return aipm_err_file(err, AIPM_FAILED, e->path,
		    "is a hard link to a file that is not selected: name "
		    "that one too");
	return aipm_stage_check(u->stage, e->path, err);
}

static int
copy_content(struct unpack *u, struct aipm_err *err)
{
	struct aipm_piece p;
	int r;

	while ((r = aipm_reader_data(u->reader, &p, err)) == 1) {
		if (aipm_cancel_check(&u->o->cancel, err) == -1)
			return -1;
		if (u->extract != NULL &&
		    aipm_extract_write(u->extract, p.offset, p.p, p.len,
		        p.holes, p.nholes, err) == -1)
			return -1;
	}
	return r;
}

static int
make_entry(struct unpack *u, const struct aipm_entry *e, struct aipm_err *err)
{
	if (check_entry(u, e, err) == -1)
		return -1;
	if (u->extract != NULL && aipm_extract_begin(u->extract, e, err) == -1)
		return -1;
	if (copy_content(u, err) == -1)
		return -1;
	if (u->extract != NULL && aipm_extract_end(u->extract, err) == -1)
		return -1;
	return 0;
}

/* One entry; with salvage one that is refused is a loss and no more. */
static int
unpack_entry(struct unpack *u, const struct aipm_entry *e, struct aipm_err *err)
{
	bool chosen = selected(u, e->path);

	if (!chosen && e->type != AIPM_DIR)
		return 0;
	mark_met(u, e->path);
	if (make_entry(u, e, err) == -1) {
		if (!u->o->salvage || err->cls != AIPM_DAMAGED)
			return -1;
		note_damage(u, NULL, err->text);
		return 0;
	}
	if (!chosen)
		return 0;
	u->entries++;
	return u->o->visit == NULL ? 0 : u->o->visit(u->o->visit_ctx, e, err);
}

static int
unpack_all(struct unpack *u, struct aipm_err *err)
{
	const struct aipm_entry *e;
	int r;

	while ((r = aipm_reader_next(u->reader, &e, err)) == 1)
		if (aipm_cancel_check(&u->o->cancel, err) == -1 ||
		    unpack_entry(u, e, err) == -1)
			return -1;
	return r;
}

static int
check_wishes(const struct unpack *u, struct aipm_err *err)
{
	for (size_t i = 0; i < u->o->npaths; i++)
		if (!u->wishes[i].met)
			return aipm_err_file(err, AIPM_NOMATCH, u->o->paths[i],
			    "is not in the archive (aipm-ls shows what is)");
	if (u->entries > 0)
		return 0;
	return aipm_err_file(err, u->damaged ? AIPM_DAMAGED : AIPM_NOMATCH,
	    u->name, "no entries in it: nothing to unpack");
}

/* Everything has been read: leave the directories, put all in place. */
static int
publish(struct unpack *u, struct aipm_err *err)
{
	struct aipm_extract *x = u->extract;

	u->extract = NULL;
	if (aipm_extract_close(x, err) == -1)
		return -1;
	if (u->o->visit != NULL &&
	    u->o->visit(u->o->visit_ctx, NULL, err) == -1)
		return -1;
	if (aipm_cancel_check(&u->o->cancel, err) == -1)
		return -1;
	if (u->stage != NULL && aipm_stage_publish(u->stage, err) == -1)
		return -1;
	if (!u->damaged)
		return 0;
	return aipm_err_file(err, AIPM_DAMAGED, u->name,
	    u->stage == NULL ? "is damaged: the messages above say where"
	                     : "is damaged: what is sound of it is unpacked, "
	                       "what is missing is said above");
}

int
aipm_unpack(int fd, const char *name, const struct aipm_unpack_options *o,
    struct aipm_err *err)
{
	struct unpack u = { .o = o, .name = name };
	struct aipm_err ignored;
	int r = -1;

	if (take_wishes(&u, err) == 0 && open_reader(&u, fd, err) == 0 &&
	    open_stage(&u, err) == 0 && unpack_all(&u, err) == 0 &&
	    check_wishes(&u, err) == 0)
		r = publish(&u, err);
	(void)aipm_extract_close(u.extract, &ignored);
	aipm_stage_close(u.stage);
	aipm_reader_close(u.reader);
	free(u.wishes);
	return r;
}
