#ifndef AIPM_LIST_H
#define AIPM_LIST_H

#include "aipm/digest.h"
#include "aipm/entry.h"
#include "aipm/err.h"
#include "aipm/reader.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * list: what is in an archive, as lines of text.
 *
 * Directories have a slash behind their name.  Names are escaped (escape.h),
 * so that each is one line and none can move a cursor; the styles that say
 * otherwise keep that up only on a terminal, where raw bytes help nobody.
 */
enum aipm_list_style {
	AIPM_LIST_NAMES, /* a name a line */
	AIPM_LIST_NUL, /* raw names, each ended by a NUL */
	AIPM_LIST_LONG, /* as tar tv, numeric owners, times in UTC */
	/*
	 * What sha256sum -c reads: digest and name of each regular file,
	 * computed from its content.  A name with a backslash, newline or
	 * carriage return has these as \\, \n, \r and a backslash before the
	 * digest; else it is raw.  Further hard links to a file are left out:
	 * their content is listed under the first name.
	 */
	AIPM_LIST_SHA256
};

/*
 * One line to out.  sha256 is the content's and used by AIPM_LIST_SHA256
 * only (for which e is an AIPM_FILE).  -1 if there is no memory; out's own
 * errors are the stream's.
 */
int aipm_list_entry(FILE *out, const struct aipm_entry *e,
    enum aipm_list_style style, bool terminal,
    const unsigned char sha256[AIPM_DIGEST_SIZE]);

/*
 * List the archive at fd (borrowed, at its first byte; name is what messages
 * call it) to out.  Where there is an index, content is read only for
 * AIPM_LIST_SHA256.  An archive that is damaged is listed as far as it is
 * sound, then it is AIPM_DAMAGED.  The caller flushes out.
 */
int aipm_list(FILE *out, int fd, const char *name, enum aipm_list_style style,
    bool terminal, const struct aipm_reader_options *o, struct aipm_err *err);

/*
 * What the archive at fd (borrowed, seekable) knows of the run that made it:
 * lines of a name, a tab and a value, as aipm-archive(5) has them, escaped;
 * and a line "lost", a path and why, for each thing that is missing in it.
 */
int aipm_list_record(FILE *out, int fd, const char *name, struct aipm_err *err);

#endif
