#include "cli.h"

#include "aipm/escape.h"
#include "aipm/num.h"
#include "aipm/stop.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_DATA = 256, KEY_START, KEY_LOCK, KEY_NO_WAIT };

enum { TIMEOUT_MAX = 86400 };

struct options {
	const char *dir, *data; /* NULL: not given */
	unsigned long timeout;
	bool timed, dry_run, start, lock, no_wait;
};

static const struct cli_option options[] = {
	{ 'C', "directory", "DIR", "the project folder (.)" },
	{ KEY_DATA, "data", "DIR", "the data directory (data)" },
	{ 't', "timeout", "SECONDS", "give services with data so long (120)" },
	{ 'n', "dry-run", NULL, "say what would be stopped, and why" },
	{ KEY_START, "start", NULL, "start what is held stopped" },
	{ KEY_LOCK, "lock", NULL, "take the project's lock only" },
	{ KEY_NO_WAIT, "no-wait", NULL, "fail if the lock is held" },
	{ 0, NULL, NULL, NULL },
};

static int
option(void *opts, int key, const char *arg, struct aipm_err *err)
{
	struct options *o = opts;

	switch (key) {
	case 'C':
		o->dir = arg;
		break;
	case KEY_DATA:
		o->data = arg;
		break;
	case 't':
		o->timed = true;
		return cli_number("-t", arg, 0, TIMEOUT_MAX, &o->timeout, err);
	case 'n':
		o->dry_run = true;
		break;
	case KEY_START:
		o->start = true;
		break;
	case KEY_LOCK:
		o->lock = true;
		break;
	case KEY_NO_WAIT:
		o->no_wait = true;
		break;
	}
	return 0;
}

static const struct cli cli = {
	.name = "aipm-stop",
	.synopsis = "[-nqv] [-C DIR] [--data DIR] [-t SECONDS] [--no-wait] "
	            "[[--] COMMAND...]\n"
	            "[-qv] [-C DIR] [--no-wait] --start\n"
	            "[-qv] [-C DIR] --lock [--] COMMAND...",
	.about = "Stop the services that use the data, run a command, start "
	         "them again.",
	.options = options,
	.stops_at_operand = true,
	.option = option,
};

static void
note(void *ctx, const char *path, const char *text)
{
	const struct cli_run *run = ctx;
	char *shown = path == NULL ? NULL : aipm_escape_dup(path);

	cli_note(run, "%s%s%s", shown == NULL ? "" : shown,
	    shown == NULL ? "" : ": ", text);
	free(shown);
}

/* What the paths in struct aipm_stop_options are borrowed from. */
struct places {
	char *root, *data, *backups;
};

static void
free_places(struct places *p)
{
	free(p->root);
	free(p->data);
	free(p->backups);
}

/* A path of the project folder's, absolute. */
static char *
below(const char *root, const char *path)
{
	size_t n = strlen(root) + strlen(path) + 2;
	char *s = malloc(n);

	if (s != NULL && *path == '/')
		(void)snprintf(s, n, "%s", path);
	else if (s != NULL)
		(void)snprintf(s, n, "%s/%s", root, path);
	return s;
}

/* Find the places; aipm.conf is looked for in the project folder from now
 * on. */
static int
find_places(struct places *p, struct cli_run *run, const struct options *o,
    struct aipm_err *err)
{
	const char *dir = o->dir != NULL ? o->dir : getenv("AIPM_ROOT");
	const char *data = o->data;

	if (dir == NULL || *dir == '\0')
		dir = ".";
	if ((p->root = realpath(dir, NULL)) == NULL)
		return aipm_err_path(
		    err, AIPM_FAILED, dir, "cannot enter the project folder");
	if (setenv("AIPM_ROOT", p->root, 1) == -1)
		return aipm_err_nomem(err);
	if (data == NULL)
		data = cli_setting(run, "AIPM_DATA", "data");
	p->data = below(p->root, data);
	p->backups = below(
	    p->root, cli_setting(run, "AIPM_BACKUPS", "backups"));
	if (p->data == NULL || p->backups == NULL)
		return aipm_err_nomem(err);
	return 0;
}

static int
read_timeout(struct aipm_stop_options *so, struct cli_run *run,
    const struct options *o, struct aipm_err *err)
{
	unsigned long seconds = o->timeout;

	if (!o->timed &&
	    cli_number("AIPM_TIMEOUT", cli_setting(run, "AIPM_TIMEOUT", "120"),
	        0, TIMEOUT_MAX, &seconds, err) == -1)
		return -1;
	so->timeout = (int)seconds;
	return 0;
}

static int
configure(struct aipm_stop_options *so, struct places *p, struct cli_run *run,
    const struct options *o, struct aipm_err *err)
{
	const char *fd = getenv(AIPM_STOP_LOCK_FD);
	uint64_t number;

	if (find_places(p, run, o, err) == -1 ||
	    read_timeout(so, run, o, err) == -1)
		return -1;
	so->root = p->root;
	so->data = p->data;
	so->backups = p->backups;
	so->engine = cli_setting(run, "AIPM_ENGINE", NULL);
	so->no_wait = o->no_wait;
	so->lock_fd = -1;
	if (fd != NULL && aipm_parse_u64(fd, INT_MAX, &number))
		so->lock_fd = (int)number;
	so->stopped = getenv(AIPM_STOP_STOPPED) != NULL;
	so->warn = (struct aipm_warn){ cli_warn, run };
	so->note = (struct aipm_warn){ note, run };
	so->cancel = run->cancel;
	return 0;
}

/* "postgres<tab>project ai-pm, mounts /srv/ai-pm/data/postgres" */
static void
print_member(const struct aipm_stopped *m)
{
	char *mount = m->mount == NULL ? NULL : aipm_escape_dup(m->mount);
	char *project = m->project == NULL ? NULL : aipm_escape_dup(m->project);

	printf("%s\t", m->c->name);
	if (project != NULL)
		printf("project %s%s", project, mount == NULL ? "" : ", ");
	if (mount != NULL)
		printf("mounts %s", mount);
	putchar('\n');
	free(mount);
	free(project);
}

static int
plan(const struct aipm_stop_options *so, struct aipm_err *err)
{
	struct aipm_stack s;

	if (aipm_stop_plan(so, &s, err) == -1)
		return -1;
	for (size_t i = 0; i < s.n; i++)
		print_member(&s.v[i]);
	aipm_stack_free(&s);
	return 0;
}

static int
work(const struct aipm_stop_options *so, const struct options *o, char **argv,
    int *status, struct aipm_err *err)
{
	if (o->dry_run)
		return plan(so, err);
	if (o->start)
		return aipm_stop_start(so, err);
	if (o->lock)
		return aipm_stop_lock(so, argv, err);
	if (*argv == NULL)
		return aipm_stop_hold(so, err);
	return aipm_stop_run(so, argv, status, err);
}

/* A usage error's text, or NULL. */
static const char *
wrong(const struct options *o, bool command)
{
	if (o->start && o->lock)
		return "--start and --lock exclude each other";
	if (o->dry_run && (o->start || o->lock))
		return "-n goes neither with --start nor with --lock";
	if (o->start && command)
		return "--start takes no command";
	if (o->lock && !command)
		return "--lock needs a command";
	return NULL;
}

int
main(int argc, char **argv)
{
	struct cli_run run;
	struct options o;
	struct places p;
	struct aipm_stop_options so;
	struct aipm_err err = { AIPM_OK, 0, "" };
	const char *text;
	int status;
	bool failed;

	memset(&run, 0, sizeof(run));
	memset(&o, 0, sizeof(o));
	memset(&p, 0, sizeof(p));
	memset(&so, 0, sizeof(so));
	if ((status = cli_parse(&run, &cli, argc, argv, &o)) != -1)
		return status;
	if ((text = wrong(&o, optind < argc)) != NULL)
		return cli_usage(&run, "%s", text);
	status = 0;
	failed = configure(&so, &p, &run, &o, &err) == -1 ||
	         work(&so, &o, argv + optind, &status, &err) == -1;
	free_places(&p);
	/* 1 would be taken for the command's own. */
	if (failed && err.cls == AIPM_FAILED)
		err.cls = AIPM_STOPFAILED;
	if (failed || status == 0)
		status = cli_finish(&run, failed, &err);
	return status;
}
