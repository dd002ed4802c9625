#ifndef AIPM_MATCH_H
#define AIPM_MATCH_H

#include <stdbool.h>

/*
 * match: whether an archive path is what a glob names.
 *
 * A glob with a slash is matched against the whole path, one without against
 * the path's last component; slashes at its end do not count.  '*' is any
 * bytes, '?' any one, "[a-z]" one of a set and "[!a-z]" (or "[^a-z]") one
 * that is not in it; none of them matches a slash.  A ']' that comes first
 * belongs to the set, a '[' that nothing closes is itself, a backslash takes
 * the next byte's meaning away.  Bytes are compared, whatever the locale; a
 * leading dot is a byte like any other.
 *
 * What lies below a directory that matches is for the caller to leave out.
 * No path and no glob makes the time exponential.
 */
bool aipm_match(const char *glob, const char *path);

#endif
