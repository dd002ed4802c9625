#ifndef AIPM_REGISTRY_H
#define AIPM_REGISTRY_H

#include "aipm/err.h"

#include <stddef.h>

/*
 * registry: the projects of this machine that have services down because of
 * us, so that they are found again when the machine comes up.
 *
 * A directory with a file for each, whose name is a digest of its text:
 *
 *	aipm-project	1
 *	root	PATH
 *	backups	PATH
 *	end
 *
 * Fields are separated by one tab.  A path with a control character is not
 * registered.
 */
#define AIPM_REGISTRY "/var/lib/aipm"

struct aipm_registered {
	char *root, *backups; /* owned; absolute */
};

struct aipm_registry {
	struct aipm_registered *v; /* owned */
	size_t n;
};

/* Register a project, durably; dir is made (mode 0700) if it is not there. */
int aipm_registry_add(const char *dir, const char *root, const char *backups,
    struct aipm_err *err);

/* Take it out again; one that is not registered is success, and so is a
 * directory that we have no right to. */
int aipm_registry_remove(const char *dir, const char *root, const char *backups,
    struct aipm_err *err);

/*
 * All that are registered; files that are none of ours are called by warn and
 * left out.  No such directory is success, n == 0.  Failure: *r is empty.
 */
int aipm_registry_read(struct aipm_registry *r, const char *dir,
    const struct aipm_warn *warn, struct aipm_err *err);

void aipm_registry_free(struct aipm_registry *r);

#endif
