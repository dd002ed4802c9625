#include "plain.h"

#include "aipm/footer.h"
#include "aipm/num.h"

#include <stdio.h>
#include <string.h>

#define STRETCH ((size_t)256 << 10)

static int
damaged(const struct plain *p, const char *what, struct aipm_err *err)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s at byte %llu", what,
	    (unsigned long long)p->in.offset);
	return aipm_err_file(err, AIPM_DAMAGED, p->in.name, text);
}

static int
cut_off(const struct plain *p, struct aipm_err *err)
{
	return damaged(p, "is cut off: it ends", err);
}

static int
open_ours(struct plain *p, const struct aipm_member *m, struct aipm_err *err)
{
	if (!m->first)
		return aipm_err_file(
		    err, AIPM_DAMAGED, p->in.name, "its beginning is missing");
	p->ours = true;
	if ((p->members = aipm_digest_new()) == NULL)
		return aipm_err_nomem(err);
	p->format = m->format;
	if (aipm_format_check(&m->format, p->in.name, err) == -1)
		return -1;
	return aipm_codec_open(&p->codec, 0, err);
}

int
plain_open(struct plain *p, int fd, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err)
{
	const unsigned char *at;
	struct aipm_member m;
	size_t have;
	int r;

	memset(p, 0, sizeof(*p));
	p->in.fd = fd;
	p->in.name = name;
	p->in.cancel = *cancel;
	if (input_view(&p->in, AIPM_MEMBER_PEEK, &at, &have, err) == -1)
		return -1;
	if (have == 0)
		return aipm_err_file(
		    err, AIPM_DAMAGED, name, "is empty: no archive");
	if ((r = aipm_member_parse(&m, at, have)) == -1)
		return aipm_err_file(err, AIPM_DAMAGED, name,
		    "is no gzip archive, or its beginning is damaged");
	if (r == 1)
		return open_ours(p, &m, err);
	return aipm_gunzip_open(&p->gunzip, err);
}

/* 1 with the head of the next member, 0 at the end of the file. */
static int
view_member(struct plain *p, struct aipm_member *m, struct aipm_err *err)
{
	const unsigned char *at;
	size_t have;

	if (input_view(&p->in, AIPM_MEMBER_PEEK, &at, &have, err) == -1)
		return -1;
	if (have == 0)
		return 0;
	if (aipm_member_parse(m, at, have) != 1)
		return have < AIPM_MEMBER_PEEK && p->in.ended
		           ? cut_off(p, err)
		           : damaged(p, "is damaged", err);
	return 1;
}

/* Bring the whole member into view. */
static int
view_whole(struct plain *p, const struct aipm_member *m,
    const unsigned char **at, struct aipm_err *err)
{
	size_t have;

	if (input_view(&p->in, (size_t)m->size, at, &have, err) == -1)
		return -1;
	return have < m->size ? cut_off(p, err) : 0;
}

int
plain_empty_member(struct plain *p, struct aipm_member *m,
    const unsigned char **at, struct aipm_err *err)
{
	int r = view_member(p, m, err);

	if (r != 1)
		return r;
	if (m->kind == AIPM_MEMBER_DATA)
		return damaged(
		    p, "is damaged: data where the index should be", err);
	if (view_whole(p, m, at, err) == -1)
		return -1;
	if (!aipm_member_empty_ok(m, *at))
		return damaged(p, "is damaged", err);
	return 1;
}

void
plain_add_member(struct aipm_digest *d, uint64_t size, uint32_t crc)
{
	unsigned char b[12];

	aipm_put_u64(b, size);
	aipm_put_u32(b + 8, crc);
	aipm_digest_add(d, b, sizeof(b));
}

/* The member in view has been read. */
static void
note_member(
    struct plain *p, const struct aipm_member *m, const unsigned char *at)
{
	plain_add_member(
	    p->members, m->size, aipm_crc32(0, at, (size_t)m->size));
	input_take(&p->in, (size_t)m->size);
}

static int
next_member(struct plain *p, struct aipm_err *err)
{
	struct aipm_member m;
	const unsigned char *at;
	int r;

	while (
	    (r = view_member(p, &m, err)) == 1 && m.kind == AIPM_MEMBER_PAD) {
		if (plain_empty_member(p, &m, &at, err) == -1)
			return -1;
		note_member(p, &m, at);
	}
	if (r == -1)
		return -1;
	if (r == 0)
		return p->format.footer ? cut_off(p, err) : 0;
	if (m.kind != AIPM_MEMBER_DATA)
		return 0;
	if (view_whole(p, &m, &at, err) == -1)
		return -1;
	if (aipm_buf_reserve(&p->buf, m.plain) == -1)
		return aipm_err_nomem(err);
	if (!aipm_member_unpack(&m, p->codec, at, p->buf.p))
		return damaged(p, "is damaged", err);
	p->buf.len = m.plain;
	note_member(p, &m, at);
	return 1;
}

/* Between gzip members: 1 if another begins, 0 at the end of the file; what
 * tapes leave there is zeros. */
static int
between(struct plain *p, struct aipm_err *err)
{
	const unsigned char *at;
	struct aipm_member m;
	size_t have, i;

	for (;;) {
		if (input_view(&p->in, 2, &at, &have, err) == -1)
			return -1;
		if (have == 0)
			return 0;
		if (at[0] != 0)
			break;
		for (i = 0; i < have && at[i] == 0; i++)
			;
		input_take(&p->in, i);
	}
	if (have < 2 || at[0] != 0x1f || at[1] != 0x8b)
		return damaged(p, "has something foreign behind its end", err);
	if (input_view(&p->in, AIPM_MEMBER_PEEK, &at, &have, err) == -1)
		return -1;
	/* Ours all along, but for the first one's head. */
	if (aipm_member_parse(&m, at, have) == 1)
		return aipm_err_file(
		    err, AIPM_DAMAGED, p->in.name, "its beginning is damaged");
	p->between = false;
	return 1;
}

static int
inflate_some(struct plain *p, struct aipm_err *err)
{
	struct aipm_gunzip_io io = { .out = p->buf.p + p->buf.len,
		.out_left = STRETCH - p->buf.len };
	enum aipm_gunzip_status r;
	size_t have;

	if (input_view(&p->in, 1, &io.in, &have, err) == -1)
		return -1;
	if (have == 0)
		return cut_off(p, err);
	io.in_left = have;
	r = aipm_gunzip_step(p->gunzip, &io);
	if (r == AIPM_GUNZIP_NOMEM)
		return aipm_err_nomem(err);
	if (r == AIPM_GUNZIP_DAMAGED)
		return damaged(p, "is damaged", err);
	p->buf.len = STRETCH - io.out_left;
	input_take(&p->in, have - io.in_left);
	p->between = r == AIPM_GUNZIP_END;
	return 0;
}

static int
next_inflated(struct plain *p, struct aipm_err *err)
{
	int r;

	if (aipm_buf_reserve(&p->buf, STRETCH) == -1)
		return aipm_err_nomem(err);
	while (p->buf.len < STRETCH) {
		if (p->between) {
			if ((r = between(p, err)) == -1)
				return -1;
			if (r == 0)
				break;
		}
		if (inflate_some(p, err) == -1)
			return -1;
	}
	return p->buf.len > 0;
}

int
plain_next(struct plain *p, struct aipm_err *err)
{
	p->pos = p->buf.len = 0;
	return p->ours ? next_member(p, err) : next_inflated(p, err);
}

void
plain_close(struct plain *p)
{
	aipm_buf_free(&p->in.buf);
	aipm_buf_free(&p->buf);
	aipm_codec_close(p->codec);
	aipm_digest_free(p->members);
	aipm_gunzip_close(p->gunzip);
}
