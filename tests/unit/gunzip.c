#include "../../lib/codec/engine.h"

#include "aipm/buf.h"
#include "aipm/digest.h"
#include "aipm/gunzip.h"

#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { PLAIN = 70000 };

static struct aipm_err err;
static unsigned char plain[PLAIN];

static void
setup(void)
{
	unsigned seed = 1;

	for (size_t i = 0; i < PLAIN; i++) {
		seed = seed * 1103515245U + 12345U;
		plain[i] = i < 2000   ? (unsigned char)(seed >> 16)
		           : i < 9000 ? 0
		                      : (unsigned char)"abcdefgh"[seed >> 29];
	}
}

TestSuite(gunzip, .init = setup);

/* Append a member with the header fields that flags ask for. */
static void
add_member(struct aipm_buf *b, int flags, size_t n, int level)
{
	unsigned char head[10] = { 0x1f, 0x8b, 8, (unsigned char)flags, 1, 2, 3,
		4, 0, 3 };
	size_t start = b->len;
	z_stream z = { .next_in = plain, .avail_in = (uInt)n };

	aipm_buf_add(b, head, 10);
	if (flags & 4) {
		aipm_buf_add(b, "\x2c\x01", 2);
		aipm_buf_add_zeros(b, 300);
	}
	if (flags & 8)
		aipm_buf_add(b, "name.tar", 9);
	if (flags & 16)
		aipm_buf_add(b, "", 1);
	if (flags & 2) {
		uint32_t crc = aipm_crc32(0, b->p + start, b->len - start);

		aipm_buf_add_u8(b, (uint8_t)crc);
		aipm_buf_add_u8(b, (uint8_t)(crc >> 8));
	}
	cr_assert_eq(deflateInit2(&z, level, Z_DEFLATED, -15, 8,
	                 level == 9 ? Z_FIXED : Z_DEFAULT_STRATEGY),
	    Z_OK);
	aipm_buf_reserve(b, n + 1000);
	z.next_out = b->p + b->len;
	z.avail_out = (uInt)(n + 1000);
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	b->len += n + 1000 - z.avail_out;
	deflateEnd(&z);
	aipm_buf_add_u32(b, (uint32_t)crc32(0, plain, (uInt)n));
	aipm_buf_add_u32(b, (uint32_t)n);
}

struct result {
	enum aipm_gunzip_status status; /* the last one */
	size_t members;
	size_t left; /* bytes of the input behind the last member */
};

/*
 * Feed b in pieces of in bytes (each in a block of its own), into pieces of
 * out bytes (which end where a block ends); 0: of every size, one after the
 * other.
 */
static struct result
feed(const struct aipm_buf *b, struct aipm_buf *got, size_t in, size_t out)
{
	struct result r = { AIPM_GUNZIP_MORE, 0, b->len };
	struct aipm_gunzip *g;
	size_t at = 0, turn = 0, most = out != 0 ? out : 301;
	unsigned char *room = malloc(most);

	cr_assert_eq(aipm_gunzip_open(&g, &err), 0);
	while (at < b->len &&
	       (r.status == AIPM_GUNZIP_MORE || r.status == AIPM_GUNZIP_END)) {
		size_t k = in != 0 ? in : 1 + turn * 7 % 23;
		size_t o = out != 0 ? out : 1 + turn++ * 13 % 301;
		unsigned char *piece, *dst = room + most - o;
		struct aipm_gunzip_io io;

		k = k < b->len - at ? k : b->len - at;
		piece = malloc(k);
		memcpy(piece, b->p + at, k);
		io = (struct aipm_gunzip_io){ piece, k, dst, o };
		r.status = aipm_gunzip_step(g, &io);
		cr_assert_leq(io.in_left, k);
		cr_assert_leq(io.out_left, o);
		cr_assert(r.status != AIPM_GUNZIP_MORE || io.in_left < k ||
		          io.out_left < o);
		aipm_buf_add(got, dst, o - io.out_left);
		at += k - io.in_left;
		if (r.status == AIPM_GUNZIP_END) {
			r.members++;
			r.left = b->len - at;
		}
		free(piece);
	}
	free(room);
	aipm_gunzip_close(g);
	return r;
}

static void
expect(
    const struct aipm_buf *b, size_t members, size_t n, size_t in, size_t out)
{
	struct aipm_buf got = { 0 };
	struct result r = feed(b, &got, in, out);

	cr_assert_eq(r.status, AIPM_GUNZIP_END);
	cr_assert_eq(r.members, members);
	cr_assert_eq(r.left, 0);
	cr_assert_eq(got.len, members * n, "%zu of %zu, in %zu, out %zu",
	    got.len, members * n, in, out);
	for (size_t i = 0; i < members; i++)
		cr_assert(n == 0 || memcmp(got.p + i * n, plain, n) == 0);
	aipm_buf_free(&got);
}

Test(gunzip, takes_every_header_and_every_piece)
{
	static const size_t pieces[] = { 1, 7, 9, 0, 8192 };
	static const int levels[] = { 0, 1, 6, 9 };

	for (int flags = 0; flags < 32; flags += 2) {
		struct aipm_buf b = { 0 };
		size_t n = 1500;

		for (size_t i = 0; i < 4; i++)
			add_member(&b, flags | (int)(i & 1), n, levels[i]);
		for (size_t i = 0; i < 5; i++)
			for (size_t o = 0; o < 5; o++)
				expect(&b, 4, n, pieces[i], pieces[o]);
		aipm_buf_free(&b);
	}
}

Test(gunzip, concatenates_members_of_every_size)
{
	static const size_t ns[] = { 0, 1, 300, 32768, 65536, PLAIN };

	for (size_t i = 0; i < 6; i++) {
		struct aipm_buf b = { 0 };

		for (size_t k = 0; k < 9; k++)
			add_member(&b, 8, ns[i], k < 8 ? 6 : 0);
		expect(&b, 9, ns[i], 1 << 17, 1 << 17);
		expect(&b, 9, ns[i], 0, 0);
		expect(&b, 9, ns[i], 1, 1);
		expect(&b, 9, ns[i], 100, 1);
		expect(&b, 9, ns[i], 1, 300);
		aipm_buf_free(&b);
	}
}

/* The damage shows at the member's end at the latest, in any pieces; one
 * that moves the end behind what is there leaves it wanting more. */
static void
refused(const struct aipm_buf *b, bool may_want_more)
{
	static const size_t pieces[] = { 1, 0, 1 << 17 };

	for (size_t i = 0; i < 3; i++) {
		struct aipm_buf got = { 0 };
		struct result r = feed(b, &got, pieces[i], pieces[2 - i]);

		cr_assert(r.status == AIPM_GUNZIP_DAMAGED ||
		          (may_want_more && r.status == AIPM_GUNZIP_MORE));
		cr_assert_eq(r.members, 0);
		aipm_buf_free(&got);
	}
}

Test(gunzip, refuses_a_wrong_crc_size_or_header)
{
	struct aipm_buf b = { 0 };
	size_t head = 10 + 302 + 9 + 1 + 2;

	add_member(&b, 2 + 4 + 8 + 16, 5000, 6);
	for (size_t i = b.len - 8; i < b.len; i++) {
		b.p[i] ^= 1;
		refused(&b, false);
		b.p[i] ^= 1;
	}
	for (size_t i = 0; i < head; i++) {
		/* Lengths and flags move the rest; the CRC covers all. */
		b.p[i] ^= 64;
		refused(&b, true);
		b.p[i] ^= 64;
	}
	b.p[3] |= 0x80;
	refused(&b, false);
	aipm_buf_free(&b);
}

Test(gunzip, never_calls_a_flipped_bit_sound)
{
	struct aipm_buf b = { 0 };

	add_member(&b, 0, 3000, 6);
	for (size_t bit = 80; bit < 8 * b.len; bit += bit < 2000 ? 1 : 13) {
		struct aipm_buf got = { 0 };
		struct result r;

		b.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
		r = feed(&b, &got, bit % 2 ? 0 : 1 << 17, 500);
		/* The last bits of the stream's last byte mean nothing. */
		cr_assert_not(
		    r.status == AIPM_GUNZIP_END &&
		    (got.len != 3000 || memcmp(got.p, plain, 3000) != 0));
		b.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
		aipm_buf_free(&got);
	}
	aipm_buf_free(&b);
}

Test(gunzip, a_cut_member_never_ends)
{
	struct aipm_buf b = { 0 }, got = { 0 };
	size_t whole;

	add_member(&b, 8, 700, 6);
	whole = b.len;
	for (b.len = 1; b.len < whole; b.len++) {
		cr_assert_eq(feed(&b, &got, 0, 50).status, AIPM_GUNZIP_MORE);
		got.len = 0;
	}
	aipm_buf_free(&b);
	aipm_buf_free(&got);
}

/* Raw streams, straight from each engine, with something behind the end. */
Test(gunzip, every_engine_gives_back_what_is_not_its_own)
{
	const struct codec_engine *e;
	struct aipm_buf b = { 0 };
	unsigned char out[64];

	add_member(&b, 0, 4000, 6);
	aipm_buf_add_zeros(&b, 20);
	for (size_t i = 0; (e = codec_engine_at(i)) != NULL; i++) {
		struct aipm_gunzip_io io = { b.p + 10, b.len - 10, NULL, 0 };
		enum aipm_gunzip_status r = AIPM_GUNZIP_MORE;
		void *s;

		if (e->stream == NULL)
			continue;
		s = e->stream->open();
		e->stream->reset(s);
		while (r == AIPM_GUNZIP_MORE) {
			io.out = out;
			io.out_left = 1 + io.in_left % sizeof(out);
			r = e->stream->step(s, &io);
		}
		cr_assert_eq(r, AIPM_GUNZIP_END, "%s", e->name);
		cr_assert_eq(io.in_left, 28, "%s: %zu", e->name, io.in_left);
		e->stream->close(s);
	}
	aipm_buf_free(&b);
}
