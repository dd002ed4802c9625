#include "content.h"

#include "aipm/buf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { ZERO_BLOCK = 4096 };

/* A stretch of the piece at hand: p holds the bytes from offset on. */
struct stretch {
	uint64_t offset;
	const unsigned char *p;
	size_t len;
};

static int
put(struct content *c, const struct stretch *s, struct aipm_err *err)
{
	size_t done = 0;

	while (done < s->len) {
		ssize_t n = pwrite(c->fd, s->p + done, s->len - done,
		    (off_t)(s->offset + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return aipm_err_path(
			    err, AIPM_FAILED, c->path, "cannot write");
		done += (size_t)n;
	}
	if (s->len > 0)
		c->end = s->offset + s->len;
	return 0;
}

/* Bytes at the front of s that are whole, aligned blocks of zeros. */
static size_t
zero_blocks(const struct stretch *s)
{
	size_t n = 0;

	if (s->offset % ZERO_BLOCK != 0)
		return 0;
	while (s->len - n >= ZERO_BLOCK && aipm_all_zero(s->p + n, ZERO_BLOCK))
		n += ZERO_BLOCK;
	return n;
}

/* Bytes at the front of s up to a block of zeros. */
static size_t
data_blocks(const struct stretch *s)
{
	struct stretch rest = *s;
	size_t n = 0;

	while (rest.len > 0 && zero_blocks(&rest) == 0) {
		size_t k = ZERO_BLOCK - (size_t)(rest.offset % ZERO_BLOCK);

		if (k > rest.len)
			k = rest.len;
		rest.offset += k;
		rest.p += k;
		rest.len -= k;
		n += k;
	}
	return n;
}

static void
advance(struct stretch *s, size_t n)
{
	s->offset += n;
	s->p += n;
	s->len -= n;
}

static int
put_sparse(struct content *c, struct stretch s, struct aipm_err *err)
{
	while (s.len > 0) {
		struct stretch data = s;

		data.len = data_blocks(&s);
		if (put(c, &data, err) == -1)
			return -1;
		advance(&s, data.len);
		advance(&s, zero_blocks(&s));
	}
	return 0;
}

static uint64_t
range_end(const struct aipm_range *r)
{
	return r->len > UINT64_MAX - r->offset ? UINT64_MAX
	                                       : r->offset + r->len;
}

/*
 * Cut off the front of *s what lies before or within the hole, whichever
 * comes first: its length, and whether it is in the hole.
 */
static size_t
cut(const struct stretch *s, const struct aipm_range *hole, bool *within)
{
	uint64_t end = range_end(hole), n = s->len;

	*within = s->offset >= hole->offset && s->offset < end;
	if (*within && end - s->offset < n)
		n = end - s->offset;
	else if (s->offset < hole->offset && hole->offset - s->offset < n)
		n = hole->offset - s->offset;
	return (size_t)n;
}

static int
put_mapped(struct content *c, struct stretch s, struct aipm_err *err)
{
	bool within;

	if (c->sparse)
		return put_sparse(c, s, err);
	while (s.len > 0) {
		struct stretch front = s;

		front.len = cut(&s, &c->hole, &within);
		if (!(within && aipm_all_zero(front.p, front.len)) &&
		    put(c, &front, err) == -1)
			return -1;
		advance(&s, front.len);
	}
	return 0;
}

int
content_write(struct content *c, uint64_t offset, const void *p, size_t len,
    const struct aipm_range *holes, size_t nholes, struct aipm_err *err)
{
	struct stretch s = { offset, p, len };

	if (offset > c->size || len > c->size - offset)
		return aipm_err_file(err, AIPM_DAMAGED, c->path,
		    "refused: it has more content than its size");
	for (size_t i = 0; i < nholes && s.len > 0; i++) {
		struct stretch front = s;

		/* Up to this hole, the one before is the one that counts. */
		front.len = holes[i].offset <= s.offset ? 0
		            : holes[i].offset - s.offset < s.len
		                ? (size_t)(holes[i].offset - s.offset)
		                : s.len;
		if (put_mapped(c, front, err) == -1)
			return -1;
		advance(&s, front.len);
		if (s.len > 0)
			c->hole = holes[i];
	}
	return put_mapped(c, s, err);
}

int
content_end(const struct content *c, struct aipm_err *err)
{
	if (c->end < c->size && ftruncate(c->fd, (off_t)c->size) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, c->path, "cannot set its size");
	return 0;
}
