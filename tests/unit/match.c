#include "aipm/match.h"

#include <criterion/criterion.h>

#include <string.h>

struct pair {
	const char *glob, *path;
};

Test(match, takes_what_a_glob_names)
{
	static const struct pair yes[] = {
		{ "data/redis/*.rdb", "data/redis/dump.rdb" },
		{ "data/redis/*.rdb", "data/redis/.rdb" },
		{ "*.rdb", "data/redis/dump.rdb" },
		{ "*.rdb", "dump.rdb" },
		{ "cache", "data/app/cache" },
		{ "cache/", "data/app/cache" },
		{ "data/app/cache//", "data/app/cache" },
		{ "data/*/x", "data/a/x" },
		{ "*/*", "a/b" },
		{ "*", "a/b" },
		{ "?", "a/b" },
		{ "a*b*c", "aXbXbXc" },
		{ "a*bc/d*ef", "abbc/deef" },
		{ "[a-c]x", "bx" },
		{ "[!a-c]x", "dx" },
		{ "[^a-c]x", "dx" },
		{ "[]]", "]" },
		{ "[!]]", "x" },
		{ "[a-]", "-" },
		{ "[\\]]", "]" },
		{ "[", "[" },
		{ "[ab", "[ab" },
		{ "a[b", "a[b" },
		{ "\\*", "*" },
		{ "a\\", "a\\" },
		{ "[\xc0-\xff]*", "\xe4x" },
		{ "**", "abc" },
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		cr_expect(aipm_match(yes[i].glob, yes[i].path), "%s ~ %s",
		    yes[i].glob, yes[i].path);
}

Test(match, takes_nothing_else)
{
	static const struct pair no[] = {
		{ "data/redis/*.rdb", "data/redis/a/b.rdb" },
		{ "data/*", "data/a/b" },
		{ "data/*", "data" },
		{ "redis/*.rdb", "data/redis/dump.rdb" },
		{ "a?b/", "a/b" },
		{ "x/a?b", "x/a/b" },
		{ "x/a[/]b", "x/a/b" },
		{ "x/a[!x]b", "x/a/b" },
		{ "x/a[.-0]b", "x/a/b" },
		{ "*.rdb", "dump.rdb.old" },
		{ "*.rdb", "dump.rd" },
		{ "*b/c", "ab/d" },
		{ "cache", "data/cache/x" },
		{ "[a-c]", "d" },
		{ "[!a-c]", "b" },
		{ "[c-a]", "b" },
		{ "\\*", "x" },
		{ "\\[a]", "a" },
		{ "A", "a" },
		{ "", "x" },
		{ "a", "" },
		{ "?", "" },
	};

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_expect_not(aipm_match(no[i].glob, no[i].path), "%s !~ %s",
		    no[i].glob, no[i].path);
}

/* A matcher that recurses at every star would never come back. */
Test(match, comes_back_from_a_hostile_glob)
{
	char glob[2001], path[4001];

	for (size_t i = 0; i < 2000; i += 2)
		memcpy(glob + i, "*a", 2);
	memset(path, 'a', sizeof(path) - 1);
	glob[2000] = '\0';
	path[4000] = '\0';
	cr_assert(aipm_match(glob, path));
	path[3999] = 'b';
	cr_assert_not(aipm_match(glob, path));
	memset(glob, '[', sizeof(glob) - 1);
	cr_assert_not(aipm_match(glob, path));
}
