#ifndef AIPM_ESCAPE_H
#define AIPM_ESCAPE_H

#include <stddef.h>

/*
 * escape: names made safe to show.
 *
 * Printable UTF-8 passes; everything else (control characters, C1 controls,
 * invalid or overlong UTF-8, backslash) becomes \n, \t, \\ or \ooo, so that a
 * name can neither move the cursor nor be read as two lines.
 */

/*
 * Write src, escaped and terminated, to dst of cap bytes (at least 8).  What
 * does not fit is cut at a whole character and ends in "...".
 */
void aipm_escape(char *dst, size_t cap, const char *src);

/* The same into new memory of the right size; the caller frees it.  NULL
 * when there is no memory. */
char *aipm_escape_dup(const char *src);

/* How many bytes at the front of src are shown as they are, for sure. */
size_t aipm_escape_plain(const char *src);

/*
 * Bytes of the well-formed UTF-8 sequence of two or more at s (Unicode table
 * 3-7; terminated by a NUL somewhere), or 0.
 */
size_t aipm_utf8_length(const unsigned char *s);

#endif
