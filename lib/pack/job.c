#include "job.h"

#include "aipm/member.h"

#include <stdlib.h>

int
job_worker_open(struct job_worker *w, int level, struct aipm_err *err)
{
	if (aipm_codec_open(&w->codec, level, err) == -1)
		return -1;
	if ((w->headers = aipm_digest_new()) == NULL)
		return aipm_err_nomem(err);
	return aipm_treehash_open(&w->content, err);
}

void
job_worker_close(struct job_worker *w)
{
	aipm_codec_close(w->codec);
	aipm_digest_free(w->headers);
	aipm_treehash_close(w->content);
}

static int
digest_entries(struct job *j, struct job_worker *w, struct aipm_err *err)
{
	for (size_t i = 0; i < j->unit.nfiles; i++) {
		struct job_file *f = &j->files[i];
		const unsigned char *p = j->plain.p + f->at;

		aipm_digest_add(w->headers, p, f->headers);
		if (f->content != 0 &&
		    aipm_treehash_add(w->content, p + f->headers, f->content,
		        f->digest, err) == -1)
			return -1;
	}
	aipm_digest_take(w->headers, j->digest);
	aipm_treehash_run(w->content);
	return 0;
}

static int
digest_chunk(struct job *j, struct job_worker *w, struct aipm_err *err)
{
	if (aipm_treehash_add(
	        w->content, j->plain.p, j->unit.len, j->digest, err) == -1)
		return -1;
	aipm_treehash_run(w->content);
	return 0;
}

static int
digest(struct job *j, struct job_worker *w, struct aipm_err *err)
{
	switch (j->unit.kind) {
	case AIPM_UNIT_GROUP:
	case AIPM_UNIT_FILE:
		return digest_entries(j, w, err);
	case AIPM_UNIT_CHUNK:
		return digest_chunk(j, w, err);
	default:
		return 0; /* the index has none */
	}
}

int
job_work(struct job *j, struct job_worker *w, unsigned block_log2,
    struct aipm_err *err)
{
	struct aipm_format format = { AIPM_FORMAT_MAJOR, AIPM_FORMAT_MINOR,
		true, block_log2 };

	j->member.len = 0;
	if (j->plain.len == 0)
		return 0;
	if (digest(j, w, err) == -1)
		return -1;
	if (aipm_member_pack(&j->member, w->codec,
	        j->unit.first ? &format : NULL, j->plain.p, j->plain.len,
	        j->unit.kind == AIPM_UNIT_GROUP ? AIPM_CODEC_MIXED
	                                        : AIPM_CODEC_UNIFORM,
	        err) == -1)
		return -1;
	j->crc = aipm_crc32(0, j->member.p, j->member.len);
	return 0;
}

void
job_free(struct job *j)
{
	aipm_unit_free(&j->unit);
	aipm_buf_free(&j->plain);
	aipm_buf_free(&j->member);
	aipm_buf_free(&j->holes);
	free(j->files);
}
