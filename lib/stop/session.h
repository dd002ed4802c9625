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
	bool registered;
	bool has_engine; /* set by session_quiesce(): */
	struct aipm_engine engine;
	int64_t down; /* aipm_child_clock() at the first stop; 0: none */
	int64_t up; /* and at the last start; 0: none */
	/* Why it is not shown that nobody writes, or NULL; static. */
	const char *unproven;
	char **frozen; /* owned; ids of those that are paused meanwhile */
	size_t nfrozen;
	struct session_seen {
		char *id, *started; /* owned */
	} * seen; /* owned; what is down, as it was behind the stop */
	size_t nseen;
};

/* Where projects are registered. */
const char *session_registry(const struct aipm_stop_options *o);

/*
 * Whether a project has lock and journal at all, without making anything: 1,
 * 0, or -1 if that cannot be told.
 */
int session_exists(const struct aipm_stop_options *o, struct aipm_err *err);

/* What aipm_stop_look() says. */
int session_look(const struct aipm_stop_options *o, struct aipm_journal *j,
    bool *at_work, struct aipm_err *err);

/* Take the lock and read the journal.  session_close() releases *s. */
int session_open(struct session *s, const struct aipm_stop_options *o,
    enum aipm_lock_wait wait, struct aipm_err *err);
void session_close(struct session *s);

/* Let s->journal say what the journal on disk says.  Failure: it is empty. */
int session_load(struct session *s, struct aipm_err *err);

/* Make the journal on disk say what s->journal says. */
int session_save(struct session *s, struct aipm_err *err);

/* Whether a run that died left services down; says so in a note. */
bool session_left_over(const struct session *s);

/* Let *e be the engine to ask; false if there is none, which is said as
 * stop.h has it, or if a signal came. */
bool session_engine(const struct aipm_stop_options *o, struct aipm_engine *e);

/* The same without a word: *err says why there is none. */
bool session_find_engine(const struct aipm_stop_options *o,
    struct aipm_engine *e, struct aipm_err *err);

/*
 * Drop from the journal what a look at the engine proves out of date: held
 * services that somebody started, and containers that were removed.
 */
int session_refresh(
    struct session *s, const struct aipm_engine *e, struct aipm_err *err);

/*
 * Stop the services, or pause them, journaled, and prove that nobody writes.
 * Failure: s->journal names what may be down and session_start() brings it
 * back.
 */
int session_quiesce(struct session *s, struct aipm_err *err);

/* Remember when each of the journal's containers was started last. */
int session_remember(
    struct session *s, const struct aipm_containers *c, struct aipm_err *err);

/* Whether nobody writes; results as of session_prove(), of which it is the
 * second half. */
int session_ask(struct session *s, struct aipm_err *err);

/* The first one of the stack that is neither stopped nor, if that is wanted,
 * paused; NULL if all are. */
const struct aipm_stopped *session_first_loud(
    const struct session *s, const struct aipm_stack *stack);

/*
 * Whether still nobody writes and none of the services has come back.
 * AIPM_BUSY: who does or has.  Sets s->unproven where that cannot be told,
 * which is warned about once.
 */
int session_prove(struct session *s, struct aipm_err *err);

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
