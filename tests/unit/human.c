#include "aipm/human.h"

#include <criterion/criterion.h>

#include <string.h>

Test(human, shows_sizes_in_four_characters_at_most)
{
	static const struct {
		uint64_t bytes;
		const char *shown;
	} known[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1.0K" },
		{ 1024, "1.0K" },
		{ 1536, "1.5K" },
		{ 10188, "9.9K" },
		{ 10189, "10K" },
		{ 999 * 1024 + 511, "999K" },
		{ 999 * 1024 + 512, "1.0M" },
		{ 1503238553, "1.4G" },
		{ UINT64_C(12) << 40, "12T" },
		{ UINT64_C(3) << 49, "1.5P" },
		{ UINT64_MAX, "16E" },
	};
	char s[AIPM_HUMAN_MAX];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		aipm_human_size(s, known[i].bytes);
		cr_expect_str_eq(s, known[i].shown);
	}
	for (uint64_t v = 1; v < UINT64_MAX / 3; v = v * 3 / 2 + 1) {
		aipm_human_size(s, v);
		cr_expect_leq(strlen(s), 4u, "%s", s);
	}
}

Test(human, shows_ages_in_their_largest_whole_unit)
{
	static const struct {
		int64_t seconds;
		const char *shown;
	} known[] = {
		{ 0, "0s" },
		{ 59, "59s" },
		{ 60, "1m" },
		{ 3599, "59m" },
		{ 3600, "1h" },
		{ 86399, "23h" },
		{ 86400, "1d" },
		{ 86400000 - 1, "999d" },
		{ 86400000, "2y" },
		{ -7200, "-2h" },
		{ INT64_MIN, "-292471208677y" },
	};
	char s[AIPM_HUMAN_MAX];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		aipm_human_age(s, known[i].seconds);
		cr_expect_str_eq(s, known[i].shown);
	}
}
