#include "aipm/footer.h"

#include "aipm/io.h"
#include "aipm/member.h"
#include "aipm/num.h"

#include <string.h>

#include <sys/stat.h>

/*
 * The payload: major u8, minor u8, flags u8, block_log2 u8; u64 each:
 * index_offset, index_size, dir_offset, entries, file_size; SHA-256; CRC32
 * of all of the payload before it.
 */
enum { HEAD = 17, SHA = 44, CRC = 76, PAYLOAD = 80 };
enum { FLAG_COMPLETE = 1, FLAG_THIN = 2 };

_Static_assert(AIPM_MEMBER_EMPTY(PAYLOAD) == AIPM_FOOTER_SIZE,
    "the header says the whole member's size");

int
aipm_footer_encode(
    struct aipm_buf *out, const struct aipm_footer *f, struct aipm_err *err)
{
	unsigned char p[PAYLOAD] = { AIPM_FORMAT_MAJOR, AIPM_FORMAT_MINOR };

	p[2] = (unsigned char)((f->complete ? FLAG_COMPLETE : 0) |
	                       (f->thin ? FLAG_THIN : 0));
	p[3] = (unsigned char)f->block_log2;
	aipm_put_u64(p + 4, f->index_offset);
	aipm_put_u64(p + 12, f->index_size);
	aipm_put_u64(p + 20, f->dir_offset);
	aipm_put_u64(p + 28, f->entries);
	aipm_put_u64(p + 36, f->file_size);
	memcpy(p + SHA, f->sha256, AIPM_DIGEST_SIZE);
	aipm_put_u32(p + CRC, aipm_crc32(0, p, CRC));
	return aipm_member_empty(out, AIPM_MEMBER_FOOTER, p, PAYLOAD, err);
}

int
aipm_footer_decode(
    struct aipm_footer *f, const unsigned char src[AIPM_FOOTER_SIZE])
{
	struct aipm_member m;
	const unsigned char *p = src + HEAD;

	if (aipm_member_parse(&m, src, AIPM_FOOTER_SIZE) != 1 ||
	    m.kind != AIPM_MEMBER_FOOTER || m.payload_len != PAYLOAD ||
	    !aipm_member_empty_ok(&m, src))
		return -1;
	if (aipm_get_u32(p + CRC) != aipm_crc32(0, p, CRC) ||
	    p[0] != AIPM_FORMAT_MAJOR)
		return -1;
	f->minor = p[1];
	f->complete = (p[2] & FLAG_COMPLETE) != 0;
	f->thin = (p[2] & FLAG_THIN) != 0;
	f->block_log2 = p[3];
	if (f->block_log2 < AIPM_BLOCK_LOG2_MIN ||
	    f->block_log2 > AIPM_BLOCK_LOG2_MAX)
		return -1;
	f->index_offset = aipm_get_u64(p + 4);
	f->index_size = aipm_get_u64(p + 12);
	f->dir_offset = aipm_get_u64(p + 20);
	f->entries = aipm_get_u64(p + 28);
	f->file_size = aipm_get_u64(p + 36);
	memcpy(f->sha256, p + SHA, AIPM_DIGEST_SIZE);
	return 0;
}

uint64_t
aipm_footer_index_members(uint64_t index_size)
{
	uint64_t slices = index_size / AIPM_INDEX_SLICE;
	uint64_t rest = index_size % AIPM_INDEX_SLICE;

	return slices * AIPM_MEMBER_EMPTY(AIPM_INDEX_SLICE) +
	       (rest == 0 ? 0 : AIPM_MEMBER_EMPTY(rest));
}

/* Whether the numbers fit each other and the file. */
static bool
consistent(const struct aipm_footer *f, uint64_t file_size)
{
	return f->file_size == file_size && f->index_size < file_size &&
	       f->dir_offset < f->index_size && f->index_offset < file_size &&
	       f->index_offset + aipm_footer_index_members(f->index_size) +
	               AIPM_FOOTER_SIZE ==
	           file_size;
}

/* 1: a footer is promised, 0: another tool's archive, -1: damaged. */
static int
promised(int fd, const char *name, struct aipm_err *err)
{
	unsigned char p[AIPM_MEMBER_PEEK];
	struct aipm_member m;
	size_t n;
	int r;

	if (aipm_pread_full(fd, p, sizeof(p), 0, &n, name, err) == -1)
		return -1;
	if (n == 0)
		return aipm_err_file(
		    err, AIPM_DAMAGED, name, "is empty: no archive");
	if ((r = aipm_member_parse(&m, p, n)) == -1)
		return aipm_err_file(err, AIPM_DAMAGED, name,
		    "is no gzip archive, or its beginning is damaged");
	if (r == 0)
		return 0;
	if (!m.first)
		return aipm_err_file(
		    err, AIPM_DAMAGED, name, "its beginning is missing");
	return aipm_format_check(&m.format, name, err) == -1 ? -1 : 1;
}

int
aipm_format_check(
    const struct aipm_format *f, const char *name, struct aipm_err *err)
{
	/* Every writer of this version promises a footer. */
	if (f->major == AIPM_FORMAT_MAJOR && !f->footer)
		return aipm_err_file(
		    err, AIPM_DAMAGED, name, "its beginning is damaged");
	/* 1.0, never released, had other digests. */
	if (f->major == AIPM_FORMAT_MAJOR && f->minor < AIPM_FORMAT_MINOR)
		return aipm_err_file(err, AIPM_DAMAGED, name,
		    "made by a version before the first: use tar xzf");
	if (f->major == AIPM_FORMAT_MAJOR)
		return 0;
	return aipm_err_file(err, AIPM_DAMAGED, name,
	    "made by a newer version: update aipm, or use tar xzf");
}

int
aipm_footer_read(
    struct aipm_footer *f, int fd, const char *name, struct aipm_err *err)
{
	unsigned char p[AIPM_FOOTER_SIZE];
	struct stat st;
	bool ours = false;
	size_t n;
	int r;

	if ((r = promised(fd, name, err)) == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		return aipm_err_path(err, AIPM_FAILED, name, "cannot stat");
	if (st.st_size > AIPM_FOOTER_SIZE) {
		if (aipm_pread_full(fd, p, sizeof(p),
		        (uint64_t)st.st_size - sizeof(p), &n, name, err) == -1)
			return -1;
		ours = n == sizeof(p) && aipm_footer_decode(f, p) == 0;
	}
	if (r == 0 && !ours)
		return 0;
	if (r == 0)
		return aipm_err_file(
		    err, AIPM_DAMAGED, name, "its beginning is damaged");
	if (ours && consistent(f, (uint64_t)st.st_size))
		return 1;
	return aipm_err_file(err, AIPM_DAMAGED, name,
	    "is cut off or damaged: its footer is missing or wrong");
}
