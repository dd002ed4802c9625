#include "aipm/pax.h"

#include "aipm/escape.h"
#include "aipm/ustar.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTIME_MAX ((int64_t)077777777777)

static bool
is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; *s != '\0'; s += n)
		if ((n = *s < 0x80 ? 1 : aipm_utf8_length(s)) == 0)
			return false;
	return true;
}

/* "LEN KEY=VALUE\n", LEN counting itself. */
static int
add_record(struct aipm_buf *b, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3, digits = 1, limit = 10;
	char head[32];

	while (rest + digits >= limit) {
		digits++;
		limit *= 10;
	}
	(void)snprintf(head, sizeof(head), "%zu ", rest + digits);
	if (aipm_buf_add(b, head, strlen(head)) == -1 ||
	    aipm_buf_add(b, key, strlen(key)) == -1 ||
	    aipm_buf_add(b, "=", 1) == -1 || aipm_buf_add(b, value, n) == -1)
		return -1;
	return aipm_buf_add(b, "\n", 1);
}

static int
add_text(struct aipm_buf *b, const char *key, const char *value)
{
	return add_record(b, key, value, strlen(value));
}

static int
add_number(struct aipm_buf *b, const char *key, uint64_t v)
{
	char value[32];

	(void)snprintf(value, sizeof(value), "%" PRIu64, v);
	return add_text(b, key, value);
}

/* Seconds as a decimal fraction: -1.5 is sec -2, nsec 500000000. */
static int
add_time(struct aipm_buf *b, const struct aipm_time *t)
{
	uint64_t whole = t->sec < 0 ? (uint64_t) - (t->sec + 1) + 1
	                            : (uint64_t)t->sec;
	uint32_t part = t->nsec;
	char value[48];
	size_t n;

	if (t->sec < 0 && part != 0) {
		whole--;
		part = 1000000000 - part;
	}
	n = (size_t)snprintf(
	    value, sizeof(value), "%s%" PRIu64, t->sec < 0 ? "-" : "", whole);
	if (part != 0) {
		n += (size_t)snprintf(
		    value + n, sizeof(value) - n, ".%09" PRIu32, part);
		while (value[n - 1] == '0')
			value[--n] = '\0';
	}
	return add_text(b, "mtime", value);
}

/* As GNU tar writes them: '=' and '%' in a name are percent-encoded. */
static int
add_xattr(struct aipm_buf *b, const struct aipm_xattr *x)
{
	static const char prefix[] = "SCHILY.xattr.";
	char *key = malloc(sizeof(prefix) + 3 * strlen(x->name)), *k;
	int r;

	if (key == NULL)
		return -1;
	k = key + snprintf(key, sizeof(prefix), "%s", prefix);
	for (const char *s = x->name; *s != '\0'; s++) {
		if (*s == '=' || *s == '%')
			k += snprintf(k, 4, "%%%02X", (unsigned)*s);
		else
			*k++ = *s;
	}
	*k = '\0';
	r = add_record(b, key, x->value, x->len);
	free(key);
	return r;
}

/*
 * Split path for the block's prefix and name: false if it does not fit.  The
 * slash in between is in neither; a directory's last slash stays.
 */
static bool
split_path(struct aipm_ustar *u, const char *path)
{
	size_t n = strlen(path), at;

	if (n <= AIPM_USTAR_NAME) {
		memcpy(u->name, path, n + 1);
		return true;
	}
	if (n > AIPM_USTAR_PREFIX + 1 + AIPM_USTAR_NAME)
		return false;
	for (at = n - AIPM_USTAR_NAME - 1;
	     at <= AIPM_USTAR_PREFIX && at < n - 1; at++)
		if (path[at] == '/' && at > 0) {
			memcpy(u->prefix, path, at);
			memcpy(u->name, path + at + 1, n - at);
			return true;
		}
	return false;
}

/* The end of a text that is too long, for readers that know no pax. */
static void
cut_name(char *dst, const char *path)
{
	size_t n = strlen(path);

	if (n > AIPM_USTAR_NAME)
		path += n - AIPM_USTAR_NAME;
	while (*path == '/')
		path++;
	(void)snprintf(dst, AIPM_USTAR_NAME + 1, "%s", path);
}

static int
add_names(struct aipm_buf *b, struct aipm_ustar *u, const char *path,
    const char *link)
{
	bool long_path = !split_path(u, path);
	bool long_link = strlen(link) > AIPM_USTAR_NAME;

	/* Records are UTF-8 unless they say otherwise; bsdtar insists. */
	if (((long_path && !is_utf8(path)) || (long_link && !is_utf8(link))) &&
	    add_text(b, "hdrcharset", "BINARY") == -1)
		return -1;
	if (long_path) {
		cut_name(u->name, path);
		if (add_text(b, "path", path) == -1)
			return -1;
	}
	if (long_link && add_text(b, "linkpath", link) == -1)
		return -1;
	(void)snprintf(u->link, sizeof(u->link), "%s", link);
	return 0;
}

static int
add_numbers(
    struct aipm_buf *b, struct aipm_ustar *u, const struct aipm_entry *e)
{
	bool odd_time = e->mtime.nsec != 0 || e->mtime.sec < 0 ||
	                e->mtime.sec > MTIME_MAX;

	u->mode = e->mode;
	u->uid = e->uid;
	u->gid = e->gid;
	u->size = e->size;
	u->mtime = e->mtime.sec < 0 ? 0 : e->mtime.sec;
	u->major = e->major;
	u->minor = e->minor;
	if ((e->size > AIPM_USTAR_SIZE_MAX &&
	        add_number(b, "size", e->size) == -1) ||
	    (e->uid > AIPM_USTAR_ID_MAX &&
	        add_number(b, "uid", e->uid) == -1) ||
	    (e->gid > AIPM_USTAR_ID_MAX && add_number(b, "gid", e->gid) == -1))
		return -1;
	return odd_time ? add_time(b, &e->mtime) : 0;
}

/* The records, behind a block of their own, which is the same for most
 * entries: nobody reads its name, and so it costs nothing. */
static int
add_extended(struct aipm_buf *out, const struct aipm_buf *records)
{
	struct aipm_ustar x = { .name = "PaxHeader",
		.type = 'x',
		.mode = 0644,
		.size = records->len };
	unsigned char block[AIPM_USTAR_BLOCK];

	aipm_ustar_encode(block, &x);
	if (aipm_buf_add(out, block, sizeof(block)) == -1 ||
	    aipm_buf_add(out, records->p, records->len) == -1)
		return -1;
	return aipm_buf_add_zeros(out, aipm_pax_padding(records->len));
}

static int
encode(struct aipm_buf *out, struct aipm_buf *records,
    const struct aipm_entry *e, const char *path)
{
	struct aipm_ustar u = { .type = (char)e->type };
	unsigned char block[AIPM_USTAR_BLOCK];

	if (add_names(records, &u, path, e->link == NULL ? "" : e->link) ==
	        -1 ||
	    add_numbers(records, &u, e) == -1)
		return -1;
	for (size_t i = 0; i < e->xattrs.n; i++)
		if (add_xattr(records, &e->xattrs.v[i]) == -1)
			return -1;
	if (records->len != 0 && add_extended(out, records) == -1)
		return -1;
	aipm_ustar_encode(block, &u);
	return aipm_buf_add(out, block, sizeof(block));
}

int
aipm_pax_encode(
    struct aipm_buf *out, const struct aipm_entry *e, struct aipm_err *err)
{
	struct aipm_buf records = { 0 };
	size_t n = strlen(e->path), before = out->len;
	char *path = malloc(n + 2);
	int r = -1;

	if (path != NULL) {
		(void)snprintf(path, n + 2, "%s%s", e->path,
		    e->type == AIPM_DIR ? "/" : "");
		r = encode(out, &records, e, path);
	}
	if (r == -1) {
		out->len = before;
		(void)aipm_err_nomem(err);
	}
	aipm_buf_free(&records);
	free(path);
	return r;
}

size_t
aipm_pax_padding(uint64_t n)
{
	return (size_t)(-n & (AIPM_USTAR_BLOCK - 1));
}
