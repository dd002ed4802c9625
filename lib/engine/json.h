#ifndef ENGINE_JSON_H
#define ENGINE_JSON_H

/*
 * json: the strings of RFC 8259 in what an engine's {{json}} prints.
 *
 * Take the string at *s, which must begin with a quotation mark: a new
 * string in UTF-8, the caller's, with *s behind the closing mark.  NULL,
 * with *s as it was: it is no string, holds a NUL, or there is no memory.
 * Half a surrogate pair becomes U+FFFD.
 */
char *engine_json_string(const char **s);

#endif
