#include "../../lib/proof/parts.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct aipm_err err;

Test(proof, finds_a_container_in_every_kind_of_cgroup)
{
	static const char *const known[] = { "0::/system.slice/docker-" ID
		                             ".scope\n",
		"12:pids:/docker/" ID "\n11:cpu:/docker/" ID "\n",
		"0::/machine.slice/libpod-" ID ".scope/container\n" };
	char id[65];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		holders_container(id, known[i]);
		cr_assert_str_eq(id, ID);
	}
	holders_container(id, "0::/user.slice/user-1000.slice/session-2.scope");
	cr_assert_str_eq(id, "");
	holders_container(id, "0::/x" ID "ff");
	cr_assert_str_eq(id, "");
}

Test(proof, a_directory_that_is_not_there_is_quiet)
{
	struct aipm_proof_options o = { NULL, 0, NULL, NULL };
	struct aipm_proof_result r;

	cr_assert_eq(aipm_proof_take(&r, "/tmp/no/such/dir", &o, &err), 0);
	cr_assert_eq(r.proof, AIPM_QUIET);
	aipm_proof_free(&r);
}

Test(proof, looks_into_every_directory_and_names_the_file)
{
	char dir[] = "/dev/shm/aipm-proof-XXXXXX";
	struct aipm_proof_options o = { NULL, 0, NULL, NULL };
	struct aipm_proof_result r;
	char path[128];
	int fd;

	cr_assert_not_null(mkdtemp(dir));
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		cr_assert_eq(mkdir(path, 0700), 0);
		strcat(path, "/f");
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		cr_assert_neq(fd, -1);
		if (i != 250)
			close(fd);
	}
	cr_assert_eq(aipm_proof_take(&r, dir, &o, &err), 0);
	cr_assert_eq(r.proof, AIPM_WRITTEN);
	cr_assert_eq(r.n, 1);
	cr_assert_eq(r.v[0].pid, getpid());
	snprintf(path, sizeof(path), "%s/250/f", dir);
	cr_assert_str_eq(r.v[0].path, path);
	cr_assert_not(r.v[0].mapped);
	aipm_proof_free(&r);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	cr_assert_eq(system(path), 0);
}
