#include "engine.h"

#include <stdlib.h>

#include <isa-l.h>

/* "2.30" out of the header's numbers. */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define VERSION TEXT(ISAL_MAJOR_VERSION) "." TEXT(ISAL_MINOR_VERSION)

struct deflater {
	struct isal_zstream z;
	int level;
	uint32_t room; /* what level_buf has */
	unsigned char level_buf[];
};

static uint32_t
level_room(int level)
{
	return level == 1   ? ISAL_DEF_LVL1_DEFAULT
	       : level == 2 ? ISAL_DEF_LVL2_DEFAULT
	                    : ISAL_DEF_LVL3_DEFAULT;
}

static void *
deflate_open(int level)
{
	struct deflater *d = calloc(1, sizeof(*d) + level_room(level));

	if (d != NULL) {
		d->level = level;
		d->room = level_room(level);
	}
	return d;
}

/*
 * The stateless call makes one stream that ends with its input, of any
 * number of blocks; 256 KiB of zeros take 273 bytes at every level, where
 * isal_deflate() takes 902 at level 3.
 */
static size_t
deflate_whole(void *of, void *dst, size_t room, const void *p, size_t n)
{
	struct deflater *d = of;

	if (n > UINT32_MAX / 2)
		return 0;
	isal_deflate_stateless_init(&d->z);
	/* 2.30 does not set it: what lay there would decide the stream. */
	d->z.hist_bits = ISAL_DEF_MAX_HIST_BITS;
	d->z.level = (uint32_t)d->level;
	d->z.level_buf = d->level_buf;
	d->z.level_buf_size = d->room;
	d->z.end_of_stream = 1;
	d->z.flush = NO_FLUSH;
	d->z.next_in = (uint8_t *)(uintptr_t)p;
	d->z.avail_in = (uint32_t)n;
	d->z.next_out = dst;
	d->z.avail_out = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
	return isal_deflate_stateless(&d->z) == COMP_OK ? d->z.total_out : 0;
}

static void *
inflate_open(void)
{
	struct inflate_state *s = malloc(sizeof(*s));

	if (s != NULL)
		isal_inflate_init(s);
	return s;
}

static bool
inflate_whole(void *i, void *dst, size_t n, const void *src, size_t len)
{
	struct inflate_state *s = i;

	if (n > UINT32_MAX || len > UINT32_MAX)
		return false;
	/* A stream that failed leaves bytes for the next call to write. */
	isal_inflate_reset(s);
	s->next_in = (uint8_t *)(uintptr_t)src;
	s->avail_in = (uint32_t)len;
	s->next_out = dst;
	s->avail_out = (uint32_t)n;
	return isal_inflate_stateless(s) == ISAL_DECOMP_OK &&
	       s->avail_in == 0 && s->avail_out == 0;
}

static void
stream_reset(void *s)
{
	isal_inflate_reset(s);
}

/*
 * It loads eight bytes ahead.  What it did not use goes back: at the end it
 * belongs to what follows, and while the output is full that end may lie in
 * bytes that it has loaded already, which the next call, with other input,
 * could not give back any more.  (Where it wants input, the bits that it
 * holds are the beginning of a symbol, and part of the stream for sure.)
 * 2.32 gives back by itself when all is done, and then holds nothing.
 */
static void
give_back(struct inflate_state *s, uint32_t taken)
{
	uint32_t n = s->read_in_length < 0 ? 0
	                                   : (uint32_t)s->read_in_length / 8;

	if (s->block_state != ISAL_BLOCK_INPUT_DONE &&
	    s->block_state != ISAL_BLOCK_FINISH &&
	    (s->avail_out != 0 || s->tmp_in_size != 0))
		return;
	if (n > taken)
		n = taken;
	s->next_in -= n;
	s->avail_in += n;
	s->read_in_length -= (int32_t)(8 * n);
	if (n > 0)
		s->read_in &= ((uint64_t)1 << s->read_in_length) - 1;
}

static enum aipm_gunzip_status
stream_step(void *of, struct aipm_gunzip_io *io)
{
	struct inflate_state *s = of;
	uint32_t in = io->in_left < INT32_MAX ? (uint32_t)io->in_left
	                                      : INT32_MAX;
	uint32_t out = io->out_left < INT32_MAX ? (uint32_t)io->out_left
	                                        : INT32_MAX;
	int r;

	s->next_in = (uint8_t *)(uintptr_t)io->in;
	s->avail_in = in;
	s->next_out = io->out;
	s->avail_out = out;
	r = isal_inflate(s);
	/* More came back than was given: it would be lost. */
	if (r != ISAL_DECOMP_OK || s->avail_in > in)
		return AIPM_GUNZIP_DAMAGED;
	give_back(s, in - s->avail_in);
	io->in += in - s->avail_in;
	io->in_left -= in - s->avail_in;
	io->out += out - s->avail_out;
	io->out_left -= out - s->avail_out;
	return s->block_state == ISAL_BLOCK_FINISH ? AIPM_GUNZIP_END
	                                           : AIPM_GUNZIP_MORE;
}

static uint32_t
crc(uint32_t sum, const void *p, size_t n)
{
	return crc32_gzip_refl(sum, p, n);
}

static const struct codec_stream stream = {
	.open = inflate_open,
	.reset = stream_reset,
	.step = stream_step,
	.close = free,
};

const struct codec_engine codec_isal = {
	.name = "ISA-L",
	.version = VERSION,
	.level_max = 3,
	.vectors = true,
	.deflate_open = deflate_open,
	.deflate = deflate_whole,
	.deflate_close = free,
	.inflate_open = inflate_open,
	.inflate = inflate_whole,
	.inflate_close = free,
	.stream = &stream,
	.crc32 = crc,
};
