#ifndef AIPM_STOP_H
#define AIPM_STOP_H

#include "aipm/cancel.h"
#include "aipm/err.h"
#include "aipm/stack.h"

#include <stdbool.h>

/*
 * stop: quiesce the services, run a command, start exactly those again.
 *
 * Below backups/.aipm (made, mode 0700) lie the project's lock (lock.h) and
 * the journal of what is down because of us (journal.h), written before the
 * first stop.  Whatever happens, what a call stopped it starts again before
 * it returns, aipm_stop_hold() excepted.  What a run that died left down is
 * taken over: it is started at the latest when this run starts its own.
 *
 * A command inherits the lock, and learns of it by its environment:
 */
#define AIPM_STOP_LOCK_FD "AIPM_LOCK_FD" /* the descriptor's number */
#define AIPM_STOP_STOPPED "AIPM_STOPPED" /* set: by aipm_stop_run() */

struct aipm_stop_options {
	const char *root; /* the project folder; these three are absolute */
	const char *data;
	const char *backups;
	const char *engine; /* a command; NULL: docker, else podman */
	int timeout; /* seconds to stop, for containers that use the data and
			have no stop timeout of their own */
	bool no_wait; /* AIPM_STOPLOCKED instead of waiting for the lock */
	int lock_fd; /* from the environment; -1: none */
	bool stopped; /* from the environment: we are such a command */
	struct aipm_warn warn;
	struct aipm_warn note; /* what is no warning */
	struct aipm_cancel cancel;
};

/*
 * Failures of all of them: AIPM_STOPLOCKED or AIPM_LOCKED (nothing was
 * done); AIPM_NOTSTOPPED (nothing is left stopped, the command did not run);
 * AIPM_NOTSTARTED (outranks every other; the text has the command that
 * starts what is down, and the journal keeps it); AIPM_NOCOMMAND or
 * AIPM_NOEXEC; AIPM_SIGNALLED (after everything was started again).
 *
 * No engine, or one whose daemon does not answer, is no failure: it is
 * warned about if there is a Compose file in the project folder, else noted.
 */

/*
 * Who would be stopped, without a lock, without doing anything.
 * aipm_stack_free() releases *s.
 */
int aipm_stop_plan(const struct aipm_stop_options *o, struct aipm_stack *s,
    struct aipm_err *err);

/*
 * Stop the services, run argv (NULL at its end) to its end, start the
 * services.  *status is the command's exit status.  Beneath another such run
 * (o->stopped, and the lock inherited) the command is only run.
 */
int aipm_stop_run(const struct aipm_stop_options *o, char *const *argv,
    int *status, struct aipm_err *err);

/* Stop the services and leave them so: the journal says held. */
int aipm_stop_hold(const struct aipm_stop_options *o, struct aipm_err *err);

/* Start all that the journal names.  Nothing to start is success. */
int aipm_stop_start(const struct aipm_stop_options *o, struct aipm_err *err);

/*
 * Take the lock, start what a run that died left down, and become argv,
 * which inherits the lock.  Stops nothing and never waits.  Returns only
 * when it fails.
 */
int aipm_stop_lock(
    const struct aipm_stop_options *o, char *const *argv, struct aipm_err *err);

#endif
