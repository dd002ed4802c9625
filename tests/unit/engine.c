#include "../../lib/engine/inspect.h"
#include "../../lib/engine/json.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static void
json_is(const char *text, const char *want, const char *rest)
{
	const char *s = text;
	char *got = engine_json_string(&s);

	cr_assert_not_null(got, "%s", text);
	cr_assert_str_eq(got, want);
	cr_assert_str_eq(s, rest);
	free(got);
}

Test(json, decodes_every_escape)
{
	json_is("\"\" x", "", " x");
	json_is("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t", "");
	json_is("\"\\u003c\\u00E9\\u20ac\"", "<\xc3\xa9\xe2\x82\xac", "");
	json_is("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", "");
	json_is("\"\xc3\xa9\"", "\xc3\xa9", "");
}

Test(json, half_a_surrogate_pair_becomes_the_replacement_character)
{
	json_is("\"\\ud83dx\"", "\xef\xbf\xbdx", "");
	json_is("\"\\ude00\"", "\xef\xbf\xbd", "");
	json_is("\"\\ud83d\\u0041\"",
	    "\xef\xbf\xbd"
	    "A",
	    "");
}

Test(json, refuses_what_is_no_string)
{
	static const char *const bad[] = { "", "x", "\"", "\"a", "\"\\\"",
		"\"\\x\"", "\"\\u12\"", "\"\\u000g\"", "\"\\u0000\"",
		"\"a\nb\"", "null" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *s = bad[i];

		cr_assert_null(engine_json_string(&s), "%s", bad[i]);
		cr_assert_eq(s, bad[i]);
	}
}

static int
parse(struct aipm_containers *c, const char *text, struct aipm_err *err)
{
	char *copy = strdup(text);
	int r;

	memset(c, 0, sizeof(*c));
	r = engine_parse_containers(c, copy, err);
	free(copy);
	return r;
}

Test(engine, reads_what_inspect_says)
{
	struct aipm_containers c;
	struct aipm_err err;
	const struct aipm_container *p;

	cr_assert_eq(
	    parse(&c,
	        "container aa\nname \"/web\"\n"
	        "created \"2026-01-02T03:04:05.06Z\"\nstarted \"x\"\n"
	        "status \"restarting\"\nexit 137\ntimeout 30\n"
	        "remove true\n"
	        "label \"com.docker.compose.project\" \"p\"\n"
	        "label \"x\" \"y\"\n"
	        "mount \"bind\" true \"/a b\" \"\"\n"
	        "mount \"tmpfs\" true \"\" null\n"
	        "mount \"volume\" false \"/v\" \"vol\"\nend\n\n"
	        "container bb\nname \"/db\"\n"
	        "created \"2026-01-02T03:04:05.123+01:00\"\nstarted \"x\"\n"
	        "status \"paused\"\nexit 0\ntimeout null\n"
	        "remove false\nend\n",
	        &err),
	    0, "%s", err.text);
	cr_assert_eq(c.n, 2);
	p = &c.v[0];
	cr_assert_str_eq(p->name, "web");
	cr_assert_str_eq(p->created, "2026-01-02T03:04:05.06");
	cr_assert_eq(p->state, AIPM_CONTAINER_RUNNING);
	cr_assert_eq(p->exit_code, 137);
	cr_assert_eq(p->timeout, 30);
	cr_assert(p->remove);
	cr_assert_str_eq(p->project, "p");
	cr_assert_eq(p->nmounts, 2);
	cr_assert_str_eq(p->mounts[0].source, "/a b");
	cr_assert_null(p->mounts[0].volume);
	cr_assert(p->mounts[0].writable);
	cr_assert_str_eq(p->mounts[1].volume, "vol");
	cr_assert_not(p->mounts[1].writable);
	p = &c.v[1];
	cr_assert_str_eq(p->created, "2026-01-02T03:04:05.123");
	cr_assert_eq(p->state, AIPM_CONTAINER_PAUSED);
	cr_assert_eq(p->timeout, -1);
	aipm_containers_free(&c);
}

Test(engine, takes_the_engines_default_timeout_for_none)
{
	struct aipm_containers c;
	struct aipm_err err;

	cr_assert_eq(
	    parse(&c,
	        "container aa\nname \"w\"\ncreated \"x\"\nstarted \"x\"\n"
	        "timeout 10\nend\n",
	        &err),
	    0);
	cr_assert_eq(c.v[0].timeout, -1);
	aipm_containers_free(&c);
}

Test(engine, refuses_an_answer_that_it_does_not_understand)
{
	static const char odd[] = "container aa\nname \"x\"\ncreated \"y\"\n"
	                          "started \"y\"\nodd 1\nend\n";
	const char *const bad[] = { "hello\n", "container\n",
		"container aa\nend\n", "container aa\nname \"x\"\n",
		"container aa\nname \"x\"\ncreated \"y\"\nstarted \"y\"\n",
		"container aa\nname x\ncreated \"y\"\nstarted \"y\"\nend\n",
		odd, "container aa\nmount \"bind\" maybe \"/a\" null\nend\n" };
	struct aipm_containers c;
	struct aipm_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(parse(&c, bad[i], &err), -1, "%zu", i);
		aipm_containers_free(&c);
	}
}

Test(engine, enters_the_device_of_a_volume)
{
	char text[] = "volume \"v\"\noption \"type\" \"none\"\n"
	              "option \"device\" \"/srv/x\"\nend\nvolume \"w\"\nend\n";
	struct aipm_containers c;
	struct aipm_err err;

	cr_assert_eq(
	    parse(&c,
	        "container aa\nname \"w\"\ncreated \"x\"\nstarted \"x\"\n"
	        "mount \"volume\" true \"/l/v\" \"v\"\n"
	        "mount \"volume\" true \"/l/w\" \"w\"\nend\n",
	        &err),
	    0);
	cr_assert_eq(engine_parse_volumes(&c, text, &err), 0);
	cr_assert_str_eq(c.v[0].mounts[0].device, "/srv/x");
	cr_assert_null(c.v[0].mounts[1].device);
	aipm_containers_free(&c);
}
