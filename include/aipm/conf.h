#ifndef AIPM_CONF_H
#define AIPM_CONF_H

#include "aipm/err.h"

#include <stddef.h>

/*
 * conf: settings as lines AIPM_NAME=value, parsed and never executed.
 *
 * Blank lines and lines that start with '#' are skipped.  A name is AIPM_
 * and capitals, digits, underscores.  The value is the rest of the line
 * without blanks at either end; one pair of single or double quotes around
 * the whole of it is taken off; nothing in it is expanded.
 */
struct aipm_conf {
	struct aipm_conf_line {
		char *name; /* owned */
		char *value; /* owned */
	} * v; /* owned; a later line of a name wins */
	size_t n;
};

/*
 * Read the file at path (borrowed).  A file that is not there is success
 * with n == 0.  Failure: *c is empty and *err names file and line.  The
 * caller releases *c with aipm_conf_free().
 */
int aipm_conf_read(struct aipm_conf *c, const char *path, struct aipm_err *err);

/* The value of name, or NULL. */
const char *aipm_conf_get(const struct aipm_conf *c, const char *name);

void aipm_conf_free(struct aipm_conf *c);

#endif
