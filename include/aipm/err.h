#ifndef AIPM_ERR_H
#define AIPM_ERR_H

#include <stdbool.h>

/*
 * err: what went wrong, for the caller to print once.
 *
 * Every int function of the library that can fail returns 0 (or a count),
 * or -1 with *err filled.  A class is the exit status that main() returns
 * for it, so that a failure keeps its meaning all the way up.
 */
enum aipm_class {
	AIPM_OK = 0,
	AIPM_FAILED = 1, /* nothing was published or changed */
	AIPM_USAGE = 2,
	AIPM_WARNED = 3, /* the result is valid but not complete */
	AIPM_DAMAGED = 4, /* an archive is not what it claims to be */
	AIPM_NOSPACE = 5,
	AIPM_LOCKED = 6,
	AIPM_HALFWAY = 9, /* the text names the command that mends it */
	AIPM_NOMATCH = 10,
	AIPM_NOTSTOPPED = 120,
	AIPM_BUSY = 121,
	AIPM_NOTSTARTED = 122,
	AIPM_STOPLOCKED = 123,
	AIPM_DEADLINE = 124,
	AIPM_STOPFAILED = 125,
	AIPM_NOEXEC = 126,
	AIPM_NOCOMMAND = 127,
	AIPM_SIGNALLED = 128 /* errnum is the signal; status 128 + errnum */
};

struct aipm_err {
	enum aipm_class cls;
	int errnum; /* errno, 0 where there is none */
	char text[1024]; /* one line, escaped, without program name */
};

/*
 * A warning that does not end the work: path is raw bytes (may be NULL),
 * text is one line.  Called from the thread that called the verb.
 */
struct aipm_warn {
	void (*fn)(void *ctx, const char *path, const char *text);
	void *ctx;
};

/* Fill *err from a format; always returns -1.  The text is cut if too long. */
int aipm_err_set(struct aipm_err *err, enum aipm_class cls, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/*
 * The same for a failed system call about a path, which is escaped and put
 * first: "data/x: cannot read: Input/output error".  errno's text is appended;
 * ENOSPC and EDQUOT always give the class AIPM_NOSPACE.  path may be any bytes.
 */
int aipm_err_path(struct aipm_err *err, enum aipm_class cls, const char *path,
    const char *what);

/* As aipm_err_path(), without errno. */
int aipm_err_file(struct aipm_err *err, enum aipm_class cls, const char *path,
    const char *what);

/*
 * Whether errno says that no more files can be opened, which is never a
 * property of the file at hand; fills *err if so.
 */
bool aipm_err_too_many_open(struct aipm_err *err, const char *path);

/* Fill *err for memory that could not be had; returns -1. */
int aipm_err_nomem(struct aipm_err *err);

/* Call w->fn if there is one. */
void aipm_warn(const struct aipm_warn *w, const char *path, const char *text);

#endif
