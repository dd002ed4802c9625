#include "aipm/list.h"

#include "aipm/escape.h"
#include "aipm/footer.h"
#include "aipm/runinfo.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Put s, escaped or as it is. */
static int
put_name(FILE *out, const char *s, bool escaped)
{
	char *shown;

	if (!escaped || s[aipm_escape_plain(s)] == '\0') {
		(void)fputs(s, out);
		return 0;
	}
	if ((shown = aipm_escape_dup(s)) == NULL)
		return -1;
	(void)fputs(shown, out);
	free(shown);
	return 0;
}

/* The path as tar shows it. */
static int
put_path(FILE *out, const struct aipm_entry *e, bool escaped)
{
	if (put_name(out, e->path, escaped) == -1)
		return -1;
	if (e->type == AIPM_DIR)
		(void)putc('/', out);
	return 0;
}

/* "drwxr-sr-x", as in POSIX's ls, with tar's 'h' for a hard link. */
static void
mode_string(char dst[11], const struct aipm_entry *e)
{
	static const char types[] = "-hlcbdp"; /* for '0' to '6' */
	static const struct {
		unsigned bit, with_x;
		int at;
		char letter;
	} special[] = {
		{ 04000, 0100, 3, 's' },
		{ 02000, 0010, 6, 's' },
		{ 01000, 0001, 9, 't' },
	};

	dst[0] = types[e->type - AIPM_FILE];
	for (int i = 0; i < 9; i++)
		dst[1 + i] = (e->mode & (0400u >> i)) ? "rwx"[i % 3] : '-';
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		char c = special[i].letter;

		if ((e->mode & special[i].bit) != 0)
			dst[special[i].at] = (e->mode & special[i].with_x)
			                         ? c
			                         : (char)(c - 'a' + 'A');
	}
	dst[10] = '\0';
}

static void
date_string(char dst[32], int64_t sec)
{
	time_t t = (time_t)sec;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(dst, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		(void)snprintf(dst, 32, "@%" PRId64, sec);
}

static int
put_long(FILE *out, const struct aipm_entry *e)
{
	char mode[11], owner[48], size[32], date[32];
	int width;

	mode_string(mode, e);
	date_string(date, e->mtime.sec);
	(void)snprintf(
	    owner, sizeof(owner), "%" PRIu64 "/%" PRIu64, e->uid, e->gid);
	if (e->type == AIPM_CHAR || e->type == AIPM_BLOCK)
		(void)snprintf(size, sizeof(size), "%" PRIu32 ",%" PRIu32,
		    e->major, e->minor);
	else
		(void)snprintf(size, sizeof(size), "%" PRIu64, e->size);
	/* GNU tar's column: owner and size share 19 places. */
	width = (int)strlen(owner) < 18 ? 18 - (int)strlen(owner) : 0;
	(void)fprintf(out, "%s %s %*s %s ", mode, owner, width, size, date);
	if (put_path(out, e, true) == -1)
		return -1;
	if (e->type != AIPM_SYMLINK && e->type != AIPM_HARDLINK)
		return 0;
	(void)fputs(e->type == AIPM_SYMLINK ? " -> " : " link to ", out);
	return put_name(out, e->link == NULL ? "" : e->link, true);
}

/* A name as sha256sum writes it. */
static void
put_manifest_name(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			(void)fputs("\\\\", out);
		else if (*s == '\n')
			(void)fputs("\\n", out);
		else if (*s == '\r')
			(void)fputs("\\r", out);
		else
			(void)putc(*s, out);
	}
}

static int
put_digest(FILE *out, const struct aipm_entry *e, bool terminal,
    const unsigned char sha256[AIPM_DIGEST_SIZE])
{
	char hex[2 * AIPM_DIGEST_SIZE + 1];

	aipm_digest_hex(hex, sha256);
	(void)fprintf(
	    out, "%s%s  ", strpbrk(e->path, "\\\n\r") != NULL ? "\\" : "", hex);
	if (terminal)
		return put_name(out, e->path, true);
	put_manifest_name(out, e->path);
	return 0;
}

int
aipm_list_entry(FILE *out, const struct aipm_entry *e,
    enum aipm_list_style style, bool terminal,
    const unsigned char sha256[AIPM_DIGEST_SIZE])
{
	int r;

	if (style == AIPM_LIST_LONG)
		r = put_long(out, e);
	else if (style == AIPM_LIST_SHA256)
		r = put_digest(out, e, terminal, sha256);
	else
		r = put_path(out, e, terminal || style == AIPM_LIST_NAMES);
	(void)putc(style == AIPM_LIST_NUL ? '\0' : '\n', out);
	return r;
}

/* A hole may be larger than anybody waits for. */
static int
add_zeros(struct aipm_digest *d, uint64_t n, const struct aipm_cancel *cancel,
    struct aipm_err *err)
{
	static const unsigned char zeros[65536];

	while (n != 0) {
		size_t part = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		if (aipm_cancel_check(cancel, err) == -1)
			return -1;
		aipm_digest_add(d, zeros, part);
		n -= part;
	}
	return 0;
}

/* The digest of the current entry's content, its holes as zeros. */
static int
digest_content(struct aipm_reader *r, struct aipm_digest *d, uint64_t size,
    const struct aipm_cancel *cancel, unsigned char sha256[AIPM_DIGEST_SIZE],
    struct aipm_err *err)
{
	struct aipm_piece piece;
	uint64_t at = 0;
	int more;

	while ((more = aipm_reader_data(r, &piece, err)) == 1) {
		if (add_zeros(d, piece.offset - at, cancel, err) == -1)
			return -1;
		aipm_digest_add(d, piece.p, piece.len);
		at = piece.offset + piece.len;
	}
	if (more == -1 || add_zeros(d, size - at, cancel, err) == -1)
		return -1;
	aipm_digest_take(d, sha256);
	return 0;
}

/* d is NULL but for AIPM_LIST_SHA256. */
static int
list_one(FILE *out, struct aipm_reader *r, const struct aipm_entry *e,
    enum aipm_list_style style, bool terminal, struct aipm_digest *d,
    const struct aipm_cancel *cancel, struct aipm_err *err)
{
	unsigned char sha256[AIPM_DIGEST_SIZE] = { 0 };

	if (aipm_cancel_check(cancel, err) == -1)
		return -1;
	if (d != NULL && e->type != AIPM_FILE)
		return 0;
	if (d != NULL &&
	    digest_content(r, d, e->size, cancel, sha256, err) == -1)
		return -1;
	if (aipm_list_entry(out, e, style, terminal, sha256) == -1)
		return aipm_err_nomem(err);
	if (ferror(out))
		return aipm_err_path(
		    err, AIPM_FAILED, "standard output", "cannot write");
	return 0;
}

int
aipm_list(FILE *out, int fd, const char *name, enum aipm_list_style style,
    bool terminal, const struct aipm_reader_options *o, struct aipm_err *err)
{
	struct aipm_reader_options options = *o;
	struct aipm_digest *d = NULL;
	struct aipm_reader *r;
	const struct aipm_entry *e;
	int more;

	options.entries_only = style != AIPM_LIST_SHA256;
	if (style == AIPM_LIST_SHA256 && (d = aipm_digest_new()) == NULL)
		return aipm_err_nomem(err);
	if (aipm_reader_open(&r, fd, name, &options, err) == -1) {
		aipm_digest_free(d);
		return -1;
	}
	while ((more = aipm_reader_next(r, &e, err)) == 1) {
		more = list_one(out, r, e, style, terminal, d, &o->cancel, err);
		if (more == -1)
			break;
	}
	aipm_reader_close(r);
	aipm_digest_free(d);
	return more;
}

static int
record_pair(void *ctx, const struct aipm_index_item *it)
{
	char *key = aipm_escape_dup(it->key);
	char *value = aipm_escape_dup(it->value);
	bool ok = key != NULL && value != NULL;

	if (ok && it->tag == AIPM_INDEX_RUN)
		(void)fprintf(ctx, "%s\t%s\n", key, value);
	else if (ok)
		(void)fprintf(ctx, "lost\t%s: %s\n", key, value);
	free(key);
	free(value);
	return ok ? 0 : -1;
}

int
aipm_list_record(FILE *out, int fd, const char *name, struct aipm_err *err)
{
	struct aipm_footer f;
	int r;

	if (lseek(fd, 0, SEEK_CUR) == -1)
		return aipm_err_file(err, AIPM_FAILED, name,
		    "is a pipe: the record stands at the end of a file");
	r = aipm_footer_read(&f, fd, name, err);
	if (r == 0)
		return aipm_err_file(err, AIPM_FAILED, name,
		    "was not made by aipm-pack: it has no record");
	return r == -1 ? -1
	               : aipm_runinfo_read(fd, &f, name, record_pair, out, err);
}
