#include "aipm/cancel.h"

#include <stddef.h>

int
aipm_cancel_check(const struct aipm_cancel *c, struct aipm_err *err)
{
	int signum = c == NULL || c->signum == NULL ? 0 : (int)*c->signum;

	if (signum == 0)
		return 0;
	(void)aipm_err_set(
	    err, AIPM_SIGNALLED, "interrupted by signal %d", signum);
	err->errnum = signum;
	return -1;
}
