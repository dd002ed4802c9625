#include "parts.h"

#include "aipm/num.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum { HOLDERS_MAX = 16, TEXT_MAX = 4096, ID = 64 };

/* The search, and the process at hand. */
struct search {
	struct aipm_proof_result *r;
	struct suspects *s;
	const struct aipm_proof_options *o;
	int proc; /* its directory in /proc */
	struct aipm_holder holder; /* without a path */
	bool frozen;
	struct aipm_buf text; /* of its maps or mounts */
};

int
holders_add(struct aipm_proof_result *r, const struct aipm_holder *h,
    struct aipm_err *err)
{
	struct aipm_holder *v;

	if (r->n == HOLDERS_MAX) {
		r->more++;
		return 0;
	}
	if ((v = realloc(r->v, (r->n + 1) * sizeof(*v))) == NULL)
		return aipm_err_nomem(err);
	r->v = v;
	v[r->n] = *h;
	if ((v[r->n].path = strdup(h->path)) == NULL)
		return aipm_err_nomem(err);
	r->n++;
	return 0;
}

void
holders_container(char id[65], const char *cgroup)
{
	for (const char *p = cgroup; *p != '\0'; p++) {
		size_t n = 0;

		while (isxdigit((unsigned char)p[n]))
			n++;
		if (n == ID) {
			memcpy(id, p, ID);
			id[ID] = '\0';
			return;
		}
		if (n > 0)
			p += n - 1;
	}
	id[0] = '\0';
}

/* A small file of the process, as text. */
static bool
read_small(int dir, const char *name, char text[TEXT_MAX])
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, TEXT_MAX - 1);

	if (fd != -1)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* A file of the process of any size, as text. */
static bool
read_large(struct search *x, const char *name)
{
	int fd = openat(x->proc, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	x->text.len = 0;
	while (fd != -1 && aipm_buf_reserve(&x->text, 65536) == 0 &&
	       (n = read(fd, x->text.p + x->text.len, 65535)) > 0)
		x->text.len += (size_t)n;
	if (fd != -1)
		(void)close(fd);
	if (n != 0)
		return false;
	x->text.p[x->text.len] = '\0';
	return true;
}

static void
meet(struct search *x, pid_t pid)
{
	char text[TEXT_MAX];

	memset(&x->holder, 0, sizeof(x->holder));
	x->holder.pid = pid;
	if (read_small(x->proc, "comm", text)) {
		text[strcspn(text, "\n")] = '\0';
		(void)snprintf(x->holder.command, sizeof(x->holder.command),
		    "%.*s", (int)sizeof(x->holder.command) - 1, text);
	}
	if (read_small(x->proc, "cgroup", text))
		holders_container(x->holder.container, text);
	x->frozen = false;
	for (size_t i = 0; i < x->o->nfrozen; i++)
		if (strcmp(x->o->frozen[i], x->holder.container) == 0)
			x->frozen = true;
}

/* The process holds the suspect; name is what /proc calls the file. */
static int
hold(struct search *x, struct suspect *s, const char *name, bool mapped,
    struct aipm_err *err)
{
	s->holder = x->holder.pid;
	if (x->frozen)
		return 0;
	x->holder.mapped = mapped;
	/* Its name in the process's own root tells little. */
	x->holder.path = s->path != NULL ? s->path : (char *)(uintptr_t)name;
	return holders_add(x->r, &x->holder, err);
}

/* Whether what mountinfo says of mount id is a file system over a network:
 * to look at a file there may take for ever. */
static bool
is_remote(struct search *x, const char *id)
{
	static const char *const types[] = { " - nfs", " - cifs ", " - smb3 ",
		" - ceph ", " - afs ", " - fuse." };
	size_t n = strlen(id);

	if (!read_large(x, "mountinfo"))
		return false;
	for (char *l = (char *)x->text.p, *end; *l != '\0'; l = end) {
		end = l + strcspn(l, "\n");
		if (*end != '\0')
			*end++ = '\0';
		if (strncmp(l, id, n) != 0 || l[n] != ' ')
			continue;
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (strstr(l, types[i]) != NULL)
				return true;
		return false;
	}
	return false;
}

/* The value of a line "name:<tab>value" into dst. */
static bool
value_of(const char *text, const char *name, char dst[32])
{
	const char *at = strstr(text, name);

	if (at == NULL)
		return false;
	at += strlen(name);
	at += strspn(at, "\t ");
	(void)snprintf(dst, 32, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

/* Whether the descriptor is open for writing, on a file system at hand. */
static bool
writes(struct search *x, const char *number)
{
	char path[64], text[TEXT_MAX], flags[32], mount[32];
	unsigned long mode;

	(void)snprintf(path, sizeof(path), "fdinfo/%.32s", number);
	if (!read_small(x->proc, path, text) ||
	    !value_of(text, "flags:", flags))
		return false;
	mode = strtoul(flags, NULL, 8) & O_ACCMODE;
	if (mode != O_WRONLY && mode != O_RDWR)
		return false;
	return !value_of(text, "mnt_id:", mount) || !is_remote(x, mount);
}

static int
look_at_descriptor(
    struct search *x, int dir, const char *number, struct aipm_err *err)
{
	char name[TEXT_MAX];
	ssize_t n = readlinkat(dir, number, name, sizeof(name) - 1);
	struct suspect *s;
	struct stat st;

	/* Others are sockets, pipes and the like. */
	if (n < 1 || name[0] != '/' || !writes(x, number))
		return 0;
	name[n] = '\0';
	if (fstatat(dir, number, &st, 0) == -1 ||
	    (s = suspects_find(x->s, &st.st_dev, st.st_ino)) == NULL)
		return 0;
	return hold(x, s, name, false, err);
}

static int
look_at_descriptors(struct search *x, struct aipm_err *err)
{
	int fd = openat(x->proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (d == NULL) {
		if (fd != -1)
			(void)close(fd);
		return 0;
	}
	while (r == 0 && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			r = look_at_descriptor(x, fd, e->d_name, err);
	(void)closedir(d);
	return r;
}

/*
 * A line of maps: "START-END rw-s OFFSET MAJOR:MINOR INODE   NAME".  The
 * device there is not always what stat() says, so the file itself is asked
 * for it where that can be done.
 */
static int
look_at_mapping(struct search *x, char *line, struct aipm_err *err)
{
	char range[64], mode[8], path[96];
	uint64_t ino;
	int at = 0;
	struct suspect *s;
	struct stat st;

	if (sscanf(line, "%63s %7s %*s %*s %" SCNu64 " %n", range, mode, &ino,
	        &at) != 3 ||
	    at == 0 || mode[1] != 'w' || mode[3] != 's' || ino == 0 ||
	    (s = suspects_find(x->s, NULL, (ino_t)ino)) == NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "map_files/%s", range);
	if (fstatat(x->proc, path, &st, 0) == 0)
		s = suspects_find(x->s, &st.st_dev, st.st_ino);
	/* If it has it open too, that was told. */
	if (s == NULL || s->holder == x->holder.pid)
		return 0;
	return hold(x, s, line + at, true, err);
}

static int
look_at_mappings(struct search *x, struct aipm_err *err)
{
	int r = 0;

	if (!read_large(x, "maps"))
		return 0;
	for (char *l = (char *)x->text.p, *end; r == 0 && *l != '\0'; l = end) {
		end = l + strcspn(l, "\n");
		if (*end != '\0')
			*end++ = '\0';
		r = look_at_mapping(x, l, err);
	}
	return r;
}

static int
look_at_process(struct search *x, int dir, const char *name, uint64_t pid,
    struct aipm_err *err)
{
	int r;

	x->proc = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->proc == -1)
		return 0; /* it has ended */
	meet(x, (pid_t)pid);
	r = look_at_descriptors(x, err);
	if (r == 0)
		r = look_at_mappings(x, err);
	(void)close(x->proc);
	return r;
}

int
holders_find(struct aipm_proof_result *r, struct suspects *s,
    const struct aipm_proof_options *o, struct aipm_err *err)
{
	struct search x = { .r = r, .s = s, .o = o };
	DIR *d = opendir("/proc");
	struct dirent *e;
	uint64_t pid;
	int result = 0;

	if (d == NULL)
		return 0; /* nobody is found then */
	while (result == 0 && (e = readdir(d)) != NULL) {
		if (!aipm_parse_u64(e->d_name, INT32_MAX, &pid))
			continue;
		result = aipm_cancel_check(o->cancel, err);
		if (result == 0)
			result = look_at_process(
			    &x, dirfd(d), e->d_name, pid, err);
	}
	(void)closedir(d);
	aipm_buf_free(&x.text);
	return result;
}
