#ifndef AIPM_TEMP_H
#define AIPM_TEMP_H

/*
 * temp: the names of temporaries, which all begin with ".aipm-", so that a
 * later run finds those of a dead one.
 */
#define AIPM_TEMP_NAME_MAX 32

/* prefix (".aipm-..." of at most 20 bytes) and 8 digits, others for every
 * try. */
void aipm_temp_name(
    char dst[AIPM_TEMP_NAME_MAX], const char *prefix, unsigned try);

/*
 * Call fn for every name in the directory dirfd that begins with prefix.  A
 * directory that cannot be read has none.
 */
void aipm_temp_each(int dirfd, const char *prefix,
    void (*fn)(void *ctx, int dirfd, const char *name), void *ctx);

#endif
