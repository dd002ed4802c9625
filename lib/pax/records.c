#include "records.h"

#include "aipm/num.h"

#include <stdlib.h>
#include <string.h>

/* Linux lists at most 64 KiB of names. */
#define XATTRS_MAX ((size_t)16384)

void
records_clear(struct records *r)
{
	free(r->path);
	free(r->link);
	free(r->sparse_name);
	aipm_xattrs_free(&r->xattrs);
	aipm_buf_free(&r->map);
	memset(r, 0, sizeof(*r));
}

static int
copy_text(char **to, const char *from)
{
	*to = from == NULL ? NULL : strdup(from);
	return from != NULL && *to == NULL ? -1 : 0;
}

int
records_copy(struct records *to, const struct records *from)
{
	records_clear(to);
	*to = *from;
	to->path = to->link = to->sparse_name = NULL;
	to->xattrs = (struct aipm_xattrs){ 0 };
	to->map = (struct aipm_buf){ 0 };
	if (copy_text(&to->path, from->path) == -1 ||
	    copy_text(&to->link, from->link) == -1 ||
	    copy_text(&to->sparse_name, from->sparse_name) == -1 ||
	    aipm_buf_add(&to->map, from->map.p, from->map.len) == -1)
		return -1;
	for (size_t i = 0; i < from->xattrs.n; i++)
		if (aipm_xattrs_add(&to->xattrs, from->xattrs.v[i].name,
		        from->xattrs.v[i].value, from->xattrs.v[i].len) == -1)
			return -1;
	return 0;
}

static uint64_t
text_weight(const char *s)
{
	return s == NULL ? 0 : strlen(s);
}

uint64_t
records_weight(const struct records *r)
{
	uint64_t n = text_weight(r->path) + text_weight(r->link) +
	             text_weight(r->sparse_name) + r->map.len;

	for (size_t i = 0; i < r->xattrs.n; i++)
		n += sizeof(r->xattrs.v[i]) + strlen(r->xattrs.v[i].name) +
		     r->xattrs.v[i].len;
	return n;
}

/* A whole decimal number without sign of exactly n bytes. */
static bool
parse_number(const char *p, size_t n, uint64_t *v)
{
	uint64_t r = 0;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9' || !aipm_mul_u64(r, 10, &r) ||
		    !aipm_add_u64(r, (uint64_t)(p[i] - '0'), &r))
			return false;
	*v = r;
	return true;
}

/* [-]digits[.digits], cut to nanoseconds towards the past. */
static bool
parse_time(const char *p, size_t n, struct aipm_time *t)
{
	bool negative = n > 0 && *p == '-', more = false;
	const char *dot;
	uint64_t whole;
	uint32_t nsec = 0, unit = 100000000;

	p += negative;
	n -= negative;
	dot = memchr(p, '.', n);
	if (!parse_number(p, dot == NULL ? n : (size_t)(dot - p), &whole) ||
	    whole > INT64_MAX)
		return false;
	for (size_t i = dot == NULL ? n : (size_t)(dot - p) + 1; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		nsec += (uint32_t)(p[i] - '0') * unit;
		more = more || (unit == 0 && p[i] != '0');
		unit /= 10;
	}
	t->sec = negative ? -(int64_t)whole : (int64_t)whole;
	t->nsec = nsec;
	if (!negative)
		return true;
	nsec += more;
	if (nsec != 0) {
		t->sec -= 1;
		t->nsec = 1000000000 - nsec;
	}
	return true;
}

/* A text without NUL into new memory; an empty one takes the record back. */
static int
take_text(char **to, const char *p, size_t n, bool *nomem)
{
	if (memchr(p, '\0', n) != NULL)
		return -1;
	free(*to);
	*to = NULL;
	if (n == 0)
		return 0;
	if ((*to = malloc(n + 1)) == NULL) {
		*nomem = true;
		return -1;
	}
	memcpy(*to, p, n);
	(*to)[n] = '\0';
	return 0;
}

static int
take_number(bool *has, uint64_t *to, const char *p, size_t n)
{
	*has = n > 0;
	return n == 0 || parse_number(p, n, to) ? 0 : -1;
}

/* The name behind "SCHILY.xattr.", in which GNU tar encodes '=' and '%'. */
static char *
xattr_name(const char *key, size_t n)
{
	char *name = malloc(n + 1), *to = name;

	if (name == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool coded = n - i > 2 && (memcmp(key + i, "%3D", 3) == 0 ||
		                              memcmp(key + i, "%25", 3) == 0);

		*to++ = !coded ? key[i] : key[i + 1] == '3' ? '=' : '%';
		i += coded ? 2 : 0;
	}
	*to = '\0';
	return name;
}

static int
take_xattr(struct records *r, const char *key, size_t klen, const char *p,
    size_t n, bool *nomem)
{
	char *name;
	int result;

	if (klen == 0 || memchr(key, '\0', klen) != NULL ||
	    r->xattrs.n >= XATTRS_MAX)
		return -1;
	if ((name = xattr_name(key, klen)) == NULL) {
		*nomem = true;
		return -1;
	}
	result = aipm_xattrs_add(&r->xattrs, name, p, n);
	*nomem = result == -1;
	free(name);
	return result;
}

static int
add_range(struct records *r, uint64_t offset, uint64_t len, bool *nomem)
{
	struct aipm_range range = { offset, len };

	if (r->map.len / sizeof(range) >= SPARSE_MAP_MAX)
		return -1;
	*nomem = aipm_buf_add(&r->map, &range, sizeof(range)) == -1;
	return *nomem ? -1 : 0;
}

/* GNU.sparse.map of version 0.1: offset,length,offset,length... */
static int
take_map(struct records *r, const char *p, size_t n, bool *nomem)
{
	const char *end = p + n;
	uint64_t v[2];
	size_t i = 0;

	r->map.len = 0;
	r->sparse = true;
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma == NULL ? end : comma;

		if (!parse_number(p, (size_t)(stop - p), &v[i++ % 2]))
			return -1;
		if (i % 2 == 0 && add_range(r, v[0], v[1], nomem) == -1)
			return -1;
		p = stop + (comma != NULL);
	}
	return i % 2 == 0 ? 0 : -1;
}

static bool
is(const char *key, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(key, name, n) == 0;
}

/* The keys behind "GNU.sparse.". */
static int
take_sparse(struct records *r, const char *key, size_t k, const char *p,
    size_t n, bool *nomem)
{
	bool ignored;
	uint64_t len;

	if (is(key, k, "name"))
		return take_text(&r->sparse_name, p, n, nomem);
	if (is(key, k, "size") || is(key, k, "realsize"))
		return take_number(&r->has_real_size, &r->real_size, p, n);
	if (is(key, k, "major"))
		return take_number(&ignored, &r->major, p, n);
	if (is(key, k, "minor"))
		return take_number(&ignored, &r->minor, p, n);
	if (is(key, k, "map"))
		return take_map(r, p, n, nomem);
	if (is(key, k, "offset")) {
		r->sparse = true;
		return take_number(&r->has_offset, &r->offset, p, n);
	}
	if (is(key, k, "numbytes")) {
		if (!r->has_offset || !parse_number(p, n, &len))
			return -1;
		r->has_offset = false;
		return add_range(r, r->offset, len, nomem);
	}
	return 0;
}

static int
take(struct records *r, const char *key, size_t k, const char *p, size_t n,
    bool *nomem)
{
	static const char xattr[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";
	uint64_t ignored;

	if (is(key, k, "path"))
		return take_text(&r->path, p, n, nomem);
	if (is(key, k, "linkpath"))
		return take_text(&r->link, p, n, nomem);
	if (is(key, k, "size"))
		return take_number(&r->has_size, &r->size, p, n);
	if (is(key, k, "uid"))
		return take_number(&r->has_uid, &r->uid, p, n);
	if (is(key, k, "gid"))
		return take_number(&r->has_gid, &r->gid, p, n);
	if (is(key, k, "GNU.volume.offset"))
		return take_number(&r->continued, &ignored, p, n);
	if (is(key, k, "mtime")) {
		r->has_mtime = n > 0;
		return n == 0 || parse_time(p, n, &r->mtime) ? 0 : -1;
	}
	if (k > strlen(xattr) && memcmp(key, xattr, strlen(xattr)) == 0)
		return take_xattr(
		    r, key + strlen(xattr), k - strlen(xattr), p, n, nomem);
	if (k > strlen(sparse) && memcmp(key, sparse, strlen(sparse)) == 0)
		return take_sparse(
		    r, key + strlen(sparse), k - strlen(sparse), p, n, nomem);
	return 0; /* unknown records are passed over, as POSIX wants */
}

int
records_parse(struct records *r, const char *p, size_t n, bool *nomem)
{
	*nomem = false;
	while (n > 0) {
		const char *blank = memchr(p, ' ', n < 21 ? n : 21), *eq;
		uint64_t len;
		size_t head;

		if (blank == NULL)
			return -1;
		head = (size_t)(blank - p) + 1;
		if (!parse_number(p, head - 1, &len) || len > n ||
		    len < head + 2 || p[len - 1] != '\n')
			return -1;
		eq = memchr(blank + 1, '=', (size_t)len - head - 1);
		if (eq == NULL || eq == blank + 1)
			return -1;
		if (take(r, blank + 1, (size_t)(eq - blank) - 1, eq + 1,
		        (size_t)(p + len - 1 - (eq + 1)), nomem) == -1)
			return -1;
		p += len;
		n -= (size_t)len;
	}
	return 0;
}
