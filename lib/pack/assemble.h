#ifndef ASSEMBLE_H
#define ASSEMBLE_H

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
	struct aipm_writer *writer; /* of the whole one, and */
	struct aipm_index_writer *index; /* its index */
	struct aipm_cancel cancel;
};

/*
 * Put every item and member.  A member whose CRC32
 * is not the index's is AIPM_DAMAGED.
 */
int assemble(const struct assembly *a, struct aipm_err *err);

#endif
