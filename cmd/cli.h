#ifndef CLI_H
#define CLI_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * cli: what the five programs share: options, messages, signals, statuses.
 */

struct cli_option {
	int key; /* the short letter, or >= 256 for long only */
	const char *name; /* the long name; "" for none */
	const char *arg; /* its argument's name; NULL for none */
	const char *help; /* one line; NULL: told by another option's */
};

struct cli {
	const char *name; /* "aipm-pack" */
	const char *synopsis; /* behind the name; further forms after '\n' */
	const char *about; /* one sentence */
	const struct cli_option *options; /* ends with a NULL name */
	bool stops_at_operand; /* options end at the first operand */
	void (*version)(void); /* prints more lines of --version; or NULL */
	/*
	 * Take one option into opts (the program's struct).  -1 with *err of
	 * class AIPM_USAGE if arg will not do.
	 */
	int (*option)(
	    void *opts, int key, const char *arg, struct aipm_err *err);
};

/* The state of one run; zero it first. */
struct cli_run {
	const struct cli *cli;
	bool quiet; /* -q: no notes, only warnings and errors */
	unsigned verbose; /* -v: how often */
	unsigned long warnings; /* given so far; any makes the status 3 */
	struct aipm_cancel cancel;
};

/*
 * Read the command line; --help, --version, -q and -v are known to all.
 * Returns -1 to go on, with optind at the first operand, else the status to
 * exit with at once.  SIGINT, SIGTERM, SIGHUP, SIGQUIT and the others that a
 * process can send, and SIGPIPE, are from then on noted in run->cancel (SIGPIPE is ignored: a write says EPIPE).
 */
int cli_parse(struct cli_run *run, const struct cli *cli, int argc, char **argv,
    void *opts);

/* Print a usage error and return the status 2. */
int cli_usage(const struct cli_run *run, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* struct aipm_warn's fn, ctx being the struct cli_run: print and count. */
void cli_warn(void *run, const char *path, const char *text);

/* A line for the user that is no warning; not with -q. */
void cli_note(const struct cli_run *run, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The status to exit with: prints *err if failed, else flushes standard
 * output and looks at the warnings.  After a signal the process ends by that
 * signal, so that a calling shell sees it.
 */
int cli_finish(struct cli_run *run, bool failed, const struct aipm_err *err);

/*
 * A setting: the environment, then aipm.conf in the project folder
 * (AIPM_ROOT, else the current directory), then /etc/aipm.conf, else
 * fallback.  The string lives as long as the process.  An unreadable or
 * malformed file ends the program with status 2: what it sets may be what
 * keeps backups from being removed.
 */
const char *cli_setting(
    struct cli_run *run, const char *name, const char *fallback);

/* An option's argument as a number in min..max, else -1 with *err. */
int cli_number(const char *option, const char *arg, unsigned long min,
    unsigned long max, unsigned long *out, struct aipm_err *err);

#endif
