#include "assemble.h"

#include "aipm/digest.h"
#include "aipm/io.h"
#include "aipm/member.h"

#include <stdio.h>

/*
 * A member of fewer bytes does not begin a run: a pad takes half a block on
 * the average, and each run another extent.
 */
#define RUN_MIN ((uint64_t)4 << 10)

#define BLOCK_MAX 4096 /* a pad is one member, and no larger */

/* Members that lie behind each other in one reference, not put yet. */
struct run {
	size_t archive;
	uint64_t offset, len; /* len 0: there is none */
};

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
end_run(struct assembly *a, struct run *run, struct aipm_err *err)
{
	int r;

	if (run->len == 0)
		return 0;
	r = aipm_writer_share(a->writer, aipm_refs_fd(a->refs, run->archive),
	    aipm_refs_path(a->refs, run->archive), run->offset, run->len,
	    &a->share, err);
	if (a->share)
		a->shared += run->len;
	run->len = 0;
	return r;
}

/* Let what comes next lie in its block as offset does. */
static int
put_pad(struct assembly *a, uint64_t offset, size_t block, struct aipm_err *err)
{
	static const unsigned char zeros[2 * BLOCK_MAX];
	struct aipm_buf member = { 0 };
	struct aipm_index_item it = { .tag = AIPM_INDEX_PAD, .count = 1 };
	size_t n = (size_t)((offset - aipm_writer_offset(a->writer)) % block);
	int r;

	if (n == 0)
		return 0;
	if (n < AIPM_MEMBER_EMPTY(0))
		n += block;
	n -= AIPM_MEMBER_EMPTY(0);
	r = aipm_member_empty(&member, AIPM_MEMBER_PAD, zeros, n, err);
	it.size = member.len;
	it.crc = aipm_crc32(0, member.p, member.len);
	if (r == 0)
		r = aipm_index_put(a->index, &it, err);
	if (r == 0)
		r = aipm_writer_put(a->writer, member.p, member.len, err);
	aipm_buf_free(&member);
	return r;
}

/* Whether the member goes on with the run, or begins one; then it is in it. */
static int
put_in_run(struct assembly *a, struct run *run,
    const struct aipm_index_item *it, struct aipm_err *err)
{
	size_t archive = (size_t)it->reference - 1;

	if (run->len != 0 && it->reference != 0 && run->archive == archive &&
	    run->offset + run->len == it->offset) {
		run->len += it->size;
		return 1;
	}
	if (end_run(a, run, err) == -1)
		return -1;
	if (it->reference == 0 || !a->share || it->size < RUN_MIN)
		return 0;
	if (put_pad(a, it->offset, a->block, err) == -1)
		return -1;
	*run = (struct run){ archive, it->offset, it->size };
	return 1;
}

static int
put_member(struct assembly *a, struct run *run,
    const struct aipm_index_item *it, struct aipm_buf *bytes,
    struct aipm_err *err)
{
	struct aipm_index_item item = *it;
	int r;

	item.reference = 0;
	if ((r = put_in_run(a, run, it, err)) == -1)
		return -1;
	if ((r == 0 || a->check) && read_member(a, it, bytes, err) == -1)
		return -1;
	if (aipm_index_put(a->index, &item, err) == -1)
		return -1;
	for (uint64_t i = 0; r == 0 && i < it->count; i++)
		if (aipm_cancel_check(&a->cancel, err) == -1 ||
		    aipm_writer_put(a->writer, bytes->p, bytes->len, err) == -1)
			return -1;
	return 0;
}

int
assemble(struct assembly *a, struct aipm_err *err)
{
	const struct aipm_index_item *it;
	struct aipm_buf bytes = { 0 };
	struct run run = { 0 };
	int r;

	a->block = aipm_writer_block(a->writer);
	if (a->block == 0 || a->block > BLOCK_MAX)
		a->share = false;
	while ((r = aipm_index_next(a->thin, &it, err)) == 1) {
		struct aipm_index_item known = *it;

		if (it->reference == LATER_REFERENCE) {
			known = a->laters->v[it->offset].item;
			known.holes = it->holes;
			known.nholes = it->nholes;
			it = &known;
		}
		if (it->tag == AIPM_INDEX_ENTRY ||
		    it->tag == AIPM_INDEX_MISSING || it->tag == AIPM_INDEX_RUN)
			r = aipm_index_put(a->index, it, err);
		else
			r = put_member(a, &run, it, &bytes, err);
		if (r == -1)
			break;
	}
	if (r == 0)
		r = end_run(a, &run, err);
	aipm_buf_free(&bytes);
	return r;
}
