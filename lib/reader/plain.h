#ifndef PLAIN_H
#define PLAIN_H

#include "input.h"

#include "aipm/codec.h"
#include "aipm/digest.h"
#include "aipm/gunzip.h"
#include "aipm/member.h"

/*
 * plain: the tar inside the compressed bytes, stretch by stretch: of our
 * members one each, checked whole before it is seen; of other gzip files
 * what gunzip gives.
 */
struct plain {
	struct input in;
	bool ours;
	struct aipm_format format; /* ours */
	struct aipm_codec *codec; /* ours */
	/* Ours: size and CRC32 of every member that has been read. */
	struct aipm_digest *members;
	struct aipm_gunzip *gunzip; /* other tools' */
	bool between; /* a gzip member ended, none has begun */
	struct aipm_buf buf; /* the stretch; len is its size */
	size_t pos; /* what has been taken of it */
};

/* Look at the first bytes of fd. */
int plain_open(struct plain *p, int fd, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err);

/*
 * The next stretch: 1, or 0 at the sound end: of our archive's data members
 * (the view stands at what follows them), or of the file.
 */
int plain_next(struct plain *p, struct aipm_err *err);

/*
 * Bring the next member of ours that is no data member into view, checked:
 * 1 with *m and *at, 0 at the end of the file, -1.  The caller takes it from
 * the input.
 */
int plain_empty_member(struct plain *p, struct aipm_member *m,
    const unsigned char **at, struct aipm_err *err);

void plain_close(struct plain *p);

/* Add a member to such a digest. */
void plain_add_member(struct aipm_digest *d, uint64_t size, uint32_t crc);

#endif
