#include "aipm/compat.h"
#include "aipm/swap.h"
#include "aipm/tree.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

static char top[64];
static struct aipm_err err;

static void
setup(void)
{
	(void)snprintf(top, sizeof(top), "/tmp/aipm-swap-%ld", (long)getpid());
	cr_assert_eq(mkdir(top, 0700), 0);
	cr_assert_eq(chdir(top), 0);
}

static void
teardown(void)
{
	cr_assert_eq(chdir("/"), 0);
	cr_expect_eq(aipm_tree_remove(AT_FDCWD, top, top, &err), 0);
}

TestSuite(swap, .init = setup, .fini = teardown);

static void
tree(const char *dir, const char *file)
{
	char path[128];

	cr_assert_eq(mkdir(dir, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	cr_assert_eq(mkdir(path, 0755), 0);
}

static bool
there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

Test(swap, exchanges_two_directories)
{
	tree("a", "new");
	tree("b", "old");
	cr_assert_eq(aipm_swap("a", "./b//", &err), 0, "%s", err.text);
	cr_assert(there("b/new") && there("a/old"));
	cr_assert(!there("a/new") && !there("b/old"));
}

Test(swap, puts_the_new_one_where_nothing_is)
{
	tree("a", "new");
	cr_assert_eq(aipm_swap("a", "b", &err), 0, "%s", err.text);
	cr_assert(there("b/new") && !there("a"));
}

Test(swap, changes_nothing_without_a_new_one)
{
	tree("b", "old");
	cr_assert_eq(aipm_swap("a", "b", &err), -1);
	cr_assert_eq(err.cls, AIPM_FAILED);
	cr_assert_str_eq(
	    err.text, "./a: cannot be exchanged: No such file or directory");
	cr_assert(there("b/old"));
}

Test(swap, refuses_symlinks_and_files_and_dots)
{
	tree("a", "new");
	tree("b", "old");
	cr_assert_eq(symlink("b", "s"), 0);
	cr_assert_eq(aipm_swap("a", "s", &err), -1);
	cr_assert_eq(aipm_swap("s", "a", &err), -1);
	cr_assert_eq(aipm_swap("a", "b/.", &err), -1);
	cr_assert_eq(aipm_swap("a", "..", &err), -1);
	cr_assert_eq(aipm_swap("a", "/", &err), -1);
	cr_assert_eq(aipm_swap("a", "none/b", &err), -1);
	cr_assert(there("a/new") && there("b/old"));
}

Test(swap, refuses_a_directory_within_the_other)
{
	tree("a", "new");
	cr_assert_eq(aipm_swap("a/new", "a", &err), -1);
	cr_assert_eq(aipm_swap("a", "a/new", &err), -1);
	cr_assert(there("a/new"));
}

Test(swap, knows_what_is_mounted_at_or_below_a_path)
{
	char *where;

	cr_assert_eq(aipm_compat_mount_find("/proc", &where), 1);
	cr_assert_str_eq(where, "/proc");
	free(where);
	cr_assert_eq(aipm_compat_mount_find("/", &where), 1);
	free(where);
	cr_assert_eq(aipm_compat_mount_find("/pro", &where), 0);
	cr_assert_eq(where, NULL);
	cr_assert_eq(aipm_compat_mount_find(top, &where), 0);
}

Test(swap, refuses_a_mount_and_says_which)
{
	struct aipm_place p = { AT_FDCWD, "/", "proc" };

	cr_assert_eq(aipm_swap_check_mounts(&p, &err), -1);
	cr_assert_eq(err.cls, AIPM_FAILED);
	cr_assert_eq(
	    strncmp(err.text, "/proc is a mount", 16), 0, "%s", err.text);
}

Test(swap, the_command_that_finishes_is_quoted_for_a_shell)
{
	struct aipm_place from = { -1, "it's", "a b" },
	                  to = { -1, ".", "\033" };

	cr_assert_eq(aipm_swap_halfway(&err, "undo with", &from, &to), -1);
	cr_assert_eq(err.cls, AIPM_HALFWAY);
	cr_assert_str_eq(
	    err.text, "undo with: mv -T -- 'it'\\''s/a b' './\\033'");
}
