#include "aipm/conf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
name_ok(const char *s, size_t n)
{
	static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	return n > 5 && strncmp(s, "AIPM_", 5) == 0 && strspn(s, known) == n;
}

/* Take blanks at both ends, then one pair of quotes, off s in place. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
		s[n - 1] = '\0';
		s++;
	}
	return s;
}

static int
add(struct aipm_conf *c, const char *name, const char *value,
    struct aipm_err *err)
{
	struct aipm_conf_line *v, l;

	if ((v = realloc(c->v, (c->n + 1) * sizeof(*v))) == NULL)
		return aipm_err_nomem(err);
	c->v = v;
	l.name = strdup(name);
	l.value = strdup(value);
	if (l.name == NULL || l.value == NULL) {
		free(l.name);
		free(l.value);
		return aipm_err_nomem(err);
	}
	v[c->n++] = l;
	return 0;
}

static int
parse_line(struct aipm_conf *c, char *line, const char *path, size_t number,
    struct aipm_err *err)
{
	char *s = line + strspn(line, " \t\r\n"), *eq;

	if (*s == '\0' || *s == '#')
		return 0;
	if ((eq = strchr(s, '=')) == NULL || !name_ok(s, (size_t)(eq - s)))
		return aipm_err_set(err, AIPM_USAGE,
		    "%s:%zu: not a line AIPM_NAME=value", path, number);
	*eq = '\0';
	return add(c, s, trim(eq + 1), err);
}

int
aipm_conf_read(struct aipm_conf *c, const char *path, struct aipm_err *err)
{
	FILE *f;
	char *line = NULL;
	size_t cap = 0, number = 0;
	int r = 0;

	memset(c, 0, sizeof(*c));
	if ((f = fopen(path, "re")) == NULL) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return aipm_err_path(err, AIPM_FAILED, path, "cannot open");
	}
	while (r == 0 && getline(&line, &cap, f) != -1)
		r = parse_line(c, line, path, ++number, err);
	if (r == 0 && ferror(f))
		r = aipm_err_path(err, AIPM_FAILED, path, "cannot read");
	free(line);
	(void)fclose(f);
	if (r == -1)
		aipm_conf_free(c);
	return r;
}

const char *
aipm_conf_get(const struct aipm_conf *c, const char *name)
{
	for (size_t i = c->n; i > 0; i--)
		if (strcmp(c->v[i - 1].name, name) == 0)
			return c->v[i - 1].value;
	return NULL;
}

void
aipm_conf_free(struct aipm_conf *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		free(c->v[i].value);
	}
	free(c->v);
	memset(c, 0, sizeof(*c));
}
