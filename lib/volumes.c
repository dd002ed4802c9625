#include "aipm/volumes.h"

#include "aipm/compat.h"

#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

static const struct aipm_volume *
find(const struct aipm_volumes *v, uint64_t dev)
{
	for (size_t i = v->n; i > 0; i--)
		if (v->v[i - 1].dev == dev)
			return &v->v[i - 1];
	return NULL;
}

void
aipm_volumes_meet(struct aipm_volumes *v, int fd, uint64_t dev)
{
	struct aipm_volume *p;
	struct stat st;

	if (find(v, dev) != NULL)
		return;
	if (v->flush && aipm_compat_syncfs(fd) == -1)
		v->unflushed = true;
	if ((p = realloc(v->v, (v->n + 1) * sizeof(*p))) == NULL) {
		v->unflushed = true;
		return;
	}
	v->v = p;
	p += v->n++;
	p->dev = dev;
	p->times_tell = fstat(fd, &st) == 0 && (uint64_t)st.st_dev == dev &&
	                aipm_compat_times_tell(fd);
}

bool
aipm_volumes_times_tell(const struct aipm_volumes *v, uint64_t dev)
{
	const struct aipm_volume *p = find(v, dev);

	return p != NULL && p->times_tell;
}

void
aipm_volumes_free(struct aipm_volumes *v)
{
	free(v->v);
	memset(v, 0, sizeof(*v));
}
