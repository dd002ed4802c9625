#include "aipm/member.h"

#include "aipm/digest.h"
#include "aipm/num.h"

#include <string.h>

/*
 *	0  1f 8b 08 04	magic, deflate, FEXTRA only
 *	4  0 0 0 0	MTIME: the same tree gives the same bytes
 *	8  0 ff		XFL; OS unknown
 *	10 XLEN u16
 *	12 'p' 'm' u16	subfield of XLEN - 4 bytes: the kind, then its fields
 */
enum { EXTRA = 12, KIND = 16, TAIL = 8, DATA_FIELDS = 8, FIRST_FIELDS = 4 };

static const unsigned char gzip_head[10] = { 0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0,
	0xff };
static const unsigned char empty_deflate[2] = { 3, 0 };

enum { FLAG_FOOTER = 1 };

static int
add_head(struct aipm_buf *out, enum aipm_member_kind kind, size_t fields)
{
	unsigned char p[KIND + 1];

	memcpy(p, gzip_head, sizeof(gzip_head));
	aipm_put_u16(p + 10, (uint16_t)(4 + 1 + fields));
	p[EXTRA] = 'p';
	p[EXTRA + 1] = 'm';
	aipm_put_u16(p + EXTRA + 2, (uint16_t)(1 + fields));
	p[KIND] = (unsigned char)kind;
	return aipm_buf_add(out, p, sizeof(p));
}

static int
add_tail(struct aipm_buf *out, uint32_t crc, size_t plain)
{
	if (aipm_buf_add_u32(out, crc) == -1)
		return -1;
	return aipm_buf_add_u32(out, (uint32_t)plain);
}

static int
add_first(struct aipm_buf *out, const struct aipm_format *f)
{
	unsigned char p[FIRST_FIELDS] = { (unsigned char)f->major,
		(unsigned char)f->minor, f->footer ? FLAG_FOOTER : 0,
		(unsigned char)f->block_log2 };

	return aipm_buf_add(out, p, sizeof(p));
}

int
aipm_member_pack(struct aipm_buf *out, struct aipm_codec *c,
    const struct aipm_format *first, const void *p, size_t n,
    enum aipm_codec_content content, struct aipm_err *err)
{
	size_t start = out->len;
	size_t fields = DATA_FIELDS + (first != NULL ? FIRST_FIELDS : 0);

	if (add_head(out, AIPM_MEMBER_DATA, fields) == -1 ||
	    aipm_buf_add_zeros(out, DATA_FIELDS) == -1 ||
	    (first != NULL && add_first(out, first) == -1))
		return aipm_err_nomem(err);
	if (aipm_codec_deflate(c, out, p, n, content, err) == -1)
		return -1;
	if (add_tail(out, aipm_crc32(0, p, n), n) == -1)
		return aipm_err_nomem(err);
	aipm_put_u32(out->p + start + KIND + 1, (uint32_t)(out->len - start));
	aipm_put_u32(out->p + start + KIND + 5, (uint32_t)n);
	return 0;
}

int
aipm_member_empty(struct aipm_buf *out, enum aipm_member_kind kind,
    const void *payload, size_t n, struct aipm_err *err)
{
	if (add_head(out, kind, n) == -1 ||
	    aipm_buf_add(out, payload, n) == -1 ||
	    aipm_buf_add(out, empty_deflate, sizeof(empty_deflate)) == -1 ||
	    add_tail(out, 0, 0) == -1)
		return aipm_err_nomem(err);
	return 0;
}

static int
parse_data(
    struct aipm_member *m, const unsigned char *p, size_t n, size_t fields)
{
	size_t want = fields < DATA_FIELDS + FIRST_FIELDS
	                  ? DATA_FIELDS
	                  : DATA_FIELDS + FIRST_FIELDS;

	if (fields < DATA_FIELDS || n < KIND + 1 + want)
		return -1;
	m->size = aipm_get_u32(p + KIND + 1);
	m->plain = aipm_get_u32(p + KIND + 5);
	/* Unknown fields behind ours belong to a later minor version. */
	if (m->size < m->head + 1 + TAIL || m->plain == 0 ||
	    m->plain > AIPM_MEMBER_PLAIN_MAX ||
	    m->size > 2 * AIPM_MEMBER_PLAIN_MAX)
		return -1;
	if (fields < DATA_FIELDS + FIRST_FIELDS)
		return 1;
	m->first = true;
	m->format.major = p[KIND + 9];
	m->format.minor = p[KIND + 10];
	m->format.footer = p[KIND + 11] == FLAG_FOOTER;
	if (p[KIND + 11] > FLAG_FOOTER)
		return -1;
	m->format.block_log2 = p[KIND + 12];
	return m->format.block_log2 < AIPM_BLOCK_LOG2_MIN ||
	               m->format.block_log2 > AIPM_BLOCK_LOG2_MAX
	           ? -1
	           : 1;
}

int
aipm_member_parse(struct aipm_member *m, const unsigned char *p, size_t n)
{
	size_t xlen, fields;

	memset(m, 0, sizeof(*m));
	if (n < 10 || p[0] != 0x1f || p[1] != 0x8b || p[2] != 8)
		return -1;
	if (n < KIND + 1 || (p[3] & 4) == 0 || p[EXTRA] != 'p' ||
	    p[EXTRA + 1] != 'm')
		return 0;
	/* Nobody else's, so what differs in the head is damage. */
	if (memcmp(p, gzip_head, sizeof(gzip_head)) != 0)
		return -1;
	xlen = aipm_get_u16(p + 10);
	fields = aipm_get_u16(p + EXTRA + 2);
	if (fields == 0 || xlen != fields + 4 || p[KIND] > AIPM_MEMBER_FOOTER)
		return -1;
	fields--;
	m->kind = (enum aipm_member_kind)p[KIND];
	m->head = EXTRA + xlen;
	if (m->kind == AIPM_MEMBER_DATA)
		return parse_data(m, p, n, fields);
	m->payload = KIND + 1;
	m->payload_len = fields;
	m->size = AIPM_MEMBER_EMPTY(fields);
	return 1;
}

bool
aipm_member_unpack(const struct aipm_member *m, struct aipm_codec *c,
    const unsigned char *p, void *dst)
{
	const unsigned char *tail = p + m->size - TAIL;

	return aipm_get_u32(tail + 4) == m->plain &&
	       aipm_codec_inflate(c, dst, m->plain, p + m->head,
	           (size_t)m->size - m->head - TAIL) &&
	       aipm_crc32(0, dst, m->plain) == aipm_get_u32(tail);
}

bool
aipm_member_empty_ok(const struct aipm_member *m, const unsigned char *p)
{
	static const unsigned char tail[2 + TAIL] = { 3 };

	return memcmp(p + m->head, tail, sizeof(tail)) == 0;
}
