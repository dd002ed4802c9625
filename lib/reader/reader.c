#include "aipm/reader.h"

#include "engine.h"

#include <stdlib.h>
#include <unistd.h>

struct aipm_reader {
	struct serial *serial; /* one of the two */
	struct indexed *indexed;
};

/* 1: read along the index, 0: serially, -1. */
static int
choose(int fd, const char *name, const struct aipm_reader_options *o,
    struct aipm_footer *f, struct aipm_err *err)
{
	int r;

	if (lseek(fd, 0, SEEK_CUR) != 0)
		return 0;
	r = aipm_footer_read(f, fd, name, err);
	if (r == 1 && f->thin)
		return aipm_err_file(err, AIPM_DAMAGED, name,
		    "is a thin archive: not whole by itself");
	if (!o->salvage)
		return r;
	if (r == -1 && err->cls != AIPM_DAMAGED)
		return -1;
	/* Only an index that is sound is trusted to say where things are. */
	if (r == 1 && aipm_index_verify(fd, f, name, err) == 0)
		return 1;
	if (r != 0)
		aipm_warn(&o->warn, NULL,
		    "the index is lost: reading from the front up to the "
		    "first damage");
	return 0;
}

int
aipm_reader_open(struct aipm_reader **out, int fd, const char *name,
    const struct aipm_reader_options *o, struct aipm_err *err)
{
	struct aipm_reader *r;
	struct aipm_footer f;
	int way = choose(fd, name, o, &f, err);

	*out = NULL;
	if (way == -1)
		return -1;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return aipm_err_nomem(err);
	if (way == 1)
		way = indexed_open(&r->indexed, fd, name, &f, o, err);
	else
		way = serial_open(&r->serial, fd, name, o, err);
	if (way == -1) {
		free(r);
		return -1;
	}
	*out = r;
	return 0;
}

int
aipm_reader_next(
    struct aipm_reader *r, const struct aipm_entry **e, struct aipm_err *err)
{
	return r->indexed != NULL ? indexed_next(r->indexed, e, err)
	                          : serial_next(r->serial, e, err);
}

int
aipm_reader_data(
    struct aipm_reader *r, struct aipm_piece *piece, struct aipm_err *err)
{
	return r->indexed != NULL ? indexed_data(r->indexed, piece, err)
	                          : serial_data(r->serial, piece, err);
}

void *
aipm_reader_take(struct aipm_reader *r)
{
	return r->indexed != NULL ? indexed_take(r->indexed) : NULL;
}

bool
aipm_reader_made(const struct aipm_reader *r)
{
	return r->indexed != NULL && indexed_made(r->indexed);
}

bool
aipm_reader_incomplete(const struct aipm_reader *r)
{
	return r->indexed != NULL ? indexed_incomplete(r->indexed)
	                          : serial_incomplete(r->serial);
}

void
aipm_reader_close(struct aipm_reader *r)
{
	if (r == NULL)
		return;
	indexed_close(r->indexed);
	serial_close(r->serial);
	free(r);
}
