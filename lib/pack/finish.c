#include "assemble.h"
#include "inner.h"
#include "pack.h"

#include "aipm/compat.h"
#include "aipm/footer.h"
#include "aipm/member.h"

#include <inttypes.h>

#include <sys/stat.h>
#include <sys/statvfs.h>

/* The index in its members, then the footer. */
static int
write_index(struct pack *p, struct aipm_footer *f, struct aipm_err *err)
{
	unsigned char slice[AIPM_INDEX_SLICE];
	struct aipm_buf member = { 0 };
	int r = 0;

	for (uint64_t at = 0; r == 0 && at < f->index_size;) {
		size_t n = f->index_size - at < sizeof(slice)
		               ? (size_t)(f->index_size - at)
		               : sizeof(slice);

		member.len = 0;
		r = aipm_index_slice(p->index, at, slice, n, err);
		if (r == 0)
			r = aipm_member_empty(
			    &member, AIPM_MEMBER_INDEX, slice, n, err);
		if (r == 0)
			r = aipm_writer_put(
			    p->writer, member.p, member.len, err);
		at += n;
	}
	member.len = 0;
	f->file_size = aipm_writer_offset(p->writer) + AIPM_FOOTER_SIZE;
	if (r == 0)
		r = aipm_footer_encode(&member, f, err);
	if (r == 0)
		r = aipm_writer_put(p->writer, member.p, member.len, err);
	aipm_buf_free(&member);
	return r;
}

enum aipm_kind
pack_kind(const struct aipm_pack_options *o, const struct aipm_pack_sum *sum)
{
	if (o->kind == AIPM_KIND_BACKUP && sum->missing != 0)
		return AIPM_KIND_PARTIAL;
	return o->kind;
}

/* The references that a thin archive needs. */
static int
put_references(struct pack *p, struct aipm_err *err)
{
	char hex[2 * AIPM_DIGEST_SIZE + 1];

	for (size_t i = 0; i < aipm_refs_count(p->refs); i++) {
		aipm_digest_hex(hex, aipm_refs_sha256(p->refs, i));
		if (aipm_runinfo_pair(p->index, "reference", hex, err) == -1)
			return -1;
	}
	return 0;
}

int
pack_finish(struct pack *p, struct aipm_err *err)
{
	struct aipm_footer f = { .block_log2 = AIPM_BLOCK_LOG2,
		.complete = p->sum->missing == 0,
		.thin = p->o->thin,
		.index_offset = aipm_writer_offset(p->writer) };

	p->run.missing = p->sum->missing;
	p->run.content = p->sum->content;
	p->run.level = p->o->level;
	p->run.kind = pack_kind(p->o, p->sum);
	p->run.read = p->sum->read;
	p->run.reused = p->sum->reused;
	p->run.made = p->sum->made;
	p->run.generation = aipm_refs_generation(p->refs);
	p->run.flushed = p->volumes.flush && !p->volumes.unflushed;
	if ((p->o->thin && put_references(p, err) == -1) ||
	    aipm_runinfo_put(&p->run, p->index, err) == -1 ||
	    aipm_index_finish(p->index, &f, err) == -1 ||
	    write_index(p, &f, err) == -1)
		return -1;
	p->sum->size = f.file_size;
	return aipm_writer_finish(p->writer, err);
}

struct slices {
	struct aipm_index_writer *w;
	uint64_t at;
};

static int
read_slice(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct slices *s = ctx;
	uint64_t at = s->at;

	s->at += n;
	return aipm_index_slice(s->w, at, p, n, err);
}

/* The disk is not filled up for something that cannot be finished. */
static int
check_room(struct pack *p, int fd, struct aipm_err *err)
{
	uint64_t needed = p->sum->reused + p->sum->made;
	struct statvfs s;
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    fstatvfs(fd, &s) == -1 ||
	    (!p->o->no_clone && aipm_compat_clone_block(fd) != 0) ||
	    needed / s.f_frsize < s.f_bavail)
		return 0;
	return aipm_err_set(err, AIPM_NOSPACE,
	    "No space left: the archive needs %" PRIu64
	    " MiB, and there are %" PRIu64,
	    needed >> 20, (uint64_t)s.f_bavail * s.f_frsize >> 20);
}

int
pack_fill_in(
    struct pack *p, int fd, const char *spool_dir, struct aipm_err *err)
{
	struct aipm_footer unused;
	struct slices s = { .w = p->index };
	struct assembly a = { .spool = p->spool,
		.refs = p->refs,
		.laters = &p->laters,
		.check = p->o->release != -1,
		.share = !p->o->no_clone,
		.cancel = p->o->cancel };
	uint64_t end = aipm_writer_offset(p->writer);
	int r;

	if (check_room(p, fd, err) == -1 ||
	    aipm_writer_finish(p->writer, err) == -1 ||
	    aipm_index_finish(p->index, &unused, err) == -1)
		return -1;
	aipm_writer_close(p->writer);
	p->writer = NULL;
	p->index = NULL;
	r = aipm_writer_open(&p->writer, fd, p->name, &p->o->cancel, err);
	if (r == 0)
		r = aipm_index_writer_new(
		    &p->index, spool_dir, AIPM_INDEX_LEVEL, err);
	if (r == 0)
		r = aipm_index_open(&a.thin, read_slice, &s, end, p->name, err);
	a.writer = p->writer;
	a.index = p->index;
	if (r == 0) {
		aipm_index_thin(a.thin);
		r = assemble(&a, err);
	}
	p->sum->shared = a.shared;
	aipm_index_close(a.thin);
	aipm_index_writer_free(s.w);
	return r;
}
