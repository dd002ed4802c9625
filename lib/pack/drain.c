#include "inner.h"

#include <stdio.h>
#include <string.h>

static int
drain_notes(struct pack *p, struct job *j, struct aipm_err *err)
{
	for (size_t i = 0; i < j->unit.notes.n; i++) {
		const struct aipm_note *n = &j->unit.notes.v[i];
		struct aipm_index_item it = { .tag = AIPM_INDEX_MISSING,
			.key = n->path,
			.value = n->reason };

		if (!n->lost) {
			aipm_warn(&p->o->note, n->path, n->reason);
			continue;
		}
		/* The run that a thin one is made for says it of itself. */
		if (!p->o->thin)
			aipm_warn(&p->o->warn, n->path, n->reason);
		p->sum->missing++;
		if (aipm_index_put(p->index, &it, err) == -1)
			return -1;
	}
	return 0;
}

/* A cluster's major version stands in its PG_VERSION; each database below
 * base/ and each tablespace has one too. */
static int
drain_pg_version(struct pack *p, const struct aipm_entry *e,
    const unsigned char *content, size_t n, struct aipm_err *err)
{
	const char *base = strrchr(e->path, '/');
	char name[512], value[16];

	if (base == NULL || strcmp(base, "/PG_VERSION") != 0 ||
	    strstr(e->path, "/base/") != NULL ||
	    strstr(e->path, "/pg_tblspc/") != NULL || n == 0 ||
	    n >= sizeof(value) || strlen(e->path) > 400)
		return 0;
	memcpy(value, content, n);
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	(void)snprintf(name, sizeof(name), "pg-version:%.*s",
	    (int)(base - e->path), e->path);
	return aipm_runinfo_pair(p->index, name, value, err);
}

static int
drain_entries(struct pack *p, struct job *j, struct aipm_err *err)
{
	const struct aipm_range *holes =
	    (const struct aipm_range *)(const void *)j->holes.p;

	for (size_t i = 0; i < j->unit.nfiles; i++) {
		const struct aipm_entry *e = &j->unit.files[i].entry;
		const struct job_file *f = &j->files[i];
		struct aipm_index_item it = { .tag = AIPM_INDEX_ENTRY,
			.entry = e,
			.headers = f->headers,
			.chunked = j->unit.kind == AIPM_UNIT_FILE,
			.holes = f->nholes == 0 ? NULL : holes + f->holes,
			.nholes = f->nholes };

		if (f->left_out)
			continue;
		p->sum->entries++;
		p->sum->content += e->size;
		if (aipm_index_put(p->index, &it, err) == -1)
			return -1;
		if (drain_pg_version(p, e, j->plain.p + f->at + f->headers,
		        f->content, err) == -1)
			return -1;
	}
	return 0;
}

/* Where a member lies that stays in its reference. */
static void
set_place(struct aipm_index_item *it, const struct job *j)
{
	if (!j->taken)
		return;
	it->reference = j->from.archive + 1;
	it->offset = j->from.offset;
	it->size = j->from.size;
	it->crc = j->from.crc;
}

static int
drain_index(struct pack *p, struct job *j, struct aipm_err *err)
{
	struct aipm_index_item it = { .size = j->member.len,
		.crc = j->crc,
		.plain = j->tar,
		.count = 1,
		.holes = (const struct aipm_range *)(void *)j->unit.holes.p,
		.nholes = j->unit.holes.len / sizeof(struct aipm_range) };

	set_place(&it, j);
	if (j->later) {
		it.reference = LATER_REFERENCE;
		it.offset = p->laters.n;
		it.size = 1;
		if (laters_add(&p->laters, &j->unit) == -1)
			return aipm_err_nomem(err);
	}
	memcpy(it.digest, j->digest, sizeof(it.digest));
	memcpy(it.headers_digest, j->headers_digest, sizeof(it.digest));
	switch (j->unit.kind) {
	case AIPM_UNIT_CHUNK:
		it.tag = AIPM_INDEX_CHUNK;
		break;
	case AIPM_UNIT_ZEROS:
		it.tag = AIPM_INDEX_ZEROS;
		it.count = j->unit.count;
		break;
	case AIPM_UNIT_END:
		it.tag = AIPM_INDEX_END;
		break;
	default:
		it.tag = AIPM_INDEX_MEMBER;
		if (aipm_index_put(p->index, &it, err) == -1)
			return -1;
		return drain_entries(p, j, err);
	}
	return aipm_index_put(p->index, &it, err);
}

/* Each reference in which something is damaged is named once. */
static void
drain_damage(struct pack *p, const struct job *j)
{
	if (j->damaged == 0 || p->blamed[j->damaged - 1])
		return;
	p->blamed[j->damaged - 1] = true;
	aipm_warn(&p->o->warn, aipm_refs_path(p->refs, j->damaged - 1),
	    "is damaged: what cannot be taken out of it is read anew");
}

static void
count_up(struct aipm_pack_sum *sum, const struct job *j)
{
	uint64_t count = j->unit.kind == AIPM_UNIT_ZEROS ? j->unit.count : 1;

	if (j->read)
		sum->read += j->tar;
	if (j->taken)
		sum->reused += j->from.size;
	else
		sum->made += count * j->member.len;
}

int
pack_drain(struct pack *p, struct job *j, struct aipm_err *err)
{
	struct aipm_chunked *c = j->unit.chunked;
	uint64_t count = j->unit.kind == AIPM_UNIT_ZEROS ? j->unit.count : 1;

	/* All of the file has been read when its last block comes by. */
	if (c != NULL && j->unit.last && aipm_chunked_changed(c) &&
	    job_note_changed(j, c->path, err) == -1)
		return -1;
	drain_damage(p, j);
	if (drain_notes(p, j, err) == -1)
		return -1;
	if (j->tar == 0)
		return 0;
	if (!j->later)
		count_up(p->sum, j);
	if (drain_index(p, j, err) == -1)
		return -1;
	for (; !j->taken && !j->later && count > 0; count--)
		if (aipm_cancel_check(&p->o->cancel, err) == -1 ||
		    aipm_writer_put(
		        p->writer, j->member.p, j->member.len, err) == -1)
			return -1;
	return 0;
}

int
pack_drain_later(struct pack *p, struct job *j, struct aipm_err *err)
{
	struct later *l = &p->laters.v[p->at_drained++];
	struct aipm_index_item it = { .tag = AIPM_INDEX_CHUNK,
		.count = 1,
		.offset = aipm_writer_offset(p->writer),
		.size = j->member.len,
		.crc = j->crc };

	if (drain_notes(p, j, err) == -1)
		return -1;
	count_up(p->sum, j);
	set_place(&it, j);
	memcpy(it.digest, j->digest, sizeof(it.digest));
	l->item = it;
	if (j->taken)
		return 0;
	return aipm_writer_put(p->writer, j->member.p, j->member.len, err);
}
