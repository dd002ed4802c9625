#ifndef META_H
#define META_H

#include "aipm/extract.h"

#include <sys/types.h>

/* meta: what a file is given when it is done. */
struct meta {
	bool owner; /* uid and gid are to be set */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool times;
	struct aipm_time mtime;
	struct aipm_xattrs xattrs; /* owned */
};

/* A file by descriptor, or (fd == -1) by its name in dir, not followed. */
struct target {
	int fd;
	int dir;
	const char *name;
	bool symlink;
	const char *path; /* in messages */
};

/*
 * Take from *e what *o allows and warn of what it does not.  Success and
 * failure: *m is released with meta_free().
 */
int meta_from_entry(struct meta *m, const struct aipm_entry *e,
    const struct aipm_extract_options *o, struct aipm_err *err);

/* An attribute that cannot be set is a warning; all else is a failure. */
int meta_apply(const struct target *t, const struct meta *m,
    const struct aipm_warn *warn, struct aipm_err *err);

void meta_free(struct meta *m);

#endif
