#include "aipm/unpack.h"

#include "aipm/compat.h"
#include "aipm/extract.h"
#include "aipm/reader.h"
#include "aipm/select.h"
#include "aipm/stage.h"

#include <inttypes.h>

struct unpack {
	const struct aipm_unpack_options *o;
	const char *name;
	struct aipm_select *select; /* NULL: everything */
	struct aipm_reader *reader;
	struct aipm_stage *stage; /* these two are NULL with o->test */
	struct aipm_extract *extract;
	struct aipm_scout *scout; /* NULL with o->salvage too */
	struct aipm_reader_place place; /* what they make ahead */
	uint64_t entries;
	bool damaged; /* met, and passed over: salvage */
};

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
	struct aipm_reader_options o = { .select = u->select,
		.salvage = u->o->salvage,
		.workers = u->o->workers,
		.place = u->extract == NULL ? NULL : &u->place,
		.warn = { note_damage, u },
		.cancel = u->o->cancel };

	return aipm_reader_open(&u->reader, fd, u->name, &o, err);
}

/* Files are made and filled by the threads that read them. */

static void *
place_find(void *ctx, const struct aipm_entry *e)
{
	struct unpack *u = ctx;

	return u->scout == NULL ? NULL : aipm_scout_find(u->scout, e);
}

static bool
place_make(void *ctx, void *spot, const struct aipm_entry *e, const void *p,
    const struct aipm_range *holes, size_t nholes)
{
	(void)ctx;
	return aipm_spot_make(spot, e, p, holes, nholes);
}

static void
place_leave(void *ctx, void *spot)
{
	(void)ctx;
	aipm_spot_free(spot);
}

static void *
place_begin(void *ctx, const struct aipm_entry *e)
{
	struct unpack *u = ctx;

	return aipm_ahead_open(u->extract, e);
}

static int
place_put(void *ctx, void *file, const struct aipm_piece *p, bool wait,
    struct aipm_err *err)
{
	(void)ctx;
	return aipm_ahead_write(
	    file, p->offset, p->p, p->len, p->holes, p->nholes, wait, err);
}

static void
place_drop(void *ctx, void *file)
{
	(void)ctx;
	aipm_ahead_drop(file);
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
	if (aipm_extract_open(&u->extract, aipm_stage_fd(u->stage), &o, err) ==
	    -1)
		return -1;
	u->place = (struct aipm_reader_place){ .find = place_find,
		.make = place_make,
		.leave = place_leave,
		.begin = place_begin,
		.put = place_put,
		.drop = place_drop,
		.ctx = u };
	/* What is damaged must not leave directories that nothing tells of. */
	return u->o->salvage ? 0 : aipm_scout_open(&u->scout, u->extract, err);
}

/* What can be refused before any of it is made. */
static int
check_entry(struct unpack *u, const struct aipm_entry *e, struct aipm_err *err)
{
	if (aipm_extract_check(e, err) == -1)
		return -1;
	if (u->stage == NULL)
		return 0;
	if (e->type == AIPM_HARDLINK && !aipm_select_has(u->select, e->link))
		return aipm_err_file(err, AIPM_FAILED, e->path,
		    "is a hard link to a file that is not selected: name "
		    "that one too");
	return aipm_stage_check(u->stage, e->path, err);
}

/* The entry's content, of which the first piece has been asked for. */
static int
copy_content(
    struct unpack *u, struct aipm_piece *p, int r, struct aipm_err *err)
{
	for (; r == 1; r = aipm_reader_data(u->reader, p, err)) {
		if (aipm_cancel_check(&u->o->cancel, err) == -1)
			return -1;
		if (u->extract != NULL &&
		    aipm_extract_write(u->extract, p->offset, p->p, p->len,
		        p->holes, p->nholes, err) == -1)
			return -1;
	}
	return r;
}

static int
make_entry(struct unpack *u, const struct aipm_entry *e, struct aipm_err *err)
{
	struct aipm_ahead *ahead;
	struct aipm_piece p;
	int r;

	if (check_entry(u, e, err) == -1)
		return -1;
	if (aipm_reader_made(u->reader))
		return 0;
	if ((r = aipm_reader_data(u->reader, &p, err)) == -1)
		return -1;
	if (r == 0 && (ahead = aipm_reader_take(u->reader)) != NULL)
		return aipm_extract_adopt(u->extract, e, ahead, err);
	if (u->extract != NULL && aipm_extract_begin(u->extract, e, err) == -1)
		return -1;
	if (copy_content(u, &p, r, err) == -1)
		return -1;
	if (u->extract != NULL && aipm_extract_end(u->extract, err) == -1)
		return -1;
	return 0;
}

/* One entry; with salvage one that is refused is a loss and no more. */
static int
unpack_entry(struct unpack *u, const struct aipm_entry *e, struct aipm_err *err)
{
	bool chosen = aipm_select_has(u->select, e->path);

	if (!chosen && e->type != AIPM_DIR)
		return 0;
	aipm_select_meet(u->select, e->path);
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
	const char *path = aipm_select_unmet(u->select);

	if (path != NULL)
		return aipm_err_file(err, AIPM_NOMATCH, path,
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

	if (aipm_reader_incomplete(u->reader))
		aipm_warn(&u->o->warn, u->name,
		    "is a partial backup: files were missing or not sound "
		    "when it was made");
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

	aipm_compat_raise_nofile();
	aipm_compat_keep_blocks_apart();
	if (aipm_select_new(&u.select, o->paths, o->npaths, err) == 0 &&
	    open_stage(&u, err) == 0 && open_reader(&u, fd, err) == 0 &&
	    unpack_all(&u, err) == 0 && check_wishes(&u, err) == 0)
		r = publish(&u, err);
	/* Its threads still write. */
	aipm_reader_close(u.reader);
	aipm_scout_close(u.scout);
	(void)aipm_extract_close(u.extract, &ignored);
	aipm_stage_close(u.stage);
	aipm_select_free(u.select);
	return r;
}
