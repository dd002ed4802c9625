/*
 * A tar's headers from anybody: no input may be read beyond its end, take
 * memory without bound, or give an entry that breaks the contract.
 * "make fuzz" builds and runs it.
 */
#include "aipm/pax.h"
#include "aipm/ustar.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct input {
	const unsigned char *p;
	size_t left;
	bool ours; /* with sound checksums */
};

/* A fuzzer finds no checksum: a block with '?' in its place gets its own. */
static void
seal(unsigned char block[AIPM_USTAR_BLOCK])
{
	unsigned sum = 8 * ' ';

	for (size_t i = 0; i < AIPM_USTAR_BLOCK; i++)
		if (i < 148 || i >= 156)
			sum += block[i];
	for (size_t i = 154; i-- > 148; sum >>= 3)
		block[i] = (unsigned char)('0' + (sum & 7));
	block[154] = '\0';
	block[155] = ' ';
}

static int
read_input(void *ctx, void *p, size_t n, struct aipm_err *err)
{
	struct input *in = ctx;

	if (in->left == 0)
		return 1;
	if (n > in->left)
		return aipm_err_set(err, AIPM_DAMAGED, "cut off");
	memcpy(p, in->p, n);
	in->p += n;
	in->left -= n;
	if (!in->ours && n == AIPM_USTAR_BLOCK &&
	    ((unsigned char *)p)[148] == '?')
		seal(p);
	return 0;
}

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check(const struct aipm_pax_header *h)
{
	uint64_t at = 0, sum = 0;

	must(h->entry.path[0] != '\0');
	must(h->stored <= INT64_MAX && h->entry.size <= INT64_MAX);
	must(h->entry.mtime.nsec < 1000000000);
	must(h->entry.type == AIPM_FILE ||
	     (h->stored == 0 && h->entry.size == 0));
	must((h->entry.link != NULL) ==
	     (h->entry.type == AIPM_HARDLINK || h->entry.type == AIPM_SYMLINK));
	for (size_t i = 0; i < h->nmap; i++) {
		must(h->map[i].offset >= at);
		at = h->map[i].offset + h->map[i].len;
		sum += h->map[i].len;
	}
	must(at <= h->entry.size);
	must(sum == (h->sparse ? h->stored : 0));
	must(h->sparse || h->stored == h->entry.size);
}

/* What was decoded can be said again, and means the same; but a file named
 * "/" would be a directory. */
static void
check_again(const struct aipm_entry *e)
{
	const struct aipm_pax_header *h;
	struct aipm_buf b = { 0 };
	struct aipm_err err;
	struct aipm_pax *p;
	struct input in;

	must(aipm_pax_encode(&b, e, &err) == 0);
	in = (struct input){ b.p, b.len, true };
	must(aipm_pax_new(&p, read_input, &in, "in", &err) == 0);
	must(aipm_pax_next(p, &h, &err) == 1);
	must(strcmp(h->entry.path, e->path) == 0);
	must(h->entry.type == e->type && h->entry.size == e->size);
	must(h->entry.uid == e->uid && h->entry.gid == e->gid);
	must(h->entry.mtime.sec == e->mtime.sec);
	must(h->entry.mtime.nsec == e->mtime.nsec);
	must(h->entry.xattrs.n == e->xattrs.n);
	must(e->link == NULL || strcmp(h->entry.link, e->link) == 0);
	aipm_pax_free(p);
	aipm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size - size % AIPM_USTAR_BLOCK, false };
	const struct aipm_pax_header *h;
	struct aipm_err err;
	struct aipm_pax *p;

	must(aipm_pax_new(&p, read_input, &in, "in", &err) == 0);
	while (aipm_pax_next(p, &h, &err) == 1) {
		uint64_t n = h->stored + aipm_pax_padding(h->stored);

		check(h);
		if (strcmp(h->entry.path, "/") != 0)
			check_again(&h->entry);
		if (n > in.left)
			break;
		in.p += n;
		in.left -= (size_t)n;
	}
	aipm_pax_free(p);
	return 0;
}
