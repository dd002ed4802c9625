#include "aipm/child.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

Test(child, tells_a_missing_command_from_one_that_cannot_be_executed)
{
	struct aipm_err err;

	cr_assert_eq(aipm_child_find("sh", &err), 0);
	cr_assert_eq(aipm_child_find("/bin/sh", &err), 0);
	cr_assert_eq(aipm_child_find("no-such-command", &err), -1);
	cr_assert_eq(err.cls, AIPM_NOCOMMAND);
	cr_assert_eq(aipm_child_find("", &err), -1);
	cr_assert_eq(err.cls, AIPM_NOCOMMAND);
	cr_assert_eq(aipm_child_find("/etc/passwd", &err), -1);
	cr_assert_eq(err.cls, AIPM_NOEXEC);
	cr_assert_eq(aipm_child_find("/etc", &err), -1);
	cr_assert_eq(err.cls, AIPM_NOEXEC);
}

Test(child, finds_in_an_empty_element_of_path_what_lies_here)
{
	char dir[] = "/tmp/aipm-child-XXXXXX";
	struct aipm_err err;

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	cr_assert_eq(close(open("x", O_CREAT | O_WRONLY, (mode_t)0700)), 0);
	setenv("PATH", "/nonexistent::/bin", 1);
	cr_assert_eq(aipm_child_find("x", &err), 0);
	setenv("PATH", "/nonexistent:/bin", 1);
	cr_assert_eq(aipm_child_find("x", &err), -1);
	unlink("x");
	rmdir(dir);
}

static int
say(struct aipm_child_said *said, const char *line, unsigned limit,
    const struct aipm_cancel *cancel, struct aipm_err *err)
{
	const char *argv[] = { "sh", "-c", line, NULL };

	memset(said, 0, sizeof(*said));
	return aipm_child_capture(said, argv, limit, cancel, err);
}

Test(child, collects_both_outputs_and_the_status)
{
	struct aipm_child_said said;
	struct aipm_err err;

	cr_assert_eq(
	    say(&said, "echo out; echo err >&2; exit 3", 60, NULL, &err), 0);
	cr_assert_eq(said.status, 3);
	cr_assert_str_eq((char *)said.out.p, "out\n");
	cr_assert_str_eq((char *)said.err.p, "err\n");
	aipm_child_said_free(&said);
	cr_assert_eq(say(&said, "kill -9 $$", 60, NULL, &err), 0);
	cr_assert_eq(said.status, 137);
	cr_assert_eq(said.out.len, 0);
	aipm_child_said_free(&said);
}

Test(child, collects_more_than_a_pipe_holds)
{
	struct aipm_child_said said;
	struct aipm_err err;

	cr_assert_eq(say(&said, "head -c 300000 /dev/zero", 60, NULL, &err), 0);
	cr_assert_eq(said.out.len, 300000);
	aipm_child_said_free(&said);
}

Test(child, does_not_wait_for_a_grandchild_that_keeps_the_pipe)
{
	struct aipm_child_said said;
	struct aipm_err err;

	cr_assert_eq(say(&said, "sleep 1000 & echo $!", 60, NULL, &err), 0);
	cr_assert_eq(kill((pid_t)atol((char *)said.out.p), SIGKILL), 0);
	aipm_child_said_free(&said);
}

Test(child, kills_what_takes_too_long_with_its_children)
{
	struct aipm_child_said said;
	struct aipm_err err;

	cr_assert_eq(say(&said, "sleep 1000; true", 0, NULL, &err), -1);
	cr_assert_eq(err.errnum, ETIMEDOUT);
	cr_assert_eq(said.out.p, NULL);
}

Test(child, is_killed_when_a_signal_was_noted)
{
	volatile sig_atomic_t signum = SIGTERM;
	struct aipm_cancel cancel = { &signum };
	struct aipm_child_said said;
	struct aipm_err err;

	cr_assert_eq(say(&said, "sleep 1000", 60, &cancel, &err), -1);
	cr_assert_eq(err.cls, AIPM_SIGNALLED);
	cr_assert_eq(err.errnum, SIGTERM);
}

static int
run_line(const char *line, int *status, struct aipm_err *err)
{
	char *argv[] = { "sh", "-c", (char *)(uintptr_t)line, NULL };
	struct aipm_child_command c = { argv, { -1, -1 },
		{ { "AIPM_TEST", "in" }, { "AIPM_GONE", NULL },
		    { NULL, NULL } } };

	int wstatus;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	setenv("AIPM_GONE", "x", 1);
	if (aipm_child_start(&c, &none, &pid, err) == -1)
		return -1;
	cr_assert_eq(waitpid(pid, &wstatus, 0), pid);
	*status = aipm_child_status(wstatus);
	return 0;
}

Test(child, a_command_has_its_environment_and_default_sigpipe)
{
	struct aipm_err err;
	int status;

	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(run_line("[ \"$AIPM_TEST$AIPM_GONE\" = in ] && exit 4",
	                 &status, &err),
	    0);
	cr_assert_eq(status, 4);
	cr_assert_eq(run_line("kill -PIPE $$", &status, &err), 0);
	cr_assert_eq(status, 128 + SIGPIPE);
}

Test(child, a_command_leads_a_process_group_of_its_own)
{
	struct aipm_err err;
	int status;

	cr_assert_eq(run_line("[ \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$ ]",
	                 &status, &err),
	    0);
	cr_assert_eq(status, 0);
}
