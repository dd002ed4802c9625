#include "cli.h"

#include "aipm/escape.h"
#include "aipm/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_KEEP_LAST = 256, KEY_LEGACY, KEY_NAME, KEEP_LAST_MAX = 1000000 };

struct options {
	unsigned long keep_last; /* 0: not given */
	bool dry_run;
	bool legacy;
	const char *prefix;
};

static int
option(void *opts, int key, const char *arg, struct aipm_err *err)
{
	struct options *o = opts;

	switch (key) {
	case KEY_KEEP_LAST:
		return cli_number(
		    "--keep-last", arg, 1, KEEP_LAST_MAX, &o->keep_last, err);
	case 'n':
		o->dry_run = true;
		break;
	case KEY_LEGACY:
		o->legacy = true;
		break;
	case KEY_NAME:
		o->prefix = arg;
		break;
	}
	return 0;
}

static const struct cli_option options[] = {
	{ KEY_KEEP_LAST, "keep-last", "N",
	    "keep the N newest complete backups (10)" },
	{ 'n', "dry-run", NULL, "remove nothing, print what would go" },
	{ KEY_LEGACY, "legacy", NULL,
	    "count and remove the names of older scripts too" },
	{ KEY_NAME, "name", "PREFIX", "the names' prefix (ai-pm)" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli program = {
	.name = "aipm-prune",
	.synopsis =
	    "[-n] [--keep-last N] [--legacy] [--name PREFIX] DIRECTORY\n"
	    "[--keep-last N] [--legacy] [--name PREFIX] -",
	.about = "Remove old backups from a directory and print their paths; "
	         "with -, print\nwhich of the paths on standard input should "
	         "go.",
	.options = options,
	.option = option,
};

/* A terminal gets no control characters, a pipe gets the path itself. */
static void
print_path(void *ctx, const char *path)
{
	char *shown = NULL;

	(void)ctx;
	if (isatty(STDOUT_FILENO))
		shown = aipm_escape_dup(path);
	puts(shown != NULL ? shown : path);
	free(shown);
}

/* What was not given comes from the settings. */
static int
complete(struct cli_run *run, struct options *o, struct aipm_err *err)
{
	const char *keep = cli_setting(run, "AIPM_KEEP_LAST", "10");

	if (o->keep_last == 0 && cli_number("AIPM_KEEP_LAST", keep, 1,
	                             KEEP_LAST_MAX, &o->keep_last, err) == -1)
		return -1;
	if (o->prefix == NULL)
		o->prefix = cli_setting(run, "AIPM_NAME", "ai-pm");
	if (!aipm_stamp_prefix_ok(o->prefix))
		return aipm_err_set(err, AIPM_USAGE,
		    "the prefix of names has to be letters, digits, dots, "
		    "dashes and underscores, at most 100");
	return 0;
}

static int
prune(struct cli_run *run, const struct options *o, const char *operand,
    struct aipm_err *err)
{
	struct aipm_prune_options p = {
		.keep_last = o->keep_last,
		.legacy = o->legacy,
		.dry_run = o->dry_run,
		.prefix = o->prefix,
		.removed = print_path,
		.warn = { cli_warn, run },
		.cancel = run->cancel,
	};

	return strcmp(operand, "-") == 0
	           ? aipm_prune_names(stdin, &p, err)
	           : aipm_prune_directory(operand, &p, err);
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
	if (argc - optind != 1)
		return cli_usage(
		    &run, "name one directory of backups, or - for a list");
	if (complete(&run, &o, &err) == -1)
		return cli_usage(&run, "%s", err.text);
	return cli_finish(
	    &run, prune(&run, &o, argv[optind], &err) == -1, &err);
}
