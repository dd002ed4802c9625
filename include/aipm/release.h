#ifndef AIPM_RELEASE_H
#define AIPM_RELEASE_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stdbool.h>

/*
 * release: the packer's side of aipm-stop's release (see aipm-stop(1)): all
 * has been read, the services may start.
 */
#define AIPM_RELEASE_ENV "AIPM_RELEASE_FD"

/* What aipm-stop knows; "" where it did not say. */
struct aipm_release {
	char proof[16]; /* quiet, none, failed */
	char services[16]; /* stopped, paused, none */
	char downtime[32]; /* seconds */
	char why[512]; /* what kept it from being proven */
};

/*
 * *fd is the socket that the environment names, or -1: nobody waits for us.
 * Failure: it names one that is none, so that nobody would hear us.
 */
int aipm_release_open(int *fd, struct aipm_err *err);

/*
 * Whether aipm-stop's proof is about the directory dir, all of it, and nobody
 * who is only frozen can go on to write there.
 */
bool aipm_release_covers(const char *dir);

/*
 * Ask for it and wait for the answer.  -1 with AIPM_BUSY if somebody wrote or
 * a service came back while we read, AIPM_FAILED if no whole answer came:
 * what was read must not be published then.
 */
int aipm_release_ask(int fd, struct aipm_release *r,
    const struct aipm_cancel *cancel, struct aipm_err *err);

/* Take one name and its value; others than these are passed over. */
void aipm_release_take(
    struct aipm_release *r, const char *name, const char *value);

#endif
