#include "cli.h"

#include "aipm/escape.h"
#include "aipm/num.h"
#include "aipm/registry.h"
#include "aipm/stop.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	KEY_DATA = 256,
	KEY_START,
	KEY_LOCK,
	KEY_NO_WAIT,
	KEY_PAUSE,
	KEY_DEADLINE,
	KEY_WAIT,
	KEY_RECOVER,
	KEY_ALL,
	KEY_STATUS
};

enum { TIMEOUT_MAX = 86400 };

struct options {
	const char *dir, *data; /* NULL: not given */
	unsigned long timeout, deadline, health;
	bool timed, dry_run, start, lock, recover, status;
	bool no_wait, pause, all;
};

static const struct cli_option options[] = {
	{ 'C', "directory", "DIR", "the project folder (.)" },
	{ KEY_DATA, "data", "DIR", "the data directory (data)" },
	{ 't', "timeout", "SECONDS", "give services with data so long (120)" },
	{ KEY_PAUSE, "pause", NULL, "freeze the services instead" },
	{ KEY_DEADLINE, "deadline", "SECONDS", "end the command then" },
	{ KEY_WAIT, "wait", "SECONDS", "after a start, for health checks" },
	{ 'n', "dry-run", NULL, "say what would be stopped, and why" },
	{ KEY_START, "start", NULL, "start what is held stopped" },
	{ KEY_RECOVER, "recover", NULL, "start what a dead run left stopped" },
	{ KEY_STATUS, "status", NULL, "say what is stopped because of us" },
	{ KEY_ALL, "all", NULL, "the same for every project" },
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
	case KEY_PAUSE:
		o->pause = true;
		break;
	case KEY_DEADLINE:
		return cli_number(
		    "--deadline", arg, 1, TIMEOUT_MAX, &o->deadline, err);
	case KEY_WAIT:
		return cli_number(
		    "--wait", arg, 1, TIMEOUT_MAX, &o->health, err);
	case KEY_RECOVER:
		o->recover = true;
		break;
	case KEY_STATUS:
		o->status = true;
		break;
	case KEY_ALL:
		o->all = true;
		break;
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
	.synopsis = "[-nqv] [-C DIR] [--data DIR] [-t SECONDS] [--pause] "
	            "[--deadline SECONDS] [--wait SECONDS] [--no-wait] "
	            "[[--] COMMAND...]\n"
	            "[-qv] [-C DIR] [--wait SECONDS] [--no-wait] --start\n"
	            "[-qv] [-C DIR] [--no-wait] --recover [--all]\n"
	            "[-C DIR] --status [--all]\n"
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
	const char *data = o->data, *backups, *full_every;
	unsigned long n;

	if (dir == NULL || *dir == '\0')
		dir = ".";
	if ((p->root = realpath(dir, NULL)) == NULL)
		return aipm_err_path(
		    err, AIPM_FAILED, dir, "cannot enter the project folder");
	if (setenv("AIPM_ROOT", p->root, 1) == -1)
		return aipm_err_nomem(err);
	if (data == NULL)
		data = cli_setting(run, "AIPM_DATA", "data");
	backups = cli_setting(run, "AIPM_BACKUPS", "backups");
	full_every = cli_setting(run, "AIPM_FULL_EVERY", "7");
	if (cli_number("AIPM_FULL_EVERY", full_every, 1, 10000, &n, err) == -1)
		return -1;
	p->data = below(p->root, data);
	p->backups = below(p->root, backups);
	/* The command shall see the same, whatever file they came from. */
	if (p->data == NULL || p->backups == NULL ||
	    setenv("AIPM_DATA", data, 1) == -1 ||
	    setenv("AIPM_BACKUPS", backups, 1) == -1 ||
	    setenv("AIPM_FULL_EVERY", full_every, 1) == -1)
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
	so->registry = cli_setting(run, "AIPM_REGISTRY", NULL);
	so->no_wait = o->no_wait;
	so->pause = o->pause;
	so->deadline = (int)o->deadline;
	so->health = (int)o->health;
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

/* "held<tab>db<tab>/srv/ai-pm": one line for each that is down. */
static int
print_project(
    const struct aipm_stop_options *so, bool registered, struct aipm_err *err)
{
	struct aipm_journal j;
	bool at_work;
	char *root;

	if (aipm_stop_look(so, &j, &at_work, err) == -1)
		return -1;
	if (registered && j.n == 0 && !at_work)
		return aipm_err_file(err, AIPM_FAILED, so->backups,
		    "has no journal: is it mounted?  Services of it may be "
		    "down");
	root = aipm_escape_dup(so->root);
	for (size_t i = 0; root != NULL && i < j.n; i++)
		printf("%s\t%s\t%s\n",
		    j.v[i].held ? "held"
		    : at_work   ? "at-work"
		                : "interrupted",
		    j.v[i].name, root);
	aipm_journal_free(&j);
	if (root == NULL)
		return aipm_err_nomem(err);
	free(root);
	return 0;
}

static int
print_status(const struct aipm_stop_options *so, bool all, struct aipm_err *err)
{
	struct aipm_stop_options one = *so;
	struct aipm_registry r;
	struct aipm_err why;
	int result = 0;

	if (!all)
		return print_project(so, false, err);
	if (aipm_registry_read(&r,
	        so->registry != NULL ? so->registry : AIPM_REGISTRY, &so->warn,
	        err) == -1)
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		one.root = r.v[i].root;
		one.backups = r.v[i].backups;
		if (print_project(&one, true, &why) == 0)
			continue;
		if (result == 0)
			*err = why;
		else
			aipm_warn(&so->warn, NULL, why.text);
		result = -1;
	}
	aipm_registry_free(&r);
	return result;
}

static int
work(const struct aipm_stop_options *so, const struct options *o, char **argv,
    struct aipm_stop_end *end, struct aipm_err *err)
{
	if (o->dry_run)
		return plan(so, err);
	if (o->status)
		return print_status(so, o->all, err);
	if (o->recover)
		return o->all ? aipm_stop_recover_all(so, end, err)
		              : aipm_stop_recover(so, end, err);
	if (o->start)
		return aipm_stop_start(so, end, err);
	if (o->lock)
		return aipm_stop_lock(so, argv, err);
	if (*argv == NULL)
		return aipm_stop_hold(so, end, err);
	return aipm_stop_run(so, argv, end, err);
}

/* A usage error's text, or NULL. */
static const char *
wrong(const struct options *o, bool command)
{
	int verbs = o->dry_run + o->status + o->recover + o->start + o->lock;

	if (verbs > 1)
		return "-n, --start, --recover, --status and --lock exclude "
		       "each other";
	if (verbs == 1 && !o->dry_run && !o->lock && command)
		return "--start, --recover and --status take no command";
	if (o->lock && !command)
		return "--lock needs a command";
	if (o->all && !o->recover && !o->status)
		return "--all goes with --recover and --status";
	if (o->pause && verbs > 0 && !o->dry_run)
		return "--pause goes with stopping only";
	if (o->health != 0 && (o->dry_run || o->status || o->lock))
		return "--wait goes with starting only";
	if (o->deadline != 0 && (!command || o->lock))
		return "--deadline needs a command to end";
	return NULL;
}

int
main(int argc, char **argv)
{
	struct cli_run run;
	struct options o;
	struct places p;
	struct aipm_stop_options so;
	struct aipm_stop_end end = { 0, false };
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
	failed = configure(&so, &p, &run, &o, &err) == -1 ||
	         work(&so, &o, argv + optind, &end, &err) == -1;
	free_places(&p);
	status = end.status;
	/* What the supervisor warned of, another process, counts here too. */
	run.warnings += end.warned;
	/* 1 would be taken for the command's own. */
	if (failed && err.cls == AIPM_FAILED)
		err.cls = AIPM_STOPFAILED;
	if (failed || status == 0)
		status = cli_finish(&run, failed, &err);
	return status;
}
