#include "../../lib/stack/parts.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

static char dir[32];

static void
enter_dir(void)
{
	strcpy(dir, "/tmp/aipm-stack-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void
leave_dir(void)
{
	cr_assert_eq(rmdir(dir), 0, "something is left in %s", dir);
}

Test(path, at_and_below_are_told_by_text_where_nothing_exists)
{
	cr_assert(stack_below("/no/such/data", "/no/such/data"));
	cr_assert(stack_below("/no//such/./data/x", "/no/such/data/"));
	cr_assert(stack_below("/no/such/y/../data/x", "/no/such/data"));
	cr_assert(stack_below("/no/such", "/"));
	cr_assert_not(stack_below("/no/such/database", "/no/such/data"));
	cr_assert_not(stack_below("/no/such", "/no/such/data"));
	cr_assert(stack_same("/no/such/", "/../no/./such"));
}

Test(path, at_and_below_are_told_by_inode_through_symlinks, .init = enter_dir,
    .fini = leave_dir)
{
	char data[64], link[64], deep[64];

	(void)snprintf(data, sizeof(data), "%s/data", dir);
	(void)snprintf(link, sizeof(link), "%s/link", dir);
	(void)snprintf(deep, sizeof(deep), "%s/link/new/x", dir);
	cr_assert_eq(mkdir(data, 0700), 0);
	cr_assert_eq(symlink("data", link), 0);
	cr_assert(stack_same(link, data));
	cr_assert(stack_below(deep, data));
	cr_assert_not(stack_below(dir, data));
	cr_assert_eq(unlink(link), 0);
	cr_assert_eq(rmdir(data), 0);
}

Test(path, a_mount_touches_the_data_from_above_and_below)
{
	struct aipm_mount m = { "/no/such/data/db", NULL, NULL, true };

	cr_assert_not_null(stack_mount_touches(&m, "/no/such/data"));
	m.source = "/no";
	cr_assert_not_null(stack_mount_touches(&m, "/no/such/data"));
	m.source = "/no/such/other";
	cr_assert_null(stack_mount_touches(&m, "/no/such/data"));
	m.device = "/no/such/data/v";
	cr_assert_str_eq(
	    stack_mount_touches(&m, "/no/such/data"), "/no/such/data/v");
	m.device = "tmpfs";
	m.source = "";
	cr_assert_null(stack_mount_touches(&m, "/no/such/data"));
}

/* Order containers and compare with "a b c". */
static void
order_is(struct aipm_container *c, size_t n, const char *want)
{
	struct aipm_stopped v[8];
	char got[64] = "";

	for (size_t i = 0; i < n; i++)
		v[i] = (struct aipm_stopped){ &c[i], NULL, NULL };
	stack_order(v, n);
	for (size_t i = 0; i < n; i++) {
		strcat(got, i == 0 ? "" : " ");
		strcat(got, v[i].c->name);
	}
	cr_assert_str_eq(got, want);
}

#define C(n, age, on)                                                          \
	{                                                                      \
		.name = (n), .created = (age), .project = "p", .service = (n), \
		.depends_on = (on)                                             \
	}

Test(order, is_newest_first_where_nothing_is_known)
{
	struct aipm_container c[] = { C("a", "1", NULL), C("b", "3", NULL),
		C("c", "2", NULL), C("d", "2", NULL) };

	order_is(c, 4, "b c d a");
}

Test(order, puts_dependents_before_what_they_need_whatever_their_age)
{
	struct aipm_container c[] = { C("app", "1", "db:x:false,cache:y:true"),
		C("db", "2", NULL), C("web", "1", "app:x:false"),
		C("cache", "3", "disk:x:false"), C("disk", "9", NULL) };

	order_is(c, 5, "web app cache disk db");
}

Test(order, wants_the_whole_name_and_the_same_project)
{
	struct aipm_container c[] = { C("a", "1", "db2:x:false,xdb:x:false"),
		C("b", "1", "db:x:false"), C("db", "2", NULL) };

	c[1].project = "q";
	order_is(c, 3, "db a b");
}

Test(order, breaks_a_circle_at_the_newest)
{
	struct aipm_container c[] = { C("a", "1", "b:x:false"),
		C("b", "2", "a:x:false"), C("c", "3", "c:x:false") };

	order_is(c, 3, "c b a");
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(self, is_known_by_cgroup_by_mounts_and_by_host_name)
{
	struct stack_self none = { NULL, NULL, "host", NULL };
	struct stack_self cgroup = { "0::/system.slice/docker-" ID ".scope\n",
		NULL, NULL, NULL };
	struct stack_self mounts = { "0::/\n",
		"1 2 8:1 / / rw - ext4 /dev/a rw\n"
		"3 1 8:1 /docker/containers/" ID "/hostname /etc/hostname rw "
		"- ext4 /dev/a rw\n",
		NULL, NULL };
	struct stack_self host = { NULL, NULL, "0123456789ab", NULL };
	struct stack_self env = { NULL, NULL, "host", "0123456789ab" };

	cr_assert_not(stack_is_self(&none, ID));
	cr_assert(stack_is_self(&cgroup, ID));
	cr_assert(stack_is_self(&mounts, ID));
	cr_assert(stack_is_self(&host, ID));
	cr_assert(stack_is_self(&env, ID));
}

Test(self, is_not_a_container_whose_mounts_the_host_shows)
{
	struct stack_self host = { "0::/\n",
		"5 1 0:9 / /var/lib/docker/containers/" ID "/mounts/shm rw - "
		"tmpfs shm rw\n6 1 8:1 / /etc/hostname rw - ext4 /dev/a rw\n",
		"server", "server" };

	cr_assert_not(stack_is_self(&host, ID));
}
