#ifndef STOP_COMMAND_H
#define STOP_COMMAND_H

#include "aipm/child.h"

#include "supervisor.h"

/*
 * command: the user's command while it runs, from its start until no process
 * of its group is left.
 */
struct command {
	const struct aipm_child_command *child; /* borrowed */
	/*
	 * aipm_child_clock() at which the command is ended, or 0.  released()
	 * may change it.
	 */
	int64_t deadline;
	/*
	 * The supervisor's end of the socket that the command knows as
	 * AIPM_RELEASE_FD, or -1; and what to do when a byte comes in there.
	 * A failure of it does not end the command.
	 */
	int release;
	void (*released)(void *ctx, struct command *c);
	void *ctx;
	bool late; /* set: the deadline ended it */
	struct aipm_warn warn;
};

/*
 * Run it to its end.  Signals that come are passed on to its process group.
 * It is ended, TERM first, when the front is gone or the deadline passes; and
 * so is what is left of it when it has ended itself, strays included.  -1: it did not
 * start; classes as for aipm_child_find(), or AIPM_SIGNALLED.
 */
int command_run(
    struct supervisor *v, struct command *c, int *status, struct aipm_err *err);

/*
 * End what is left of a command: its process group (0: none is known) and the
 * strays of it that have become our children.  Whether all are gone.
 */
bool command_end_all(pid_t group);

#endif
