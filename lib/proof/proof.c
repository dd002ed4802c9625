#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* Leases that were refused, and nobody was found who holds the file. */
static int
add_unseen(
    struct aipm_proof_result *r, const struct suspects *s, struct aipm_err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		struct aipm_holder h = { .path = s->v[i].path };

		if (s->v[i].path != NULL && s->v[i].holder == 0 &&
		    holders_add(r, &h, err) == -1)
			return -1;
	}
	return 0;
}

static void
judge(struct aipm_proof_result *r, const struct suspects *s)
{
	r->proof = AIPM_QUIET;
	if (r->n > 0)
		r->proof = AIPM_WRITTEN;
	else if (s->n > s->refused) {
		r->proof = AIPM_UNPROVEN;
		r->why = s->no_right
		             ? "no right to ask about every file (root has it)"
		         : s->failed
		             ? "some of its files cannot be looked at"
		             : "its file system does not tell who writes";
	}
}

int
aipm_proof_take(struct aipm_proof_result *r, const char *dir,
    const struct aipm_proof_options *o, struct aipm_err *err)
{
	struct suspects s = { 0 };
	int result;

	memset(r, 0, sizeof(*r));
	result = leases_ask(&s, dir, o, err);
	if (result == 0 && s.n > 0)
		result = holders_find(r, &s, o, err);
	if (result == 0)
		result = add_unseen(r, &s, err);
	if (result == 0)
		judge(r, &s);
	else
		aipm_proof_free(r);
	suspects_free(&s);
	return result;
}

void
aipm_proof_free(struct aipm_proof_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].path);
	free(r->v);
	memset(r, 0, sizeof(*r));
}
