#include "aipm/ustar.h"

#include "field.h"
#include "header.h" /* libtar's or the built-in one, as the build says */

#include <string.h>

#include <tar.h>

void
aipm_ustar_encode(
    unsigned char block[AIPM_USTAR_BLOCK], const struct aipm_ustar *u)
{
	struct tar_header header, *h = &header;

	memset(h, 0, sizeof(*h));
	ustar_put_text(h->name, sizeof(h->name), u->name);
	ustar_put_text(h->linkname, sizeof(h->linkname), u->link);
	ustar_put_text(h->prefix, sizeof(h->prefix), u->prefix);
	ustar_put_number(h->mode, sizeof(h->mode), u->mode);
	ustar_put_number(h->uid, sizeof(h->uid), (int64_t)u->uid);
	ustar_put_number(h->gid, sizeof(h->gid), (int64_t)u->gid);
	ustar_put_number(h->size, sizeof(h->size), (int64_t)u->size);
	ustar_put_number(h->mtime, sizeof(h->mtime), u->mtime);
	ustar_put_number(h->devmajor, sizeof(h->devmajor), u->major);
	ustar_put_number(h->devminor, sizeof(h->devminor), u->minor);
	h->typeflag = u->type;
	memcpy(h->magic, TMAGIC, TMAGLEN);
	memcpy(h->version, TVERSION, TVERSLEN);
	ustar_put_number(h->chksum, 7, header_sum(h));
	h->chksum[7] = ' ';
	memcpy(block, h, AIPM_USTAR_BLOCK);
}

static int
fields(struct aipm_ustar *u, const struct tar_header *h)
{
	int64_t mode, uid, gid, size, major, minor;

	if (ustar_get_number(h->mode, sizeof(h->mode), &mode) == -1 ||
	    ustar_get_number(h->uid, sizeof(h->uid), &uid) == -1 ||
	    ustar_get_number(h->gid, sizeof(h->gid), &gid) == -1 ||
	    ustar_get_number(h->size, sizeof(h->size), &size) == -1 ||
	    ustar_get_number(h->mtime, sizeof(h->mtime), &u->mtime) == -1)
		return -1;
	major = minor = 0;
	if ((h->typeflag == CHRTYPE || h->typeflag == BLKTYPE) &&
	    (ustar_get_number(h->devmajor, sizeof(h->devmajor), &major) == -1 ||
	        ustar_get_number(h->devminor, sizeof(h->devminor), &minor) ==
	            -1))
		return -1;
	if (mode < 0 || uid < 0 || gid < 0 || size < 0 || major < 0 ||
	    minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
		return -1;
	u->mode = (uint32_t)(mode & 07777);
	u->uid = (uint64_t)uid;
	u->gid = (uint64_t)gid;
	u->size = (uint64_t)size;
	u->major = (uint32_t)major;
	u->minor = (uint32_t)minor;
	return 0;
}

int
aipm_ustar_decode(
    struct aipm_ustar *u, const unsigned char block[AIPM_USTAR_BLOCK])
{
	static const unsigned char zeros[AIPM_USTAR_BLOCK];
	struct tar_header header, *h = &header;
	int64_t sum;

	if (memcmp(block, zeros, sizeof(zeros)) == 0)
		return 0;
	memset(h, 0, sizeof(*h));
	memset(u, 0, sizeof(*u));
	memcpy(h, block, AIPM_USTAR_BLOCK);
	/* Not libtar's th_crc_ok(): its numbers run into the next field. */
	if (ustar_get_number(h->chksum, sizeof(h->chksum), &sum) == -1 ||
	    (sum != header_sum(h) && sum != header_signed_sum(h)))
		return -1;
	if (fields(u, h) == -1)
		return -1;
	u->type = h->typeflag == AREGTYPE ? REGTYPE : h->typeflag;
	ustar_get_text(u->name, h->name, sizeof(h->name));
	ustar_get_text(u->link, h->linkname, sizeof(h->linkname));
	if (memcmp(h->magic, TMAGIC, TMAGLEN) == 0)
		ustar_get_text(u->prefix, h->prefix, sizeof(h->prefix));
	return 1;
}

int
aipm_ustar_number(const unsigned char *field, size_t n, int64_t *v)
{
	return ustar_get_number((const char *)field, n, v);
}
