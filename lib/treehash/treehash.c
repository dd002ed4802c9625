#include "aipm/treehash.h"

#include "lanes.h"

#include "aipm/buf.h"

#include <stdlib.h>
#include <string.h>

/* Content of more than one leaf: its leaves' digests, and where its own goes. */
struct node {
	size_t first, leaves;
	unsigned char *out;
};

struct aipm_treehash {
	struct lanes *lanes;
	struct aipm_buf messages; /* struct message; a leaf's out is NULL */
	struct aipm_buf nodes; /* struct node */
	struct aipm_buf digests; /* of the leaves, in their order */
};

int
aipm_treehash_open(struct aipm_treehash **out, struct aipm_err *err)
{
	struct aipm_treehash *t = calloc(1, sizeof(*t));

	*out = t;
	if (t != NULL && (t->lanes = lanes_open()) != NULL)
		return 0;
	free(t);
	*out = NULL;
	return aipm_err_nomem(err);
}

static int
add_message(struct aipm_treehash *t, const unsigned char *p, size_t n,
    unsigned char *out)
{
	struct message m = { p, n, out };

	return aipm_buf_add(&t->messages, &m, sizeof(m));
}

static int
add_leaves(struct aipm_treehash *t, const unsigned char *p, size_t n,
    unsigned char *out)
{
	size_t first = t->digests.len / AIPM_DIGEST_SIZE;
	struct node node = { first, (n + AIPM_LEAF - 1) / AIPM_LEAF, out };

	while (n > 0) {
		size_t k = n < AIPM_LEAF ? n : AIPM_LEAF;

		if (add_message(t, p, k, NULL) == -1)
			return -1;
		p += k;
		n -= k;
	}
	if (aipm_buf_add_zeros(&t->digests, node.leaves * AIPM_DIGEST_SIZE) ==
	    -1)
		return -1;
	return aipm_buf_add(&t->nodes, &node, sizeof(node));
}

int
aipm_treehash_add(struct aipm_treehash *t, const void *p, size_t n,
    unsigned char out[AIPM_DIGEST_SIZE], struct aipm_err *err)
{
	int r = n <= AIPM_LEAF ? add_message(t, p, n, out)
	                       : add_leaves(t, p, n, out);

	if (r == 0)
		return 0;
	aipm_treehash_clear(t);
	return aipm_err_nomem(err);
}

static void
run_messages(struct aipm_treehash *t)
{
	lanes_run(t->lanes, (const struct message *)(const void *)t->messages.p,
	    t->messages.len / sizeof(struct message));
	t->messages.len = 0;
}

/* The buffer of the leaves' digests does not move any more. */
static void
place_leaves(struct aipm_treehash *t)
{
	struct message *m = (struct message *)(void *)t->messages.p;
	unsigned char *out = t->digests.p;

	for (size_t n = t->messages.len / sizeof(*m); n > 0; n--, m++)
		if (m->out == NULL) {
			m->out = out;
			out += AIPM_DIGEST_SIZE;
		}
}

/* The nodes become the messages: fewer than the leaves were. */
static void
add_nodes(struct aipm_treehash *t)
{
	const struct node *v = (const struct node *)(const void *)t->nodes.p;

	for (size_t n = t->nodes.len / sizeof(*v); n > 0; n--, v++)
		(void)add_message(t, t->digests.p + v->first * AIPM_DIGEST_SIZE,
		    v->leaves * AIPM_DIGEST_SIZE, v->out);
}

void
aipm_treehash_run(struct aipm_treehash *t)
{
	place_leaves(t);
	run_messages(t);
	add_nodes(t);
	run_messages(t);
	aipm_treehash_clear(t);
}

void
aipm_treehash_clear(struct aipm_treehash *t)
{
	t->messages.len = t->nodes.len = t->digests.len = 0;
}

void
aipm_treehash_close(struct aipm_treehash *t)
{
	if (t == NULL)
		return;
	lanes_close(t->lanes);
	aipm_buf_free(&t->messages);
	aipm_buf_free(&t->nodes);
	aipm_buf_free(&t->digests);
	free(t);
}
