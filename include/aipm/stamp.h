#ifndef AIPM_STAMP_H
#define AIPM_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * stamp: the names of backups and the times in them.
 *
 *	PREFIX-KIND-YYYYMMDDTHHMMSSZ.tar.gz	UTC, kind as below
 *	PREFIX-backup-YYYYMMDD_HHMMSS.tar.gz	local time, of older scripts
 */
enum aipm_kind { AIPM_KIND_BACKUP, AIPM_KIND_PARTIAL, AIPM_KIND_PRE_RESTORE };

struct aipm_stamp {
	enum aipm_kind kind;
	int64_t taken; /* seconds since the Epoch, UTC */
	bool legacy;
};

#define AIPM_STAMP_NAME_MAX 256 /* with the terminating NUL */

/*
 * Whether name is exactly a backup's name with that prefix; fills *s if so.
 * Dates that do not exist are no names.
 */
bool aipm_stamp_parse(
    struct aipm_stamp *s, const char *name, const char *prefix);

/*
 * Write the name into dst of AIPM_STAMP_NAME_MAX bytes (never a legacy one).
 * -1 if it does not fit or the time is not in the years 1970 to 9999.
 */
int aipm_stamp_name(
    char *dst, const char *prefix, enum aipm_kind kind, int64_t taken);

/* A prefix: 1 to 100 of letters, digits, dot, dash, underscore; the first
 * neither a dot nor a dash. */
bool aipm_stamp_prefix_ok(const char *prefix);

/* "backup", "partial", "pre-restore". */
const char *aipm_kind_name(enum aipm_kind kind);
bool aipm_kind_parse(const char *s, enum aipm_kind *kind);

/* t as YYYY-MM-DDTHH:MM:SSZ (RFC 3339) into dst of 32 bytes; outside the
 * years 1970 to 9999 as "@seconds". */
void aipm_stamp_show(char *dst, int64_t t);

#endif
