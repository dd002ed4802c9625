#include "aipm/registry.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];
static struct aipm_err err;
static unsigned warned;

static void
count(void *ctx, const char *path, const char *text)
{
	(void)ctx;
	(void)path;
	(void)text;
	warned++;
}

static void
make_dir(void)
{
	strcpy(dir, "/tmp/aipm-registry-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	strcat(dir, "/r");
	warned = 0;
}

static struct aipm_registry
read_all(void)
{
	struct aipm_warn warn = { count, NULL };
	struct aipm_registry r;

	cr_assert_eq(aipm_registry_read(&r, dir, &warn, &err), 0);
	return r;
}

static void
remove_dir(void)
{
	char command[128];

	*strrchr(dir, '/') = '\0';
	(void)snprintf(command, sizeof(command), "rm -rf '%.100s'", dir);
	cr_assert_eq(system(command), 0);
}

Test(registry, names_what_was_added_once, .init = make_dir, .fini = remove_dir)
{
	struct aipm_registry r;

	for (int i = 0; i < 2; i++)
		cr_assert_eq(aipm_registry_add(dir, "/a", "/b", &err), 0);
	cr_assert_eq(aipm_registry_add(dir, "/c", "/c/e", &err), 0);
	r = read_all();
	cr_assert_eq(r.n, 2);
	for (size_t i = 0; i < r.n; i++)
		if (strcmp(r.v[i].root, "/a") == 0)
			cr_assert_str_eq(r.v[i].backups, "/b");
	aipm_registry_free(&r);
	cr_assert_eq(aipm_registry_remove(dir, "/a", "/b", &err), 0);
	r = read_all();
	cr_assert_eq(r.n, 1);
	cr_assert_str_eq(r.v[0].root, "/c");
	aipm_registry_free(&r);
	cr_assert_eq(warned, 0);
}

Test(registry, one_that_is_not_there_is_empty, .init = make_dir,
    .fini = remove_dir)
{
	struct aipm_registry r = read_all();

	cr_assert_eq(r.n, 0);
	cr_assert_eq(aipm_registry_remove(dir, "/a", "/b", &err), 0);
}

Test(registry, refuses_a_path_that_is_no_line, .init = make_dir,
    .fini = remove_dir)
{
	cr_assert_eq(aipm_registry_add(dir, "/a\nb", "/a", &err), -1);
	cr_assert_eq(err.cls, AIPM_FAILED);
}

Test(registry, passes_over_what_is_cut_off_or_foreign, .init = make_dir,
    .fini = remove_dir)
{
	static const char *const texts[] = { "", "aipm-project\t1\n",
		"aipm-project\t2\nroot\t/a\nbackups\t/a\nend\n",
		"aipm-project\t1\nroot\t/a\nbackups\t/a\nen",
		"aipm-project\t1\nroot\ta\nbackups\t/a\nend\n" };
	struct aipm_registry r;
	char path[96];

	cr_assert_eq(aipm_registry_add(dir, "/a", "/b", &err), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/x%zu", dir, i);
		cr_assert_not_null(f = fopen(path, "w"));
		fputs(texts[i], f);
		fclose(f);
	}
	r = read_all();
	cr_assert_eq(r.n, 1);
	cr_assert_eq(warned, 5);
	aipm_registry_free(&r);
}
