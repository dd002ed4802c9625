#include "aipm/lock.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[32];
static int dirfd_;

static void
enter_dir(void)
{
	strcpy(dir, "/tmp/aipm-stop-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	cr_assert_neq(dirfd_, -1);
}

static void
leave_dir(void)
{
	unlinkat(dirfd_, "lock", 0);
	close(dirfd_);
	cr_assert_eq(rmdir(dir), 0, "something is left in %s", dir);
}

static int
take(struct aipm_lock *l, int given, struct aipm_err *err)
{
	return aipm_lock_take(
	    l, dirfd_, "lock", "d/lock", given, AIPM_LOCK_TRY, NULL, NULL, err);
}

Test(lock, is_taken_once_and_names_its_holder, .init = enter_dir,
    .fini = leave_dir)
{
	struct aipm_lock a, b;
	struct aipm_err err;
	char want[64];

	cr_assert_eq(take(&a, -1, &err), 0);
	cr_assert_not(a.inherited);
	cr_assert_eq(fcntl(a.fd, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(take(&b, -1, &err), -1);
	cr_assert_eq(err.cls, AIPM_LOCKED);
	(void)snprintf(want, sizeof(want), "pid %ld;", (long)getpid());
	cr_assert_not_null(strstr(err.text, want), "%s", err.text);
	aipm_lock_release(&a);
	cr_assert_eq(take(&b, -1, &err), 0);
	aipm_lock_release(&b);
}

Test(lock, is_shared_by_whoever_inherits_its_descriptor, .init = enter_dir,
    .fini = leave_dir)
{
	struct aipm_lock a, b;
	struct aipm_err err;

	cr_assert_eq(take(&a, -1, &err), 0);
	cr_assert_eq(take(&b, dup(a.fd), &err), 0);
	cr_assert(b.inherited);
	cr_assert_eq(fcntl(b.fd, F_GETFD), FD_CLOEXEC);
	aipm_lock_release(&a);
	cr_assert_eq(take(&a, -1, &err), -1, "b still has it");
	aipm_lock_release(&b);
}

Test(lock, ignores_a_descriptor_of_another_file, .init = enter_dir,
    .fini = leave_dir)
{
	struct aipm_lock a, b;
	struct aipm_err err;

	cr_assert_eq(take(&a, -1, &err), 0);
	cr_assert_eq(take(&b, dirfd_, &err), -1);
	cr_assert_eq(take(&b, 999, &err), -1);
	cr_assert_eq(err.cls, AIPM_LOCKED);
	aipm_lock_release(&a);
}

static void
count(void *ctx, const char *path, const char *text)
{
	(void)path;
	(void)text;
	++*(int *)ctx;
}

Test(lock, says_once_that_it_waits_and_ends_by_a_signal, .init = enter_dir,
    .fini = leave_dir)
{
	volatile sig_atomic_t signum = SIGINT;
	struct aipm_cancel cancel = { &signum };
	struct aipm_lock a, b;
	struct aipm_err err;
	int said = 0;
	struct aipm_warn note = { count, &said };

	cr_assert_eq(take(&a, -1, &err), 0);
	cr_assert_eq(aipm_lock_take(&b, dirfd_, "lock", "d/lock", -1,
	                 AIPM_LOCK_WAIT, &note, &cancel, &err),
	    -1);
	cr_assert_eq(err.cls, AIPM_SIGNALLED);
	cr_assert_eq(said, 1);
	aipm_lock_release(&a);
}
