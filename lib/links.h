#ifndef LINKS_H
#define LINKS_H

#include "aipm/entry.h"

/*
 * links: the inodes of which more names are still to come, each with the path
 * of its first name.  One is forgotten when its last name has come.
 * One takes about 60 bytes and its name; a zeroed struct is empty.
 */
struct links {
	struct linked **v; /* hash table by device and inode */
	size_t size, n;
	struct place *last; /* the directory of the newest */
};

/* Whether the entry's inode has been met. */
int links_met(const struct links *t, const struct aipm_entry *e);

/*
 * If the inode has been met, make *e a hard link to its first path; else, as
 * it has more names, remember this one.  -1: no memory.
 */
int links_resolve(struct links *t, struct aipm_entry *e);

void links_free(struct links *t);

#endif
