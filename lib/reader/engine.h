#ifndef ENGINE_H
#define ENGINE_H

#include "plain.h"

#include "aipm/digest.h"
#include "aipm/index.h"
#include "aipm/pax.h"
#include "aipm/reader.h"

/*
 * The two ways to read an archive.  Both hand out every wanted entry and its
 * content as include/aipm/reader.h promises.
 */

/* serial: from front to back; the index of ours is compared at the end. */
struct serial;

int serial_open(struct serial **s, int fd, const char *name,
    const struct aipm_reader_options *o, struct aipm_err *err);
int serial_next(
    struct serial *s, const struct aipm_entry **e, struct aipm_err *err);
int serial_data(
    struct serial *s, struct aipm_piece *piece, struct aipm_err *err);
bool serial_incomplete(const struct serial *s);
void serial_close(struct serial *s);

/* indexed: along the index of a seekable archive; what is not wanted is not
 * read. */
struct indexed;

int indexed_open(struct indexed **x, int fd, const char *name,
    const struct aipm_footer *f, const struct aipm_reader_options *o,
    struct aipm_err *err);
int indexed_next(
    struct indexed *x, const struct aipm_entry **e, struct aipm_err *err);
int indexed_data(
    struct indexed *x, struct aipm_piece *piece, struct aipm_err *err);
bool indexed_made(const struct indexed *x);
void *indexed_take(struct indexed *x);
bool indexed_incomplete(const struct indexed *x);
void indexed_close(struct indexed *x);

#endif
