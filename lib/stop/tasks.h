#ifndef STOP_TASKS_H
#define STOP_TASKS_H

#include "session.h"

/* tasks: services on their way up, and what is to be said of them. */

enum fate { TO_START, STARTED, UP, GONE };

/* One service on its way up. */
struct task {
	const struct aipm_journal_entry *e; /* borrowed from the journal */
	enum fate fate;
	/* As the last look found it: */
	bool there;
	bool restarting;
	enum aipm_container_state state;
	enum aipm_health health;
	int exit_code;
	int timeout; /* its own, or -1 */
	char why[384]; /* it is not up */
};

struct tasks {
	struct task *v; /* in the order to start them */
	size_t n;
	const char **ids; /* room for n */
	struct task **of; /* the tasks of those ids */
	bool hung; /* the engine did not answer in its time */
	bool away; /* the last look of this round was not answered */
};

/* The tasks of what the journal (borrowed) has in progress, and with held of
 * what it holds.  Failure: AIPM_NOTSTARTED. */
int tasks_make(struct tasks *all, const struct aipm_journal *j, bool held,
    struct aipm_err *err);
void tasks_free(struct tasks *all);

bool tasks_any(const struct tasks *all, enum fate f);

/* Whether it is the first task of that fate and of its engine. */
bool tasks_lead(const struct tasks *all, const struct task *t, enum fate fate);

/* Collect ids and tasks of that fate with the engine of first: how many. */
size_t tasks_collect(
    struct tasks *all, const struct task *first, enum fate fate);

/* Narrow what was collected to those that want holds for. */
size_t tasks_narrow(
    struct tasks *all, size_t n, bool (*want)(const struct task *t));

/* Look at the n that were collected: -1, they say why. */
int tasks_look(struct tasks *all, size_t n);

/* The engine did not do what it was told for the n that were collected. */
void tasks_failed(struct tasks *all, size_t n, const struct aipm_err *err);

void tasks_say_why(struct task *t, const char *why);
bool tasks_is_paused(const struct task *t);

/* Its engine, without a cancel: a signal is honoured when everything runs. */
struct aipm_engine tasks_engine(const struct task *t);

/* Say what came of all: 0, or -1 with AIPM_NOTSTARTED and the command that
 * starts the rest. */
int tasks_report(
    const struct session *s, const struct tasks *all, struct aipm_err *err);

#endif
