#ifndef AIPM_LOCK_H
#define AIPM_LOCK_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stdbool.h>

/*
 * lock: one run at a time, by flock(2) on a file that holds the pid of who
 * has it ("1234\n").  The lock belongs to the open file: whoever inherits
 * the descriptor holds it too, and it ends when the last of them closes it,
 * of whatever they died.
 */
struct aipm_lock {
	int fd; /* owned; close-on-exec */
	bool inherited; /* it came with the descriptor that we were given */
};

enum aipm_lock_wait { AIPM_LOCK_TRY, AIPM_LOCK_WAIT };

/*
 * Take the lock on the file name below dirfd (made, mode 0600, if it is not
 * there); path (borrowed) is what messages call it.  given is a descriptor
 * that may already hold the lock, or -1: one that is not open on this file
 * is left alone.  When another run holds it: AIPM_LOCK_TRY fails with the
 * class AIPM_LOCKED and says who; AIPM_LOCK_WAIT says so once to note and
 * waits until cancel.  Success: aipm_lock_release() gives it back.
 */
int aipm_lock_take(struct aipm_lock *l, int dirfd, const char *name,
    const char *path, int given, enum aipm_lock_wait wait,
    const struct aipm_warn *note, const struct aipm_cancel *cancel,
    struct aipm_err *err);

/* Whether somebody holds the lock on that file. */
bool aipm_lock_is_held(int dirfd, const char *name);

/* Close the descriptor; a lock that others inherited stays theirs. */
void aipm_lock_release(struct aipm_lock *l);

#endif
