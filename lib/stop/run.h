#ifndef STOP_RUN_H
#define STOP_RUN_H

#include "aipm/child.h"

#include "session.h"
#include "supervisor.h"

/* run: a command between the stop of the services and their start. */

/* The numbers of descriptors, for the command's environment. */
struct run_numbers {
	char lock[16], release[16];
};

/*
 * A command that inherits the lock, and release if that is not -1; stopped
 * says that one stops the services around it.  Borrows all that it is given.
 */
struct aipm_child_command run_child(const struct session *s, char *const *argv,
    bool stopped, int release, struct run_numbers *n);

/* Stop the services, run argv, start them; see aipm_stop_run(). */
int run_command(struct supervisor *v, struct session *s, char *const *argv,
    struct aipm_err *err);

/* Start everything again behind a step that gave r; the worst error wins. */
int run_start_behind(struct session *s, int r, struct aipm_err *err);

#endif
