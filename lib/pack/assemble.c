#include "assemble.h"

#include "aipm/digest.h"
#include "aipm/io.h"
#include "aipm/member.h"

#include <stdio.h>

static int
damaged(
    const struct assembly *a, const struct aipm_place *p, struct aipm_err *err)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "the member at offset %llu is damaged: nothing is published; try "
	    "without this reference",
	    (unsigned long long)p->offset);
	return aipm_err_file(
	    err, AIPM_DAMAGED, aipm_refs_path(a->refs, p->archive), text);
}

/* A member of the spool, which is ours. */
static int
read_spool(const struct assembly *a, const struct aipm_index_item *it,
    struct aipm_buf *out, struct aipm_err *err)
{
	static const char name[] = "the spool";
	size_t got, n = (size_t)it->size;

	if (aipm_buf_reserve_exact(out, n) == -1)
		return aipm_err_nomem(err);
	if (aipm_pread_full(a->spool, out->p, n, it->offset, &got, name, err) ==
	    -1)
		return -1;
	out->len = n;
	if (got == n && aipm_crc32(0, out->p, n) == it->crc)
		return 0;
	return aipm_err_file(
	    err, AIPM_FAILED, name, "cannot be read back as it was written");
}

static int
read_member(const struct assembly *a, const struct aipm_index_item *it,
    struct aipm_buf *out, struct aipm_err *err)
{
	struct aipm_place p = { (size_t)it->reference - 1, it->offset, it->size,
		it->crc };

	out->len = 0;
	if (it->reference == 0)
		return read_spool(a, it, out, err);
	return aipm_refs_read(a->refs, &p, out) ? 0 : damaged(a, &p, err);
}

static int
put_member(const struct assembly *a, const struct aipm_index_item *it,
    struct aipm_buf *bytes, struct aipm_err *err)
{
	struct aipm_index_item item = *it;

	item.reference = 0;
	if (read_member(a, it, bytes, err) == -1 ||
	    aipm_index_put(a->index, &item, err) == -1)
		return -1;
	for (uint64_t i = 0; i < it->count; i++)
		if (aipm_cancel_check(&a->cancel, err) == -1 ||
		    aipm_writer_put(a->writer, bytes->p, bytes->len, err) == -1)
			return -1;
	return 0;
}

int
assemble(const struct assembly *a, struct aipm_err *err)
{
	const struct aipm_index_item *it;
	struct aipm_buf bytes = { 0 };
	int r;

	while ((r = aipm_index_next(a->thin, &it, err)) == 1) {
		if (it->tag == AIPM_INDEX_ENTRY ||
		    it->tag == AIPM_INDEX_MISSING || it->tag == AIPM_INDEX_RUN)
			r = aipm_index_put(a->index, it, err);
		else
			r = put_member(a, it, &bytes, err);
		if (r == -1)
			break;
	}
	aipm_buf_free(&bytes);
	return r;
}
