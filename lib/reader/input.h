#ifndef INPUT_H
#define INPUT_H

#include "aipm/buf.h"
#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * input: the archive's bytes from a file or a pipe, one after the other,
 * with a view ahead.
 */
struct input {
	int fd; /* borrowed */
	const char *name; /* borrowed */
	struct aipm_cancel cancel;
	struct aipm_buf buf;
	size_t pos; /* of the view in buf */
	uint64_t offset; /* of the view in the archive */
	bool ended;
};

/* Bring at least n bytes into view, or all that there are: *have of them. */
int input_view(struct input *in, size_t n, const unsigned char **p,
    size_t *have, struct aipm_err *err);

/* Move the view behind n bytes of it. */
void input_take(struct input *in, size_t n);

#endif
