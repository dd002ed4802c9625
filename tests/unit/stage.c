#include "aipm/stage.h"
#include "aipm/tree.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

static char top[64];
static struct aipm_stage *s;
static struct aipm_err err;
static unsigned warnings;

static void
note_warning(void *ctx, const char *path, const char *text)
{
	(void)ctx;
	(void)path;
	(void)text;
	warnings++;
}

static const struct aipm_warn warn = { note_warning, NULL };

static void
setup(void)
{
	(void)snprintf(top, sizeof(top), "/tmp/aipm-stage-%ld", (long)getpid());
	cr_assert_eq(mkdir(top, 0700), 0);
	cr_assert_eq(chdir(top), 0);
}

static void
teardown(void)
{
	aipm_stage_close(s);
	cr_assert_eq(chdir("/"), 0);
	cr_expect_eq(aipm_tree_remove(AT_FDCWD, top, top, &err), 0);
}

TestSuite(stage, .init = setup, .fini = teardown);

static void
open_stage(bool overwrite)
{
	cr_assert_eq(aipm_stage_open(&s, ".", overwrite, &warn, &err), 0, "%s",
	    err.text);
}

static void
put(const char *name, mode_t mode)
{
	char inside[64];

	(void)snprintf(inside, sizeof(inside), "%s/inside", name);
	cr_assert_eq(mkdirat(aipm_stage_fd(s), name, 0755), 0);
	cr_assert_eq(mkdirat(aipm_stage_fd(s), inside, 0755), 0);
	cr_assert_eq(fchmodat(aipm_stage_fd(s), name, mode, 0), 0);
}

static bool
there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Names in the directory that begin with ".aipm". */
static unsigned
ours(void)
{
	DIR *d = opendir(".");
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, ".aipm", 5) == 0;
	(void)closedir(d);
	return n;
}

static void
close_stage(void)
{
	aipm_stage_close(s);
	s = NULL;
}

Test(stage, is_gone_whole_if_it_is_not_published)
{
	open_stage(false);
	put("a", 0);
	cr_assert_eq(ours(), 1U);
	close_stage();
	cr_assert_eq(ours(), 0U);
	cr_assert(!there("a"));
}

Test(stage, publishes_every_name_with_its_mode)
{
	struct stat st;

	open_stage(false);
	put("a", 0555);
	put("b", 0755);
	cr_assert_eq(aipm_stage_publish(s, &err), 0, "%s", err.text);
	close_stage();
	cr_assert(there("a/inside") && there("b/inside"));
	cr_assert_eq(lstat("a", &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0555);
	cr_assert_eq(ours(), 0U);
}

Test(stage, refuses_a_name_that_exists_and_moves_back_the_others)
{
	open_stage(false);
	put("a", 0755);
	put("b", 0755);
	put("c", 0755);
	cr_assert_eq(aipm_stage_check(s, "b/x", &err), 0);
	cr_assert_eq(mkdir("b", 0755), 0);
	cr_assert_eq(aipm_stage_publish(s, &err), -1);
	cr_assert_eq(err.cls, AIPM_FAILED);
	cr_assert_neq(
	    strstr(err.text, "./b: exists already"), NULL, "%s", err.text);
	close_stage();
	cr_assert(!there("a") && !there("c") && !there("b/inside"));
	cr_assert_eq(ours(), 0U);
}

Test(stage, says_early_that_a_name_exists)
{
	cr_assert_eq(mkdir("b", 0755), 0);
	open_stage(false);
	cr_assert_eq(aipm_stage_check(s, "a/b", &err), 0);
	cr_assert_eq(aipm_stage_check(s, "./b/x", &err), -1);
	cr_assert_eq(aipm_stage_check(s, "bb", &err), 0);
	cr_assert_eq(aipm_stage_check(s, ".", &err), 0);
}

Test(stage, overwrites_if_asked_and_removes_the_old_one)
{
	cr_assert_eq(mkdir("a", 0755), 0);
	cr_assert_eq(mkdir("a/old", 0), 0);
	open_stage(true);
	cr_assert_eq(aipm_stage_check(s, "a", &err), 0);
	put("a", 0755);
	put("b", 0755);
	cr_assert_eq(aipm_stage_publish(s, &err), 0, "%s", err.text);
	close_stage();
	cr_assert(there("a/inside") && !there("a/old") && there("b"));
	cr_assert_eq(ours(), 0U);
}

Test(stage, removes_stages_of_dead_runs_and_spares_the_living)
{
	int fd;

	cr_assert_eq(mkdir(".aipm-partial-dead", 0700), 0);
	cr_assert_eq(mkdir(".aipm-partial-dead/x", 0), 0);
	cr_assert_eq(mkdir(".aipm-partial-alive", 0700), 0);
	fd = open(".aipm-partial-alive", O_RDONLY | O_DIRECTORY);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	open_stage(false);
	cr_assert(!there(".aipm-partial-dead"));
	cr_assert(there(".aipm-partial-alive"));
	cr_assert_eq(warnings, 0U);
	(void)close(fd);
}

Test(stage, warns_of_a_swap_that_a_dead_run_left_and_keeps_it)
{
	cr_assert_eq(mkdir(".aipm-swap-dead", 0700), 0);
	open_stage(false);
	cr_assert_eq(warnings, 1U);
	close_stage();
	cr_assert(there(".aipm-swap-dead"));
}

Test(stage, is_locked_while_it_lives)
{
	DIR *d;
	const struct dirent *e;
	int fd = -1;

	open_stage(false);
	d = opendir(".");
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, ".aipm-partial-", 14) == 0)
			fd = open(e->d_name, O_RDONLY | O_DIRECTORY);
	(void)closedir(d);
	cr_assert_neq(fd, -1);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), -1);
	close_stage();
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	(void)close(fd);
}
