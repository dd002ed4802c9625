#ifndef AIPM_PROOF_H
#define AIPM_PROOF_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

/*
 * proof: is anybody writing below a directory?
 *
 * The kernel is asked for a read lease on every file, given back at once: it
 * refuses one for a file that anybody has open for writing, or mapped shared
 * and writable, in whatever container (fcntl(2), F_SETLEASE).  Who that is
 * says /proc: descriptors, and mappings whose descriptor is closed.  Where a
 * file system gives no leases, or not the truth (overlayfs), or we have no
 * right to one, /proc alone is looked at, which can find a writer but not
 * prove that there is none; descriptors on a network's file systems and FUSE
 * are not looked at there, because that may take for ever.
 */
enum aipm_proof {
	AIPM_QUIET, /* nobody has anything open for writing */
	AIPM_UNPROVEN, /* nobody was found, but not all could be asked */
	AIPM_WRITTEN /* somebody has */
};

/* One who has a file open for writing. */
struct aipm_holder {
	pid_t pid; /* 0: something that /proc does not show */
	char command[64]; /* its name; "" if that is not known */
	char container[65]; /* the id of its container; "": none */
	char *path; /* owned; of the file below the directory, or, if it gives
		       no leases, as the process itself calls it */
	bool mapped; /* by a mapping alone */
};

struct aipm_proof_result {
	enum aipm_proof proof;
	struct aipm_holder *v; /* owned; AIPM_WRITTEN: some of them */
	size_t n;
	size_t more; /* how many there are besides */
	const char *why; /* AIPM_UNPROVEN: what could not be asked; static */
};

struct aipm_proof_options {
	/* Containers that are frozen, by id: what they hold open does not
	 * change, and counts as quiet.  Borrowed. */
	const char *const *frozen;
	size_t nfrozen;
	/* A directory below that is left out, or NULL; borrowed. */
	const char *skip;
	const struct aipm_cancel *cancel; /* may be NULL */
};

/*
 * Look at everything below dir (absolute; one that does not exist is quiet).
 * Success: aipm_proof_free() releases *r.  Failure: *r is empty.
 */
int aipm_proof_take(struct aipm_proof_result *r, const char *dir,
    const struct aipm_proof_options *o, struct aipm_err *err);

void aipm_proof_free(struct aipm_proof_result *r);

#endif
