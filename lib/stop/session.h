#ifndef STOP_SESSION_H
#define STOP_SESSION_H

#include "aipm/engine.h"
#include "aipm/journal.h"
#include "aipm/lock.h"
#include "aipm/stop.h"

#include <stdint.h>

/*
 * session: one run that holds the project's lock, with its journal.
 */
struct session {
	const struct aipm_stop_options *o; /* borrowed */
	int dir; /* backups/.aipm */
	char path[4096]; /* its name, for messages */
	struct aipm_lock lock;
	struct aipm_journal journal;
	bool beneath; /* a run above us holds the services stopped */
	int64_t down; /* aipm_child_clock() at the first stop; 0: none */
};

/* Take the lock and read the journal.  session_close() releases *s. */
int session_open(struct session *s, const struct aipm_stop_options *o,
    enum aipm_lock_wait wait, struct aipm_err *err);
void session_close(struct session *s);

/* Let s->journal say what the journal on disk says.  Failure: it is empty. */
int session_load(struct session *s, struct aipm_err *err);

/* Make the journal on disk say what s->journal says. */
int session_save(const struct session *s, struct aipm_err *err);

/* Whether a run that died left services down; says so in a note. */
bool session_left_over(const struct session *s);

/* Let *e be the engine to ask: 1; 0 if there is none, which is said as
 * stop.h has it, or if a signal came. */
int session_engine(const struct aipm_stop_options *o, struct aipm_engine *e);

/*
 * Drop from the journal what a look at the engine proves out of date: held
 * services that somebody started, and containers that were removed.
 */
int session_refresh(
    struct session *s, const struct aipm_engine *e, struct aipm_err *err);

/*
 * Stop the services, journaled.  Failure: s->journal names what may be down
 * and session_start() brings it back.
 */
int session_quiesce(struct session *s, struct aipm_err *err);

/*
 * Start what the journal has in progress, and with held also what it holds;
 * tried again for a while.  What runs leaves the journal.  -1 with
 * AIPM_NOTSTARTED: the rest stays in it.
 */
int session_start(struct session *s, bool held, struct aipm_err *err);

/* "web, db" of a list of names into dst, escaped; cut if too long. */
struct session_list {
	char text[512];
	size_t n;
};
void session_list_add(struct session_list *l, const char *name);

#endif
