#ifndef AIPM_SELECT_H
#define AIPM_SELECT_H

#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * select: the entries of an archive that somebody asked for by path.
 *
 * Selected is what is at or below one of the paths; needed are besides the
 * directories on the way there, for their metadata.  A NULL select selects
 * everything.
 */
struct aipm_select;

/*
 * For the n paths, of which a leading "./" and trailing slashes do not count.
 * With n == 0 *s is NULL.  *s is released with aipm_select_free().
 */
int aipm_select_new(struct aipm_select **s, const char *const *paths, size_t n,
    struct aipm_err *err);

bool aipm_select_has(const struct aipm_select *s, const char *path);
bool aipm_select_needs(const struct aipm_select *s, const char *path);

/*
 * Whether something that is needed can lie between the paths first and last,
 * both included, in archive order (aipm_path_compare()); last may be NULL: at
 * or behind first.
 */
bool aipm_select_between(
    const struct aipm_select *s, const char *first, const char *last);

/*
 * The entry path was met.  To be called from one thread at a time; what only
 * asks may be called meanwhile.
 */
void aipm_select_meet(struct aipm_select *s, const char *path);

/* The first path, as it was given, at and below which nothing was met; or
 * NULL. */
const char *aipm_select_unmet(const struct aipm_select *s);

void aipm_select_free(struct aipm_select *s);

#endif
