#include "input.h"

#include "aipm/io.h"

#include <string.h>

#define AHEAD ((size_t)256 << 10)

int
input_view(struct input *in, size_t n, const unsigned char **p, size_t *have,
    struct aipm_err *err)
{
	size_t left = in->buf.len - in->pos, want, got;

	if (left < n && !in->ended) {
		if (left != 0)
			memmove(in->buf.p, in->buf.p + in->pos, left);
		in->buf.len = left;
		in->pos = 0;
		want = (n > AHEAD ? n : AHEAD) - left;
		if (aipm_buf_reserve(&in->buf, want) == -1)
			return aipm_err_nomem(err);
		if (aipm_cancel_check(&in->cancel, err) == -1 ||
		    aipm_read_full(in->fd, in->buf.p + left, want, &got,
		        in->name, &in->cancel, err) == -1)
			return -1;
		in->buf.len += got;
		in->ended = got < want;
		left += got;
	}
	*p = in->buf.p + in->pos;
	*have = left;
	return 0;
}

void
input_take(struct input *in, size_t n)
{
	in->pos += n;
	in->offset += n;
}
