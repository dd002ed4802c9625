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
};

/* Where projects are registered. */
const char *session_registry(const struct aipm_stop_options *o);

/* The directory of lock and journal, without making it: a descriptor, or -1
 * where there is none. */
int session_peek(const struct aipm_stop_options *o);

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

/* Let *e be the engine to ask: 1; 0 if there is none, which is said as
 * stop.h has it, or if a signal came. */
int session_engine(const struct aipm_stop_options *o, struct aipm_engine *e);

/* The same without a word. */
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

/*
 * Whether nobody writes; stack tells who is paused, and e (NULL: nobody) what
 * containers are called.  Results as of session_prove().
 */
int session_ask(struct session *s, const struct aipm_engine *e,
    const struct aipm_stack *stack, struct aipm_err *err);

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
