#ifndef CONTENT_H
#define CONTENT_H

#include "aipm/entry.h"
#include "aipm/err.h"

#include <stdbool.h>

/* content: a regular file being filled, from front to back. */
struct content {
	int fd;
	const char *path; /* in messages */
	uint64_t size; /* what it is to be */
	bool sparse; /* zeros become holes without a map */
	uint64_t end; /* where the last data ended */
	struct aipm_range hole; /* the last of the map that began */
};

/* As aipm_extract_write(). */
int content_write(struct content *c, uint64_t offset, const void *p, size_t len,
    const struct aipm_range *holes, size_t nholes, struct aipm_err *err);

/* The file gets its size; what was not written is a hole. */
int content_end(const struct content *c, struct aipm_err *err);

#endif
