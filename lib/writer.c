#include "aipm/writer.h"

#include "aipm/buf.h"
#include "aipm/compat.h"
#include "aipm/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define GATHER ((size_t)1 << 20)
#define FLUSH ((uint64_t)16 << 20) /* the disk works while we do */
#define HELD ((size_t)8) /* a member's CRC32 and ISIZE */

struct aipm_writer {
	int fd;
	const char *name;
	struct aipm_cancel cancel;
	size_t block; /* that may be shared; 0: none */
	struct aipm_buf buf;
	uint64_t offset;
	uint64_t dirty; /* bytes since the disk was told to begin */
};

int
aipm_writer_open(struct aipm_writer **out, int fd, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err)
{
	struct aipm_writer *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return aipm_err_nomem(err);
	w->fd = fd;
	w->name = name;
	w->cancel = *cancel;
	/* Blocks are shared by their offset in the file. */
	if (lseek(fd, 0, SEEK_CUR) == 0 && (fcntl(fd, F_GETFL) & O_APPEND) == 0)
		w->block = aipm_compat_clone_block(fd);
	*out = w;
	return 0;
}

/* A write that failed half-way may have ended between two members: cut the
 * file within the last one. */
static void
spoil(const struct aipm_writer *w)
{
	struct stat st;
	off_t at;

	if (fstat(w->fd, &st) == -1 || !S_ISREG(st.st_mode))
		return;
	at = lseek(w->fd, 0, SEEK_CUR);
	if (at > 0 && at == st.st_size)
		(void)ftruncate(w->fd, at - 1);
}

/* Write all but the last keep bytes. */
static int
flush(struct aipm_writer *w, size_t keep, struct aipm_err *err)
{
	size_t n = w->buf.len - keep;

	if (aipm_write_full(w->fd, w->buf.p, n, w->name, &w->cancel, err) ==
	    -1) {
		spoil(w);
		return -1;
	}
	w->dirty += n;
	if (w->dirty >= FLUSH) {
		aipm_compat_begin_flush(w->fd);
		w->dirty = 0;
	}
	memmove(w->buf.p, w->buf.p + n, keep);
	w->buf.len = keep;
	return 0;
}

int
aipm_writer_put(
    struct aipm_writer *w, const void *p, size_t n, struct aipm_err *err)
{
	if (aipm_buf_add(&w->buf, p, n) == -1)
		return aipm_err_nomem(err);
	w->offset += n;
	return w->buf.len < GATHER ? 0 : flush(w, HELD, err);
}

size_t
aipm_writer_block(const struct aipm_writer *w)
{
	return w->block;
}

/* Copy n bytes at offset of src. */
static int
copy(struct aipm_writer *w, int src, const char *name, uint64_t offset,
    uint64_t n, struct aipm_err *err)
{
	while (n > 0) {
		size_t part = n < GATHER / 4 ? (size_t)n : GATHER / 4, got;

		if (aipm_buf_reserve(&w->buf, part) == -1)
			return aipm_err_nomem(err);
		if (aipm_pread_full(src, w->buf.p + w->buf.len, part, offset,
		        &got, name, err) == -1)
			return -1;
		if (got != part)
			return aipm_err_file(
			    err, AIPM_DAMAGED, name, "became shorter");
		w->buf.len += part;
		w->offset += part;
		if (w->buf.len >= GATHER && flush(w, HELD, err) == -1)
			return -1;
		offset += part;
		n -= part;
	}
	return 0;
}

/* Share whole blocks, behind what is written: 1, 0 if it cannot be, -1. */
static int
share(struct aipm_writer *w, int src, uint64_t offset, uint64_t n,
    struct aipm_err *err)
{
	if (flush(w, 0, err) == -1)
		return -1;
	if (aipm_compat_clone(w->fd, w->offset, src, offset, n) == -1) {
		if (errno == ENOTSUP)
			return 0;
		return aipm_err_path(
		    err, AIPM_FAILED, w->name, "cannot share blocks");
	}
	w->offset += n;
	if (lseek(w->fd, (off_t)w->offset, SEEK_SET) == -1)
		return aipm_err_path(err, AIPM_FAILED, w->name, "cannot seek");
	return 1;
}

int
aipm_writer_share(struct aipm_writer *w, int src, const char *name,
    uint64_t offset, uint64_t len, bool *shared, struct aipm_err *err)
{
	uint64_t block = w->block, head, body;
	int r;

	head = block == 0 ? len : (block - offset % block) % block;
	/* At least one byte is left to be held back. */
	body = head + block < len ? (len - head - 1) / block * block : 0;
	if (body != 0 && *shared && (w->offset + head) % block == 0) {
		if (copy(w, src, name, offset, head, err) == -1 ||
		    (r = share(w, src, offset + head, body, err)) == -1)
			return -1;
		*shared = r == 1;
		head += r == 1 ? body : 0;
		offset += head;
		len -= head;
	}
	return copy(w, src, name, offset, len, err);
}

uint64_t
aipm_writer_offset(const struct aipm_writer *w)
{
	return w->offset;
}

int
aipm_writer_finish(struct aipm_writer *w, struct aipm_err *err)
{
	return flush(w, 0, err);
}

void
aipm_writer_close(struct aipm_writer *w)
{
	if (w == NULL)
		return;
	aipm_buf_free(&w->buf);
	free(w);
}
