#include "page.h"

#include "aipm/codec.h"
#include "aipm/io.h"
#include "aipm/num.h"
#include "aipm/spool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct page {
	enum page_type type;
	struct aipm_buf plain;
};

struct aipm_index_writer {
	int fd;
	uint64_t size; /* bytes spooled */
	uint64_t entries;
	struct aipm_codec *codec;
	struct aipm_digest *digest;
	struct page entries_page, missing_page, run_page, directory;
	struct aipm_buf record, stored;
	uint64_t offset; /* in the archive, of the next member */
	char *path; /* of the last entry; "" before the first */
	const char *prev; /* path, or "" at the start of a page */
	char *first; /* the first path that the page tells of, or NULL */
	uint64_t file_size; /* its size, if it is chunked, and */
	uint64_t chunk; /* the next chunk's number */
	bool continues; /* a page that began now would go on with it */
};

int
aipm_index_writer_new(struct aipm_index_writer **out, const char *dir,
    int level, struct aipm_err *err)
{
	struct aipm_index_writer *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return aipm_err_nomem(err);
	w->fd = -1;
	w->prev = "";
	w->directory.type = PAGE_DIRECTORY;
	w->entries_page.type = PAGE_ENTRIES;
	w->missing_page.type = PAGE_MISSING;
	w->run_page.type = PAGE_RUN;
	if ((w->fd = aipm_spool_open(dir, err)) == -1 ||
	    aipm_codec_open(&w->codec, level, err) == -1) {
		aipm_index_writer_free(w);
		return -1;
	}
	w->digest = aipm_digest_new();
	w->path = strdup("");
	if (w->digest == NULL || w->path == NULL) {
		aipm_index_writer_free(w);
		return aipm_err_nomem(err);
	}
	*out = w;
	return 0;
}

static int
spool(
    struct aipm_index_writer *w, const void *p, size_t n, struct aipm_err *err)
{
	aipm_digest_add(w->digest, p, n);
	w->size += n;
	return aipm_write_full(
	    w->fd, p, n, "the index's temporary file", NULL, err);
}

/* A line in the directory: type, offset and size in the index, first path. */
static int
register_page(struct aipm_index_writer *w, const struct page *page)
{
	const char *first = "";

	if (page->type == PAGE_ENTRIES && w->first != NULL)
		first = w->first;
	if (aipm_buf_add_u8(&w->directory.plain, (uint8_t)page->type) == -1 ||
	    aipm_buf_add_varint(&w->directory.plain, w->size) == -1 ||
	    aipm_buf_add_varint(
	        &w->directory.plain, w->stored.len + PAGE_HEAD) == -1)
		return -1;
	return aipm_buf_add_counted(&w->directory.plain, first, strlen(first));
}

static int
flush_page(struct aipm_index_writer *w, struct page *page, struct aipm_err *err)
{
	unsigned char head[PAGE_HEAD];
	struct aipm_buf *b = &page->plain;

	w->stored.len = 0;
	if (aipm_codec_deflate(w->codec, &w->stored, b->p, b->len,
	        AIPM_CODEC_UNIFORM, err) == -1)
		return -1;
	if (page->type != PAGE_DIRECTORY && register_page(w, page) == -1)
		return aipm_err_nomem(err);
	head[0] = (unsigned char)page->type;
	aipm_put_u32(head + 1, (uint32_t)w->stored.len);
	aipm_put_u32(head + 5, (uint32_t)b->len);
	aipm_put_u32(head + 9, aipm_crc32(0, b->p, b->len));
	b->len = 0;
	if (spool(w, head, sizeof(head), err) == -1)
		return -1;
	return spool(w, w->stored.p, w->stored.len, err);
}

static int
flush_entries(struct aipm_index_writer *w, struct aipm_err *err)
{
	if (w->entries_page.plain.len == 0)
		return 0;
	if (flush_page(w, &w->entries_page, err) == -1)
		return -1;
	/* Front coding begins anew with every page. */
	w->prev = "";
	free(w->first);
	w->first = NULL;
	return 0;
}

/* Where the page is; see page.h. */
static int
start_entries(struct aipm_index_writer *w)
{
	struct aipm_buf *b = &w->entries_page.plain;
	const char *path = w->continues ? w->path : "";

	if (w->continues && (w->first = strdup(w->path)) == NULL)
		return -1;
	if (aipm_buf_add_varint(b, w->offset) == -1 ||
	    aipm_buf_add_counted(b, path, strlen(path)) == -1 ||
	    aipm_buf_add_varint(b, w->continues ? w->file_size : 0) == -1)
		return -1;
	return aipm_buf_add_varint(b, w->continues ? w->chunk : 0);
}

static int
note_entry(struct aipm_index_writer *w, const struct aipm_index_item *it)
{
	char *path = strdup(it->entry->path);

	if (path == NULL)
		return -1;
	free(w->path);
	w->prev = w->path = path;
	w->entries++;
	w->continues = it->chunked;
	w->file_size = it->entry->size;
	w->chunk = 0;
	if (w->first == NULL && (w->first = strdup(path)) == NULL)
		return -1;
	return 0;
}

static int
note_item(struct aipm_index_writer *w, const struct aipm_index_item *it)
{
	uint64_t count = it->tag == AIPM_INDEX_ZEROS ? it->count : 1;

	if (it->tag == AIPM_INDEX_ENTRY)
		return note_entry(w, it);
	if (it->reference == 0)
		w->offset += count * it->size;
	if (it->tag == AIPM_INDEX_CHUNK || it->tag == AIPM_INDEX_ZEROS)
		w->chunk += count;
	else if (it->tag != AIPM_INDEX_PAD)
		w->continues = false;
	return 0;
}

static int
put_elsewhere(struct aipm_index_writer *w, const struct aipm_index_item *it)
{
	struct aipm_buf *b = &w->entries_page.plain;

	w->record.len = 0;
	if (aipm_buf_add_varint(&w->record, it->reference) == -1 ||
	    aipm_buf_add_varint(&w->record, it->offset) == -1 ||
	    aipm_buf_add_u8(b, TAG_ELSEWHERE) == -1)
		return -1;
	return aipm_buf_add_counted(b, w->record.p, w->record.len);
}

static int
put_record(struct aipm_index_writer *w, const struct aipm_index_item *it,
    struct aipm_err *err)
{
	struct aipm_buf *b = &w->entries_page.plain;

	/* A group and its entries stay in one page. */
	if (b->len >= PAGE_TARGET && it->tag != AIPM_INDEX_ENTRY) {
		if (it->tag == AIPM_INDEX_MEMBER)
			w->continues = false;
		if (flush_entries(w, err) == -1)
			return -1;
	}
	if ((b->len == 0 && start_entries(w) == -1) ||
	    (it->reference != 0 && put_elsewhere(w, it) == -1))
		return aipm_err_nomem(err);
	w->record.len = 0;
	if (record_encode(&w->record, it, w->prev) == -1 ||
	    aipm_buf_add_u8(b, (uint8_t)it->tag) == -1 ||
	    aipm_buf_add_counted(b, w->record.p, w->record.len) == -1 ||
	    note_item(w, it) == -1)
		return aipm_err_nomem(err);
	return 0;
}

static int
put_pair(struct aipm_index_writer *w, struct page *page,
    const struct aipm_index_item *it, struct aipm_err *err)
{
	if (record_encode(&page->plain, it, "") == -1)
		return aipm_err_nomem(err);
	if (page->plain.len < PAGE_TARGET)
		return 0;
	return flush_page(w, page, err);
}

int
aipm_index_put(struct aipm_index_writer *w, const struct aipm_index_item *it,
    struct aipm_err *err)
{
	if (it->tag == AIPM_INDEX_MISSING)
		return put_pair(w, &w->missing_page, it, err);
	if (it->tag == AIPM_INDEX_RUN)
		return put_pair(w, &w->run_page, it, err);
	return put_record(w, it, err);
}

int
aipm_index_finish(
    struct aipm_index_writer *w, struct aipm_footer *f, struct aipm_err *err)
{
	if (flush_entries(w, err) == -1 ||
	    (w->missing_page.plain.len != 0 &&
	        flush_page(w, &w->missing_page, err) == -1) ||
	    (w->run_page.plain.len != 0 &&
	        flush_page(w, &w->run_page, err) == -1))
		return -1;
	f->dir_offset = w->size;
	if (flush_page(w, &w->directory, err) == -1)
		return -1;
	f->index_size = w->size;
	f->entries = w->entries;
	aipm_digest_take(w->digest, f->sha256);
	return 0;
}

int
aipm_index_slice(struct aipm_index_writer *w, uint64_t offset, void *p,
    size_t n, struct aipm_err *err)
{
	static const char name[] = "the index's temporary file";
	size_t got;

	if (aipm_pread_full(w->fd, p, n, offset, &got, name, err) == -1)
		return -1;
	if (got != n)
		return aipm_err_file(err, AIPM_FAILED, name, "is cut off");
	return 0;
}

void
aipm_index_writer_free(struct aipm_index_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd != -1)
		(void)close(w->fd);
	aipm_codec_close(w->codec);
	aipm_digest_free(w->digest);
	aipm_buf_free(&w->entries_page.plain);
	aipm_buf_free(&w->missing_page.plain);
	aipm_buf_free(&w->run_page.plain);
	aipm_buf_free(&w->directory.plain);
	aipm_buf_free(&w->record);
	aipm_buf_free(&w->stored);
	free(w->first);
	free(w->path);
	free(w);
}
