#ifndef FIELD_H
#define FIELD_H

#include <stddef.h>
#include <stdint.h>

/*
 * field: the fields of a header block: numbers as octal digits or
 * GNU's base-256 (first byte 0x80, or 0xff for negative ones).
 */

/* n - 1 octal digits and a NUL if v fits, else base-256. */
void ustar_put_number(char *field, size_t n, int64_t v);

/* -1 if the field is no number or does not fit. */
int ustar_get_number(const char *field, size_t n, int64_t *v);

/* A field without a NUL may be full; dst has n + 1 bytes. */
void ustar_get_text(char *dst, const char *field, size_t n);
void ustar_put_text(char *field, size_t n, const char *src);

#endif
