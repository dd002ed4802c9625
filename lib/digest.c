#include "aipm/digest.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct aipm_digest {
	EVP_MD_CTX *ctx;
};

struct aipm_digest *
aipm_digest_new(void)
{
	struct aipm_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx == NULL ||
	    EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
		aipm_digest_free(d);
		return NULL;
	}
	return d;
}

/*
 * With the context set up, update, final and a second init of the same
 * digest touch no memory but their own and cannot fail.
 */
void
aipm_digest_add(struct aipm_digest *d, const void *p, size_t n)
{
	(void)EVP_DigestUpdate(d->ctx, p, n);
}

void
aipm_digest_take(struct aipm_digest *d, unsigned char out[AIPM_DIGEST_SIZE])
{
	(void)EVP_DigestFinal_ex(d->ctx, out, NULL);
	(void)EVP_DigestInit_ex(d->ctx, NULL, NULL);
}

void
aipm_digest_free(struct aipm_digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void
aipm_digest_hex(
    char dst[2 * AIPM_DIGEST_SIZE + 1], const unsigned char d[AIPM_DIGEST_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < AIPM_DIGEST_SIZE; i++) {
		dst[2 * i] = digits[d[i] >> 4];
		dst[2 * i + 1] = digits[d[i] & 15];
	}
	dst[2 * AIPM_DIGEST_SIZE] = '\0';
}
