#ifndef PROOF_PARTS_H
#define PROOF_PARTS_H

#include "aipm/buf.h"
#include "aipm/proof.h"

/* A file of which a lease does not say that nobody writes to it. */
struct suspect {
	dev_t dev;
	ino_t ino;
	char *path; /* owned; NULL: it could not be asked for */
	pid_t holder; /* the last one who was found to hold it, or 0 */
};

struct suspects {
	struct suspect *v; /* owned; by inode, then device */
	size_t n, cap;
	size_t refused; /* those with a path: leases that were not given */
	bool no_right; /* some could not be asked for, for want of rights */
	bool failed; /* some for another reason than their file system */
};

/* Ask for a lease on every file below dir, with several threads. */
int leases_ask(struct suspects *s, const char *dir,
    const struct aipm_proof_options *o, struct aipm_err *err);

/* The suspect that *dev and ino name, or NULL; dev NULL: whatever device. */
struct suspect *suspects_find(
    const struct suspects *s, const dev_t *dev, ino_t ino);

void suspects_free(struct suspects *s);

/*
 * Go through /proc and add to *r who has one of them open for writing, the
 * frozen left out; marks those of s that somebody holds.
 */
int holders_find(struct aipm_proof_result *r, struct suspects *s,
    const struct aipm_proof_options *o, struct aipm_err *err);

/* Add a holder, of which the path is copied; beyond the first few only
 * counted. */
int holders_add(struct aipm_proof_result *r, const struct aipm_holder *h,
    struct aipm_err *err);

/* The id of a container in the text of a process's cgroup file into id, or
 * "". */
void holders_container(char id[65], const char *cgroup);

#endif
