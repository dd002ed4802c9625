#ifndef AIPM_CHILD_H
#define AIPM_CHILD_H

#include "aipm/buf.h"
#include "aipm/cancel.h"
#include "aipm/err.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

/*
 * child: running other programs.
 *
 * An exit status is as a shell tells it: the program's own, or 128 + N when
 * it was ended by signal N.
 */

/*
 * Whether name (with a slash a path, else looked up in PATH) can be run.
 * -1: class AIPM_NOCOMMAND if it is not there, AIPM_NOEXEC if it is and
 * cannot be executed.
 */
int aipm_child_find(const char *name, struct aipm_err *err);

/* What a program said.  Zero it first; aipm_child_said_free() releases it. */
struct aipm_child_said {
	int status; /* exit status as above */
	struct aipm_buf out; /* standard output, terminated with a NUL that
				len does not count */
	struct aipm_buf err; /* standard error, the same */
};

/*
 * Run argv (NULL at its end) in a session of its own, which no terminal's
 * signal reaches, with an empty standard input, and collect what it says.
 * It is killed, with its process group, after limit seconds (errnum is
 * ETIMEDOUT), and when cancel (may be NULL) says so.  A program that ran is
 * success, whatever its status.
 */
int aipm_child_capture(struct aipm_child_said *said, const char *const *argv,
    unsigned limit, const struct aipm_cancel *cancel, struct aipm_err *err);

void aipm_child_said_free(struct aipm_child_said *said);

/* A command of the user's: it gets our standard files. */
struct aipm_child_command {
	char *const *argv; /* borrowed; NULL at its end */
	int keep[2]; /* descriptors that it inherits, or -1 */
	struct aipm_child_env {
		const char *name; /* NULL at the end of the list */
		const char *value; /* NULL: removed */
	} env[6]; /* what differs from our environment */
};

/*
 * Start the command as the leader of a process group of its own, *pid, with
 * the signal mask *mask.  The caller waits for it.  -1: it did not start;
 * classes as for aipm_child_find().
 */
int aipm_child_start(const struct aipm_child_command *c, const sigset_t *mask,
    pid_t *pid, struct aipm_err *err);

/* The exit status as above of what waitpid() said. */
int aipm_child_status(int wstatus);

/* Become the command.  Returns only if that fails: -1, classes as above. */
int aipm_child_exec(const struct aipm_child_command *c, struct aipm_err *err);

/* The monotonic clock in milliseconds, and a sleep on it that no signal
 * shortens. */
int64_t aipm_child_clock(void);
void aipm_child_sleep(unsigned milliseconds);

#endif
