/*
 * tar-headers: the tar headers by themselves, for the black-box tests.
 *
 *	tar-headers list		a line for each entry of the tar on
 *					standard input
 *	tar-headers make KEY=VALUE...	a tar of one entry; its content is
 *					"x"es.  Keys: type path link mode uid
 *					gid size sec nsec major minor, and
 *					xattr=NAME:VALUE where the last colon
 *					counts
 */
#include "aipm/digest.h"
#include "aipm/pax.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512

static int
read_stdin(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	size_t got = fread(p, 1, n, stdin);

	(void)ctx;
	if (got == 0)
		return 1;
	if (got == n)
		return 0;
	return aipm_err_set(err, AIPM_DAMAGED, "cut off within a block");
}

/* What is no visible ASCII character becomes \ooo. */
static void
show(const void *bytes, size_t n)
{
	const unsigned char *s = bytes;

	for (size_t i = 0; i < n; i++) {
		if (s[i] > ' ' && s[i] < 0x7f && s[i] != '\\')
			putchar(s[i]);
		else
			printf("\\%03o", s[i]);
	}
}

static void
show_entry(const struct aipm_entry *e)
{
	printf("%c %04" PRIo32 " %" PRIu64 " %" PRIu64 " %" PRIu64, e->type,
	    e->type == AIPM_SYMLINK ? 0 : e->mode, e->uid, e->gid, e->size);
	printf(" %" PRId64 " %09" PRIu32 " %" PRIu32 ",%" PRIu32 " ",
	    e->mtime.sec, e->mtime.nsec, e->major, e->minor);
	show(e->path, strlen(e->path));
	if (e->link != NULL) {
		printf(" -> ");
		show(e->link, strlen(e->link));
	}
	for (size_t i = 0; i < e->xattrs.n; i++) {
		printf(" ");
		show(e->xattrs.v[i].name, strlen(e->xattrs.v[i].name));
		printf(":");
		show(e->xattrs.v[i].value, e->xattrs.v[i].len);
	}
}

/* n bytes of content, or of a hole, into the digest. */
static int
add_content(struct aipm_digest *d, uint64_t n, bool hole)
{
	unsigned char p[BLOCK] = { 0 };

	while (n > 0) {
		size_t k = n < sizeof(p) ? (size_t)n : sizeof(p);

		if (!hole && fread(p, 1, k, stdin) != k)
			return -1;
		aipm_digest_add(d, p, k);
		n -= k;
	}
	return 0;
}

/* The content with its holes, and the padding. */
static int
digest_content(struct aipm_digest *d, const struct aipm_pax_header *h)
{
	unsigned char padding[BLOCK];
	size_t n = aipm_pax_padding(h->stored);
	uint64_t at = 0;

	for (size_t i = 0; i < h->nmap; i++) {
		const struct aipm_range *r = &h->map[i];

		if (add_content(d, r->offset - at, true) == -1 ||
		    add_content(d, r->len, false) == -1)
			return -1;
		at = r->offset + r->len;
	}
	if (add_content(d, h->entry.size - at, h->sparse) == -1)
		return -1;
	return fread(padding, 1, n, stdin) == n ? 0 : -1;
}

static int
show_content(const struct aipm_pax_header *h)
{
	unsigned char sum[AIPM_DIGEST_SIZE];
	struct aipm_digest *d = aipm_digest_new();
	int r = d == NULL ? -1 : digest_content(d, h);

	if (r == 0) {
		aipm_digest_take(d, sum);
		printf(" ");
		for (size_t i = 0; i < 4; i++)
			printf("%02x", sum[i]);
		printf("%s\n", h->sparse ? " sparse" : "");
	}
	aipm_digest_free(d);
	return r;
}

static int
list(void)
{
	const struct aipm_pax_header *h;
	struct aipm_err err;
	struct aipm_pax *p;
	int r;

	if (aipm_pax_new(&p, read_stdin, NULL, "tar", &err) == -1)
		return AIPM_FAILED;
	while ((r = aipm_pax_next(p, &h, &err)) == 1) {
		show_entry(&h->entry);
		if (h->entry.type != AIPM_FILE)
			printf("\n");
		else if (show_content(h) == -1) {
			r = aipm_err_set(&err, AIPM_DAMAGED, "cut off");
			break;
		}
	}
	aipm_pax_free(p);
	if (r == -1)
		fprintf(stderr, "%s\n", err.text);
	return r == -1 ? (int)err.cls : 0;
}

static int
set_xattr(struct aipm_entry *e, char *value)
{
	char *colon = strrchr(value, ':');

	if (colon == NULL)
		return -1;
	*colon = '\0';
	return aipm_xattrs_add(&e->xattrs, value, colon + 1, strlen(colon + 1));
}

/* One KEY=VALUE of the command line. */
static int
set(struct aipm_entry *e, char *arg)
{
	char *value = strchr(arg, '=');

	if (value == NULL)
		return -1;
	*value++ = '\0';
	if (strcmp(arg, "type") == 0)
		e->type = (enum aipm_type)value[0];
	else if (strcmp(arg, "path") == 0)
		e->path = value;
	else if (strcmp(arg, "link") == 0)
		e->link = value;
	else if (strcmp(arg, "mode") == 0)
		e->mode = (uint32_t)strtoul(value, NULL, 8);
	else if (strcmp(arg, "uid") == 0)
		e->uid = strtoull(value, NULL, 10);
	else if (strcmp(arg, "gid") == 0)
		e->gid = strtoull(value, NULL, 10);
	else if (strcmp(arg, "size") == 0)
		e->size = strtoull(value, NULL, 10);
	else if (strcmp(arg, "sec") == 0)
		e->mtime.sec = strtoll(value, NULL, 10);
	else if (strcmp(arg, "nsec") == 0)
		e->mtime.nsec = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(arg, "major") == 0)
		e->major = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(arg, "minor") == 0)
		e->minor = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(arg, "xattr") == 0)
		return set_xattr(e, value);
	else
		return -1;
	return 0;
}

static int
make(char **arg)
{
	struct aipm_entry e = { .type = AIPM_FILE, .mode = 0644 };
	struct aipm_buf b = { 0 };
	struct aipm_err err;
	int r = 0;

	for (; *arg != NULL && r == 0; arg++)
		r = set(&e, *arg);
	if (r == 0 && e.path != NULL && aipm_pax_encode(&b, &e, &err) == 0 &&
	    fwrite(b.p, 1, b.len, stdout) == b.len) {
		for (uint64_t i = 0; i < e.size; i++)
			putchar('x');
		for (size_t i = 0; i < aipm_pax_padding(e.size) + 1024; i++)
			putchar('\0');
	} else
		r = -1;
	aipm_buf_free(&b);
	aipm_xattrs_free(&e.xattrs);
	return r == 0 && fflush(stdout) == 0 ? 0 : AIPM_FAILED;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc > 2 && strcmp(argv[1], "make") == 0)
		return make(argv + 2);
	fprintf(stderr, "usage: tar-headers list | make KEY=VALUE...\n");
	return AIPM_USAGE;
}
