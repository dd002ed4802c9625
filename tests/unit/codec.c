#include "../../lib/codec/engine.h"

#include "aipm/codec.h"
#include "aipm/digest.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { LARGEST = 1 << 20, KINDS = 4 };

static const size_t sizes[] = { 0, 1, 511, 65535, 65536, 262144, LARGEST };
static struct aipm_err err;

/* Zeros, noise, lines that are much alike, and noise behind zeros. */
static void
fill(unsigned char *p, size_t n, int kind)
{
	unsigned seed = 12345;

	memset(p, 0, n);
	for (size_t i = kind == 3 ? n / 2 : 0; kind != 0 && i < n; i++) {
		seed = seed * 1103515245U + 12345U;
		if (kind != 2)
			p[i] = (unsigned char)(seed >> 16);
		else if (i < 64 || i % 64 < 12)
			p[i] = (unsigned char)"0123456789abcdef"[seed >> 28];
		else
			p[i] = p[i - 64];
	}
}

/* A new block of exactly n bytes, so that the sanitizers see its ends. */
static unsigned char *
block(size_t n, int kind)
{
	unsigned char *p = malloc(n == 0 ? 1 : n);

	cr_assert_not_null(p);
	fill(p, n, kind);
	return p;
}

static size_t
stored(size_t n)
{
	return n + 5 * (n == 0 ? 1 : (n + 65534) / 65535);
}

/* What zlib itself makes of a stream: the reader that everybody has. */
static bool
zlib_agrees(
    const unsigned char *src, size_t len, const unsigned char *plain, size_t n)
{
	unsigned char *back = block(n + 1, 0);
	z_stream z = { .next_in = (Bytef *)(uintptr_t)src,
		.avail_in = (uInt)len,
		.next_out = back,
		.avail_out = (uInt)n + 1 };
	bool good;

	cr_assert_eq(inflateInit2(&z, -15), Z_OK);
	good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 &&
	       z.avail_out == 1 && memcmp(back, plain, n) == 0;
	inflateEnd(&z);
	free(back);
	return good;
}

/* Every engine reads it, and none reads what is shorter or longer. */
static void
engines_agree(
    const unsigned char *src, size_t len, const unsigned char *plain, size_t n)
{
	const struct codec_engine *e;

	for (size_t i = 0; (e = codec_engine_at(i)) != NULL; i++) {
		unsigned char *back = block(n + 1, 0);
		unsigned char *more = block(len + 1, 0);
		void *d = e->inflate_open();

		memcpy(more, src, len);
		cr_assert(e->inflate(d, back, n, src, len), "%s", e->name);
		cr_assert_eq(memcmp(back, plain, n), 0);
		cr_assert_not(e->inflate(d, back, n + 1, src, len));
		cr_assert_not(n > 0 && e->inflate(d, back, n - 1, src, len));
		cr_assert_not(e->inflate(d, back, n, more, len + 1));
		for (size_t cut = 1; cut < len; cut = cut * 16 + 1)
			cr_assert_not(e->inflate(d, back, n, src, len - cut),
			    "%s: %zu of %zu", e->name, cut, len);
		cr_assert_not(e->inflate(d, back, n, src, 0));
		cr_assert(e->inflate(d, back, n, src, len), "%s", e->name);
		e->inflate_close(d);
		free(more);
		free(back);
	}
}

static void
round_trips(const struct codec_engine *e, int level, size_t n, int kind)
{
	unsigned char *plain = block(n, kind);
	size_t room = stored(n) + 16, got;
	unsigned char *out = block(room, 0);
	void *d = e->deflate_open(level);

	got = e->deflate(d, out, room, plain, n);
	cr_assert(got != 0 || kind == 1, "%s: level %d, %zu bytes", e->name,
	    level, n);
	cr_assert_leq(got, room);
	if (got != 0) {
		cr_assert(zlib_agrees(out, got, plain, n));
		engines_agree(out, got, plain, n);
		cr_assert_eq(e->deflate(d, out, 1, plain, n), 0);
	}
	e->deflate_close(d);
	free(out);
	free(plain);
}

Test(codec, every_engine_reads_what_every_engine_writes)
{
	const struct codec_engine *e;

	for (size_t i = 0; (e = codec_engine_at(i)) != NULL; i++)
		for (int level = 1; level <= e->level_max; level++)
			for (size_t s = 0; s < 7; s++)
				for (int kind = 0; kind < KINDS; kind++)
					round_trips(e, level, sizes[s], kind);
}

static void
same_again(int level, size_t n, int kind)
{
	unsigned char *plain = block(n, kind), *other = block(5000, 2);
	struct aipm_codec *a, *b;
	struct aipm_buf x = { 0 }, y = { 0 };

	cr_assert_eq(aipm_codec_open(&a, level, &err), 0);
	cr_assert_eq(aipm_codec_open(&b, level, &err), 0);
	cr_assert_eq(
	    aipm_codec_deflate(a, &x, plain, n, AIPM_CODEC_UNIFORM, &err), 0);
	/* Something else in between leaves no trace. */
	cr_assert_eq(
	    aipm_codec_deflate(b, &y, other, 5000, AIPM_CODEC_UNIFORM, &err),
	    0);
	y.len = 0;
	cr_assert_eq(
	    aipm_codec_deflate(b, &y, plain, n, AIPM_CODEC_UNIFORM, &err), 0);
	cr_assert_eq(x.len, y.len, "level %d, %zu bytes of kind %d: %zu, %zu",
	    level, n, kind, x.len, y.len);
	cr_assert_eq(memcmp(x.p, y.p, x.len), 0);
	cr_assert_leq(x.len, stored(n));
	cr_assert(zlib_agrees(x.p, x.len, plain, n));
	aipm_codec_close(a);
	aipm_codec_close(b);
	aipm_buf_free(&x);
	aipm_buf_free(&y);
	free(plain);
	free(other);
}

Test(codec, gives_the_same_stream_again_and_never_a_larger_than_stored)
{
	for (int level = AIPM_LEVEL_MIN; level <= AIPM_LEVEL_MAX; level++)
		for (size_t s = 0; s < 7; s++)
			for (int kind = 0; kind < KINDS; kind++)
				same_again(level, sizes[s], kind);
}

/* A sparse file has millions of such members. */
Test(codec, a_block_of_zeros_is_as_small_at_the_fast_levels)
{
	unsigned char *plain = block(262144, 0);

	for (int level = AIPM_LEVEL_MIN; level <= AIPM_LEVEL_MAX; level++) {
		struct aipm_codec *c;
		struct aipm_buf b = { 0 };

		cr_assert_eq(aipm_codec_open(&c, level, &err), 0);
		cr_assert_eq(aipm_codec_deflate(c, &b, plain, 262144,
		                 AIPM_CODEC_UNIFORM, &err),
		    0);
		cr_assert_leq(b.len, 310, "level %d: %zu", level, b.len);
		aipm_buf_free(&b);
		aipm_codec_close(c);
	}
	free(plain);
}

/* Hostile streams: what does not fail gives n bytes and no more. */
Test(codec, a_corrupted_stream_stays_within_its_buffers)
{
	enum { SIZE = 30000 };
	unsigned char *plain = block(SIZE, 2), *back = block(SIZE, 0);
	struct aipm_codec *c;
	struct aipm_buf b = { 0 };
	const struct codec_engine *e;

	cr_assert_eq(aipm_codec_open(&c, 6, &err), 0);
	cr_assert_eq(
	    aipm_codec_deflate(c, &b, plain, SIZE, AIPM_CODEC_UNIFORM, &err),
	    0);
	for (size_t i = 0; (e = codec_engine_at(i)) != NULL; i++) {
		void *d = e->inflate_open();

		for (size_t bit = 0; bit < 8 * b.len;
		     bit += bit < 2000 ? 1 : 37) {
			b.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
			(void)e->inflate(d, back, SIZE, b.p, b.len);
			b.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
			cr_assert(e->inflate(d, back, SIZE, b.p, b.len));
		}
		cr_assert_eq(memcmp(back, plain, SIZE), 0);
		e->inflate_close(d);
	}
	aipm_buf_free(&b);
	aipm_codec_close(c);
	free(plain);
	free(back);
}

Test(codec, noise_is_stored)
{
	unsigned char *plain = block(262144, 1);
	struct aipm_codec *c;
	struct aipm_buf b = { 0 };

	cr_assert_eq(aipm_codec_open(&c, 9, &err), 0);
	cr_assert_eq(
	    aipm_codec_deflate(c, &b, plain, 262144, AIPM_CODEC_UNIFORM, &err),
	    0);
	cr_assert_eq(b.len, stored(262144));
	cr_assert(aipm_codec_inflate(c, plain, 262144, b.p, b.len));
	aipm_buf_free(&b);
	aipm_codec_close(c);
	free(plain);
}

Test(codec, every_engine_has_the_same_crc32)
{
	unsigned char *p = block(4096, 1);
	const struct codec_engine *e;

	for (size_t i = 0; (e = codec_engine_at(i)) != NULL; i++)
		for (size_t n = 0; n < 4096; n = n * 2 + 1) {
			uint32_t half = e->crc32(0, p, n / 2);

			cr_assert_eq(e->crc32(half, p + n / 2, n - n / 2),
			    (uint32_t)crc32(0, p, (uInt)n), "%s: %zu", e->name,
			    n);
			cr_assert_eq(aipm_crc32(7, p, n),
			    (uint32_t)crc32(7, p, (uInt)n));
		}
	free(p);
}

Test(codec, names_the_engine_of_a_level)
{
	char name[64], list[256];

	aipm_codec_list(list, sizeof(list));
	for (int level = AIPM_LEVEL_MIN; level <= AIPM_LEVEL_MAX; level++) {
		aipm_codec_name(name, sizeof(name), level);
		cr_assert_not_null(strstr(list, name));
	}
	cr_assert_not_null(strstr(list, "zlib 1."));
	cr_assert_not_null(strstr(list, "(levels 1-"));
	aipm_codec_list(list, 10);
	cr_assert_lt(strlen(list), 10);
}
