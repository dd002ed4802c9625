#ifndef AIPM_CANCEL_H
#define AIPM_CANCEL_H

#include "aipm/err.h"

#include <signal.h>

/*
 * cancel: the user's wish to stop, as long work sees it.
 *
 * A program's signal handler stores the signal's number in *signum; the
 * library looks between steps and whenever a system call gives EINTR, and
 * fails with the class AIPM_SIGNALLED, so that every cleanup runs.
 */
struct aipm_cancel {
	const volatile sig_atomic_t *signum; /* borrowed; NULL: never */
};

/* 0, or -1 with *err set when a signal came.  c may be NULL. */
int aipm_cancel_check(const struct aipm_cancel *c, struct aipm_err *err);

#endif
