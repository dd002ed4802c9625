#include "aipm/select.h"

#include <criterion/criterion.h>

static struct aipm_err err;

static struct aipm_select *
of(const char *a, const char *b)
{
	const char *paths[] = { a, b };
	struct aipm_select *s;

	cr_assert_eq(aipm_select_new(&s, paths, b == NULL ? 1 : 2, &err), 0);
	return s;
}

Test(select, has_what_is_at_or_below_a_path_and_needs_what_is_above)
{
	struct aipm_select *s = of("./data/minio/b//", "data/x");

	cr_expect(aipm_select_has(s, "data/minio/b"));
	cr_expect(aipm_select_has(s, "data/minio/b/c/d"));
	cr_expect(aipm_select_has(s, "data/x"));
	cr_expect_not(aipm_select_has(s, "data/minio/bc"));
	cr_expect_not(aipm_select_has(s, "data/minio"));
	cr_expect(aipm_select_needs(s, "data/minio"));
	cr_expect(aipm_select_needs(s, "data"));
	cr_expect(aipm_select_needs(s, "data/minio/b/c"));
	cr_expect_not(aipm_select_needs(s, "data/minio/a"));
	cr_expect_not(aipm_select_needs(s, "dat"));
	aipm_select_free(s);
}

Test(select, finds_the_stretches_of_archive_order_that_hold_what_is_needed)
{
	struct aipm_select *s = of("data/b/f", NULL);

	/* Before, at, around, within and behind it. */
	cr_expect_not(aipm_select_between(s, "data/a", "data/a/z"));
	cr_expect(aipm_select_between(s, "data/a", "data/b/f"));
	cr_expect(aipm_select_between(s, "data/b/f", "data/b/f"));
	cr_expect(aipm_select_between(s, "data/a", "data/c"));
	cr_expect(aipm_select_between(s, "data/b/f/x", "data/b/f/y"));
	cr_expect(aipm_select_between(s, "data/b/f/x", "data/c"));
	cr_expect_not(aipm_select_between(s, "data/b/f-", "data/c"));
	cr_expect_not(aipm_select_between(s, "data/b/g", "data/c"));
	/* The directories above it. */
	cr_expect(aipm_select_between(s, "data", "data/a"));
	cr_expect(aipm_select_between(s, "data/a", "data/b"));
	cr_expect_not(aipm_select_between(s, "data/b/a", "data/b/e"));
	cr_expect_not(aipm_select_between(s, "data/b-", "data/b-/x"));
	aipm_select_free(s);
}

Test(select, tells_what_was_not_met)
{
	struct aipm_select *s = of("data/x/", "data/y");

	aipm_select_meet(s, "data");
	cr_expect_str_eq(aipm_select_unmet(s), "data/x/");
	aipm_select_meet(s, "data/x/deep/file");
	cr_expect_str_eq(aipm_select_unmet(s), "data/y");
	aipm_select_meet(s, "data/y");
	cr_expect_null(aipm_select_unmet(s));
	aipm_select_free(s);
}

Test(select, without_paths_selects_everything)
{
	struct aipm_select *s;

	cr_assert_eq(aipm_select_new(&s, NULL, 0, &err), 0);
	cr_expect_null(s);
	cr_expect(aipm_select_has(s, "x"));
	cr_expect(aipm_select_needs(s, "x"));
	cr_expect(aipm_select_between(s, "a", "b"));
	aipm_select_meet(s, "x");
	cr_expect_null(aipm_select_unmet(s));
	aipm_select_free(s);
}
