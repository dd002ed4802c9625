#ifndef SLICES_H
#define SLICES_H

#include "aipm/footer.h"
#include "aipm/index.h"

/* slices: the index of an archive in a file, out of its members, as one
 * stream of bytes. */
struct slices {
	int fd;
	const char *name;
	struct aipm_footer footer;
	uint64_t at; /* in the index */
	unsigned char member[AIPM_MEMBER_EMPTY(AIPM_INDEX_SLICE)];
	const unsigned char *payload; /* the slice in it: */
	uint64_t from; /* where in the index, */
	size_t len; /* how long; 0 before the first */
};

/* fd and name are borrowed. */
void slices_init(
    struct slices *s, int fd, const struct aipm_footer *f, const char *name);

/* An aipm_index_read whose ctx is a struct slices. */
int slices_read(void *ctx, void *p, size_t n, struct aipm_err *err);

/* Go on at that byte of the index. */
void slices_seek(struct slices *s, uint64_t at);

#endif
