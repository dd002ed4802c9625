#include "parts.h"

#include <string.h>

enum { ID_SHORT = 12 }; /* digits of an id that become a host's name */

/*
 * Whether a line of mountinfo says that id's directory is mounted as one of
 * the files that an engine gives every container.  Other lines prove
 * nothing: on the host they name the containers that it runs.
 */
static bool
mounts_from(const char *line, size_t n, const char *id)
{
	static const char *const files[] = { " /etc/hostname ", " /etc/hosts ",
		" /etc/resolv.conf " };
	const char *end = line + n, *at;

	for (size_t i = 0; i < 3; i++) {
		at = strstr(line, files[i]);
		if (at == NULL || at >= end)
			continue;
		at = strstr(line, id);
		return at != NULL && at < end;
	}
	return false;
}

static bool
in_mountinfo(const char *text, const char *id)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (mounts_from(text, n, id))
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}

static bool
is_short(const char *host, const char *id)
{
	return host != NULL && strlen(host) == ID_SHORT &&
	       strncmp(host, id, ID_SHORT) == 0;
}

bool
stack_is_self(const struct stack_self *self, const char *id)
{
	if (strlen(id) < ID_SHORT)
		return false;
	return is_short(self->host, id) || is_short(self->env, id) ||
	       (self->cgroup != NULL && strstr(self->cgroup, id) != NULL) ||
	       (self->mountinfo != NULL && in_mountinfo(self->mountinfo, id));
}
