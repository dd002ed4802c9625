#include "aipm/prune.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum { MAX = 64 };

/* A catalog on the stack: one letter a backup, oldest first. */
struct sketch {
	struct aipm_backup v[MAX];
	bool pinned[MAX];
	enum aipm_rule rules[MAX];
	struct aipm_catalog c;
};

/*
 * c complete, u unknown, p partial by name, q partial by its footer,
 * d damaged, r pre-restore, l legacy; a capital is pinned.
 */
static void
draw(struct sketch *s, const char *letters)
{
	memset(s, 0, sizeof(*s));
	s->c.v = s->v;
	for (; letters[s->c.n] != '\0'; s->c.n++) {
		char l = letters[s->c.n];
		struct aipm_backup *b = &s->v[s->c.n];

		s->pinned[s->c.n] = l < 'a';
		l = (char)(l | 0x20);
		b->stamp.taken = (int64_t)s->c.n;
		b->stamp.legacy = l == 'l';
		b->stamp.kind = l == 'r'   ? AIPM_KIND_PRE_RESTORE
		                : l == 'p' ? AIPM_KIND_PARTIAL
		                           : AIPM_KIND_BACKUP;
		b->state = l == 'd'               ? AIPM_STATE_DAMAGED
		           : l == 'q'             ? AIPM_STATE_PARTIAL
		           : l == 'u' || l == 'l' ? AIPM_STATE_UNKNOWN
		                                  : AIPM_STATE_COMPLETE;
	}
}

static struct aipm_prune_options
keeping(size_t n)
{
	return (struct aipm_prune_options){ .keep_last = n, .prefix = "ai-pm" };
}

/* Of the backups in letters those stay that have an x in wanted. */
static void
keeps(const char *letters, const char *wanted, size_t keep_last, bool legacy)
{
	struct aipm_prune_options o = keeping(keep_last);
	struct sketch s;
	struct aipm_err err;
	char got[MAX] = "";

	o.legacy = legacy;
	draw(&s, letters);
	cr_assert_eq(aipm_prune_decide(s.rules, &s.c, s.pinned, &o, &err), 0);
	for (size_t i = 0; i < s.c.n; i++)
		got[i] = s.rules[i] == AIPM_RULE_NONE ? '-' : 'x';
	cr_expect_str_eq(got, wanted, "%s: %s", letters, got);
}

Test(prune, keeps_the_newest_complete_ones)
{
	keeps("ccccc", "---xx", 2, false);
	keeps("ccccc", "xxxxx", 5, false);
	keeps("c", "x", 1, false);
	keeps("", "", 1, false);
}

Test(prune, never_removes_a_backup_from_before_a_restore)
{
	keeps("rcrcrcr", "x-x-xxx", 1, false);
	keeps("rrrrr", "xxxxx", 1, false);
}

Test(prune, keeps_three_partial_ones_that_push_out_no_complete_one)
{
	keeps("pqpqp", "--xxx", 1, false);
	keeps("ccppppp", "-x--xxx", 1, false);
	keeps("pppppcc", "--xxx-x", 1, false);
}

Test(prune, neither_counts_nor_removes_damaged_ones)
{
	keeps("dcdcdd", "x-xxxx", 1, false);
	keeps("cddddddd", "xxxxxxxx", 1, false);
}

Test(prune, lets_no_unknown_one_push_out_a_complete_one)
{
	keeps("ccuuuu", "-x---x", 1, false);
	keeps("cccuuuu", "-xx--xx", 2, false);
	keeps("uuuccc", "----xx", 2, false);
	keeps("uuucc", "--xxx", 3, false);
	keeps("uuuuu", "----x", 1, false);
}

Test(prune, keeps_what_is_pinned_beyond_its_place)
{
	keeps("Ccccc", "x---x", 1, false);
	keeps("cccCC", "---xx", 2, false);
	keeps("Pppppp", "x--xxx", 1, false);
	keeps("Uucc", "x--x", 1, false);
}

Test(prune, touches_names_of_older_scripts_only_if_told)
{
	keeps("lllcc", "xxx-x", 1, false);
	keeps("lllcc", "----x", 1, true);
	keeps("lllll", "xxxxx", 1, false);
	keeps("lllll", "---xx", 2, true);
	keeps("cll", "xxx", 1, false);
}

Test(prune, refuses_to_keep_nothing)
{
	struct aipm_prune_options o = keeping(0);
	struct sketch s;
	struct aipm_err err;

	draw(&s, "ccc");
	cr_assert_eq(aipm_prune_decide(s.rules, &s.c, s.pinned, &o, &err), -1);
	cr_assert_eq(err.cls, AIPM_USAGE);
	for (size_t i = 0; i < s.c.n; i++)
		cr_assert_neq(s.rules[i], AIPM_RULE_NONE);
}

Test(prune, decides_nothing_about_a_catalog_out_of_order)
{
	struct aipm_prune_options o = keeping(1);
	struct sketch s;
	struct aipm_err err;

	draw(&s, "ccc");
	s.v[0].stamp.taken = 9;
	cr_assert_eq(aipm_prune_decide(s.rules, &s.c, s.pinned, &o, &err), -1);
	for (size_t i = 0; i < s.c.n; i++)
		cr_assert_neq(s.rules[i], AIPM_RULE_NONE);
}

/* xorshift64, so that every run sees the same catalogs. */
static unsigned
dice(unsigned sides)
{
	static uint64_t x = UINT64_C(88172645463325252);

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)((x >> 32) % sides);
}

static char *
random_letters(void)
{
	static char letters[MAX];
	size_t n = dice(MAX - 1);

	for (size_t i = 0; i < n; i++) {
		letters[i] = "ccccupqdrl"[dice(10)];
		if (dice(8) == 0)
			letters[i] = (char)(letters[i] & ~0x20);
	}
	letters[n] = '\0';
	return letters;
}

/* What is promised whatever lies in the directory. */
static void
check_promises(const struct sketch *s, const struct aipm_prune_options *o,
    const char *letters)
{
	size_t complete = 0, partial = 0;
	bool proven = false, usable = false;

	for (size_t i = s->c.n; i-- > 0;) {
		bool goes = s->rules[i] == AIPM_RULE_NONE;
		char l = (char)(letters[i] | 0x20);

		if (s->pinned[i] || l == 'r' || l == 'd')
			cr_assert_not(goes, "%s at %zu", letters, i);
		if (l == 'c') {
			cr_assert(complete++ < o->keep_last
			              ? !goes
			              : goes || s->pinned[i],
			    "%s at %zu", letters, i);
			proven = true;
		}
		if (l == 'p' || l == 'q')
			cr_assert(partial++ < 3 ? !goes : goes || s->pinned[i],
			    "%s at %zu", letters, i);
		if (!usable && !proven &&
		    (l == 'u' || (l == 'l' && o->legacy))) {
			cr_assert_not(goes, "%s at %zu", letters, i);
			usable = true;
		}
	}
}

Test(prune, keeps_its_promises_for_any_catalog)
{
	struct sketch s;
	struct aipm_err err;

	for (unsigned round = 0; round < 5000; round++) {
		struct aipm_prune_options o = keeping(1 + dice(12));
		char *letters = random_letters();

		o.legacy = dice(2) == 0;
		draw(&s, letters);
		cr_assert_eq(
		    aipm_prune_decide(s.rules, &s.c, s.pinned, &o, &err), 0,
		    "%s: %s", letters, err.text);
		check_promises(&s, &o, letters);
	}
}

/* What was reported, a line each. */
static char reported[4096];

static void
report(void *ctx, const char *path)
{
	size_t n = strlen(reported);

	(void)ctx;
	(void)snprintf(reported + n, sizeof(reported) - n, "%s\n", path);
}

static const char *
prune_names(size_t keep_last, bool legacy, const char *lines, size_t n)
{
	struct aipm_prune_options o = keeping(keep_last);
	struct aipm_err err;
	FILE *f = fmemopen((void *)lines, n, "r");

	reported[0] = '\0';
	o.legacy = legacy;
	o.removed = report;
	cr_assert_eq(aipm_prune_names(f, &o, &err), 0, "%s", err.text);
	cr_assert_eq(fclose(f), 0);
	return reported;
}

#define LINES(s) s, sizeof(s) - 1
#define BACKUP(d) "ai-pm-backup-2026110" d "T000000Z.tar.gz"
#define PARTIAL(d) "ai-pm-partial-2026110" d "T000000Z.tar.gz"
#define LEGACY(d) "ai-pm-backup-2024010" d "_000000.tar.gz"

Test(prune, decides_for_names_in_any_order_and_skips_foreign_ones)
{
	cr_assert_str_eq(
	    prune_names(2, false,
	        LINES("hello\n\n" BACKUP("3") "\n" BACKUP(
	            "1") "\n"
	                 "x" BACKUP("9") "\n" BACKUP("2") "\n" LEGACY(
	                     "1") "\n"
	                          "ai-pm-pre-restore-20260101T000000Z.tar."
	                          "gz\n" BACKUP("8") "\0x\n" BACKUP("4"))),
	    BACKUP("1") "\n" BACKUP("2") "\n");
}

Test(prune, takes_a_name_that_comes_twice_for_one)
{
	cr_assert_str_eq(
	    prune_names(2, false,
	        LINES(BACKUP("1") "\n" BACKUP("2") "\n" BACKUP("2") "\n")),
	    "");
}

Test(prune, decides_for_each_directory_in_a_list_by_itself)
{
	cr_assert_str_eq(
	    prune_names(1, false,
	        LINES("r:a/" BACKUP("1") "\nr:b/" BACKUP(
	            "3") "\n"
	                 "r:a/" BACKUP("2") "\nr:" BACKUP(
	                     "1") "\n"
	                          "r:" BACKUP("4") "\n" BACKUP("1") "\n")),
	    "r:a/" BACKUP("1") "\nr:" BACKUP("1") "\n");
}

Test(prune, sees_the_pins_in_a_list)
{
	cr_assert_str_eq(prune_names(1, false,
	                     LINES("a/" BACKUP("1") ".pin\na/" BACKUP(
	                         "1") "\n"
	                              "a/" BACKUP("2") "\na/" BACKUP(
	                                  "3") "\n"
	                                       "b/" BACKUP("2") ".pin\n")),
	    "a/" BACKUP("2") "\n");
}

Test(prune, counts_partial_and_legacy_names_in_a_list_by_the_same_rules)
{
	cr_assert_str_eq(
	    prune_names(1, true,
	        LINES(
	            BACKUP("1") "\n" PARTIAL("2") "\n" PARTIAL("3") "\n" PARTIAL(
	                "4") "\n" PARTIAL("5") "\n" LEGACY("1") "\n")),
	    LEGACY("1") "\n" PARTIAL("2") "\n");
}

/* An archive of another tool, as far as a look at its head tells. */
static void
put_backup(const char *dir, const char *name)
{
	static const unsigned char gzip[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0,
		3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_not_null(f = fopen(path, "w"));
	cr_assert_eq(fwrite(gzip, 1, sizeof(gzip), f), sizeof(gzip));
	cr_assert_eq(fclose(f), 0);
}

static bool
exists(const char *dir, const char *name)
{
	char path[512];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0;
}

Test(prune, removes_from_a_directory_what_no_rule_keeps)
{
	char dir[] = "/tmp/aipm-prune.XXXXXX", command[64], wanted[256];
	struct aipm_prune_options o = keeping(1);
	struct aipm_err err;

	cr_assert_not_null(mkdtemp(dir));
	put_backup(dir, BACKUP("1"));
	put_backup(dir, BACKUP("2"));
	put_backup(dir, BACKUP("2") ".pin");
	put_backup(dir, BACKUP("3"));
	put_backup(dir, BACKUP("4"));
	(void)snprintf(wanted, sizeof(wanted),
	    "%s/" BACKUP("1") "\n%s/" BACKUP("3") "\n", dir, dir);
	o.removed = report;
	o.dry_run = true;
	cr_assert_eq(aipm_prune_directory(dir, &o, &err), 0, "%s", err.text);
	cr_assert_str_eq(reported, wanted);
	cr_assert(exists(dir, BACKUP("1")));
	o.dry_run = false;
	reported[0] = '\0';
	cr_assert_eq(aipm_prune_directory(dir, &o, &err), 0, "%s", err.text);
	cr_assert_str_eq(reported, wanted);
	cr_assert_not(exists(dir, BACKUP("1")));
	cr_assert(exists(dir, BACKUP("2")));
	cr_assert_not(exists(dir, BACKUP("3")));
	cr_assert(exists(dir, BACKUP("4")));
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
}

Test(prune, stops_at_a_signal_before_it_removes_anything)
{
	static volatile sig_atomic_t signum = 15;
	char dir[] = "/tmp/aipm-prune.XXXXXX", command[64];
	struct aipm_prune_options o = keeping(1);
	struct aipm_err err;

	cr_assert_not_null(mkdtemp(dir));
	put_backup(dir, BACKUP("1"));
	put_backup(dir, BACKUP("2"));
	o.removed = report;
	o.cancel.signum = &signum;
	cr_assert_eq(aipm_prune_directory(dir, &o, &err), -1);
	cr_assert_eq(err.cls, AIPM_SIGNALLED);
	cr_assert(exists(dir, BACKUP("1")));
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
}
