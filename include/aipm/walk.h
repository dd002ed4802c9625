#ifndef AIPM_WALK_H
#define AIPM_WALK_H

#include "aipm/entry.h"
#include "aipm/err.h"

#include <stdbool.h>

/*
 * walk: a tree in archive order (aipm_path_compare()), depth first, below
 * directory descriptors, no symlink followed but the top's.
 *
 * Memory: the names of the directories on the way down, and the hard-linked
 * inodes of which further names are still to come.
 */
struct aipm_walk;

/* An open directory, shared by the walk and those who read its files. */
struct aipm_dir;

int aipm_dir_fd(const struct aipm_dir *d);
struct aipm_dir *aipm_dir_ref(struct aipm_dir *d);
/* Closed with its last reference; from any thread; NULL is allowed. */
void aipm_dir_unref(struct aipm_dir *d);

/* One file of the tree. */
struct aipm_found {
	struct aipm_entry entry; /* without xattrs; a symlink's and a hard
				    link's target filled in */
	struct aipm_dir *dir; /* a reference; the top is "." in itself */
	char *name; /* owned; its name in dir */
	/*
	 * A file with more names is opened when the first is found, so that
	 * the links to it that follow are links to what is read.
	 */
	bool pinned;
	int fd; /* if pinned; owned */
};

/*
 * Open the file for reading, or take its pinned descriptor over, and put
 * what it says now to *st.  -1 with errno; ESTALE if it is no more a file.
 */
int aipm_found_open(struct aipm_found *f, struct stat *st);

void aipm_found_free(struct aipm_found *f);

struct aipm_walk_options {
	/* Whether to leave path, and all below it, out; may be NULL. */
	bool (*skip)(void *ctx, const char *path, const struct stat *st);
	void *skip_ctx;
	/*
	 * Something of the tree is left out: lost if it cannot be read or
	 * vanished; not lost if it is a socket, which its server makes anew.
	 * Called from the thread that walks.
	 */
	void (*left_out)(
	    void *ctx, const char *path, const char *reason, bool lost);
	void *left_out_ctx;
	/*
	 * The walk enters another device by the directory fd, before anything
	 * of it is returned; may be NULL.
	 */
	void (*entered)(void *ctx, int fd, uint64_t dev);
	void *entered_ctx;
};

/*
 * Begin at the directory top (a symlink to one is followed), whose entries
 * are named by name (a path of the archive: "data").
 */
int aipm_walk_open(struct aipm_walk **w, const char *top, const char *name,
    const struct aipm_walk_options *o, struct aipm_err *err);

/* The next file into *f (zeroed or freed before): 1, 0 at the end, -1. */
int aipm_walk_next(
    struct aipm_walk *w, struct aipm_found *f, struct aipm_err *err);

void aipm_walk_close(struct aipm_walk *w);

#endif
