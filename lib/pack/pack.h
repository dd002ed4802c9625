#ifndef PACK_H
#define PACK_H

#include "aipm/pack.h"

/*
 * What makes an archive (pack.c), for what gives it its place (deliver.c).
 * As aipm_pack_stream(), with temporary files in spool_dir (NULL: TMPDIR).
 */
int pack_tree(const struct aipm_pack_options *o, const char *dir, int fd,
    const char *name, const char *spool_dir, struct aipm_pack_sum *sum,
    struct aipm_err *err);

/* The kind that it turned out to be. */
enum aipm_kind pack_kind(
    const struct aipm_pack_options *o, const struct aipm_pack_sum *sum);

#endif
