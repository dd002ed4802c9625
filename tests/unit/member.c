#include "aipm/codec.h"
#include "aipm/digest.h"
#include "aipm/footer.h"
#include "aipm/member.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

static struct aipm_err err;

/* What any gzip reader makes of it. */
static size_t
gunzip(const struct aipm_buf *b, unsigned char *dst, size_t cap)
{
	z_stream z = { .next_in = b->p,
		.avail_in = (uInt)b->len,
		.next_out = dst,
		.avail_out = (uInt)cap };

	cr_assert_eq(inflateInit2(&z, 15 + 16), Z_OK);
	cr_assert_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	cr_assert_eq(z.avail_in, 0);
	inflateEnd(&z);
	return cap - z.avail_out;
}

static void
fill(unsigned char *p, size_t n, unsigned seed, int random)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245U + 12345U;
		p[i] = random ? (unsigned char)(seed >> 16)
		              : (unsigned char)("abcdefgh"[(seed >> 20) & 7]);
	}
}

Test(member, keeps_its_bytes_and_any_gzip_reads_them)
{
	static unsigned char plain[300000], back[300000];
	struct aipm_codec *c;
	struct aipm_member m;
	struct aipm_format f = { 1, 0, true, 18 };

	cr_assert_eq(aipm_codec_open(&c, 6, &err), 0);
	for (int random = 0; random < 2; random++)
		for (size_t n = 1; n < sizeof(plain); n = n * 5 + 3) {
			struct aipm_buf b = { 0 };

			fill(plain, n, (unsigned)n, random);
			cr_assert_eq(aipm_member_pack(&b, c, n == 1 ? &f : NULL,
			                 plain, n, AIPM_CODEC_UNIFORM, &err),
			    0);
			cr_assert_eq(aipm_member_parse(&m, b.p, b.len), 1);
			cr_assert_eq(m.size, b.len);
			cr_assert_eq(m.plain, n);
			cr_assert_eq(m.first, n == 1);
			cr_assert(aipm_member_unpack(&m, c, b.p, back));
			cr_assert_eq(memcmp(plain, back, n), 0);
			cr_assert_eq(gunzip(&b, back, sizeof(back)), n);
			cr_assert_eq(memcmp(plain, back, n), 0);
			aipm_buf_free(&b);
		}
	aipm_codec_close(c);
}

Test(member, random_bytes_are_stored_with_little_loss)
{
	static unsigned char plain[262144];
	struct aipm_codec *c;
	struct aipm_buf b = { 0 };

	fill(plain, sizeof(plain), 7, 1);
	cr_assert_eq(aipm_codec_open(&c, 9, &err), 0);
	cr_assert_eq(aipm_member_pack(&b, c, NULL, plain, sizeof(plain),
	                 AIPM_CODEC_UNIFORM, &err),
	    0);
	cr_assert_lt(b.len, sizeof(plain) + 100);
	aipm_buf_free(&b);
	aipm_codec_close(c);
}

/* The last bits of the deflate stream's last byte mean nothing. */
Test(member, a_flipped_bit_never_gives_other_bytes)
{
	unsigned char plain[600], back[600];
	struct aipm_codec *c;
	struct aipm_member m;
	struct aipm_buf b = { 0 };
	size_t size;

	fill(plain, sizeof(plain), 1, 0);
	cr_assert_eq(aipm_codec_open(&c, 6, &err), 0);
	cr_assert_eq(aipm_member_pack(&b, c, NULL, plain, sizeof(plain),
	                 AIPM_CODEC_UNIFORM, &err),
	    0);
	size = b.len;
	for (size_t i = 0; i < 8 * size; i++) {
		b.p[i / 8] ^= (unsigned char)(1 << i % 8);
		cr_assert_not(aipm_member_parse(&m, b.p, size) == 1 &&
		                  m.kind == AIPM_MEMBER_DATA &&
		                  m.size == size && m.plain == sizeof(plain) &&
		                  aipm_member_unpack(&m, c, b.p, back) &&
		                  memcmp(back, plain, sizeof(back)) != 0,
		    "bit %zu", i);
		b.p[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	aipm_buf_free(&b);
	aipm_codec_close(c);
}

Test(member, other_gzip_files_are_not_ours)
{
	const unsigned char gz[32] = { 0x1f, 0x8b, 8, 0 };
	const unsigned char not_gz[32] = { 'P', 'K' };
	struct aipm_member m;

	cr_assert_eq(aipm_member_parse(&m, gz, sizeof(gz)), 0);
	cr_assert_eq(aipm_member_parse(&m, not_gz, sizeof(not_gz)), -1);
	cr_assert_eq(aipm_member_parse(&m, gz, 3), -1);
}

Test(footer, keeps_its_fields_and_notices_every_flipped_bit)
{
	struct aipm_footer f = { .complete = true,
		.block_log2 = 18,
		.index_offset = 1000,
		.index_size = 20000,
		.dir_offset = 19000,
		.entries = 7,
		.file_size = 22000 },
	                   g;
	struct aipm_buf b = { 0 };

	cr_assert_eq(aipm_footer_encode(&b, &f, &err), 0);
	cr_assert_eq(b.len, AIPM_FOOTER_SIZE);
	cr_assert_eq(aipm_footer_decode(&g, b.p), 0);
	cr_assert(g.complete);
	cr_assert_not(g.thin);
	cr_assert_eq(g.dir_offset, 19000);
	cr_assert_eq(g.file_size, 22000);
	for (size_t i = 0; i < 8 * b.len; i++) {
		b.p[i / 8] ^= (unsigned char)(1 << i % 8);
		cr_assert_eq(aipm_footer_decode(&g, b.p), -1, "bit %zu", i);
		b.p[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	aipm_buf_free(&b);
}

Test(footer, counts_the_members_of_an_index)
{
	cr_assert_eq(aipm_footer_index_members(0), 0);
	cr_assert_eq(aipm_footer_index_members(1), 28);
	cr_assert_eq(aipm_footer_index_members(8000), 8027);
	cr_assert_eq(aipm_footer_index_members(8001), 8027 + 28);
}

Test(digest, is_sha256)
{
	unsigned char d[AIPM_DIGEST_SIZE];
	char hex[2 * AIPM_DIGEST_SIZE + 1];
	struct aipm_digest *g = aipm_digest_new();

	for (int i = 0; i < 2; i++) {
		aipm_digest_add(g, "a", 1);
		aipm_digest_add(g, "bc", 2);
		aipm_digest_take(g, d);
		aipm_digest_hex(hex, d);
		cr_assert_str_eq(hex,
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61"
		    "f20015ad");
	}
	aipm_digest_free(g);
	cr_assert_eq(aipm_crc32(0, "123456789", 9), 0xcbf43926U);
}
