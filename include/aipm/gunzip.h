#ifndef AIPM_GUNZIP_H
#define AIPM_GUNZIP_H

#include "aipm/err.h"

#include <stddef.h>

/*
 * gunzip: what other tools compressed (gzip, RFC 1952), as it comes: member
 * after member, each with any header that there is, its CRC32 and size
 * checked.  One belongs to one thread at a time.
 */
struct aipm_gunzip;

enum aipm_gunzip_status {
	AIPM_GUNZIP_MORE, /* the input is used up, or the output full */
	AIPM_GUNZIP_END, /* a member is over and sound; another may begin */
	AIPM_GUNZIP_DAMAGED, /* that is no gzip; so is everything after */
	AIPM_GUNZIP_NOMEM
};

/* Both borrowed; each call moves them over what it took and gave. */
struct aipm_gunzip_io {
	const unsigned char *in;
	size_t in_left;
	unsigned char *out;
	size_t out_left;
};

/* *g: aipm_gunzip_close(). */
int aipm_gunzip_open(struct aipm_gunzip **g, struct aipm_err *err);

/*
 * Go on with at least one byte of input and room for one of output.  What is
 * given before a member's end is not checked yet.  At its end the input
 * stands right behind it.
 */
enum aipm_gunzip_status aipm_gunzip_step(
    struct aipm_gunzip *g, struct aipm_gunzip_io *io);

void aipm_gunzip_close(struct aipm_gunzip *g);

#endif
