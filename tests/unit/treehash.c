#include "aipm/treehash.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct aipm_err err;

/* By the definition, one after the other. */
static void
reference(const unsigned char *p, size_t n, unsigned char *out)
{
	struct aipm_digest *leaf = aipm_digest_new(), *node = aipm_digest_new();
	unsigned char one[AIPM_DIGEST_SIZE];
	size_t left = n;

	do {
		size_t k = left < AIPM_LEAF ? left : AIPM_LEAF;

		aipm_digest_add(leaf, p, k);
		aipm_digest_take(leaf, one);
		aipm_digest_add(node, one, sizeof(one));
		p += k;
		left -= k;
	} while (left > 0);
	aipm_digest_take(node, out);
	if (n <= AIPM_LEAF)
		memcpy(out, one, sizeof(one));
	aipm_digest_free(leaf);
	aipm_digest_free(node);
}

static const size_t sizes[] = { 1, 55, 64, 4096, AIPM_LEAF - 1, AIPM_LEAF,
	AIPM_LEAF + 1, 2 * AIPM_LEAF, 100000, 262144, 4 << 20, 0 };

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

Test(treehash, gives_in_a_batch_what_each_has_alone)
{
	unsigned char *p = malloc(4 << 20), want[AIPM_DIGEST_SIZE];
	unsigned char got[SIZES][AIPM_DIGEST_SIZE];
	struct aipm_treehash *t;

	for (size_t i = 0; i < 4 << 20; i++)
		p[i] = (unsigned char)(i * 2654435761u >> 11);
	cr_assert_eq(aipm_treehash_open(&t, &err), 0);
	for (int round = 0; round < 3; round++) {
		memset(got, 0, sizeof(got));
		for (size_t i = 0; i < SIZES; i++)
			cr_assert_eq(
			    aipm_treehash_add(t, p, sizes[i], got[i], &err), 0);
		aipm_treehash_run(t);
		for (size_t i = 0; i < SIZES; i++) {
			reference(p, sizes[i], want);
			cr_expect_arr_eq(
			    got[i], want, sizeof(want), "%zu bytes", sizes[i]);
		}
	}
	aipm_treehash_close(t);
	free(p);
}

Test(treehash, works_on_few_and_on_many_messages)
{
	enum { MANY = 100 };
	unsigned char p[MANY * 7], got[MANY][AIPM_DIGEST_SIZE];
	unsigned char want[AIPM_DIGEST_SIZE];
	struct aipm_treehash *t;

	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (unsigned char)i;
	cr_assert_eq(aipm_treehash_open(&t, &err), 0);
	for (size_t n = 0; n <= MANY; n++) {
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(
			    aipm_treehash_add(t, p + i, i * 6, got[i], &err),
			    0);
		aipm_treehash_run(t);
		for (size_t i = 0; i < n; i++) {
			reference(p + i, i * 6, want);
			cr_assert_arr_eq(got[i], want, sizeof(want));
		}
	}
	aipm_treehash_close(t);
}

Test(treehash, forgets_what_is_cleared)
{
	unsigned char got[AIPM_DIGEST_SIZE] = { 1, 2, 3 };
	struct aipm_treehash *t;

	cr_assert_eq(aipm_treehash_open(&t, &err), 0);
	cr_assert_eq(aipm_treehash_add(t, "x", 1, got, &err), 0);
	aipm_treehash_clear(t);
	aipm_treehash_run(t);
	cr_expect_eq(got[0], 1);
	aipm_treehash_close(t);
	aipm_treehash_close(NULL);
}
