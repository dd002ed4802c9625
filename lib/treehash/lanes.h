#ifndef LANES_H
#define LANES_H

#include "aipm/digest.h"

#include <stddef.h>

/*
 * lanes: the SHA-256 of many messages, side by side where the processor can.
 */
struct lanes;

struct message {
	const unsigned char *p;
	size_t len; /* at most AIPM_LEAF */
	unsigned char *out; /* AIPM_DIGEST_SIZE bytes */
};

/* NULL: no memory.  Released with lanes_close(). */
struct lanes *lanes_open(void);
void lanes_run(struct lanes *l, const struct message *m, size_t n);
void lanes_close(struct lanes *l);

#endif
