#ifndef STOP_SUPERVISOR_H
#define STOP_SUPERVISOR_H

#include "aipm/stop.h"

#include <signal.h>

/*
 * supervisor: the process that stops, runs and starts, and its front.
 *
 * The front is the process that the user called.  It forks the supervisor,
 * passes signals on to it, waits for its end and returns what it says.  The
 * supervisor has a session of its own, so that nothing that is sent to the
 * front's process group or comes from its terminal ends it; it inherits the
 * standard files.  Between them is a socket, which tells the supervisor of
 * the front's death, whatever that died of.
 */
struct supervisor {
	struct aipm_stop_options o; /* the user's, with a cancel and a warn
				       of the supervisor's own */
	struct aipm_warn warn; /* the user's */
	struct aipm_stop_end end; /* what the front is told */
	int front; /* the socket */
};

/* What a supervisor does: 0 with v->end.status, or -1 with *err. */
typedef int supervisor_body(
    struct supervisor *v, void *ctx, struct aipm_err *err);

/*
 * Run body in a supervisor.  A signal and the death of the front are seen by
 * v->o.cancel.  What the supervisor said of its end is returned.  If it was
 * killed before it could, *killed is set: the caller does what it can no
 * longer do.  *group is -1 if nothing was begun, else what was told last.
 */
int supervise(const struct aipm_stop_options *o, supervisor_body *body,
    void *ctx, struct aipm_stop_end *end, bool *killed, pid_t *group,
    struct aipm_err *err);

/* For the body: */

/* The signals that a supervisor has handlers for, to block them. */
void supervisor_signals(sigset_t *set);

/* A signal that came and was not taken yet, or 0; those signals are blocked.
 * One that is taken no longer cancels anything. */
int supervisor_take_signal(void);

/* Whether the front is gone. */
bool supervisor_alone(void);

/*
 * Tell the front that something is begun that it may have to end: 0, or the
 * process group of a command.
 */
void supervisor_tell_command(const struct supervisor *v, pid_t group);

#endif
