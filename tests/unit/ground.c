#include "aipm/buf.h"
#include "aipm/conf.h"
#include "aipm/entry.h"
#include "aipm/err.h"
#include "aipm/escape.h"
#include "aipm/num.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(err, gives_no_space_its_own_class)
{
	struct aipm_err err;

	errno = ENOSPC;
	cr_assert_eq(aipm_err_path(&err, AIPM_FAILED, "a", "cannot write"), -1);
	cr_assert_eq(err.cls, AIPM_NOSPACE);
	cr_assert_str_eq(err.text, "a: cannot write: No space left on device");
}

Test(escape, shows_control_characters_and_bad_utf8_as_escapes)
{
	char s[64];

	aipm_escape(s, sizeof(s), "a\nb\033[31m\\\xff\xc3\xa4");
	cr_assert_str_eq(s, "a\\nb\\033[31m\\\\\\377\xc3\xa4");
}

Test(escape, shows_bidirectional_overrides_and_c1_controls_as_escapes)
{
	char s[64];

	aipm_escape(s, sizeof(s), "x\xe2\x80\xaey\xc2\x9b");
	cr_assert_str_eq(s, "x\\342\\200\\256y\\302\\233");
}

Test(escape, cuts_at_a_whole_character_and_says_so)
{
	char s[8];

	aipm_escape(s, sizeof(s), "abcd\xc3\xa4\xc3\xa4");
	cr_assert_str_eq(s, "abcd...");
	aipm_escape(s, sizeof(s), "abcdefg");
	cr_assert_str_eq(s, "abcdefg");
}

Test(num, varints_keep_every_value)
{
	const uint64_t v[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX,
		UINT64_MAX - 1, UINT64_MAX };
	unsigned char p[AIPM_VARINT_MAX];
	uint64_t back;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		size_t n = aipm_put_varint(p, v[i]);

		cr_assert_eq(aipm_get_varint(p, n, &back), n);
		cr_assert_eq(back, v[i]);
		cr_assert_eq(aipm_get_varint(p, n - 1, &back), 0);
	}
}

Test(num, varints_beyond_64_bits_are_refused)
{
	const unsigned char p[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x02 };
	uint64_t v;

	cr_assert_eq(aipm_get_varint(p, sizeof(p), &v), 0);
}

Test(num, zigzag_keeps_the_extremes)
{
	const int64_t v[] = { 0, -1, 1, INT64_MIN, INT64_MAX };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		cr_assert_eq(aipm_unzigzag(aipm_zigzag(v[i])), v[i]);
}

Test(num, parses_whole_numbers_only)
{
	uint64_t v = 7;

	cr_assert(aipm_parse_u64("18446744073709551615", UINT64_MAX, &v));
	cr_assert_eq(v, UINT64_MAX);
	cr_assert_not(aipm_parse_u64("18446744073709551616", UINT64_MAX, &v));
	cr_assert_not(aipm_parse_u64("", 10, &v));
	cr_assert_not(aipm_parse_u64("-1", 10, &v));
	cr_assert_not(aipm_parse_u64("1x", 10, &v));
	cr_assert_not(aipm_parse_u64("11", 10, &v));
}

Test(buf, a_cursor_past_the_end_stays_bad)
{
	struct aipm_cursor c = { (const unsigned char *)"\x05"
		                                        "abc",
		4, 0 };
	size_t n;

	cr_assert_null(aipm_cursor_counted(&c, &n));
	cr_assert_eq(aipm_cursor_u8(&c), 0);
	cr_assert(c.bad);
}

Test(path, order_is_depth_first_with_slash_below_every_other_byte)
{
	const char *v[] = { "a", "a/x", "a/x/y", "a/x-", "a-b", "a.c", "b" };

	for (size_t i = 0; i < 7; i++)
		for (size_t k = 0; k < 7; k++) {
			int r = aipm_path_compare(v[i], v[k]);

			cr_assert_eq(r < 0, i < k, "%s %s", v[i], v[k]);
			cr_assert_eq(r == 0, i == k, "%s %s", v[i], v[k]);
		}
}

Test(path, below_wants_a_whole_component)
{
	cr_assert(aipm_path_below("data/x", "data"));
	cr_assert(aipm_path_below("data", "data"));
	cr_assert_not(aipm_path_below("database", "data"));
}

Test(xattrs, are_sorted_and_replaced)
{
	struct aipm_xattrs x = { 0 };

	cr_assert_eq(aipm_xattrs_add(&x, "user.b", "1", 1), 0);
	cr_assert_eq(aipm_xattrs_add(&x, "user.a", NULL, 0), 0);
	cr_assert_eq(aipm_xattrs_add(&x, "user.b", "22", 2), 0);
	cr_assert_eq(x.n, 2);
	cr_assert_str_eq(x.v[0].name, "user.a");
	cr_assert_eq(x.v[1].len, 2);
	aipm_xattrs_free(&x);
}

static int
conf_from(struct aipm_conf *c, const char *text, struct aipm_err *err)
{
	char path[] = "/tmp/aipm-conf-XXXXXX";
	int fd = mkstemp(path), r;
	FILE *f = fdopen(fd, "w");

	fputs(text, f);
	fclose(f);
	r = aipm_conf_read(c, path, err);
	unlink(path);
	return r;
}

Test(conf, the_last_line_of_a_name_wins_and_quotes_come_off)
{
	struct aipm_conf c;
	struct aipm_err err;

	cr_assert_eq(conf_from(&c, "# x\n\nAIPM_NAME = a\n", &err), -1);
	cr_assert_eq(err.cls, AIPM_USAGE);
	cr_assert_eq(
	    conf_from(&c, "AIPM_NAME=a\n  AIPM_NAME= \"$(id) b\" \n", &err), 0);
	cr_assert_str_eq(aipm_conf_get(&c, "AIPM_NAME"), "$(id) b");
	cr_assert_null(aipm_conf_get(&c, "AIPM_DATA"));
	aipm_conf_free(&c);
}

Test(conf, a_missing_file_is_no_settings)
{
	struct aipm_conf c;
	struct aipm_err err;

	cr_assert_eq(aipm_conf_read(&c, "/nonexistent/aipm.conf", &err), 0);
	cr_assert_eq(c.n, 0);
}

Test(ground, a_buffer_takes_no_more_than_is_reserved_exactly)
{
	struct aipm_buf b = { 0 };

	cr_assert_eq(aipm_buf_add(&b, "abc", 3), 0);
	cr_assert_eq(aipm_buf_reserve_exact(&b, 1000), 0);
	cr_assert_eq(b.cap, 1003);
	cr_assert_eq(aipm_buf_reserve_exact(&b, 10), 0);
	cr_assert_eq(b.cap, 1003);
	cr_assert_arr_eq(b.p, "abc", 3);
	cr_assert_eq(aipm_buf_reserve_exact(&b, SIZE_MAX), -1);
	aipm_buf_free(&b);
}
