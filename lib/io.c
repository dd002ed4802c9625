#include "aipm/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int
aipm_write_full(int fd, const void *p, size_t n, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err)
{
	const unsigned char *at = p;

	while (n != 0) {
		ssize_t w = write(fd, at, n);

		if (w == -1 && errno == EINTR) {
			if (aipm_cancel_check(cancel, err) == -1)
				return -1;
			continue;
		}
		if (w == -1)
			return aipm_err_path(
			    err, AIPM_FAILED, name, "cannot write");
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int
aipm_read_full(int fd, void *p, size_t n, size_t *got, const char *name,
    const struct aipm_cancel *cancel, struct aipm_err *err)
{
	unsigned char *at = p;

	*got = 0;
	while (*got < n) {
		ssize_t r = read(fd, at + *got, n - *got);

		if (r == -1 && errno == EINTR) {
			if (aipm_cancel_check(cancel, err) == -1)
				return -1;
			continue;
		}
		if (r == -1)
			return aipm_err_path(
			    err, AIPM_FAILED, name, "cannot read");
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	return 0;
}

int
aipm_pread_full(int fd, void *p, size_t n, uint64_t offset, size_t *got,
    const char *name, struct aipm_err *err)
{
	unsigned char *at = p;

	*got = 0;
	while (*got < n) {
		ssize_t r = pread(
		    fd, at + *got, n - *got, (off_t)(offset + *got));

		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return aipm_err_path(
			    err, AIPM_FAILED, name, "cannot read");
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	return 0;
}

char *
aipm_slurp(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd == -1 ? NULL : malloc(max + 1);
	struct aipm_err err;
	size_t got = 0;

	if (text != NULL) {
		if (aipm_read_full(fd, text, max, &got, path, NULL, &err) == -1)
			got = 0;
		text[got] = '\0';
	}
	if (fd != -1)
		(void)close(fd);
	if (len != NULL)
		*len = got;
	return text;
}

int
aipm_stream_flush(FILE *f, const char *name, struct aipm_err *err)
{
	int bad = ferror(f);

	if (fflush(f) != EOF && !bad)
		return 0;
	return aipm_err_path(err, AIPM_FAILED, name, "cannot write");
}
