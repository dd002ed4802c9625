#ifndef STOP_STRAYS_H
#define STOP_STRAYS_H

#include <stddef.h>

/*
 * strays: processes of the command that have left its process group, and whose
 * parents have ended: they have become our children, because we adopt orphans
 * (see compat.h), and are known by the environment that the command was given.
 * What an engine leaves behind, and may be a service, has none of it.
 */

/* Send signum to all of them, 0: to none; how many there are.  Where the
 * system does not tell, none. */
size_t strays_signal(int signum);

#endif
