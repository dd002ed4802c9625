#include "aipm/err.h"

#include "aipm/escape.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
add_errno(struct aipm_err *err, int errnum)
{
	size_t n = strlen(err->text);

	err->errnum = errnum;
	if (errnum == ENOSPC || errnum == EDQUOT)
		err->cls = AIPM_NOSPACE;
	(void)snprintf(
	    err->text + n, sizeof(err->text) - n, ": %s", strerror(errnum));
}

int
aipm_err_set(struct aipm_err *err, enum aipm_class cls, const char *fmt, ...)
{
	va_list ap;

	err->cls = cls;
	err->errnum = 0;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
aipm_err_path(struct aipm_err *err, enum aipm_class cls, const char *path,
    const char *what)
{
	int saved = errno;

	(void)aipm_err_file(err, cls, path, what);
	add_errno(err, saved);
	errno = saved;
	return -1;
}

int
aipm_err_file(struct aipm_err *err, enum aipm_class cls, const char *path,
    const char *what)
{
	char shown[sizeof(err->text) / 2];

	aipm_escape(shown, sizeof(shown), path);
	return aipm_err_set(err, cls, "%s: %s", shown, what);
}

bool
aipm_err_too_many_open(struct aipm_err *err, const char *path)
{
	if (errno != EMFILE && errno != ENFILE)
		return false;
	(void)aipm_err_path(err, AIPM_FAILED, path,
	    "cannot open; raise the limit (ulimit -n) or take fewer threads "
	    "(-j)");
	return true;
}

int
aipm_err_nomem(struct aipm_err *err)
{
	(void)aipm_err_set(err, AIPM_FAILED, "out of memory");
	err->errnum = ENOMEM;
	return -1;
}

void
aipm_warn(const struct aipm_warn *w, const char *path, const char *text)
{
	if (w != NULL && w->fn != NULL)
		w->fn(w->ctx, path, text);
}
