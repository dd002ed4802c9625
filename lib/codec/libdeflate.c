#include "engine.h"

#include <libdeflate.h>

static void *
deflate_open(int level)
{
	return libdeflate_alloc_compressor(level);
}

static size_t
deflate_whole(void *d, void *dst, size_t room, const void *p, size_t n)
{
	return libdeflate_deflate_compress(d, p, n, dst, room);
}

static void
deflate_close(void *d)
{
	libdeflate_free_compressor(d);
}

static void *
inflate_open(void)
{
	return libdeflate_alloc_decompressor();
}

static bool
inflate_whole(void *i, void *dst, size_t n, const void *src, size_t len)
{
	size_t in, got;

	return libdeflate_deflate_decompress_ex(
	           i, src, len, dst, n, &in, &got) == LIBDEFLATE_SUCCESS &&
	       in == len && got == n;
}

static void
inflate_close(void *i)
{
	libdeflate_free_decompressor(i);
}

const struct codec_engine codec_libdeflate = {
	.name = "libdeflate",
	.version = LIBDEFLATE_VERSION_STRING,
	.level_max = 9,
	.deflate_open = deflate_open,
	.deflate = deflate_whole,
	.deflate_close = deflate_close,
	.inflate_open = inflate_open,
	.inflate = inflate_whole,
	.inflate_close = inflate_close,
	.crc32 = libdeflate_crc32,
};
