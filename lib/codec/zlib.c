#include "engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* No header and no trailer around the stream. */
enum { RAW = -MAX_WBITS, MEMORY = 9 };

struct deflater {
	z_stream z;
	int level;
};

static void *
deflate_open(int level)
{
	struct deflater *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->level = level;
	if (deflateInit2(&d->z, level, Z_DEFLATED, RAW, MEMORY,
	        Z_DEFAULT_STRATEGY) != Z_OK) {
		free(d);
		return NULL;
	}
	return d;
}

static Bytef *
input(const void *p)
{
	return (Bytef *)(uintptr_t)p;
}

/*
 * At the low levels zlib makes four times as much of a block of zeros as at
 * 6, and a sparse file has millions of them; looking for runs only is small
 * and fast at all levels.
 */
static int
strategy(const unsigned char *p, size_t n)
{
	return n > 1 && memcmp(p, p + 1, n - 1) == 0 ? Z_RLE
	                                             : Z_DEFAULT_STRATEGY;
}

static size_t
deflate_whole(void *of, void *dst, size_t room, const void *p, size_t n)
{
	struct deflater *d = of;
	z_stream *z = &d->z;

	if (n > UINT_MAX)
		return 0;
	if (room > UINT_MAX)
		room = UINT_MAX;
	if (deflateReset(z) != Z_OK ||
	    deflateParams(z, d->level, strategy(p, n)) != Z_OK)
		return 0;
	z->next_in = input(p);
	z->avail_in = (uInt)n;
	z->next_out = dst;
	z->avail_out = (uInt)room;
	return deflate(z, Z_FINISH) == Z_STREAM_END ? room - z->avail_out : 0;
}

static void
deflate_close(void *of)
{
	struct deflater *d = of;

	(void)deflateEnd(&d->z);
	free(d);
}

static void *
inflate_open(void)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (z != NULL && inflateInit2(z, RAW) != Z_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static bool
inflate_whole(void *i, void *dst, size_t n, const void *src, size_t len)
{
	z_stream *z = i;
	unsigned char none = 0;

	if (n > UINT_MAX || len > UINT_MAX || inflateReset(z) != Z_OK)
		return false;
	z->next_in = input(src);
	z->avail_in = (uInt)len;
	z->next_out = n == 0 ? &none : dst;
	z->avail_out = (uInt)n;
	return inflate(z, Z_FINISH) == Z_STREAM_END && z->avail_in == 0 &&
	       z->avail_out == 0;
}

static void
inflate_close(void *i)
{
	(void)inflateEnd(i);
	free(i);
}

static void
stream_reset(void *s)
{
	(void)inflateReset(s);
}

static enum aipm_gunzip_status
stream_step(void *s, struct aipm_gunzip_io *io)
{
	z_stream *z = s;
	size_t in = io->in_left < UINT_MAX ? io->in_left : UINT_MAX;
	size_t out = io->out_left < UINT_MAX ? io->out_left : UINT_MAX;
	int r;

	z->next_in = input(io->in);
	z->avail_in = (uInt)in;
	z->next_out = io->out;
	z->avail_out = (uInt)out;
	r = inflate(z, Z_NO_FLUSH);
	io->in += in - z->avail_in;
	io->in_left -= in - z->avail_in;
	io->out += out - z->avail_out;
	io->out_left -= out - z->avail_out;
	if (r == Z_STREAM_END)
		return AIPM_GUNZIP_END;
	if (r == Z_MEM_ERROR)
		return AIPM_GUNZIP_NOMEM;
	return r == Z_OK || r == Z_BUF_ERROR ? AIPM_GUNZIP_MORE
	                                     : AIPM_GUNZIP_DAMAGED;
}

static uint32_t
crc(uint32_t sum, const void *p, size_t n)
{
	return (uint32_t)crc32_z(sum, p, n);
}

static const struct codec_stream stream = {
	.open = inflate_open,
	.reset = stream_reset,
	.step = stream_step,
	.close = inflate_close,
};

const struct codec_engine codec_zlib = {
	.name = "zlib",
	.version = ZLIB_VERSION,
	.level_max = 9,
	.deflate_open = deflate_open,
	.deflate = deflate_whole,
	.deflate_close = deflate_close,
	.inflate_open = inflate_open,
	.inflate = inflate_whole,
	.inflate_close = inflate_close,
	.stream = &stream,
	.crc32 = crc,
};
