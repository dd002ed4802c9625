#ifndef AIPM_TREE_H
#define AIPM_TREE_H

#include "aipm/err.h"

/*
 * tree: whole trees below a directory descriptor.
 */

/*
 * Remove name in the directory dirfd, of any type and depth; what is not
 * there is success.  No symlink is followed, no other file system entered:
 * one that is mounted inside is a failure.  Directories that forbid it are
 * made writable first.  shown (borrowed) is what messages call the tree.
 * Failure: what could be removed before it is gone.
 */
int aipm_tree_remove(
    int dirfd, const char *name, const char *shown, struct aipm_err *err);

#endif
