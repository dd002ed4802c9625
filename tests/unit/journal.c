#include "aipm/journal.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

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
	unlinkat(dirfd_, "journal", 0);
	close(dirfd_);
	cr_assert_eq(rmdir(dir), 0, "something is left in %s", dir);
}

static int
load(struct aipm_journal *j, struct aipm_err *err)
{
	return aipm_journal_read(j, dirfd_, "journal", "d/journal", err);
}

static int
save(const struct aipm_journal *j, struct aipm_err *err)
{
	return aipm_journal_write(j, dirfd_, "journal", "d/journal", err);
}

static void
add(struct aipm_journal *j, char *id, int timeout, bool held, bool paused)
{
	struct aipm_journal_entry e = { .id = id,
		.name = "a name",
		.engine = "docker",
		.timeout = timeout,
		.held = held,
		.paused = paused,
		.frozen = !paused && timeout == 9 };
	struct aipm_err err;

	cr_assert_eq(aipm_journal_add(j, &e, &err), 0);
}

Test(
    journal, comes_back_as_it_was_written, .init = enter_dir, .fini = leave_dir)
{
	struct aipm_journal j = { NULL, 0 }, k;
	struct aipm_err err;

	add(&j, "1", -1, false, true);
	add(&j, "2", 120, true, false);
	cr_assert_eq(save(&j, &err), 0, "%s", err.text);
	cr_assert_eq(load(&k, &err), 0, "%s", err.text);
	cr_assert_eq(k.n, 2);
	cr_assert_str_eq(k.v[0].id, "1");
	cr_assert_str_eq(k.v[0].name, "a name");
	cr_assert_str_eq(k.v[0].engine, "docker");
	cr_assert_eq(k.v[0].timeout, -1);
	cr_assert(k.v[0].paused && !k.v[0].held);
	cr_assert_eq(k.v[1].timeout, 120);
	cr_assert(k.v[1].held && !k.v[1].paused);
	aipm_journal_free(&j);
	aipm_journal_free(&k);
}

Test(journal, an_empty_one_is_no_file, .init = enter_dir, .fini = leave_dir)
{
	struct aipm_journal j = { NULL, 0 };
	struct aipm_err err;

	add(&j, "1", -1, false, false);
	cr_assert_eq(save(&j, &err), 0);
	aipm_journal_remove(&j, 0);
	cr_assert_eq(save(&j, &err), 0);
	cr_assert_eq(faccessat(dirfd_, "journal", F_OK, 0), -1);
	cr_assert_eq(save(&j, &err), 0, "nor is it missed");
	aipm_journal_free(&j);
	cr_assert_eq(load(&j, &err), 0);
	cr_assert_eq(j.n, 0);
}

Test(journal, an_id_stands_once_where_it_was_added_last)
{
	struct aipm_journal j = { NULL, 0 };

	add(&j, "1", -1, true, false);
	add(&j, "2", -1, true, false);
	add(&j, "1", -1, false, false);
	cr_assert_eq(j.n, 2);
	cr_assert_eq(aipm_journal_find(&j, "1"), 1);
	cr_assert_not(j.v[1].held);
	cr_assert_eq(aipm_journal_find(&j, "3"), 2);
	aipm_journal_free(&j);
}

Test(journal, a_damaged_one_is_refused, .init = enter_dir, .fini = leave_dir)
{
	static const char *const bad[] = { "", "aipm-journal\t1\n",
		"aipm-journal\t2\nend\n",
		"aipm-journal\t1\ncontainer\theld\trunning\t-\tid\tdocker\nend",
		"aipm-journal\t1\ncontainer\theld\tgone\t-\ti\td\tn\nend\n",
		"aipm-journal\t1\ncontainer\tup\tpaused\t-\ti\td\tn\nend\n",
		"aipm-journal\t1\ncontainer\theld\tpaused\t-1\ti\td\tn\nend\n",
		"aipm-journal\t1\ncontainer\theld\tpaused\t-\t\td\tn\nend\n" };
	struct aipm_journal j;
	struct aipm_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = openat(dirfd_, "journal", O_WRONLY | O_CREAT | O_TRUNC,
		    (mode_t)0600);

		cr_assert_neq(write(fd, bad[i], strlen(bad[i])), -1);
		close(fd);
		cr_assert_eq(load(&j, &err), -1, "%zu", i);
		cr_assert_eq(j.n, 0);
		cr_assert_not_null(
		    strstr(err.text, "d/journal: cannot be understood"));
	}
}

Test(journal, one_that_cannot_be_written_leaves_the_old_one, .init = enter_dir,
    .fini = leave_dir)
{
	struct aipm_journal j = { NULL, 0 }, k;
	struct aipm_err err;

	add(&j, "1", -1, false, false);
	cr_assert_eq(save(&j, &err), 0);
	cr_assert_eq(mkdirat(dirfd_, ".journal.new", 0700), 0);
	add(&j, "2", -1, false, false);
	cr_assert_eq(save(&j, &err), -1);
	cr_assert_eq(unlinkat(dirfd_, ".journal.new", AT_REMOVEDIR), 0);
	cr_assert_eq(load(&k, &err), 0);
	cr_assert_eq(k.n, 1);
	aipm_journal_free(&j);
	aipm_journal_free(&k);
}
