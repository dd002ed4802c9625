#include "aipm/list.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char sha256[AIPM_DIGEST_SIZE] = { 0xab, 0xcd };

#define HEX                                \
	"abcd0000000000000000000000000000" \
	"00000000000000000000000000000000"

static void
shows(struct aipm_entry e, enum aipm_list_style style, bool terminal,
    const char *wanted)
{
	char *line = NULL;
	size_t n;
	FILE *f = open_memstream(&line, &n);

	cr_assert_eq(aipm_list_entry(f, &e, style, terminal, sha256), 0);
	cr_assert_eq(fclose(f), 0);
	cr_expect_str_eq(line, wanted, "%s", line);
	if (style == AIPM_LIST_NUL)
		cr_expect_eq(n, strlen(wanted) + 1);
	free(line);
}

Test(list, shows_each_type_as_tar_does)
{
	struct aipm_entry e = { .path = (char *)"data/x",
		.link = (char *)"data/y",
		.type = AIPM_FILE,
		.mode = 0644,
		.uid = 999,
		.gid = 0,
		.size = 1234567,
		.mtime = { 1795445943, 5 },
		.major = 8,
		.minor = 17 };

	shows(e, AIPM_LIST_LONG, false,
	    "-rw-r--r-- 999/0       1234567 2026-11-23 14:59 data/x\n");
	e.type = AIPM_DIR;
	e.size = 0;
	e.mode = 01777;
	shows(e, AIPM_LIST_LONG, false,
	    "drwxrwxrwt 999/0             0 2026-11-23 14:59 data/x/\n");
	e.type = AIPM_SYMLINK;
	e.mode = 0777;
	shows(e, AIPM_LIST_LONG, false,
	    "lrwxrwxrwx 999/0             0 2026-11-23 14:59 "
	    "data/x -> data/y\n");
	e.type = AIPM_HARDLINK;
	e.mode = 06755;
	shows(e, AIPM_LIST_LONG, false,
	    "hrwsr-sr-x 999/0             0 2026-11-23 14:59 "
	    "data/x link to data/y\n");
	e.type = AIPM_BLOCK;
	e.mode = 07000;
	shows(e, AIPM_LIST_LONG, false,
	    "b--S--S--T 999/0          8,17 2026-11-23 14:59 data/x\n");
	e.type = AIPM_CHAR;
	shows(e, AIPM_LIST_LONG, false,
	    "c--S--S--T 999/0          8,17 2026-11-23 14:59 data/x\n");
	e.type = AIPM_FIFO;
	e.mode = 0;
	shows(e, AIPM_LIST_LONG, false,
	    "p--------- 999/0             0 2026-11-23 14:59 data/x\n");
}

Test(list, has_room_for_the_largest_numbers)
{
	struct aipm_entry e = { .path = (char *)"x",
		.type = AIPM_FILE,
		.uid = UINT64_MAX,
		.gid = UINT64_MAX,
		.size = UINT64_MAX,
		.mtime = { INT64_MIN, 0 } };

	shows(e, AIPM_LIST_LONG, false,
	    "---------- 18446744073709551615/18446744073709551615 "
	    "18446744073709551615 @-9223372036854775808 x\n");
	e.mtime.sec = -1;
	e.uid = e.gid = e.size = 0;
	shows(e, AIPM_LIST_LONG, false,
	    "---------- 0/0               0 1969-12-31 23:59 x\n");
}

Test(list, escapes_names_but_where_they_are_asked_for_raw)
{
	struct aipm_entry e = { .path = (char *)"a\n\033[2J\\\xff",
		.link = (char *)"\n",
		.type = AIPM_FILE };

	shows(e, AIPM_LIST_NAMES, false, "a\\n\\033[2J\\\\\\377\n");
	shows(e, AIPM_LIST_NUL, false, "a\n\033[2J\\\xff");
	shows(e, AIPM_LIST_NUL, true, "a\\n\\033[2J\\\\\\377");
	e.type = AIPM_SYMLINK;
	shows(e, AIPM_LIST_LONG, false,
	    "l--------- 0/0               0 1970-01-01 00:00 "
	    "a\\n\\033[2J\\\\\\377 -> \\n\n");
}

Test(list, writes_the_names_of_a_manifest_as_sha256sum_does)
{
	struct aipm_entry e = { .path = (char *)"d/a b", .type = AIPM_FILE };

	shows(e, AIPM_LIST_SHA256, false, HEX "  d/a b\n");
	e.path = (char *)"d/\xff\033";
	shows(e, AIPM_LIST_SHA256, false, HEX "  d/\xff\033\n");
	shows(e, AIPM_LIST_SHA256, true, HEX "  d/\\377\\033\n");
	e.path = (char *)"d/a\nb\rc\\";
	shows(e, AIPM_LIST_SHA256, false, "\\" HEX "  d/a\\nb\\rc\\\\\n");
}
