#ifndef CODEC_ENGINE_H
#define CODEC_ENGINE_H

#include "aipm/gunzip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A raw deflate stream (RFC 1951) that comes in pieces. */
struct codec_stream {
	void *(*open)(void); /* NULL: no memory */
	void (*reset)(void *s); /* another stream begins */
	/* As aipm_gunzip_step(); all before the end may be taken at once. */
	enum aipm_gunzip_status (*step)(void *s, struct aipm_gunzip_io *io);
	void (*close)(void *s);
};

/*
 * engine: one library that deflates.  What open functions return belongs to
 * one thread at a time; NULL is no memory.
 */
struct codec_engine {
	const char *name; /* "zlib" */
	const char *version; /* "1.2.13" */
	int level_max; /* it has the levels from 1 */
	bool vectors; /* only where aipm_compat_has_vectors() */

	void *(*deflate_open)(int level);
	/*
	 * One whole stream; its size, or 0 if it does not fit.  The same
	 * bytes give the same stream, whatever went before.
	 */
	size_t (*deflate)(
	    void *d, void *dst, size_t room, const void *p, size_t n);
	void (*deflate_close)(void *d);

	void *(*inflate_open)(void);
	/* As aipm_codec_inflate(). */
	bool (*inflate)(
	    void *i, void *dst, size_t n, const void *src, size_t len);
	void (*inflate_close)(void *i);

	const struct codec_stream *stream; /* NULL: whole streams only */

	uint32_t (*crc32)(uint32_t crc, const void *p, size_t n);
};

/* Those that were built in and serve on this processor, the fastest first;
 * NULL behind the last. */
const struct codec_engine *codec_engine_at(size_t i);

/* The one for a level. */
const struct codec_engine *codec_engine_for(int level);

#endif
