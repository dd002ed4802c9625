/* aipm-unpack: an archive into a directory, verified. */
#include "cli.h"

#include "aipm/escape.h"
#include "aipm/io.h"
#include "aipm/swap.h"
#include "aipm/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_OVERWRITE = 256,
	OPT_SALVAGE,
	OPT_SPECIAL,
	OPT_SPARSE,
	OPT_EXCHANGE
};

struct options {
	struct aipm_unpack_options unpack;
	bool exchange;
};

static const struct cli_option table[] = {
	{ 'C', "directory", "DIR", "unpack into DIR (default: .)" },
	{ 't', "test", NULL, "verify everything, write nothing" },
	{ 'j', "jobs", "N", "threads that inflate (default: processors)" },
	{ 'v', "verbose", NULL, "print the names on standard output" },
	{ OPT_OVERWRITE, "overwrite", NULL, "replace names that exist" },
	{ OPT_SALVAGE, "salvage", NULL,
	    "unpack what is sound of a damaged archive" },
	{ OPT_SPECIAL, "special", NULL,
	    "make devices, set-id bits and file capabilities" },
	{ OPT_SPARSE, "sparse", NULL, "make holes of all blocks of zeros" },
	{ OPT_EXCHANGE, "exchange", NULL,
	    "exchange two directories in one step" },
	{ 0, NULL, NULL, NULL },
};

/* Standard output gets the names; all of them before anything is published. */
static int
print_name(void *ctx, const struct aipm_entry *e, struct aipm_err *err)
{
	char *shown;

	(void)ctx;
	if (e == NULL)
		return aipm_stream_flush(stdout, "standard output", err);
	if ((shown = aipm_escape_dup(e->path)) == NULL)
		return aipm_err_nomem(err);
	puts(shown);
	free(shown);
	if (ferror(stdout))
		return aipm_stream_flush(stdout, "standard output", err);
	return 0;
}

static int
option(void *opts, int key, const char *arg, struct aipm_err *err)
{
	struct options *o = opts;
	unsigned long n;

	switch (key) {
	case 'j':
		if (cli_number("-j", arg, 1, 1024, &n, err) == -1)
			return -1;
		o->unpack.workers = (unsigned)n;
		return 0;
	case 'C':
		if (*arg == '\0')
			return aipm_err_set(
			    err, AIPM_USAGE, "-C: which directory?");
		o->unpack.dir = arg;
		return 0;
	case 't':
		o->unpack.test = true;
		return 0;
	case 'v':
		o->unpack.visit = print_name;
		return 0;
	case OPT_OVERWRITE:
		o->unpack.overwrite = true;
		return 0;
	case OPT_SALVAGE:
		o->unpack.salvage = true;
		return 0;
	case OPT_SPECIAL:
		o->unpack.special = true;
		return 0;
	case OPT_SPARSE:
		o->unpack.sparse = true;
		return 0;
	default:
		o->exchange = true;
		return 0;
	}
}

static const struct cli cli = {
	.name = "aipm-unpack",
	.synopsis = "[OPTION]... ARCHIVE [PATH]...\n"
	            "[OPTION]... - [PATH]... <ARCHIVE\n"
	            "--exchange NEW OLD",
	.about = "Unpack an archive, all of it verified before any of it "
	         "appears.",
	.options = table,
	.option = option,
};

static int
check_exchange(const struct cli_run *run, const struct options *o, int operands)
{
	const struct aipm_unpack_options *u = &o->unpack;

	if (u->dir != NULL || u->test || u->visit != NULL || u->overwrite ||
	    u->salvage || u->special || u->sparse || u->workers != 0)
		return cli_usage(run, "--exchange goes with no other option");
	if (operands != 2)
		return cli_usage(
		    run, "--exchange takes the new directory and the old one");
	return -1;
}

/*
 * --overwrite replaces whole top-level names: with a path below one it would
 * take away everything beside that path.
 */
static int
check_paths(const struct cli_run *run, const struct options *o,
    char *const *paths, int n)
{
	for (int i = 0; i < n; i++) {
		const char *p = paths[i];

		while (p[0] == '.' && p[1] == '/')
			p += 2;
		if (p[strspn(p, "/")] == '\0')
			return cli_usage(run, "a PATH is empty");
		if (o->unpack.overwrite && p[strcspn(p, "/")] == '/' &&
		    p[strcspn(p, "/") + 1] != '\0')
			return cli_usage(run,
			    "--overwrite replaces top-level names whole: "
			    "unpack this PATH with -C elsewhere, then "
			    "--exchange it");
	}
	return -1;
}

/* -1 to go on, else the status of a wrong call. */
static int
check(const struct cli_run *run, const struct options *o, char *const *args,
    int operands)
{
	if (o->exchange)
		return check_exchange(run, o, operands);
	if (operands == 0)
		return cli_usage(run, "which archive?");
	if (strcmp(args[0], "-") == 0 && isatty(STDIN_FILENO))
		return cli_usage(run, "an archive does not come from a "
		                      "terminal: use aipm-unpack - <FILE");
	if (o->unpack.test && o->unpack.overwrite)
		return cli_usage(run, "-t writes nothing: no --overwrite");
	return check_paths(run, o, args + 1, operands - 1);
}

static int
unpack(struct cli_run *run, struct options *o, char *const *args, int operands,
    struct aipm_err *err)
{
	bool from_stdin = strcmp(args[0], "-") == 0;
	int fd = STDIN_FILENO, r;

	o->unpack.paths = (const char *const *)args + 1;
	o->unpack.npaths = (size_t)operands - 1;
	if (o->unpack.dir == NULL)
		o->unpack.dir = ".";
	o->unpack.warn = (struct aipm_warn){ cli_warn, run };
	o->unpack.cancel = run->cancel;
	o->unpack.owner = geteuid() == 0;
	if (!o->unpack.owner && !o->unpack.test)
		cli_note(run, "not root: files will belong to you");
	if (!from_stdin && (fd = open(args[0], O_RDONLY | O_CLOEXEC)) == -1)
		return aipm_err_path(err, AIPM_FAILED, args[0], "cannot open");
	r = aipm_unpack(
	    fd, from_stdin ? "standard input" : args[0], &o->unpack, err);
	if (!from_stdin)
		(void)close(fd);
	return r;
}

int
main(int argc, char **argv)
{
	struct cli_run run = { 0 };
	struct options o = { 0 };
	struct aipm_err err;
	int status = cli_parse(&run, &cli, argc, argv, &o), r;

	if (status == -1)
		status = check(&run, &o, argv + optind, argc - optind);
	if (status != -1)
		return status;
	if (o.exchange)
		r = aipm_swap(argv[optind], argv[optind + 1], &err);
	else
		r = unpack(&run, &o, argv + optind, argc - optind, &err);
	return cli_finish(&run, r == -1, &err);
}
