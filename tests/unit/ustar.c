#include "aipm/ustar.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct aipm_ustar
sample(void)
{
	struct aipm_ustar u = { .name = "data/x",
		.type = '0',
		.mode = 0640,
		.uid = 999,
		.gid = 3000000,
		.size = 12345,
		.mtime = 1700000000 };

	return u;
}

/* What coreutils' and POSIX's sum says: octal at offset 148. */
static long
stored_sum(const unsigned char *block)
{
	return strtol((const char *)block + 148, NULL, 8);
}

Test(ustar, a_block_keeps_its_fields)
{
	struct aipm_ustar u = sample(), v;
	unsigned char block[AIPM_USTAR_BLOCK];

	aipm_ustar_encode(block, &u);
	cr_assert_eq(aipm_ustar_decode(&v, block), 1);
	cr_assert_str_eq(v.name, u.name);
	cr_assert_eq(v.gid, 3000000);
	cr_assert_eq(v.size, 12345);
	cr_assert_eq(v.mtime, 1700000000);
	cr_assert_eq(memcmp(block + 257, "ustar\00000", 8), 0);
}

Test(ustar, the_checksum_is_the_sum_with_blanks_in_its_place)
{
	struct aipm_ustar u = sample();
	unsigned char block[AIPM_USTAR_BLOCK];
	long sum = 0;

	aipm_ustar_encode(block, &u);
	for (int i = 0; i < AIPM_USTAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : block[i];
	cr_assert_eq(stored_sum(block), sum);
}

Test(ustar, a_flipped_bit_is_refused)
{
	struct aipm_ustar u = sample(), v;
	unsigned char block[AIPM_USTAR_BLOCK];

	for (int i = 0; i < AIPM_USTAR_BLOCK; i++) {
		aipm_ustar_encode(block, &u);
		block[i] ^= 1;
		if (i == 154 || i == 155)
			continue; /* the NUL and blank behind the checksum */
		cr_assert_eq(aipm_ustar_decode(&v, block), -1, "byte %d", i);
	}
}

Test(ustar, zeros_are_the_end)
{
	unsigned char block[AIPM_USTAR_BLOCK] = { 0 };
	struct aipm_ustar u;

	cr_assert_eq(aipm_ustar_decode(&u, block), 0);
}

Test(ustar, full_names_need_no_terminator)
{
	struct aipm_ustar u = sample(), v;
	unsigned char block[AIPM_USTAR_BLOCK];

	memset(u.name, 'n', AIPM_USTAR_NAME);
	memset(u.prefix, 'p', AIPM_USTAR_PREFIX);
	aipm_ustar_encode(block, &u);
	cr_assert_eq(aipm_ustar_decode(&v, block), 1);
	cr_assert_eq(strlen(v.name), AIPM_USTAR_NAME);
	cr_assert_eq(strlen(v.prefix), AIPM_USTAR_PREFIX);
}

Test(ustar, numbers_beyond_octal_and_below_zero_are_base_256)
{
	struct aipm_ustar u = sample(), v;
	unsigned char block[AIPM_USTAR_BLOCK];

	u.size = AIPM_USTAR_SIZE_MAX + 1;
	u.uid = UINT64_C(0xffffffff);
	u.mtime = -1;
	aipm_ustar_encode(block, &u);
	cr_assert_eq(block[124], 0x80);
	cr_assert_eq(block[136], 0xff);
	cr_assert_eq(aipm_ustar_decode(&v, block), 1);
	cr_assert_eq(v.size, AIPM_USTAR_SIZE_MAX + 1);
	cr_assert_eq(v.uid, UINT64_C(0xffffffff));
	cr_assert_eq(v.mtime, -1);
	u.mtime = INT64_MIN;
	u.size = INT64_MAX;
	aipm_ustar_encode(block, &u);
	cr_assert_eq(aipm_ustar_decode(&v, block), 1);
	cr_assert_eq(v.mtime, INT64_MIN);
	cr_assert_eq(v.size, INT64_MAX);
}

Test(ustar, sums_of_signed_characters_are_accepted)
{
	struct aipm_ustar u = sample(), v;
	unsigned char block[AIPM_USTAR_BLOCK];
	long sum = 0;

	memcpy(u.name, "\xc3\xa4", 2);
	aipm_ustar_encode(block, &u);
	for (int i = 0; i < AIPM_USTAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : (signed char)block[i];
	for (int i = 153; i >= 148; i--, sum >>= 3)
		block[i] = (unsigned char)('0' + (sum & 7));
	cr_assert_eq(aipm_ustar_decode(&v, block), 1);
}
