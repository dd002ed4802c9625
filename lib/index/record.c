#include "page.h"

#include "aipm/member.h"
#include "aipm/num.h"

#include <stdlib.h>
#include <string.h>

enum { FLAG_CHUNKED = 1 };

/* Bytes that a and b begin with alike. */
static size_t
common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

static int
add_path(struct aipm_buf *b, const char *path, const char *prev)
{
	size_t n = common(prev, path);

	if (aipm_buf_add_varint(b, n) == -1)
		return -1;
	return aipm_buf_add_counted(b, path + n, strlen(path + n));
}

/* mtime, and how far behind it ctime is: mostly not at all. */
static int
add_times(struct aipm_buf *b, const struct aipm_entry *e)
{
	/* Seconds wrap, and wrap back. */
	uint64_t sec = (uint64_t)e->ctime.sec - (uint64_t)e->mtime.sec;
	int64_t nsec = (int64_t)e->ctime.nsec - (int64_t)e->mtime.nsec;

	if (aipm_buf_add_varint(b, aipm_zigzag(e->mtime.sec)) == -1 ||
	    aipm_buf_add_varint(b, e->mtime.nsec) == -1 ||
	    aipm_buf_add_varint(b, aipm_zigzag((int64_t)sec)) == -1)
		return -1;
	return aipm_buf_add_varint(b, aipm_zigzag(nsec));
}

static int
add_numbers(struct aipm_buf *b, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (aipm_buf_add_varint(b, v[i]) == -1)
			return -1;
	return 0;
}

static int
add_xattrs(struct aipm_buf *b, const struct aipm_xattrs *x)
{
	if (aipm_buf_add_varint(b, x->n) == -1)
		return -1;
	for (size_t i = 0; i < x->n; i++) {
		const struct aipm_xattr *a = &x->v[i];

		if (aipm_buf_add_counted(b, a->name, strlen(a->name)) == -1 ||
		    aipm_buf_add_counted(b, a->value, a->len) == -1)
			return -1;
	}
	return 0;
}

/* Each hole as the gap since the one before, and its length. */
static int
add_holes(struct aipm_buf *b, const struct aipm_range *h, size_t n)
{
	uint64_t at = 0;

	if (aipm_buf_add_varint(b, n) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (aipm_buf_add_varint(b, h[i].offset - at) == -1 ||
		    aipm_buf_add_varint(b, h[i].len) == -1)
			return -1;
		at = h[i].offset + h[i].len;
	}
	return 0;
}

static int
encode_entry(
    struct aipm_buf *b, const struct aipm_index_item *it, const char *prev)
{
	const struct aipm_entry *e = it->entry;
	const char *link = e->link == NULL ? "" : e->link;
	const uint64_t who[] = { e->mode, e->uid, e->gid, e->size };
	const uint64_t where[] = { e->ino, e->dev, e->nlink, e->major, e->minor,
		it->headers };
	uint8_t flags = it->chunked ? FLAG_CHUNKED : 0;

	if (aipm_buf_add_u8(b, flags) == -1 ||
	    aipm_buf_add_u8(b, (uint8_t)e->type) == -1 ||
	    add_path(b, e->path, prev) == -1 || add_numbers(b, who, 4) == -1 ||
	    add_times(b, e) == -1 || add_numbers(b, where, 6) == -1 ||
	    aipm_buf_add_counted(b, link, strlen(link)) == -1 ||
	    add_xattrs(b, &e->xattrs) == -1)
		return -1;
	return add_holes(b, it->holes, it->nholes);
}

static int
encode_member(struct aipm_buf *b, const struct aipm_index_item *it)
{
	if (it->tag == AIPM_INDEX_ZEROS &&
	    aipm_buf_add_varint(b, it->count) == -1)
		return -1;
	if (aipm_buf_add_varint(b, it->size) == -1 ||
	    aipm_buf_add_u32(b, it->crc) == -1)
		return -1;
	if ((it->tag == AIPM_INDEX_MEMBER || it->tag == AIPM_INDEX_END) &&
	    aipm_buf_add_varint(b, it->plain) == -1)
		return -1;
	if ((it->tag == AIPM_INDEX_MEMBER || it->tag == AIPM_INDEX_CHUNK) &&
	    aipm_buf_add(b, it->digest, AIPM_DIGEST_SIZE) == -1)
		return -1;
	if (it->tag == AIPM_INDEX_MEMBER)
		return aipm_buf_add(b, it->headers_digest, AIPM_DIGEST_SIZE);
	if (it->tag == AIPM_INDEX_CHUNK)
		return add_holes(b, it->holes, it->nholes);
	return 0;
}

int
record_encode(
    struct aipm_buf *b, const struct aipm_index_item *it, const char *prev)
{
	switch (it->tag) {
	case AIPM_INDEX_ENTRY:
		return encode_entry(b, it, prev);
	case AIPM_INDEX_MISSING:
	case AIPM_INDEX_RUN:
		if (aipm_buf_add_counted(b, it->key, strlen(it->key)) == -1)
			return -1;
		return aipm_buf_add_counted(b, it->value, strlen(it->value));
	default:
		return encode_member(b, it);
	}
}

static char *
get_path(struct aipm_cursor *c, const char *prev)
{
	uint64_t keep = aipm_cursor_varint(c);
	size_t n;
	const unsigned char *rest = aipm_cursor_counted(c, &n);
	char *path;

	if (rest == NULL || keep > strlen(prev) || n > SIZE_MAX / 2 ||
	    keep + n == 0 || memchr(rest, '\0', n) != NULL ||
	    (path = malloc((size_t)keep + n + 1)) == NULL) {
		c->bad = 1;
		return NULL;
	}
	memcpy(path, prev, (size_t)keep);
	memcpy(path + keep, rest, n);
	path[keep + n] = '\0';
	return path;
}

static uint32_t
good_nsec(struct aipm_cursor *c, uint64_t nsec)
{
	if (nsec > 999999999)
		c->bad = 1;
	return c->bad ? 0 : (uint32_t)nsec;
}

static void
get_times(struct aipm_cursor *c, struct aipm_entry *e)
{
	uint64_t sec;

	e->mtime.sec = aipm_unzigzag(aipm_cursor_varint(c));
	e->mtime.nsec = good_nsec(c, aipm_cursor_varint(c));
	sec = (uint64_t)aipm_unzigzag(aipm_cursor_varint(c));
	e->ctime.sec = (int64_t)((uint64_t)e->mtime.sec + sec);
	/* A negative sum is far out of range as an unsigned one. */
	e->ctime.nsec = good_nsec(
	    c, e->mtime.nsec + (uint64_t)aipm_unzigzag(aipm_cursor_varint(c)));
}

static uint32_t
get_u32(struct aipm_cursor *c)
{
	uint64_t v = aipm_cursor_varint(c);

	if (v > UINT32_MAX)
		c->bad = 1;
	return c->bad ? 0 : (uint32_t)v;
}

static void
get_xattrs(struct aipm_cursor *c, struct aipm_xattrs *x)
{
	uint64_t n = aipm_cursor_varint(c);

	/* Linux lists at most 64 KiB of names. */
	if (n > 16384)
		c->bad = 1;
	while (n-- > 0 && !c->bad) {
		char *name = aipm_cursor_string(c);
		size_t len;
		const unsigned char *value = aipm_cursor_counted(c, &len);

		if (name == NULL || value == NULL ||
		    aipm_xattrs_add(x, name, value, len) == -1)
			c->bad = 1;
		free(name);
	}
}

/*
 * Holes lie within size bytes, and there are no more than sectors in a member.
 * An entry's are a sector at least, but for one that ends the file: so that
 * all those of a member do not take more memory than the member itself.
 */
static void
get_holes(struct aipm_cursor *c, struct aipm_index_item *it, uint64_t size,
    struct aipm_buf *holes)
{
	uint64_t n = aipm_cursor_varint(c), at = 0;
	struct aipm_range r;

	holes->len = 0;
	if (n > AIPM_MEMBER_PLAIN_MAX / AIPM_HOLE_MIN + 1)
		c->bad = 1;
	for (uint64_t i = 0; i < n && !c->bad; i++) {
		if (!aipm_add_u64(at, aipm_cursor_varint(c), &r.offset))
			c->bad = 1;
		r.len = aipm_cursor_varint(c);
		if (r.len == 0 || !aipm_add_u64(r.offset, r.len, &at) ||
		    at > size ||
		    (it->entry != NULL && r.len < AIPM_HOLE_MIN &&
		        at != size) ||
		    aipm_buf_add(holes, &r, sizeof(r)) == -1)
			c->bad = 1;
	}
	it->holes = (const struct aipm_range *)(void *)holes->p;
	it->nholes = holes->len / sizeof(r);
}

static void
get_digest(struct aipm_cursor *c, unsigned char dst[AIPM_DIGEST_SIZE])
{
	const unsigned char *p = aipm_cursor_bytes(c, AIPM_DIGEST_SIZE);

	if (p != NULL)
		memcpy(dst, p, AIPM_DIGEST_SIZE);
}

/*
 * Whether the tar can say what the record does: it has all names among the
 * headers, and a file that is not chunked in one member with them.
 */
static bool
fits_tar(const struct aipm_index_item *it, const struct aipm_entry *e)
{
	size_t names = strlen(e->path);

	if (e->link != NULL)
		names += strlen(e->link);
	return it->headers <= AIPM_MEMBER_PLAIN_MAX && names <= it->headers &&
	       e->size <= INT64_MAX &&
	       (it->chunked || e->size <= AIPM_MEMBER_PLAIN_MAX);
}

static void
decode_entry(struct aipm_index_item *it, struct aipm_entry *e,
    struct aipm_buf *holes, struct aipm_cursor *c, const char *prev)
{
	uint8_t flags = aipm_cursor_u8(c);

	it->entry = e;
	it->chunked = (flags & FLAG_CHUNKED) != 0;
	e->type = (enum aipm_type)aipm_cursor_u8(c);
	e->path = get_path(c, prev);
	e->mode = get_u32(c);
	e->uid = aipm_cursor_varint(c);
	e->gid = aipm_cursor_varint(c);
	e->size = aipm_cursor_varint(c);
	get_times(c, e);
	e->ino = aipm_cursor_varint(c);
	e->dev = aipm_cursor_varint(c);
	e->nlink = aipm_cursor_varint(c);
	e->major = get_u32(c);
	e->minor = get_u32(c);
	it->headers = aipm_cursor_varint(c);
	e->link = aipm_cursor_string(c);
	if (e->link != NULL && *e->link == '\0') {
		free(e->link);
		e->link = NULL;
	}
	get_xattrs(c, &e->xattrs);
	get_holes(c, it, e->size, holes);
	if (c->bad || e->type < AIPM_FILE || e->type > AIPM_FIFO ||
	    !fits_tar(it, e))
		c->bad = 1;
}

static void
decode_member(
    struct aipm_index_item *it, struct aipm_buf *holes, struct aipm_cursor *c)
{
	it->count = 1;
	if (it->tag == AIPM_INDEX_ZEROS)
		it->count = aipm_cursor_varint(c);
	it->size = aipm_cursor_varint(c);
	it->crc = aipm_cursor_u32(c);
	if (it->tag == AIPM_INDEX_MEMBER || it->tag == AIPM_INDEX_END)
		it->plain = aipm_cursor_varint(c);
	if (it->tag == AIPM_INDEX_MEMBER || it->tag == AIPM_INDEX_CHUNK)
		get_digest(c, it->digest);
	if (it->tag == AIPM_INDEX_MEMBER)
		get_digest(c, it->headers_digest);
	if (it->tag == AIPM_INDEX_CHUNK)
		get_holes(c, it, UINT64_MAX, holes);
}

int
record_decode(struct aipm_index_item *it, struct aipm_entry *e,
    struct aipm_buf *holes, struct aipm_cursor *c, const char *prev)
{
	if (it->tag == AIPM_INDEX_ENTRY)
		decode_entry(it, e, holes, c, prev);
	else
		decode_member(it, holes, c);
	return c->bad ? -1 : 0;
}
