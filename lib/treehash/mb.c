#include "mb.h"

#include <stdint.h>

#ifdef AIPM_HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>

/* The library counts a message's bytes in 16 bits. */
#define LEN_MAX ((size_t)65535)

/* struct mb is the library's IMB_MGR. */

struct mb *
mb_open(void)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);

	if (mgr == NULL)
		return NULL;
	init_mb_mgr_auto(mgr, NULL);
	if (imb_get_errno(mgr) == 0)
		return (struct mb *)(void *)mgr;
	free_mb_mgr(mgr);
	return NULL;
}

/* Hand a message over, and take another one back that is done, or NULL. */
static IMB_JOB *
submit(IMB_MGR *mgr, const struct message *m)
{
	IMB_JOB *job = IMB_GET_NEXT_JOB(mgr);

	*job = (IMB_JOB){ .cipher_direction = IMB_DIR_ENCRYPT,
		.chain_order = IMB_ORDER_HASH_CIPHER,
		.cipher_mode = IMB_CIPHER_NULL,
		.hash_alg = IMB_AUTH_SHA_256,
		.src = m->p,
		.msg_len_to_hash_in_bytes = m->len,
		.auth_tag_output = m->out,
		.auth_tag_output_len_in_bytes = AIPM_DIGEST_SIZE,
		.user_data = (void *)(uintptr_t)m };
	return IMB_SUBMIT_JOB(mgr);
}

void
mb_run(struct mb *mb, const struct message *m, size_t n,
    void (*serial)(void *ctx, const struct message *m), void *ctx)
{
	IMB_MGR *mgr = (IMB_MGR *)(void *)mb;
	IMB_JOB *job;

	for (; n > 0; n--, m++) {
		if (m->len == 0 || m->len > LEN_MAX) {
			serial(ctx, m);
			continue;
		}
		job = submit(mgr, m);
		if (job != NULL && job->status != IMB_STATUS_COMPLETED)
			serial(ctx, job->user_data);
	}
	while ((job = IMB_FLUSH_JOB(mgr)) != NULL)
		if (job->status != IMB_STATUS_COMPLETED)
			serial(ctx, job->user_data);
}

void
mb_close(struct mb *mb)
{
	if (mb != NULL)
		free_mb_mgr((IMB_MGR *)(void *)mb);
}
#else
struct mb *
mb_open(void)
{
	return NULL;
}

void
mb_run(struct mb *mb, const struct message *m, size_t n,
    void (*serial)(void *ctx, const struct message *m), void *ctx)
{
	(void)mb;
	for (; n > 0; n--, m++)
		serial(ctx, m);
}

void
mb_close(struct mb *mb)
{
	(void)mb;
}
#endif
