#include "meta.h"

#include "aipm/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define CAPABILITY "security.capability"

/* The numbers as the system's types hold them; -1 means "leave" to chown. */
static int
take_owner(struct meta *m, const struct aipm_entry *e, struct aipm_err *err)
{
	m->uid = (uid_t)e->uid;
	m->gid = (gid_t)e->gid;
	if (m->uid != e->uid || m->gid != e->gid || m->uid == (uid_t)-1 ||
	    m->gid == (gid_t)-1)
		return aipm_err_file(err, AIPM_DAMAGED, e->path,
		    "its owner is no number of a user or group");
	m->owner = true;
	return 0;
}

static int
take_xattrs(struct meta *m, const struct aipm_entry *e,
    const struct aipm_extract_options *o, struct aipm_err *err)
{
	for (size_t i = 0; i < e->xattrs.n; i++) {
		const struct aipm_xattr *x = &e->xattrs.v[i];

		/* As good as a set-id bit. */
		if (!o->special && strcmp(x->name, CAPABILITY) == 0) {
			aipm_warn(&o->warn, e->path,
			    "file capabilities left out (without --special)");
			continue;
		}
		if (aipm_xattrs_add(&m->xattrs, x->name, x->value, x->len) ==
		    -1)
			return aipm_err_nomem(err);
	}
	return 0;
}

int
meta_from_entry(struct meta *m, const struct aipm_entry *e,
    const struct aipm_extract_options *o, struct aipm_err *err)
{
	memset(m, 0, sizeof(*m));
	m->mode = (mode_t)(e->mode & 07777);
	m->times = true;
	m->mtime = e->mtime;
	if (!o->special && (m->mode & (S_ISUID | S_ISGID)) != 0 &&
	    e->type != AIPM_SYMLINK) {
		m->mode &= ~(mode_t)(S_ISUID | S_ISGID);
		aipm_warn(&o->warn, e->path,
		    "set-id bit left out (without --special)");
	}
	if (o->owner && take_owner(m, e, err) == -1)
		return -1;
	return take_xattrs(m, e, o, err);
}

static int
set_owner(const struct target *t, const struct meta *m)
{
	if (t->fd != -1)
		return fchown(t->fd, m->uid, m->gid);
	return fchownat(t->dir, t->name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW);
}

static int
set_mode(const struct target *t, const struct meta *m)
{
	if (t->symlink)
		return 0;
	if (t->fd != -1)
		return fchmod(t->fd, m->mode);
	return fchmodat(t->dir, t->name, m->mode, 0);
}

static int
set_times(const struct target *t, const struct meta *m)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT } };

	ts[1].tv_sec = (time_t)m->mtime.sec;
	ts[1].tv_nsec = (long)m->mtime.nsec;
	if (t->fd != -1)
		return futimens(t->fd, ts);
	return utimensat(t->dir, t->name, ts, AT_SYMLINK_NOFOLLOW);
}

static int
set_xattr(const struct target *t, const struct aipm_xattr *x,
    const struct aipm_warn *warn, struct aipm_err *err)
{
	char text[256], name[80];
	int r = t->fd != -1 ? aipm_compat_xattr_write(t->fd, x)
	                    : aipm_compat_xattr_write_at(t->dir, t->name, x);

	if (r == 0)
		return 0;
	if (errno == EIO)
		return aipm_err_path(err, AIPM_FAILED, t->path,
		    "cannot set its extended attributes");
	aipm_escape(name, sizeof(name), x->name);
	(void)snprintf(text, sizeof(text), "attribute %s left out: %s", name,
	    strerror(errno));
	aipm_warn(warn, t->path, text);
	return 0;
}

/*
 * The owner first: chown takes set-id bits and capabilities away.  The mode
 * after the ACL, whose mask it is.  The times last.
 */
int
meta_apply(const struct target *t, const struct meta *m,
    const struct aipm_warn *warn, struct aipm_err *err)
{
	if (m->owner && set_owner(t, m) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, t->path, "cannot set its owner");
	for (size_t i = 0; i < m->xattrs.n; i++)
		if (set_xattr(t, &m->xattrs.v[i], warn, err) == -1)
			return -1;
	if (set_mode(t, m) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, t->path, "cannot set its mode");
	if (m->times && set_times(t, m) == -1)
		return aipm_err_path(
		    err, AIPM_FAILED, t->path, "cannot set its time");
	return 0;
}

void
meta_free(struct meta *m)
{
	aipm_xattrs_free(&m->xattrs);
}
