#ifndef HEADER_H
#define HEADER_H

/*
 * The block for systems without libtar: the same names as libtar's
 * (POSIX.1-1988, ustar interchange format), and the checksum: the sum of all
 * bytes with the checksum's own taken as blanks; some old tars added signed
 * characters.
 */

#include <stddef.h>

struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char chksum[8];
	char typeflag;
	char linkname[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char padding[12];
};

static inline int
header_add(const struct tar_header *h, int high_bit)
{
	const unsigned char *p = (const unsigned char *)h;
	size_t from = offsetof(struct tar_header, chksum);
	int sum = 0;

	for (size_t i = 0; i < 512; i++) {
		if (i >= from && i < from + sizeof(h->chksum))
			sum += ' ';
		else
			sum += p[i] < 0x80 ? p[i] : p[i] + high_bit;
	}
	return sum;
}

static inline int
header_sum(const struct tar_header *h)
{
	return header_add(h, 0);
}

static inline int
header_signed_sum(const struct tar_header *h)
{
	return header_add(h, -0x100);
}

#endif
