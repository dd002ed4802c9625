#include "cli.h"

#include "aipm/catalog.h"
#include "aipm/escape.h"
#include "aipm/human.h"
#include "aipm/list.h"
#include "aipm/runinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

enum { KEY_LATEST = 256, KEY_NAME, KEY_SHA256, KEY_RECORD };

struct options {
	enum {
		COLUMNS,
		LONG,
		ONE,
		NUL,
		SHA256,
		RECORD
	} style; /* the last one wins */
	bool latest;
	const char *prefix;
	bool terminal;
};

static int
option(void *opts, int key, const char *arg, struct aipm_err *err)
{
	struct options *o = opts;

	(void)err;
	switch (key) {
	case 'l':
		o->style = LONG;
		break;
	case '1':
		o->style = ONE;
		break;
	case '0':
		o->style = NUL;
		break;
	case KEY_SHA256:
		o->style = SHA256;
		break;
	case KEY_RECORD:
		o->style = RECORD;
		break;
	case KEY_LATEST:
		o->latest = true;
		break;
	case KEY_NAME:
		o->prefix = arg;
		break;
	}
	return 0;
}

static const struct cli_option options[] = {
	{ 'l', "long", NULL, "sizes in bytes; entries as tar tv shows them" },
	{ '1', "paths", NULL, "only the paths, one a line" },
	{ '0', "null", NULL, "only the paths, raw, each ended by a NUL" },
	{ KEY_LATEST, "latest", NULL,
	    "only the path of the newest complete backup" },
	{ KEY_NAME, "name", "PREFIX", "the backups' prefix (ai-pm)" },
	{ KEY_SHA256, "sha256", NULL,
	    "an archive's digests, for sha256sum -c" },
	{ KEY_RECORD, "record", NULL,
	    "what an archive knows of how it was made" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli program = {
	.name = "aipm-ls",
	.synopsis = "[-l | -1 | -0] [--name PREFIX] [DIRECTORY]\n"
	            "--latest [-0] [--name PREFIX] [DIRECTORY]\n"
	            "[-l | -1 | -0 | --sha256] ARCHIVE|-\n"
	            "--record ARCHIVE",
	.about = "List the backups in a directory (./backups), newest last, "
	         "or the entries\nof an archive.",
	.options = options,
	.option = option,
};

/* The name is plain; only the directory can be anything. */
static void
print_path(const struct options *o, const char *dir, const char *name)
{
	size_t n = strlen(dir);
	char *shown = o->terminal ? aipm_escape_dup(dir) : NULL;

	printf("%s%s%s", shown != NULL ? shown : dir,
	    n > 0 && dir[n - 1] == '/' ? "" : "/", name);
	(void)putchar(o->style == NUL ? '\0' : '\n');
	free(shown);
}

/* What aipm-stop told the run that made it: "-" where nothing is known. */
static void
print_proof(const char *dir, const struct aipm_backup *b)
{
	size_t n = strlen(dir) + strlen(b->name) + 2;
	char *path = malloc(n);
	struct aipm_release r = { 0 };
	struct aipm_footer f;
	struct aipm_err err;
	int fd = -1;

	if (path != NULL) {
		(void)snprintf(path, n, "%s/%s", dir, b->name);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd != -1 && aipm_footer_read(&f, fd, path, &err) == 1)
		(void)aipm_runinfo_release(&r, fd, &f, path, &err);
	if (fd != -1)
		(void)close(fd);
	free(path);
	printf("%-5s %7s ", *r.proof == '\0' ? "-" : r.proof,
	    *r.downtime == '\0' ? "-" : r.downtime);
}

/* Every column but the path, which may contain blanks, is one word. */
static void
print_columns(const struct options *o, const char *dir,
    const struct aipm_backup *b, int64_t now)
{
	char taken[32], age[AIPM_HUMAN_MAX], size[AIPM_HUMAN_MAX];
	char entries[24] = "-";

	aipm_stamp_show(taken, b->stamp.taken);
	aipm_human_age(age, now - b->stamp.taken);
	aipm_human_size(size, b->size);
	if (b->state == AIPM_STATE_COMPLETE || b->state == AIPM_STATE_PARTIAL)
		(void)snprintf(
		    entries, sizeof(entries), "%" PRIu64, b->entries);
	printf("%s %4s %4s ", taken, age, size);
	if (o->style == LONG)
		printf("%14" PRIu64 " ", b->size);
	printf("%9s %-8s %-11s ", entries, aipm_state_name(b->state),
	    aipm_kind_name(b->stamp.kind));
	if (o->style == LONG)
		print_proof(dir, b);
}

static int
print_latest(struct cli_run *run, const struct options *o,
    const struct aipm_catalog *c, const char *dir, struct aipm_err *err)
{
	const struct aipm_backup *b = aipm_catalog_latest(c);

	if (b == NULL)
		return aipm_err_file(
		    err, AIPM_NOMATCH, dir, "no complete backup there");
	if (b->state == AIPM_STATE_UNKNOWN)
		cli_note(run,
		    "%s: made by another tool; nothing proves that "
		    "it is complete",
		    b->name);
	print_path(o, dir, b->name);
	return 0;
}

static int
list_directory(struct cli_run *run, const struct options *o, const char *dir,
    struct aipm_err *err)
{
	struct aipm_catalog c;
	int64_t now = (int64_t)time(NULL);
	int r = 0;

	if (aipm_catalog_read(&c, dir, o->prefix, err) == -1)
		return -1;
	if (o->latest)
		r = print_latest(run, o, &c, dir, err);
	for (size_t i = 0; i < c.n && !o->latest; i++) {
		if (o->style == COLUMNS || o->style == LONG)
			print_columns(o, dir, &c.v[i], now);
		print_path(o, dir, c.v[i].name);
	}
	aipm_catalog_free(&c);
	return r;
}

static int
list_archive(struct cli_run *run, const struct options *o, int fd,
    const char *name, struct aipm_err *err)
{
	static const enum aipm_list_style styles[] = {
		[COLUMNS] = AIPM_LIST_NAMES,
		[LONG] = AIPM_LIST_LONG,
		[ONE] = AIPM_LIST_NAMES,
		[NUL] = AIPM_LIST_NUL,
		[SHA256] = AIPM_LIST_SHA256,
	};
	struct aipm_reader_options r = {
		.warn = { cli_warn, run },
		.cancel = run->cancel,
	};

	if (o->style == RECORD)
		return aipm_list_record(stdout, fd, name, err);
	if (o->latest)
		return aipm_err_file(err, AIPM_USAGE, name,
		    "--latest wants a directory of backups");
	return aipm_list(
	    stdout, fd, name, styles[o->style], o->terminal, &r, err);
}

static int
list_file(struct cli_run *run, const struct options *o, const char *path,
    struct aipm_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd == -1)
		return aipm_err_path(err,
		    errno == ENOENT ? AIPM_NOMATCH : AIPM_FAILED, path,
		    "cannot open");
	r = list_archive(run, o, fd, path, err);
	(void)close(fd);
	return r;
}

static int
list(struct cli_run *run, const struct options *o, const char *operand,
    struct aipm_err *err)
{
	struct stat st;
	bool archive = o->style == SHA256 || o->style == RECORD;

	if (operand != NULL && strcmp(operand, "-") == 0)
		return list_archive(
		    run, o, STDIN_FILENO, "standard input", err);
	if (operand != NULL && stat(operand, &st) == 0)
		archive = !S_ISDIR(st.st_mode);
	if (operand != NULL && archive)
		return list_file(run, o, operand, err);
	if (operand == NULL)
		operand = cli_setting(run, "AIPM_BACKUPS", "./backups");
	if (o->style == SHA256 || o->style == RECORD)
		return aipm_err_file(err, AIPM_USAGE, operand,
		    "--sha256 and --record want an archive");
	return list_directory(run, o, operand, err);
}

int
main(int argc, char **argv)
{
	struct cli_run run = { 0 };
	struct options o = { 0 };
	struct aipm_err err;
	int status;

	if ((status = cli_parse(&run, &program, argc, argv, &o)) != -1)
		return status;
	if (argc - optind > 1)
		return cli_usage(&run, "one directory or archive at a time");
	if (o.prefix == NULL)
		o.prefix = cli_setting(&run, "AIPM_NAME", "ai-pm");
	if (!aipm_stamp_prefix_ok(o.prefix))
		return cli_usage(
		    &run, "'%.40s' is no prefix of names", o.prefix);
	o.terminal = isatty(STDOUT_FILENO) == 1;
	/* Long lists, in few calls. */
	if (!o.terminal)
		(void)setvbuf(stdout, NULL, _IOFBF, 65536);
	return cli_finish(&run, list(&run, &o, argv[optind], &err) == -1, &err);
}
