#ifndef ASSEMBLE_H
#define ASSEMBLE_H

#include "later.h"

#include "aipm/cancel.h"
#include "aipm/index.h"
#include "aipm/refs.h"
#include "aipm/writer.h"

/*
 * assemble: a whole archive out of a thin one and its references.  Nothing of
 * the tree is read any more.
 */
struct assembly {
	struct aipm_index *thin; /* what there is, in order */
	int spool; /* where the members are that are not elsewhere */
	const struct aipm_refs *refs; /* its references, in their order */
	const struct laters *laters; /* what was read behind it; all is known */
	struct aipm_writer *writer; /* of the whole one, and */
	struct aipm_index_writer *index; /* its index */
	bool check; /* nobody has read what comes out of the references */
	bool share; /* blocks with the references, where that can be */
	size_t block; /* of those; set by assemble(), as: */
	uint64_t shared; /* bytes */
	struct aipm_cancel cancel;
};

/*
 * Put every item and member.  Where blocks can be shared, neighbours in a
 * reference are put as one run, behind a pad that lets them lie in their
 * blocks as they do there.  A member whose CRC32
 * is not the index's is AIPM_DAMAGED.
 */
int assemble(struct assembly *a, struct aipm_err *err);

#endif
