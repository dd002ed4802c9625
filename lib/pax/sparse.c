#include "decode.h"

#include "aipm/num.h"

/* Where old GNU headers have what ustar has no field for. */
enum {
	GNU_MAP = 386, /* 4 pairs of offset and length, 12 bytes each */
	GNU_MORE = 482, /* whether extension blocks follow */
	GNU_REAL_SIZE = 483,
	GNU_EXT_PAIRS = 21, /* in an extension block */
	GNU_EXT_MORE = 504
};

/* A pair of 12-byte numbers; one of length 0 may end the list early. */
static int
take_pair(struct aipm_pax *p, const unsigned char *at, struct aipm_err *err)
{
	struct aipm_range range;
	int64_t offset, len;

	if (at[0] == '\0')
		return 0;
	if (aipm_ustar_number(at, 12, &offset) == -1 ||
	    aipm_ustar_number(at + 12, 12, &len) == -1 || offset < 0 || len < 0)
		return pax_damaged(p, err, "a sparse map is not well-formed");
	range = (struct aipm_range){ (uint64_t)offset, (uint64_t)len };
	if (aipm_buf_add(&p->map, &range, sizeof(range)) == -1)
		return aipm_err_nomem(err);
	return 0;
}

/* The map of an old GNU sparse header, extension blocks included. */
static int
take_old_gnu(struct aipm_pax *p, unsigned char *block, struct aipm_err *err)
{
	struct records *r = &p->one;
	bool more = block[GNU_MORE] != '\0';
	int64_t size;

	if (aipm_ustar_number(block + GNU_REAL_SIZE, 12, &size) == -1 ||
	    size < 0)
		return pax_damaged(p, err, "a sparse file's size is wrong");
	r->has_real_size = true;
	r->real_size = (uint64_t)size;
	for (size_t i = 0; i < 4; i++)
		if (take_pair(p, block + GNU_MAP + 24 * i, err) == -1)
			return -1;
	while (more) {
		if (p->map.len / sizeof(struct aipm_range) > SPARSE_MAP_MAX)
			return pax_damaged(p, err, "a sparse map is too large");
		if (pax_must_read(p, block, AIPM_USTAR_BLOCK, err) == -1)
			return -1;
		for (size_t i = 0; i < GNU_EXT_PAIRS; i++)
			if (take_pair(p, block + 24 * i, err) == -1)
				return -1;
		more = block[GNU_EXT_MORE] != '\0';
	}
	return 0;
}

/* The blocks before the data in which version 1.0 has its map. */
struct text {
	struct aipm_pax *p;
	unsigned char block[AIPM_USTAR_BLOCK];
	size_t at;
	uint64_t read; /* bytes of blocks */
	uint64_t limit; /* bytes of content */
};

static int
text_number(struct text *t, uint64_t *v, struct aipm_err *err)
{
	uint64_t r = 0;
	unsigned char c;

	for (size_t digits = 0;; digits++) {
		if (t->at == sizeof(t->block)) {
			if (t->read >= t->limit)
				return pax_damaged(
				    t->p, err, "a sparse map is cut off");
			if (pax_must_read(
			        t->p, t->block, sizeof(t->block), err) == -1)
				return -1;
			t->read += sizeof(t->block);
			t->at = 0;
		}
		c = t->block[t->at++];
		if (c == '\n' && digits > 0)
			break;
		if (c < '0' || c > '9' || !aipm_mul_u64(r, 10, &r) ||
		    !aipm_add_u64(r, (uint64_t)(c - '0'), &r))
			return pax_damaged(
			    t->p, err, "a sparse map is not well-formed");
	}
	*v = r;
	return 0;
}

static int
take_1_0(struct aipm_pax *p, struct aipm_err *err)
{
	struct text t = {
		.p = p, .at = AIPM_USTAR_BLOCK, .limit = p->header.stored
	};
	struct aipm_range range;
	uint64_t n;

	if (text_number(&t, &n, err) == -1)
		return -1;
	if (n > SPARSE_MAP_MAX)
		return pax_damaged(p, err, "a sparse map is too large");
	for (; n > 0; n--) {
		if (text_number(&t, &range.offset, err) == -1 ||
		    text_number(&t, &range.len, err) == -1)
			return -1;
		if (aipm_buf_add(&p->map, &range, sizeof(range)) == -1)
			return aipm_err_nomem(err);
	}
	if (t.read > p->header.stored)
		return pax_damaged(p, err, "a sparse map is cut off");
	p->header.stored -= t.read;
	return 0;
}

/* The map ascends within the file and covers the stored bytes. */
static int
check_map(struct aipm_pax *p, struct aipm_err *err)
{
	struct aipm_pax_header *h = &p->header;
	uint64_t at = 0, sum = 0;

	h->map = (struct aipm_range *)(void *)p->map.p;
	h->nmap = p->map.len / sizeof(*h->map);
	for (size_t i = 0; i < h->nmap; i++) {
		const struct aipm_range *r = &h->map[i];

		if (r->offset < at || !aipm_add_u64(r->offset, r->len, &at) ||
		    at > h->entry.size || !aipm_add_u64(sum, r->len, &sum))
			return pax_damaged(
			    p, err, "a sparse map is not well-formed");
	}
	if (sum != h->stored)
		return pax_damaged(
		    p, err, "a sparse map does not fit its file");
	return 0;
}

bool
pax_is_sparse(const struct aipm_pax *p, const struct aipm_ustar *u)
{
	return u->type == 'S' || p->one.sparse || p->one.major != 0;
}

int
pax_fill_sparse(struct aipm_pax *p, const struct aipm_ustar *u,
    unsigned char block[AIPM_USTAR_BLOCK], struct aipm_err *err)
{
	struct aipm_pax_header *h = &p->header;
	struct records *r = &p->one;

	if (u->type == 'S' && take_old_gnu(p, block, err) == -1)
		return -1;
	if (!r->has_real_size)
		return pax_damaged(p, err, "a sparse file's size is missing");
	if (r->real_size > INT64_MAX)
		return pax_damaged(p, err, "a size is out of range");
	if (r->major > 1 || (r->major == 1 && r->minor != 0))
		return pax_damaged(p, err, "a sparse file's format is unknown");
	h->sparse = true;
	h->entry.size = r->real_size;
	if (r->major == 1) {
		if (take_1_0(p, err) == -1)
			return -1;
	} else if (r->sparse &&
	           aipm_buf_add(&p->map, r->map.p, r->map.len) == -1)
		return aipm_err_nomem(err);
	return check_map(p, err);
}
