#include "aipm/runinfo.h"

#include "aipm/codec.h"
#include "aipm/compat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
now(struct aipm_time *t, int64_t *offset)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	t->sec = ts.tv_sec;
	t->nsec = (uint32_t)ts.tv_nsec;
	*offset = aipm_compat_clock_offset();
}

void
aipm_runinfo_begin(struct aipm_runinfo *r)
{
	now(&r->start, &r->start_offset);
}

int
aipm_runinfo_pair(struct aipm_index_writer *w, const char *name,
    const char *value, struct aipm_err *err)
{
	struct aipm_index_item it = {
		.tag = AIPM_INDEX_RUN, .key = name, .value = value
	};

	return aipm_index_put(w, &it, err);
}

static int __attribute__((format(printf, 3, 5)))
pairf(struct aipm_index_writer *w, const char *name, const char *fmt,
    struct aipm_err *err, ...)
{
	char value[128];
	va_list ap;

	va_start(ap, err);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return aipm_runinfo_pair(w, name, value, err);
}

static int
put_number(struct aipm_index_writer *w, const char *name, uint64_t n,
    struct aipm_err *err)
{
	return pairf(w, name, "%" PRIu64, err, n);
}

static int
put_time(struct aipm_index_writer *w, const char *name,
    const struct aipm_time *t, struct aipm_err *err)
{
	return pairf(w, name, "%" PRId64 ".%09" PRIu32, err, t->sec, t->nsec);
}

static int
put_release(const struct aipm_release *r, struct aipm_index_writer *w,
    struct aipm_err *err)
{
	const char *const pairs[][2] = { { "proof", r->proof },
		{ "services", r->services }, { "downtime", r->downtime },
		{ "why", r->why } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (*pairs[i][1] != '\0' &&
		    aipm_runinfo_pair(w, pairs[i][0], pairs[i][1], err) == -1)
			return -1;
	return 0;
}

int
aipm_runinfo_put(
    struct aipm_runinfo *r, struct aipm_index_writer *w, struct aipm_err *err)
{
	char host[256] = "", codec[64], boot[AIPM_BOOT_MAX];

	now(&r->end, &r->end_offset);
	(void)gethostname(host, sizeof(host) - 1);
	aipm_compat_boot(boot);
	aipm_codec_name(codec, sizeof(codec), r->level);
	if (aipm_runinfo_pair(w, "tool", "aipm-pack " AIPM_VERSION, err) ==
	        -1 ||
	    aipm_runinfo_pair(w, "codec", codec, err) == -1 ||
	    pairf(w, "level", "%d", err, r->level) == -1 ||
	    aipm_runinfo_pair(w, "host", host, err) == -1 ||
	    aipm_runinfo_pair(w, "kind", aipm_kind_name(r->kind), err) == -1 ||
	    put_time(w, "start", &r->start, err) == -1 ||
	    put_time(w, "end", &r->end, err) == -1 ||
	    pairf(w, "start.clock-offset", "%" PRId64, err, r->start_offset) ==
	        -1 ||
	    pairf(w, "end.clock-offset", "%" PRId64, err, r->end_offset) ==
	        -1 ||
	    aipm_runinfo_pair(w, "flushed", r->flushed ? "yes" : "no", err) ==
	        -1 ||
	    aipm_runinfo_pair(w, "boot", boot, err) == -1 ||
	    put_number(w, "uid", geteuid(), err) == -1 ||
	    put_number(w, "generation", r->generation, err) == -1 ||
	    put_number(w, "read", r->read, err) == -1 ||
	    put_number(w, "reused", r->reused, err) == -1 ||
	    put_number(w, "made", r->made, err) == -1 ||
	    put_release(&r->release, w, err) == -1 ||
	    put_number(w, "content", r->content, err) == -1)
		return -1;
	return put_number(w, "missing", r->missing, err);
}

int
aipm_runinfo_read(int fd, const struct aipm_footer *f, const char *name,
    int (*take)(void *ctx, const struct aipm_index_item *it), void *ctx,
    struct aipm_err *err)
{
	const struct aipm_index_item *it;
	struct aipm_index *x;
	int r;

	if (aipm_index_open_file(&x, fd, f, name, err) == -1)
		return -1;
	r = aipm_index_narrow_pairs(x, err);
	while (r == 0 && (r = aipm_index_next(x, &it, err)) == 1)
		r = take(ctx, it) == -1 ? aipm_err_nomem(err) : 0;
	aipm_index_close(x);
	return r;
}

static int
take_release(void *ctx, const struct aipm_index_item *it)
{
	struct aipm_release *r = ctx;

	if (it->tag == AIPM_INDEX_RUN)
		aipm_release_take(r, it->key, it->value);
	return 0;
}

int
aipm_runinfo_release(struct aipm_release *r, int fd,
    const struct aipm_footer *f, const char *name, struct aipm_err *err)
{
	memset(r, 0, sizeof(*r));
	return aipm_runinfo_read(fd, f, name, take_release, r, err);
}
