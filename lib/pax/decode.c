#include "decode.h"

#include "aipm/escape.h"

#include <stdlib.h>
#include <string.h>

#define EXTENDED_MAX ((uint64_t)16 << 20)
/* Global records are copied for every entry. */
#define GLOBAL_MAX ((uint64_t)4 << 10)

int
pax_damaged(const struct aipm_pax *p, struct aipm_err *err, const char *what)
{
	char shown[256];

	aipm_escape(shown, sizeof(shown), p->name);
	return aipm_err_set(
	    err, AIPM_DAMAGED, "%s: is damaged: %s", shown, what);
}

int
aipm_pax_new(struct aipm_pax **out, aipm_pax_read *read, void *ctx,
    const char *name, struct aipm_err *err)
{
	struct aipm_pax *p = calloc(1, sizeof(*p));

	*out = p;
	if (p == NULL)
		return aipm_err_nomem(err);
	p->read = read;
	p->name = name;
	p->ctx = ctx;
	return 0;
}

void
aipm_pax_free(struct aipm_pax *p)
{
	if (p == NULL)
		return;
	records_clear(&p->global);
	records_clear(&p->one);
	aipm_buf_free(&p->data);
	aipm_buf_free(&p->map);
	aipm_entry_free(&p->header.entry);
	free(p);
}

int
pax_must_read(struct aipm_pax *p, void *dst, size_t n, struct aipm_err *err)
{
	int r = p->read(p->ctx, dst, n, err);

	return r == 1 ? pax_damaged(p, err, "it ends within a header") : r;
}

static int
pass_over(struct aipm_pax *p, uint64_t n, struct aipm_err *err)
{
	unsigned char block[AIPM_USTAR_BLOCK];

	for (uint64_t at = 0; at < n; at += sizeof(block))
		if (pax_must_read(p, block, sizeof(block), err) == -1)
			return -1;
	return 0;
}

/* The content of an extended header or a long name, terminated. */
static int
read_extended(struct aipm_pax *p, uint64_t size, struct aipm_err *err)
{
	size_t n;

	if (size > EXTENDED_MAX)
		return pax_damaged(p, err, "an extended header is too large");
	n = (size_t)size + aipm_pax_padding(size);
	p->data.len = 0;
	if (aipm_buf_reserve(&p->data, n + 1) == -1)
		return aipm_err_nomem(err);
	if (n != 0 && pax_must_read(p, p->data.p, n, err) == -1)
		return -1;
	p->data.len = (size_t)size;
	p->data.p[size] = '\0';
	return 0;
}

static int
continued(const struct aipm_pax *p, struct aipm_err *err)
{
	return pax_damaged(
	    p, err, "a file goes on from another volume: join the volumes");
}

static int
take_extended(struct aipm_pax *p, struct records *r, uint64_t size,
    uint64_t max, struct aipm_err *err)
{
	bool nomem;

	if (read_extended(p, size, err) == -1)
		return -1;
	if (records_parse(r, (const char *)p->data.p, p->data.len, &nomem) ==
	    -1)
		return nomem ? aipm_err_nomem(err)
		             : pax_damaged(p, err,
		                   "an extended header is not well-formed");
	if (r->continued)
		return continued(p, err);
	if (records_weight(r) > max)
		return pax_damaged(p, err, "extended headers are too large");
	return 0;
}

/* Global records are under what the entry's own headers say. */
static int
take_global(struct aipm_pax *p, uint64_t size, struct aipm_err *err)
{
	if (p->begun)
		return pax_damaged(p, err, "an entry's headers are torn apart");
	if (take_extended(p, &p->global, size, GLOBAL_MAX, err) == -1)
		return -1;
	if (records_copy(&p->one, &p->global) == -1)
		return aipm_err_nomem(err);
	p->is_pax = p->header.global = true;
	return 0;
}

static int
take_own(struct aipm_pax *p, uint64_t size, struct aipm_err *err)
{
	p->begun = p->is_pax = true;
	return take_extended(p, &p->one, size, EXTENDED_MAX, err);
}

static int
take_long(struct aipm_pax *p, char **to, uint64_t size, struct aipm_err *err)
{
	p->begun = true;
	if (read_extended(p, size, err) == -1)
		return -1;
	free(*to);
	if ((*to = strdup((const char *)p->data.p)) == NULL)
		return aipm_err_nomem(err);
	return 0;
}

/* One block before the entry's own: 1 if it was one, 0 if it is the entry's,
 * -1. */
static int
take_before(
    struct aipm_pax *p, const struct aipm_ustar *u, struct aipm_err *err)
{
	int r;

	switch (u->type) {
	case 'x':
	case 'X': /* Solaris */
		r = take_own(p, u->size, err);
		break;
	case 'g':
		r = take_global(p, u->size, err);
		break;
	case 'L':
		r = take_long(p, &p->one.path, u->size, err);
		break;
	case 'K':
		r = take_long(p, &p->one.link, u->size, err);
		break;
	case 'M':
		return continued(p, err);
	default:
		return 0;
	}
	return r == -1 ? -1 : 1;
}

/* Whether a typeflag is a vendor's that holds no file. */
static bool
passed_over(char type)
{
	return type >= 'A' && type <= 'Z' && type != 'S' && type != 'D';
}

static void
clean_path(char *path)
{
	char *from = path;
	size_t n;

	while (from[0] == '.' && from[1] == '/') {
		from++;
		while (*from == '/')
			from++;
	}
	if (*from == '\0' && from != path)
		*--from = '.'; /* nothing but dots: the directory itself */
	n = strlen(from);
	memmove(path, from, n + 1);
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
}

static char *
entry_path(const struct records *r, const struct aipm_ustar *u)
{
	const char *given = r->sparse_name != NULL ? r->sparse_name : r->path;
	size_t n = strlen(u->prefix) + strlen(u->name) + 2;
	char *path;

	if (given != NULL)
		return strdup(given);
	if ((path = malloc(n)) == NULL)
		return NULL;
	path[0] = '\0';
	if (u->prefix[0] != '\0') {
		strcat(path, u->prefix);
		strcat(path, "/");
	}
	return strcat(path, u->name);
}

static enum aipm_type
entry_type(const struct aipm_ustar *u, const char *path)
{
	size_t n = strlen(path);

	if (u->type == 'D' || (u->type == '0' && n > 0 && path[n - 1] == '/'))
		return AIPM_DIR;
	if (u->type >= '1' && u->type <= '6')
		return (enum aipm_type)u->type;
	return AIPM_FILE;
}

static int
fill_entry(struct aipm_pax *p, const struct aipm_ustar *u, struct aipm_err *err)
{
	struct aipm_entry *e = &p->header.entry;
	struct records *r = &p->one;
	const char *link = r->link != NULL ? r->link : u->link;

	if ((e->path = entry_path(r, u)) == NULL)
		return aipm_err_nomem(err);
	if (e->path[0] == '\0')
		return pax_damaged(p, err, "an entry has no name");
	e->type = entry_type(u, e->path);
	clean_path(e->path);
	if (e->type == AIPM_HARDLINK || e->type == AIPM_SYMLINK) {
		if (link[0] == '\0')
			return pax_damaged(p, err, "a link has no target");
		if ((e->link = strdup(link)) == NULL)
			return aipm_err_nomem(err);
		if (e->type == AIPM_HARDLINK)
			clean_path(e->link);
	}
	e->mode = u->mode;
	e->uid = r->has_uid ? r->uid : u->uid;
	e->gid = r->has_gid ? r->gid : u->gid;
	e->mtime.sec = u->mtime;
	if (r->has_mtime)
		e->mtime = r->mtime;
	/* What is read can be written again. */
	if (e->uid > INT64_MAX || e->gid > INT64_MAX ||
	    e->mtime.sec == INT64_MIN)
		return pax_damaged(p, err, "an owner or time is out of range");
	e->major = u->major;
	e->minor = u->minor;
	e->xattrs = r->xattrs;
	r->xattrs = (struct aipm_xattrs){ 0 };
	return 0;
}

/* The size of the content, by the records or the block. */
static int
content_size(const struct aipm_pax *p, const struct aipm_ustar *u,
    uint64_t *size, struct aipm_err *err)
{
	*size = p->one.has_size ? p->one.size : u->size;
	/* So that rounding up to blocks cannot overflow. */
	if (*size > INT64_MAX)
		return pax_damaged(p, err, "a size is out of range");
	return 0;
}

/*
 * Whether content follows that is no file's.  A hard link may repeat its
 * file's content in pax (2001); before that a size there, as with devices
 * and directories, had no content behind it.
 */
static bool
idle_content(const struct aipm_pax *p, const struct aipm_ustar *u)
{
	return u->type == 'D' || (u->type == AIPM_HARDLINK && p->is_pax);
}

static int
fill_content(struct aipm_pax *p, const struct aipm_ustar *u,
    unsigned char *block, struct aipm_err *err)
{
	struct aipm_pax_header *h = &p->header;
	uint64_t size;

	if (content_size(p, u, &size, err) == -1)
		return -1;
	if (h->entry.type != AIPM_FILE)
		return idle_content(p, u) ? pass_over(p, size, err) : 0;
	h->stored = h->entry.size = size;
	return pax_is_sparse(p, u) ? pax_fill_sparse(p, u, block, err) : 0;
}

/* An entry of a type that carries no file. */
static int
pass_entry(struct aipm_pax *p, const struct aipm_ustar *u, struct aipm_err *err)
{
	uint64_t size;

	if (content_size(p, u, &size, err) == -1)
		return -1;
	return pass_over(p, size, err);
}

static int
begin(struct aipm_pax *p, struct aipm_err *err)
{
	aipm_entry_free(&p->header.entry);
	memset(&p->header, 0, sizeof(p->header));
	p->map.len = 0;
	p->begun = false;
	if (records_copy(&p->one, &p->global) == -1)
		return aipm_err_nomem(err);
	return 0;
}

/* The next block that is an entry's own: 1, 0 at the end, -1. */
static int
next_block(struct aipm_pax *p, unsigned char block[AIPM_USTAR_BLOCK],
    struct aipm_ustar *u, struct aipm_err *err)
{
	int r;

	do {
		r = p->read(p->ctx, block, AIPM_USTAR_BLOCK, err);
		if (r == -1)
			return -1;
		if (r == 1)
			return pax_damaged(p, err, "its end is missing");
		if ((r = aipm_ustar_decode(u, block)) == -1)
			return pax_damaged(p, err, "a header is wrong");
		if (r == 0 && p->begun)
			return pax_damaged(p, err, "it ends within a header");
		if (r == 0)
			return 0;
	} while ((r = take_before(p, u, err)) == 1);
	return r == -1 ? -1 : 1;
}

int
aipm_pax_next(
    struct aipm_pax *p, const struct aipm_pax_header **h, struct aipm_err *err)
{
	unsigned char block[AIPM_USTAR_BLOCK];
	struct aipm_ustar u;
	int r;

	for (;;) {
		if (begin(p, err) == -1)
			return -1;
		if ((r = next_block(p, block, &u, err)) != 1)
			return r;
		if (!passed_over(u.type))
			break;
		if (pass_entry(p, &u, err) == -1)
			return -1;
	}
	if (fill_entry(p, &u, err) == -1 ||
	    fill_content(p, &u, block, err) == -1)
		return -1;
	*h = &p->header;
	return 1;
}
