#include "slices.h"

#include "aipm/io.h"

#include <string.h>

void
slices_init(
    struct slices *s, int fd, const struct aipm_footer *f, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->footer = *f;
	s->name = name;
}

/* Read and check the member that holds the slice in which s->at lies. */
static int
load_slice(struct slices *s, struct aipm_err *err)
{
	uint64_t from = s->at - s->at % AIPM_INDEX_SLICE;
	uint64_t left = s->footer.index_size - from;
	size_t len = left < AIPM_INDEX_SLICE ? (size_t)left : AIPM_INDEX_SLICE;
	size_t n = AIPM_MEMBER_EMPTY(len), got;
	struct aipm_member m;

	if (aipm_pread_full(s->fd, s->member, n,
	        s->footer.index_offset + aipm_footer_index_members(from), &got,
	        s->name, err) == -1)
		return -1;
	if (got != n || aipm_member_parse(&m, s->member, n) != 1 ||
	    m.kind != AIPM_MEMBER_INDEX || m.payload_len != len ||
	    !aipm_member_empty_ok(&m, s->member))
		return aipm_err_file(
		    err, AIPM_DAMAGED, s->name, "its index is damaged");
	s->payload = s->member + m.payload;
	s->from = from;
	s->len = len;
	return 0;
}

int
slices_read(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct slices *s = ctx;
	unsigned char *dst = p;

	while (n != 0) {
		size_t in, k;

		if (s->at >= s->footer.index_size)
			return aipm_err_file(err, AIPM_DAMAGED, s->name,
			    "its index ends too early");
		if ((s->len == 0 || s->at < s->from ||
		        s->at - s->from >= s->len) &&
		    load_slice(s, err) == -1)
			return -1;
		in = (size_t)(s->at - s->from);
		k = s->len - in < n ? s->len - in : n;
		memcpy(dst, s->payload + in, k);
		s->at += k;
		dst += k;
		n -= k;
	}
	return 0;
}

void
slices_seek(struct slices *s, uint64_t at)
{
	s->at = at;
}
