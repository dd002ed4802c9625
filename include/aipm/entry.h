#ifndef AIPM_ENTRY_H
#define AIPM_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

/*
 * entry: one file of any type as an archive tells it; the struct that
 * everything passes.
 */

struct aipm_time {
	int64_t sec; /* seconds since the Epoch, UTC; may be < 0 */
	uint32_t nsec; /* 0..999999999 */
};

/* The values are the typeflags of POSIX.1-1988 ustar. */
enum aipm_type {
	AIPM_FILE = '0',
	AIPM_HARDLINK = '1',
	AIPM_SYMLINK = '2',
	AIPM_CHAR = '3',
	AIPM_BLOCK = '4',
	AIPM_DIR = '5',
	AIPM_FIFO = '6'
};

struct aipm_xattr {
	char *name; /* owned; with its namespace: "user.x" */
	unsigned char *value; /* owned; may be NULL if len is 0 */
	size_t len;
};

struct aipm_xattrs {
	struct aipm_xattr *v; /* owned; in strcmp() order of the names */
	size_t n;
};

struct aipm_entry {
	char *path; /* owned; "data/x": no slash first or last */
	char *link; /* owned; symlink's target, or the path of the
				   entry that a hard link repeats; else NULL */
	enum aipm_type type;
	uint32_t mode; /* permissions and set-id bits, 07777 */
	uint64_t uid, gid;
	uint64_t size; /* bytes of content; 0 but for AIPM_FILE */
	struct aipm_time mtime;
	struct aipm_time ctime; /* known to the index only */
	uint64_t ino, dev; /* known to the index only */
	uint64_t nlink; /* known to the index only */
	uint32_t major, minor; /* AIPM_CHAR and AIPM_BLOCK */
	struct aipm_xattrs xattrs;
};

/* A stretch of a file, in bytes. */
struct aipm_range {
	uint64_t offset;
	uint64_t len;
};

/* A hole of fewer bytes counts as data, unless the file ends with it. */
#define AIPM_HOLE_MIN ((uint64_t)512)

/* Release what the entry owns and zero it; for a zeroed one it does nothing. */
void aipm_entry_free(struct aipm_entry *e);

/* Add a copy of name and value, keeping the order.  An existing name is
 * replaced.  0, or -1 when there is no memory. */
int aipm_xattrs_add(
    struct aipm_xattrs *x, const char *name, const void *value, size_t len);
void aipm_xattrs_free(struct aipm_xattrs *x);

/*
 * Fill everything but path, link and xattrs from *st.  Returns 0, or -1 if
 * the file is of no type that an archive can hold (a socket).
 */
int aipm_entry_from_stat(struct aipm_entry *e, const struct stat *st);

/*
 * Compare two archive paths in archive order: bytes, with the slash below
 * every other and the end below that, which is depth first with the names of
 * each directory in strcmp() order.  Returns <0, 0, >0.
 */
int aipm_path_compare(const char *a, const char *b);

/* Whether path is top or lies below it. */
int aipm_path_below(const char *path, const char *top);

#endif
