#include "job.h"

#include "aipm/member.h"

#include <stdlib.h>
#include <string.h>

int
job_worker_open(struct job_worker *w, int level, struct aipm_err *err)
{
	if (aipm_codec_open(&w->codec, level, err) == -1)
		return -1;
	if ((w->headers = aipm_digest_new()) == NULL)
		return aipm_err_nomem(err);
	return aipm_treehash_open(&w->tree, err);
}

void
job_worker_close(struct job_worker *w)
{
	aipm_codec_close(w->codec);
	aipm_digest_free(w->headers);
	aipm_treehash_close(w->tree);
}

static void
digest_headers(struct job *j, struct job_worker *w)
{
	for (size_t i = 0; i < j->unit.nfiles; i++)
		aipm_digest_add(w->headers, j->plain.p + j->files[i].at,
		    j->files[i].headers);
	aipm_digest_take(w->headers, j->headers_digest);
}

static int
digest(struct job *j, struct job_worker *w, struct aipm_err *err)
{
	size_t n = j->plain.len;

	switch (j->unit.kind) {
	case AIPM_UNIT_GROUP:
	case AIPM_UNIT_FILE:
		digest_headers(j, w);
		break;
	case AIPM_UNIT_CHUNK:
		n = j->unit.len; /* without padding */
		break;
	default:
		return 0; /* the index has none */
	}
	if (aipm_treehash_add(w->tree, j->plain.p, n, j->digest, err) == -1)
		return -1;
	aipm_treehash_run(w->tree);
	return 0;
}

bool
job_take(
    struct job *j, const struct aipm_source *s, const struct job_options *o)
{
	j->member.len = 0;
	if (o->check && !aipm_refs_read(o->refs, &s->place, &j->member)) {
		j->damaged = s->place.archive + 1;
		return false;
	}
	j->member.len = 0;
	j->taken = true;
	j->from = s->place;
	memcpy(j->digest, s->digest, sizeof(j->digest));
	memcpy(j->headers_digest, s->headers_digest, sizeof(j->digest));
	return true;
}

/* What has the same digest and the same length is the same. */
static bool
is_same(const struct job *j, const struct aipm_source *s)
{
	if (memcmp(s->digest, j->digest, sizeof(j->digest)) != 0)
		return false;
	if (j->unit.kind == AIPM_UNIT_CHUNK)
		return s->plain == j->unit.len;
	return s->plain == j->plain.len &&
	       memcmp(s->headers_digest, j->headers_digest,
	           sizeof(j->headers_digest)) == 0;
}

/* Whether a reference has what was read; then it is taken. */
static bool
take_same(struct job *j, const struct job_options *o)
{
	const struct aipm_sources *s = &j->unit.sources;

	for (size_t i = 0; i < s->n; i++)
		if (is_same(j, &s->v[i]) && job_take(j, &s->v[i], o))
			return true;
	return false;
}

int
job_work(struct job *j, struct job_worker *w, const struct job_options *o,
    struct aipm_err *err)
{
	struct aipm_format format = { AIPM_FORMAT_MAJOR, AIPM_FORMAT_MINOR,
		true, o->block_log2 };

	if (j->taken || j->later)
		return 0;
	j->member.len = 0;
	if (j->plain.len == 0)
		return 0;
	if (digest(j, w, err) == -1)
		return -1;
	if (take_same(j, o))
		return 0;
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
