#ifndef AIPM_STAGE_H
#define AIPM_STAGE_H

#include "aipm/err.h"

#include <stdbool.h>

/*
 * stage: files that appear in a directory together, when all are there.
 *
 * They are made below .aipm-partial-XXXXXXXX in that directory (mode 0700,
 * locked with flock() while its maker lives) and renamed from there.  While
 * that goes on it is called .aipm-swap-XXXXXXXX, for it may then hold what
 * was replaced: one that a dead run left is never removed, only warned of.
 */
struct aipm_stage;

/*
 * A new stage in the directory dir (borrowed while s lives).  Partial stages
 * of dead runs there are removed first.
 */
int aipm_stage_open(struct aipm_stage **s, const char *dir, bool overwrite,
    const struct aipm_warn *warn, struct aipm_err *err);

/* The descriptor of the empty directory to make files in; owned by s. */
int aipm_stage_fd(const struct aipm_stage *s);

/*
 * Refuse path (relative, within the stage) if its first name exists in dir
 * and may not be replaced: without overwrite, or with a mount at or below.
 * For an early word: publishing looks again.
 */
int aipm_stage_check(
    struct aipm_stage *s, const char *path, struct aipm_err *err);

/*
 * Flush the file system, rename every name of the stage into dir, flush dir.
 * With overwrite a name that exists is exchanged, and the old one removed
 * when all are in place.  If one fails, the ones before are moved back:
 * nothing is changed.  AIPM_HALFWAY if that fails too, or if the old ones
 * cannot be removed: the text says what lies where and the command that
 * finishes, and the stage is kept.
 */
int aipm_stage_publish(struct aipm_stage *s, struct aipm_err *err);

/* Release s (may be NULL); what is not published is removed. */
void aipm_stage_close(struct aipm_stage *s);

#endif
