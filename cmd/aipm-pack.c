/* aipm-pack: a directory into an archive. */
#include "cli.h"

#include "aipm/codec.h"
#include "aipm/escape.h"
#include "aipm/io.h"
#include "aipm/pack.h"
#include "aipm/refs.h"
#include "aipm/release.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_LEVEL = 256,
	OPT_AS,
	OPT_KIND,
	OPT_FORCE,
	OPT_NAME,
	OPT_CHECKSUM,
	OPT_THIN,
	OPT_NO_CLONE,
};

struct options {
	struct aipm_pack_options pack;
	const char **exclude; /* owned; the strings are argv's */
	const char *refs[AIPM_REFS_MAX];
	const char *file, *shelf, *prefix;
	bool force;
};

static const struct cli_option table[] = {
	{ 'd', "directory", "DIR", "publish a backup in DIR, print its path" },
	{ 'o', "output", "FILE", "publish as FILE, print its path" },
	{ OPT_FORCE, "force", NULL, "replace FILE if it exists" },
	{ 'r', "reference", "REF", "take what is unchanged out of REF" },
	{ OPT_CHECKSUM, "checksum", NULL,
	    "with -r: read all, believe no time" },
	{ OPT_NO_CLONE, "no-clone", NULL, "share no blocks with REF: copy" },
	{ OPT_THIN, "thin", NULL, "leave out what the references have" },
	{ 'j', "jobs", "N", "threads that compress (default: processors)" },
	{ OPT_LEVEL, "level", "N", "1 fastest, 9 smallest; also -1 to -9" },
	{ '1', "", NULL, NULL },
	{ '2', "", NULL, NULL },
	{ '3', "", NULL, NULL },
	{ '4', "", NULL, NULL },
	{ '5', "", NULL, NULL },
	{ '6', "", NULL, NULL },
	{ '7', "", NULL, NULL },
	{ '8', "", NULL, NULL },
	{ '9', "", NULL, NULL },
	{ 'x', "exclude", "GLOB", "leave out what matches; repeatable" },
	{ OPT_AS, "as", "NAME", "name the packed directory NAME" },
	{ OPT_KIND, "kind", "KIND", "with -d: backup, partial, pre-restore" },
	{ OPT_NAME, "name", "PREFIX", "with -d: the name's prefix" },
	{ 0, NULL, NULL, NULL },
};

static int
set_level(struct options *o, const char *arg, struct aipm_err *err)
{
	unsigned long n;

	if (o->pack.level != 0)
		return aipm_err_set(
		    err, AIPM_USAGE, "more than one compression level given");
	if (cli_number(
	        "--level", arg, AIPM_LEVEL_MIN, AIPM_LEVEL_MAX, &n, err) == -1)
		return -1;
	o->pack.level = (int)n;
	return 0;
}

static int
add_exclude(struct options *o, const char *glob, struct aipm_err *err)
{
	const char **v = realloc(
	    o->exclude, (o->pack.nexclude + 1) * sizeof(*v));

	if (v == NULL)
		return aipm_err_nomem(err);
	v[o->pack.nexclude++] = glob;
	o->pack.exclude = o->exclude = v;
	return 0;
}

static int
add_reference(struct options *o, const char *path, struct aipm_err *err)
{
	if (o->pack.nrefs == AIPM_REFS_MAX)
		return aipm_err_set(err, AIPM_USAGE,
		    "more than %d references given", AIPM_REFS_MAX);
	o->refs[o->pack.nrefs++] = path;
	o->pack.refs = o->refs;
	return 0;
}

/* A path component that a tar may begin with. */
static int
set_as(struct options *o, const char *arg, struct aipm_err *err)
{
	if (*arg == '\0' || strchr(arg, '/') != NULL || strcmp(arg, ".") == 0 ||
	    strcmp(arg, "..") == 0)
		return aipm_err_set(
		    err, AIPM_USAGE, "--as: '%.40s' is not a plain name", arg);
	o->pack.as = arg;
	return 0;
}

static int
option(void *opts, int key, const char *arg, struct aipm_err *err)
{
	struct options *o = opts;
	unsigned long n;
	char digit[2] = { (char)key, '\0' };

	switch (key) {
	case 'd':
		o->shelf = arg;
		return 0;
	case 'o':
		o->file = arg;
		return 0;
	case OPT_FORCE:
		o->force = true;
		return 0;
	case 'j':
		if (cli_number("-j", arg, 1, 1024, &n, err) == -1)
			return -1;
		o->pack.workers = (unsigned)n;
		return 0;
	case 'r':
		return add_reference(o, arg, err);
	case OPT_CHECKSUM:
		o->pack.checksum = true;
		return 0;
	case OPT_NO_CLONE:
		o->pack.no_clone = true;
		return 0;
	case OPT_THIN:
		o->pack.thin = true;
		return 0;
	case 'x':
		return add_exclude(o, arg, err);
	case OPT_AS:
		return set_as(o, arg, err);
	case OPT_KIND:
		if (!aipm_kind_parse(arg, &o->pack.kind))
			return aipm_err_set(err, AIPM_USAGE,
			    "--kind: '%.40s' is none of backup, partial, "
			    "pre-restore",
			    arg);
		return 0;
	case OPT_NAME:
		o->prefix = arg;
		return 0;
	case OPT_LEVEL:
		return set_level(o, arg, err);
	default:
		return set_level(o, digit, err);
	}
}

static void
version(void)
{
	char codecs[256];

	aipm_codec_list(codecs, sizeof(codecs));
	printf("codecs: %s\n", codecs);
}

static const struct cli cli = {
	.name = "aipm-pack",
	.synopsis = "[OPTION]... -d DIR DIRECTORY\n"
	            "[OPTION]... -o FILE DIRECTORY\n"
	            "[OPTION]... DIRECTORY >FILE",
	.about = "Pack DIRECTORY into a .tar.gz that any tar restores.",
	.options = table,
	.option = option,
	.version = version,
};

/* -1 to go on, else the status of a wrong call. */
static int
check(struct cli_run *run, const struct options *o, int operands)
{
	if (operands != 1)
		return cli_usage(run, operands == 0
		                          ? "which directory?"
		                          : "one directory at a time");
	if (o->file != NULL && o->shelf != NULL)
		return cli_usage(run, "-d and -o exclude each other");
	if (o->pack.thin && o->shelf != NULL)
		return cli_usage(run,
		    "a thin archive is no backup: --thin goes "
		    "with -o, not with -d");
	if (o->force && o->file == NULL)
		return cli_usage(run, "--force goes with -o");
	if (!aipm_stamp_prefix_ok(o->prefix))
		return cli_usage(run,
		    "'%.40s' cannot begin a backup's name: letters, digits, "
		    ". - _ only",
		    o->prefix);
	if (o->file == NULL && o->shelf == NULL && isatty(STDOUT_FILENO))
		return cli_usage(run, "an archive does not go to a terminal: "
		                      "use -d, -o, or >FILE");
	return -1;
}

/* Said once, instead of a line for each file that belongs to another id. */
static void
note_not_root(const struct cli_run *run)
{
	if (geteuid() != 0)
		cli_note(run,
		    "not root: files that belong to other ids (PostgreSQL's, "
		    "Redis's) may be unreadable and then missing");
}

static void
note_path(void *run, const char *path, const char *text)
{
	char *shown;

	if (path == NULL) {
		cli_note(run, "%s", text);
		return;
	}
	shown = aipm_escape_dup(path);
	cli_note(run, "%s: %s", shown == NULL ? "?" : shown, text);
	free(shown);
}

/* The archive stands, whatever becomes of its path. */
static int
print_path(const char *path, struct aipm_err *err)
{
	struct aipm_err why;
	char shown[512];

	puts(path);
	if (aipm_stream_flush(stdout, "standard output", &why) == 0)
		return 0;
	aipm_escape(shown, sizeof(shown), path);
	return aipm_err_set(
	    err, AIPM_WARNED, "%s is published, but: %.400s", shown, why.text);
}

static int
pack(struct cli_run *run, struct options *o, const char *dir,
    struct aipm_err *err)
{
	struct aipm_pack_sum sum;
	const char *avoid[] = { o->shelf, NULL };
	char *path = NULL;
	int r;

	if (aipm_release_open(&o->pack.release, err) == -1)
		return -1;
	o->pack.covered = aipm_release_covers(dir);
	/* Only where somebody said so: any tree may have a "backups". */
	if (o->shelf == NULL)
		avoid[0] = cli_setting(run, "AIPM_BACKUPS", NULL);
	o->pack.avoid = avoid;
	if (o->shelf != NULL)
		r = aipm_pack_shelf(
		    &o->pack, dir, o->shelf, o->prefix, &path, &sum, err);
	else if (o->file != NULL)
		r = aipm_pack_file(&o->pack, dir, o->file, o->force, &sum, err);
	else
		r = aipm_pack_stream(
		    &o->pack, dir, STDOUT_FILENO, "standard output", &sum, err);
	if (r == 0 && (path != NULL || o->file != NULL))
		r = print_path(path != NULL ? path : o->file, err);
	if (r == 0 && run->verbose > 0)
		cli_note(run,
		    "%" PRIu64 " entries, %" PRIu64 " bytes in, %" PRIu64
		    " bytes out; %" PRIu64 " read, %" PRIu64
		    " taken out of references, %" PRIu64
		    " of them shared, %" PRIu64 " made anew",
		    sum.entries, sum.content, sum.size, sum.read, sum.reused,
		    sum.shared, sum.made);
	free(path);
	return r;
}

int
main(int argc, char **argv)
{
	struct cli_run run = { 0 };
	struct options o = { 0 };
	struct aipm_err err;
	int status = cli_parse(&run, &cli, argc, argv, &o), r;

	if (status == -1) {
		if (o.prefix == NULL)
			o.prefix = cli_setting(&run, "AIPM_NAME", "ai-pm");
		status = check(&run, &o, argc - optind);
	}
	if (status != -1) {
		free(o.exclude);
		return status;
	}
	if (o.pack.level == 0)
		o.pack.level = AIPM_LEVEL_DEFAULT;
	o.pack.warn = (struct aipm_warn){ cli_warn, &run };
	o.pack.note = (struct aipm_warn){ note_path, &run };
	o.pack.cancel = run.cancel;
	note_not_root(&run);
	r = pack(&run, &o, argv[optind], &err);
	free(o.exclude);
	return cli_finish(&run, r == -1, &err);
}
