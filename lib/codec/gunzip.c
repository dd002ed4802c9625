#include "aipm/gunzip.h"

#include "engine.h"

#include "aipm/digest.h"
#include "aipm/num.h"

#include <stdlib.h>
#include <string.h>

/* FLG, RFC 1952, 2.3.1. */
enum { FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16, RESERVED = 0xe0 };

enum part { HEAD, EXTRA_SIZE, EXTRA, NAME, COMMENT, HEAD_CRC, BODY, TAIL };

/*
 * The header and the trailer are read here and only what is between them by
 * an engine: ISA-L's own reading forgets the flags of a header that comes in
 * pieces.
 */
struct aipm_gunzip {
	const struct codec_engine *engine;
	void *stream;
	enum part part; /* where the input is */
	unsigned char flags;
	bool damaged;
	unsigned char field[10]; /* a part of fixed size */
	size_t have; /* of it */
	size_t skip; /* left of EXTRA */
	uint32_t crc; /* of the header, then of the plain bytes */
	uint32_t size; /* plain, modulo 2^32 */
};

static const struct codec_engine *
streamer(void)
{
	const struct codec_engine *e;
	size_t i = 0;

	/* zlib is the last, and has it. */
	while ((e = codec_engine_at(i))->stream == NULL)
		i++;
	return e;
}

int
aipm_gunzip_open(struct aipm_gunzip **out, struct aipm_err *err)
{
	struct aipm_gunzip *g = calloc(1, sizeof(*g));

	*out = NULL;
	if (g == NULL)
		return aipm_err_nomem(err);
	g->engine = streamer();
	g->stream = g->engine->stream->open();
	if (g->stream == NULL) {
		aipm_gunzip_close(g);
		return aipm_err_nomem(err);
	}
	*out = g;
	return 0;
}

static void
take(struct aipm_gunzip_io *io, size_t n)
{
	io->in += n;
	io->in_left -= n;
}

/* Whether the field of n bytes is whole by now. */
static bool
gather(struct aipm_gunzip *g, struct aipm_gunzip_io *io, size_t n)
{
	size_t k = n - g->have < io->in_left ? n - g->have : io->in_left;

	if (k > 0)
		memcpy(g->field + g->have, io->in, k);
	g->have += k;
	take(io, k);
	if (g->have < n)
		return false;
	g->have = 0;
	return true;
}

/* The same, of a field that the header's CRC covers. */
static bool
gather_head(struct aipm_gunzip *g, struct aipm_gunzip_io *io, size_t n)
{
	if (!gather(g, io, n))
		return false;
	g->crc = aipm_crc32(g->crc, g->field, n);
	return true;
}

static void
skip(struct aipm_gunzip *g, struct aipm_gunzip_io *io, size_t n)
{
	g->crc = aipm_crc32(g->crc, io->in, n);
	take(io, n);
}

static bool
read_head(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	if (!gather_head(g, io, 10))
		return false;
	g->flags = g->field[3];
	if (g->field[0] != 0x1f || g->field[1] != 0x8b || g->field[2] != 8 ||
	    (g->flags & RESERVED) != 0)
		g->damaged = true;
	return true;
}

static bool
read_extra_size(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	if (!gather_head(g, io, 2))
		return false;
	g->skip = aipm_get_u16(g->field);
	return true;
}

static bool
read_extra(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	size_t n = g->skip < io->in_left ? g->skip : io->in_left;

	skip(g, io, n);
	g->skip -= n;
	return g->skip == 0;
}

/* A name or a comment: to its NUL. */
static bool
read_string(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	const unsigned char *nul = memchr(io->in, 0, io->in_left);

	skip(g, io, nul == NULL ? io->in_left : (size_t)(nul - io->in) + 1);
	return nul != NULL;
}

static bool
read_head_crc(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	if (!gather(g, io, 2))
		return false;
	if (aipm_get_u16(g->field) != (g->crc & 0xffff))
		g->damaged = true;
	return true;
}

/* The parts of a header: the flag that says it is there, and who reads it.
 * False: there must be more input. */
static const struct {
	unsigned char flag;
	bool (*read)(struct aipm_gunzip *g, struct aipm_gunzip_io *io);
} parts[] = {
	[HEAD] = { 0, read_head },
	[EXTRA_SIZE] = { FEXTRA, read_extra_size },
	[EXTRA] = { FEXTRA, read_extra },
	[NAME] = { FNAME, read_string },
	[COMMENT] = { FCOMMENT, read_string },
	[HEAD_CRC] = { FHCRC, read_head_crc },
};

static enum aipm_gunzip_status
step_head(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	while (g->part < BODY) {
		bool there = g->part == HEAD ||
		             (g->flags & parts[g->part].flag) != 0;

		if (there && (io->in_left == 0 || !parts[g->part].read(g, io)))
			return AIPM_GUNZIP_MORE;
		if (g->damaged)
			return AIPM_GUNZIP_DAMAGED;
		g->part++;
	}
	g->crc = g->size = 0;
	g->engine->stream->reset(g->stream);
	return AIPM_GUNZIP_END;
}

static enum aipm_gunzip_status
step_body(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	struct aipm_gunzip_io was = *io;
	enum aipm_gunzip_status r = g->engine->stream->step(g->stream, io);
	size_t given = was.out_left - io->out_left;

	g->crc = aipm_crc32(g->crc, was.out, given);
	g->size += (uint32_t)given;
	if (r == AIPM_GUNZIP_END)
		g->part = TAIL;
	/* It would stand still for ever. */
	if (r == AIPM_GUNZIP_MORE && given == 0 && was.in_left != 0 &&
	    was.out_left != 0 && io->in_left == was.in_left)
		return AIPM_GUNZIP_DAMAGED;
	return r;
}

static enum aipm_gunzip_status
step_tail(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	if (!gather(g, io, 8))
		return AIPM_GUNZIP_MORE;
	if (aipm_get_u32(g->field) != g->crc ||
	    aipm_get_u32(g->field + 4) != g->size)
		return AIPM_GUNZIP_DAMAGED;
	g->crc = 0;
	g->part = HEAD;
	return AIPM_GUNZIP_END;
}

enum aipm_gunzip_status
aipm_gunzip_step(struct aipm_gunzip *g, struct aipm_gunzip_io *io)
{
	enum aipm_gunzip_status r = AIPM_GUNZIP_END;

	if (g->damaged)
		return AIPM_GUNZIP_DAMAGED;
	if (g->part < BODY)
		r = step_head(g, io);
	if (g->part == BODY)
		r = step_body(g, io);
	if (g->part == TAIL && r == AIPM_GUNZIP_END)
		r = step_tail(g, io);
	g->damaged = r == AIPM_GUNZIP_DAMAGED;
	return r;
}

void
aipm_gunzip_close(struct aipm_gunzip *g)
{
	if (g == NULL)
		return;
	if (g->stream != NULL)
		g->engine->stream->close(g->stream);
	free(g);
}
