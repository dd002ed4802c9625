#ifndef AIPM_VOLUMES_H
#define AIPM_VOLUMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * volumes: the file systems that a walk has met, and whose times tell of
 * every change.  A zeroed struct is empty.
 */
struct aipm_volumes {
	struct aipm_volume {
		uint64_t dev;
		bool times_tell;
	} * v; /* owned */
	size_t n;
	bool flush; /* each when it is met */
	bool unflushed; /* that failed for one */
};

/* The device dev, of the open directory fd.  Without memory it is not met. */
void aipm_volumes_meet(struct aipm_volumes *v, int fd, uint64_t dev);

/* False for one that was not met. */
bool aipm_volumes_times_tell(const struct aipm_volumes *v, uint64_t dev);

void aipm_volumes_free(struct aipm_volumes *v);

#endif
