#include "aipm/codec.h"

#include "engine.h"

#include "aipm/digest.h"
#include "aipm/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE ((size_t)16 << 10)
#define STORED_MAX ((size_t)65535) /* RFC 1951, 3.2.4 */
/* libdeflate wants some bytes of room more than it uses. */
#define SLACK ((size_t)16)

struct aipm_codec {
	const struct codec_engine *deflater, *prober, *inflater;
	void *deflate, *probe, *inflate;
	unsigned char *scratch; /* where the probe's result goes */
};

static int
open_deflate(struct aipm_codec *c, int level)
{
	c->deflater = codec_engine_for(level);
	c->prober = codec_engine_for(1);
	c->deflate = c->deflater->deflate_open(level);
	c->probe = c->prober->deflate_open(1);
	c->scratch = malloc(PROBE);
	return c->deflate == NULL || c->probe == NULL || c->scratch == NULL ? -1
	                                                                    : 0;
}

/* Among those that are fast, one that knows whole streams only is the
 * fastest at these. */
static const struct codec_engine *
inflater(void)
{
	const struct codec_engine *e;

	for (size_t i = 0; (e = codec_engine_at(i)) != NULL; i++)
		if (e->stream == NULL)
			return e;
	return codec_engine_at(0);
}

int
aipm_codec_open(struct aipm_codec **out, int level, struct aipm_err *err)
{
	struct aipm_codec *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (c == NULL)
		return aipm_err_nomem(err);
	c->inflater = inflater();
	c->inflate = c->inflater->inflate_open();
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
	return c->prober->deflate(c->probe, c->scratch, PROBE - PROBE / 32,
	           p + (n - PROBE) / 2, PROBE) == 0;
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

static size_t
stored_size(size_t n)
{
	size_t blocks = n == 0 ? 1 : (n - 1) / STORED_MAX + 1;

	return n + 5 * blocks;
}

int
aipm_codec_deflate(struct aipm_codec *c, struct aipm_buf *out, const void *p,
    size_t n, enum aipm_codec_content content, struct aipm_err *err)
{
	const struct codec_engine *e = c->deflater;
	size_t stored = stored_size(n), got = 0;
	void *d = c->deflate;

	if (aipm_buf_reserve_exact(out, stored + SLACK) == -1)
		return aipm_err_nomem(err);
	if (incompressible(c, p, n)) {
		e = content == AIPM_CODEC_MIXED ? c->prober : NULL;
		d = c->probe;
	}
	if (e != NULL)
		got = e->deflate(d, out->p + out->len, stored + SLACK, p, n);
	if (got == 0 || got > stored)
		return add_stored(out, p, n) == -1 ? aipm_err_nomem(err) : 0;
	out->len += got;
	return 0;
}

bool
aipm_codec_inflate(
    struct aipm_codec *c, void *dst, size_t n, const void *src, size_t len)
{
	return c->inflater->inflate(c->inflate, dst, n, src, len);
}

void
aipm_codec_close(struct aipm_codec *c)
{
	if (c == NULL)
		return;
	if (c->deflate != NULL)
		c->deflater->deflate_close(c->deflate);
	if (c->probe != NULL)
		c->prober->deflate_close(c->probe);
	if (c->inflate != NULL)
		c->inflater->inflate_close(c->inflate);
	free(c->scratch);
	free(c);
}

void
aipm_codec_name(char *dst, size_t size, int level)
{
	const struct codec_engine *e = codec_engine_for(level);

	(void)snprintf(dst, size, "%s %s", e->name, e->version);
}

/* The levels that e does, " (levels 1-3)"; nothing if there are none. */
static void
levels_of(char *dst, size_t size, const struct codec_engine *e)
{
	int first = 0, last = 0;

	for (int l = AIPM_LEVEL_MIN; l <= AIPM_LEVEL_MAX; l++)
		if (codec_engine_for(l) == e) {
			first = first == 0 ? l : first;
			last = l;
		}
	*dst = '\0';
	if (first != 0)
		(void)snprintf(dst, size, " (levels %d-%d)", first, last);
}

void
aipm_codec_list(char *dst, size_t size)
{
	const struct codec_engine *e;
	char levels[40];

	*dst = '\0';
	for (size_t i = 0; (e = codec_engine_at(i)) != NULL; i++) {
		size_t n = strlen(dst);

		levels_of(levels, sizeof(levels), e);
		(void)snprintf(dst + n, size - n, "%s%s %s%s",
		    i == 0 ? "" : ", ", e->name, e->version, levels);
	}
}

/* The fastest that is in has the fastest of these too. */
uint32_t
aipm_crc32(uint32_t crc, const void *p, size_t n)
{
	return codec_engine_at(0)->crc32(crc, p, n);
}
