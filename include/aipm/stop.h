#ifndef AIPM_STOP_H
#define AIPM_STOP_H

#include "aipm/cancel.h"
#include "aipm/err.h"
#include "aipm/journal.h"
#include "aipm/stack.h"

#include <stdbool.h>

/*
 * stop: quiesce the services, run a command, start exactly those again.
 *
 * A supervisor of its own session does it; what the caller is, its front,
 * may die of anything, and the services come back.  Below backups/.aipm
 * (made, mode 0700) lie the project's lock (lock.h) and the journal of what is
 * down because of us (journal.h), written before the first stop; the registry
 * (registry.h) names the project until the journal is empty again.  If the
 * supervisor dies too, the next run in the project, or aipm_stop_recover(),
 * starts what it left down.
 *
 * Before the command and after it, it is proven that nobody has a file of the
 * data open for writing (proof.h).
 *
 * A command inherits the lock, and learns of it by its environment:
 */
#define AIPM_STOP_LOCK_FD "AIPM_LOCK_FD" /* the descriptor's number */
#define AIPM_STOP_STOPPED "AIPM_STOPPED" /* set: by aipm_stop_run() */
/*
 * The number of a socket.  The command may write one byte there after its
 * last read of the data, and read the answer until its end: the services are
 * running again by then.  The answer is text, lines NAME<tab>VALUE, the last
 * one "end"; one without a line "proof<tab>quiet", or none at all, means that
 * it is not shown that the data was quiet.  See aipm-stop(1).
 */
#define AIPM_STOP_RELEASE_FD "AIPM_RELEASE_FD"

struct aipm_stop_options {
	const char *root; /* the project folder; these three are absolute */
	const char *data;
	const char *backups;
	const char *registry; /* a directory; NULL: its usual place */
	const char *engine; /* a command; NULL: docker, else podman */
	int timeout; /* seconds to stop, for containers that use the data and
			have no stop timeout of their own */
	int deadline; /* seconds from the first stop until the command is
			 ended; 0: none */
	int health; /* seconds to wait for health checks after a start */
	bool pause; /* freeze the services instead */
	bool no_wait; /* AIPM_STOPLOCKED instead of waiting for the lock */
	int lock_fd; /* from the environment; -1: none */
	bool stopped; /* from the environment: we are such a command */
	struct aipm_warn warn;
	struct aipm_warn note; /* what is no warning */
	struct aipm_cancel cancel;
};

/* What came of it, beside an error; set on failure too. */
struct aipm_stop_end {
	int status; /* the command's exit status */
	bool warned; /* the supervisor called warn */
};

/*
 * Failures of all of them: AIPM_STOPLOCKED or AIPM_LOCKED (nothing was
 * done); AIPM_NOTSTOPPED (nothing is left stopped, the command did not run);
 * AIPM_BUSY (the same, because somebody writes; or somebody wrote while the
 * command ran); AIPM_DEADLINE (the command was ended, the services run);
 * AIPM_NOTSTARTED (outranks every other; the text has the command that
 * starts what is down, and the journal keeps it, but for containers that
 * were removed); AIPM_NOCOMMAND or AIPM_NOEXEC; AIPM_SIGNALLED (after
 * everything was started again); AIPM_NOSPACE (for the journal) and
 * AIPM_FAILED: nothing is left stopped.
 *
 * No engine, or one whose daemon does not answer, is no failure: it is
 * warned about if there is a Compose file in the project folder, else noted.
 * Who writes then is warned about and no failure either.
 */

/*
 * Who would be stopped, without a lock, without doing anything.
 * aipm_stack_free() releases *s.
 */
int aipm_stop_plan(const struct aipm_stop_options *o, struct aipm_stack *s,
    struct aipm_err *err);

/*
 * Stop the services, run argv (NULL at its end) to its end, start the
 * services.  Beneath another such run (o->stopped, and the lock inherited)
 * the command is only run.
 */
int aipm_stop_run(const struct aipm_stop_options *o, char *const *argv,
    struct aipm_stop_end *end, struct aipm_err *err);

/* Stop the services and leave them so: the journal says held. */
int aipm_stop_hold(const struct aipm_stop_options *o, struct aipm_stop_end *end,
    struct aipm_err *err);

/* Start all that the journal names.  Nothing to start is success. */
int aipm_stop_start(const struct aipm_stop_options *o,
    struct aipm_stop_end *end, struct aipm_err *err);

/* Start what a run that died left down, but not what is held. */
int aipm_stop_recover(const struct aipm_stop_options *o,
    struct aipm_stop_end *end, struct aipm_err *err);

/*
 * The same for every project of the registry that no run is at work on;
 * root, data and backups are not looked at.  The first failure is returned
 * when all have been tried; a project that cannot be reached stays registered.
 */
int aipm_stop_recover_all(const struct aipm_stop_options *o,
    struct aipm_stop_end *end, struct aipm_err *err);

/*
 * The journal of a project (aipm_journal_free() releases it), and whether a
 * run holds its lock; nothing is made or changed.
 */
int aipm_stop_look(const struct aipm_stop_options *o, struct aipm_journal *j,
    bool *at_work, struct aipm_err *err);

/*
 * Take the lock, start what a run that died left down, and become argv,
 * which inherits the lock.  Stops nothing and never waits.  Returns only
 * when it fails.
 */
int aipm_stop_lock(
    const struct aipm_stop_options *o, char *const *argv, struct aipm_err *err);

#endif
