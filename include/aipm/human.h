#ifndef AIPM_HUMAN_H
#define AIPM_HUMAN_H

#include <stdint.h>

/* human: sizes and ages in a few characters, for a column. */
#define AIPM_HUMAN_MAX 24 /* with the terminating NUL */

/*
 * A size in bytes: "0", "999", "1.0K", "1.4G", "12T"; units of 1024, rounded
 * to the nearest, at most 4 characters.
 */
void aipm_human_size(char dst[AIPM_HUMAN_MAX], uint64_t bytes);

/*
 * An age in whole seconds, minutes, hours, days or (from 1000 days) years of
 * 365 days, rounded down: "45s", "3h", "12d".  The future has a minus sign.
 */
void aipm_human_age(char dst[AIPM_HUMAN_MAX], int64_t seconds);

#endif
