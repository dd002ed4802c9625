#include "engine.h"

#include "aipm/compat.h"

/* AIPM_CODECS comes from the makefile: ENGINE(isal) ENGINE(zlib). */
#define ENGINE(name) extern const struct codec_engine codec_##name;
AIPM_CODECS
#undef ENGINE

#define ENGINE(name) &codec_##name,
static const struct codec_engine *const engines[] = { AIPM_CODECS };
#undef ENGINE

const struct codec_engine *
codec_engine_at(size_t i)
{
	for (size_t k = 0; k < sizeof(engines) / sizeof(engines[0]); k++) {
		if (engines[k]->vectors && !aipm_compat_has_vectors())
			continue;
		if (i-- == 0)
			return engines[k];
	}
	return NULL;
}

const struct codec_engine *
codec_engine_for(int level)
{
	const struct codec_engine *e;
	size_t i = 0;

	/* zlib is the last, and has every level. */
	while ((e = codec_engine_at(i))->level_max < level)
		i++;
	return e;
}
