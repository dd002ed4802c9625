#include "aipm/stamp.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define NAME(when) "ai-pm-backup-" when ".tar.gz"

static int64_t
taken(const char *name)
{
	struct aipm_stamp s;

	cr_assert(aipm_stamp_parse(&s, name, "ai-pm"), "%s", name);
	return s.taken;
}

Test(stamp, reads_the_time_as_utc_whatever_the_time_zone)
{
	struct aipm_stamp s;

	setenv("TZ", "TST-5", 1);
	cr_assert(aipm_stamp_parse(&s, NAME("20261123T145903Z"), "ai-pm"));
	cr_assert_eq(s.taken, 1795445943);
	cr_assert_eq(s.kind, AIPM_KIND_BACKUP);
	cr_assert_not(s.legacy);
	cr_assert_eq(taken(NAME("19700101T000000Z")), 0);
	cr_assert_eq(taken(NAME("20000229T235959Z")), 951868799);
	cr_assert_eq(taken(NAME("21000301T000000Z")), INT64_C(4107542400));
	cr_assert_eq(taken(NAME("99991231T235959Z")), INT64_C(253402300799));
}

Test(stamp, reads_the_names_of_older_scripts_as_local_time)
{
	struct aipm_stamp s;

	setenv("TZ", "TST-5", 1);
	cr_assert(aipm_stamp_parse(&s, NAME("20240131_120000"), "ai-pm"));
	cr_assert(s.legacy);
	cr_assert_eq(s.kind, AIPM_KIND_BACKUP);
	cr_assert_eq(s.taken, 1706684400);
}

Test(stamp, takes_exactly_its_own_names_and_no_other)
{
	static const char *const foreign[] = {
		"",
		"ai-pm",
		"ai-pm-backup-",
		"ai-pm-backup-20261123T145903Z",
		"ai-pm-backup-20261123T145903Z.tar",
		"ai-pm-backup-20261123T145903Z.tar.gz.pin",
		"ai-pm-backup-20261123T145903Z.tar.gz ",
		"ai-pm-backup-20261123T145903.tar.gz",
		"ai-pm-backup-20261123t145903z.tar.gz",
		"ai-pm-backup-2026112T145903Z.tar.gz",
		"ai-pm-backup-+2026112T145903Z.tar.gz",
		"ai-pm-backup-20261123T14590 Z.tar.gz",
		"ai-pm-backup-20261123_145903Z.tar.gz",
		"ai-pm-backups-20261123T145903Z.tar.gz",
		"ai-pm-pre-restore-20261123_145903.tar.gz",
		"ai-pm-partial-20261123_145903.tar.gz",
		"ai-pm--20261123T145903Z.tar.gz",
		"ai-pm-x-backup-20261123T145903Z.tar.gz",
		"x-ai-pm-backup-20261123T145903Z.tar.gz",
		"./ai-pm-backup-20261123T145903Z.tar.gz",
		"AI-PM-backup-20261123T145903Z.tar.gz",
		"ai-pm-backup-20261123T145903Z.thin",
	};
	struct aipm_stamp s = { AIPM_KIND_PARTIAL, 7, true };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		cr_expect_not(aipm_stamp_parse(&s, foreign[i], "ai-pm"), "%s",
		    foreign[i]);
	cr_assert_eq(s.taken, 7);
}

Test(stamp, refuses_dates_that_do_not_exist)
{
	static const char *const wrong[] = {
		NAME("20260229T000000Z"),
		NAME("21000229T000000Z"),
		NAME("20261301T000000Z"),
		NAME("20260001T000000Z"),
		NAME("20260431T000000Z"),
		NAME("20260100T000000Z"),
		NAME("20260101T240000Z"),
		NAME("20260101T006000Z"),
		NAME("20260101T000060Z"),
		NAME("19691231T235959Z"),
		NAME("20260229_000000"),
	};
	struct aipm_stamp s;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_not(
		    aipm_stamp_parse(&s, wrong[i], "ai-pm"), "%s", wrong[i]);
}

Test(stamp, writes_names_that_it_reads_back)
{
	static const int64_t times[] = { 0, 1, 951782399, 951782400, 1795445943,
		INT64_C(4107542399), INT64_C(253402300799) };
	char name[AIPM_STAMP_NAME_MAX];
	struct aipm_stamp s;

	for (unsigned k = 0; k < 3; k++) {
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
			cr_assert_eq(aipm_stamp_name(name, "a.b_c-d",
			                 (enum aipm_kind)k, times[i]),
			    0);
			cr_assert(aipm_stamp_parse(&s, name, "a.b_c-d"));
			cr_assert_eq(s.kind, (enum aipm_kind)k);
			cr_assert_eq(s.taken, times[i]);
		}
	}
	cr_assert_eq(
	    aipm_stamp_name(name, "ai-pm", AIPM_KIND_PRE_RESTORE, 1795445943),
	    0);
	cr_assert_str_eq(name, "ai-pm-pre-restore-20261123T145903Z.tar.gz");
}

Test(stamp, writes_no_name_for_a_time_that_has_none)
{
	char name[AIPM_STAMP_NAME_MAX], prefix[AIPM_STAMP_NAME_MAX];

	cr_assert_eq(aipm_stamp_name(name, "x", AIPM_KIND_BACKUP, -1), -1);
	cr_assert_eq(
	    aipm_stamp_name(name, "x", AIPM_KIND_BACKUP, INT64_C(253402300800)),
	    -1);
	memset(prefix, 'x', sizeof(prefix) - 1);
	prefix[sizeof(prefix) - 1] = '\0';
	cr_assert_eq(aipm_stamp_name(name, prefix, AIPM_KIND_BACKUP, 0), -1);
}

Test(stamp, knows_a_good_prefix)
{
	char longest[102];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[101] = '\0';
	cr_assert(aipm_stamp_prefix_ok("ai-pm"));
	cr_assert(aipm_stamp_prefix_ok("A.9_-"));
	cr_assert_not(aipm_stamp_prefix_ok(longest));
	longest[100] = '\0';
	cr_assert(aipm_stamp_prefix_ok(longest));
	cr_assert_not(aipm_stamp_prefix_ok(""));
	cr_assert_not(aipm_stamp_prefix_ok(".x"));
	cr_assert_not(aipm_stamp_prefix_ok("-x"));
	cr_assert_not(aipm_stamp_prefix_ok("a/b"));
	cr_assert_not(aipm_stamp_prefix_ok("a b"));
	cr_assert_not(aipm_stamp_prefix_ok("\xc3\xa4"));
}

Test(stamp, knows_its_kinds_by_name)
{
	enum aipm_kind k;

	cr_assert(aipm_kind_parse("pre-restore", &k));
	cr_assert_eq(k, AIPM_KIND_PRE_RESTORE);
	cr_assert_str_eq(aipm_kind_name(AIPM_KIND_PARTIAL), "partial");
	cr_assert_not(aipm_kind_parse("Backup", &k));
	cr_assert_not(aipm_kind_parse("backup-", &k));
}

Test(stamp, shows_times_in_rfc_3339)
{
	char s[32];

	aipm_stamp_show(s, 1795445943);
	cr_assert_str_eq(s, "2026-11-23T14:59:03Z");
	aipm_stamp_show(s, INT64_MIN);
	cr_assert_str_eq(s, "@-9223372036854775808");
}
