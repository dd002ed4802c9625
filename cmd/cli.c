#include "cli.h"

#include "aipm/conf.h"
#include "aipm/escape.h"
#include "aipm/io.h"
#include "aipm/num.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_VERSION = 1000, MAX_OPTIONS = 40 };

static const struct cli_option common[] = {
	{ 'q', "quiet", NULL, "say nothing but warnings and errors" },
	{ 'v', "verbose", NULL, "say more" },
	{ 'h', "help", NULL, "show this help" },
	{ KEY_VERSION, "version", NULL, "show the version" },
	{ 0, NULL, NULL, NULL },
};

/* A handler can reach nothing but a global. */
static volatile sig_atomic_t caught;

static void
on_signal(int signum)
{
	caught = signum;
}

/* What was closed would become a socket or a lock, and get our messages.  To
 * read or write it fails as before. */
static void
open_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			exit(AIPM_FAILED);
}

static void
catch_signals(struct cli_run *run)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
		SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU };
	struct sigaction sa, old;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = on_signal;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* What the caller ignores (nohup) stays ignored. */
		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
	}
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
	run->cancel.signum = &caught;
}

/* The program's own line of an option that both tables have wins. */
static bool
shadowed(const struct cli *cli, const struct cli_option *o)
{
	for (const struct cli_option *p = cli->options; p->name != NULL; p++)
		if (p->key == o->key)
			return true;
	return false;
}

static void
help_option(const struct cli_option *o)
{
	char left[64];

	if (o->help == NULL)
		return;
	(void)snprintf(left, sizeof(left), "%s%c%s--%s%s%s",
	    o->key < 256 ? "-" : " ", o->key < 256 ? o->key : ' ',
	    o->key < 256 ? ", " : "  ", o->name, o->arg == NULL ? "" : "=",
	    o->arg == NULL ? "" : o->arg);
	printf("  %-27s %s\n", left, o->help);
}

static void
help(const struct cli *cli)
{
	const char *s = cli->synopsis, *lead = "usage: ";

	while (s != NULL && *s != '\0') {
		size_t n = strcspn(s, "\n");

		printf("%s%s %.*s\n", lead, cli->name, (int)n, s);
		lead = "       ";
		s += n + (s[n] == '\n');
	}
	printf("\n%s\n\n", cli->about);
	for (const struct cli_option *o = cli->options; o->name != NULL; o++)
		help_option(o);
	for (const struct cli_option *o = common; o->name != NULL; o++)
		if (!shadowed(cli, o))
			help_option(o);
}

static int
flushed(const char *name)
{
	struct aipm_err err;

	if (aipm_stream_flush(stdout, "standard output", &err) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", name, err.text);
	return (int)err.cls;
}

/* One table for getopt_long from the program's and the common options. */
struct getopt_tables {
	struct option longs[MAX_OPTIONS];
	char shorts[3 * MAX_OPTIONS];
};

static void
add_options(struct getopt_tables *t, const struct cli_option *from,
    const struct cli *skip)
{
	size_t n = 0;
	char *s = t->shorts + strlen(t->shorts);

	while (t->longs[n].name != NULL)
		n++;
	for (; from->name != NULL && n + 1 < MAX_OPTIONS; from++) {
		if (skip != NULL && shadowed(skip, from))
			continue;
		t->longs[n++] = (struct option){ from->name,
			from->arg == NULL ? no_argument : required_argument,
			NULL, from->key };
		if (from->key >= 256)
			continue;
		*s++ = (char)from->key;
		if (from->arg != NULL)
			*s++ = ':';
	}
}

static bool
owns(const struct cli *cli, int key)
{
	struct cli_option o = { key, "", NULL, NULL };

	return shadowed(cli, &o);
}

static int
take(struct cli_run *run, int key, void *opts)
{
	struct aipm_err err;

	if (owns(run->cli, key)) {
		if (run->cli->option(opts, key, optarg, &err) == -1)
			return cli_usage(run, "%s", err.text);
		return -1;
	}
	switch (key) {
	case 'q':
		run->quiet = true;
		return -1;
	case 'v':
		run->verbose++;
		return -1;
	case 'h':
		help(run->cli);
		return flushed(run->cli->name);
	case KEY_VERSION:
		printf("%s (aipm) %s\n", run->cli->name, AIPM_VERSION);
		if (run->cli->version != NULL)
			run->cli->version();
		return flushed(run->cli->name);
	default:
		fprintf(stderr, "Try '%s --help'.\n", run->cli->name);
		return AIPM_USAGE;
	}
}

int
cli_parse(struct cli_run *run, const struct cli *cli, int argc, char **argv,
    void *opts)
{
	struct getopt_tables t;
	static char name[64];
	int key, status;

	open_standard();
	memset(&t, 0, sizeof(t));
	run->cli = cli;
	(void)snprintf(name, sizeof(name), "%s", cli->name);
	if (argc > 0)
		argv[0] = name;
	if (cli->stops_at_operand)
		t.shorts[0] = '+';
	add_options(&t, cli->options, NULL);
	add_options(&t, common, cli);
	while ((key = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1)
		if ((status = take(run, key, opts)) != -1)
			return status;
	catch_signals(run);
	return -1;
}

int
cli_usage(const struct cli_run *run, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", run->cli->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry '%s --help'.\n", run->cli->name);
	return AIPM_USAGE;
}

void
cli_warn(void *ctx, const char *path, const char *text)
{
	struct cli_run *run = ctx;
	char *shown = path == NULL ? NULL : aipm_escape_dup(path);

	run->warnings++;
	fprintf(stderr, "%s: %s%s%s\n", run->cli->name,
	    shown == NULL ? "" : shown, shown == NULL ? "" : ": ", text);
	free(shown);
}

void
cli_note(const struct cli_run *run, const char *fmt, ...)
{
	va_list ap;

	if (run->quiet)
		return;
	fprintf(stderr, "%s: ", run->cli->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void
end_by_signal(int signum)
{
	struct sigaction sa;
	sigset_t set;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_DFL;
	(void)sigaction(signum, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, signum);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(signum);
}

int
cli_finish(struct cli_run *run, bool failed, const struct aipm_err *err)
{
	int status;

	if (!failed) {
		status = flushed(run->cli->name);
		return status != 0          ? status
		       : run->warnings != 0 ? AIPM_WARNED
		                            : AIPM_OK;
	}
	/* *err may be about standard output already: once is enough. */
	(void)fflush(stdout);
	fprintf(stderr, "%s: %s\n", run->cli->name, err->text);
	if (err->cls != AIPM_SIGNALLED)
		return (int)err->cls;
	end_by_signal(err->errnum);
	return AIPM_SIGNALLED + err->errnum;
}

static void
read_conf(struct cli_run *run, struct aipm_conf *c, const char *dir)
{
	struct aipm_err err;
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/aipm.conf", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return;
	if (aipm_conf_read(c, path, &err) == 0)
		return;
	/* Going on without what somebody has set could remove backups. */
	fprintf(stderr, "%s: %s\n", run->cli->name, err.text);
	exit(AIPM_USAGE);
}

/* Both files, read at the first call; the strings live as long as the
 * process, and so does what holds them. */
static const struct aipm_conf *
read_confs(struct cli_run *run)
{
	static struct aipm_conf confs[2];
	static bool done;
	const char *root = getenv("AIPM_ROOT");

	if (done)
		return confs;
	done = true;
	read_conf(run, &confs[0], root == NULL || *root == '\0' ? "." : root);
	read_conf(run, &confs[1], "/etc");
	return confs;
}

const char *
cli_setting(struct cli_run *run, const char *name, const char *fallback)
{
	const struct aipm_conf *confs;
	const char *value = getenv(name);

	if (value != NULL && *value != '\0')
		return value;
	confs = read_confs(run);
	for (size_t i = 0; i < 2; i++) {
		value = aipm_conf_get(&confs[i], name);
		if (value != NULL && *value != '\0')
			return value;
	}
	return fallback;
}

int
cli_number(const char *option, const char *arg, unsigned long min,
    unsigned long max, unsigned long *out, struct aipm_err *err)
{
	uint64_t v;

	if (!aipm_parse_u64(arg, max, &v) || v < min)
		return aipm_err_set(err, AIPM_USAGE,
		    "%s: '%.40s' is not a number from %lu to %lu", option, arg,
		    min, max);
	*out = (unsigned long)v;
	return 0;
}
