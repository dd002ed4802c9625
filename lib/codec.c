#include "aipm/codec.h"

#include "aipm/num.h"

#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#define PROBE ((size_t)16 << 10)
#define STORED_MAX ((size_t)65535) /* RFC 1951, 3.2.4 */

struct aipm_codec {
	struct libdeflate_compressor *deflate;
	struct libdeflate_compressor *probe;
	struct libdeflate_decompressor *inflate;
	unsigned char *scratch; /* where the probe's result goes */
	size_t scratch_size;
};

static int
open_deflate(struct aipm_codec *c, int level)
{
	c->deflate = libdeflate_alloc_compressor(level);
	c->probe = libdeflate_alloc_compressor(1);
	if (c->probe == NULL)
		return -1;
	c->scratch_size = libdeflate_deflate_compress_bound(c->probe, PROBE);
	c->scratch = malloc(c->scratch_size);
	return c->deflate == NULL || c->scratch == NULL ? -1 : 0;
}

int
aipm_codec_open(struct aipm_codec **out, int level, struct aipm_err *err)
{
	struct aipm_codec *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (c == NULL)
		return aipm_err_nomem(err);
	c->inflate = libdeflate_alloc_decompressor();
	if (c->inflate == NULL ||
	    (level != 0 && open_deflate(c, level) == -1)) {
		aipm_codec_close(c);
		return aipm_err_nomem(err);
	}
	*out = c;
	return 0;
}

/*
 * Whether 16 KiB out of the middle of a larger block shrink by less than a
 * 32nd: media, compressed and encrypted files, for which every level would
 * only burn time.
 */
static bool
incompressible(struct aipm_codec *c, const unsigned char *p, size_t n)
{
	if (n < 2 * PROBE)
		return false;
	return libdeflate_deflate_compress(c->probe, p + (n - PROBE) / 2, PROBE,
	           c->scratch, PROBE - PROBE / 32) == 0;
}

static int
add_stored(struct aipm_buf *out, const unsigned char *p, size_t n)
{
	unsigned char head[5];

	do {
		size_t k = n < STORED_MAX ? n : STORED_MAX;

		head[0] = k == n; /* the last block */
		aipm_put_u16(head + 1, (uint16_t)k);
		aipm_put_u16(head + 3, (uint16_t)~k);
		if (aipm_buf_add(out, head, sizeof(head)) == -1 ||
		    aipm_buf_add(out, p, k) == -1)
			return -1;
		p += k;
		n -= k;
	} while (n != 0);
	return 0;
}

int
aipm_codec_deflate(struct aipm_codec *c, struct aipm_buf *out, const void *p,
    size_t n, struct aipm_err *err)
{
	size_t bound = libdeflate_deflate_compress_bound(c->deflate, n);
	size_t stored = n + 5 * (n / STORED_MAX + 1), got = 0;

	if (aipm_buf_reserve(out, bound > stored ? bound : stored) == -1)
		return aipm_err_nomem(err);
	if (!incompressible(c, p, n))
		got = libdeflate_deflate_compress(
		    c->deflate, p, n, out->p + out->len, bound);
	if (got == 0 || got > stored)
		return add_stored(out, p, n) == -1 ? aipm_err_nomem(err) : 0;
	out->len += got;
	return 0;
}

bool
aipm_codec_inflate(
    struct aipm_codec *c, void *dst, size_t n, const void *src, size_t len)
{
	size_t in, got;

	return libdeflate_deflate_decompress_ex(c->inflate, src, len, dst, n,
	           &in, &got) == LIBDEFLATE_SUCCESS &&
	       in == len && got == n;
}

void
aipm_codec_close(struct aipm_codec *c)
{
	if (c == NULL)
		return;
	if (c->deflate != NULL)
		libdeflate_free_compressor(c->deflate);
	if (c->probe != NULL)
		libdeflate_free_compressor(c->probe);
	if (c->inflate != NULL)
		libdeflate_free_decompressor(c->inflate);
	free(c->scratch);
	free(c);
}

const char *
aipm_codec_name(void)
{
	return "libdeflate " LIBDEFLATE_VERSION_STRING;
}
