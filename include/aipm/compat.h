#ifndef AIPM_COMPAT_H
#define AIPM_COMPAT_H

#include "aipm/entry.h"

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

/*
 * compat: everything that differs between systems.  The only rooms with a
 * platform's #ifdef are lib/compat/.  Functions behave as system calls: 0 or
 * -1 with errno; ENOTSUP where the system has no such thing.
 */

/* st_rdev and its parts. */
void aipm_compat_device(dev_t rdev, uint32_t *major, uint32_t *minor);
dev_t aipm_compat_makedev(uint32_t major, uint32_t minor);

/* Rename that fails with EEXIST where the new name exists; on file systems
 * that can neither do that nor link, it is looked for just before. */
int aipm_compat_rename_new(
    int olddir, const char *oldname, int newdir, const char *newname);

/* Exchange two names atomically; ENOTSUP where that cannot be done. */
int aipm_compat_exchange(int adir, const char *a, int bdir, const char *b);

/* Open the directory name in dir, no symlink, for what is below it: where the
 * system can tell, the right to list it is not needed. */
int aipm_compat_open_search(int dir, const char *name);

/* A new file in the directory dir that has no name, open for reading and
 * writing; ENOTSUP where that cannot be done. */
int aipm_compat_unnamed(const char *dir);

/* Flush the file system that fd is on; everything, where there is no such. */
int aipm_compat_syncfs(int fd);

/* Begin to write what fd has in memory to the disk, without waiting for it.
 * Nothing is promised. */
void aipm_compat_begin_flush(int fd);

/*
 * The next stretch of data at or after offset: sets *data to its start and
 * *hole to its end; both are the file's size when only a hole is left.
 * Where the file system knows no holes, all is data.
 */
int aipm_compat_next_data(
    int fd, uint64_t offset, uint64_t size, uint64_t *data, uint64_t *hole);

/* The file will be read from front to back. */
void aipm_compat_sequential(int fd);

/*
 * Extended attributes, POSIX ACLs and file capabilities among them, of an
 * open file, or with aipm_compat_xattrs_read_at() of a name below dir, a
 * symlink not followed.  A file system without them gives none.
 */
int aipm_compat_xattrs_read(int fd, struct aipm_xattrs *x);
int aipm_compat_xattrs_read_at(
    int dir, const char *name, struct aipm_xattrs *x);
int aipm_compat_xattr_write(int fd, const struct aipm_xattr *x);
int aipm_compat_xattr_write_at(
    int dir, const char *name, const struct aipm_xattr *x);

/*
 * Take off the directory fd its default ACL, which every file made below
 * would inherit, and add it to *x (NULL: it is forgotten).  One that has none
 * is success.
 */
int aipm_compat_default_acl_take(int fd, struct aipm_xattrs *x);

/*
 * Whether a file system is mounted at path (absolute, without symlinks) or
 * below: 1 with *where (to be freed) naming the first, 0, -1.
 */
int aipm_compat_mount_find(const char *path, char **where);

/* CLOCK_REALTIME - CLOCK_BOOTTIME in nanoseconds: moves when somebody sets
 * the clock. */
int64_t aipm_compat_clock_offset(void);

/*
 * Ask for a read lease on the open file and give it back: 0 if nobody has it
 * open for writing.  EAGAIN: somebody has; ENOTSUP: its file system gives no
 * leases, or none that tell the truth; EACCES: no right to it.
 */
int aipm_compat_lease_ask(int fd);

/* Processes whose parents have ended become ours, where that can be had. */
void aipm_compat_adopt_orphans(void);

/* Let SIGIO come, to whom F_SETOWN names, when fd becomes readable. */
void aipm_compat_signal_input(int fd);

/* Let this process open as many files as it may; how many that are now. */
void aipm_compat_raise_nofile(void);
unsigned aipm_compat_nofile(void);

/*
 * Large blocks of memory have pages of their own, so that what is small and
 * stays does not keep the room of those that went.
 */
void aipm_compat_keep_blocks_apart(void);

/*
 * Bytes of the blocks that files in fd's file system may share; 0: it is none
 * of those that can.
 */
size_t aipm_compat_clone_block(int fd);

/*
 * Let dst share len bytes of src.  Offsets and length are multiples of that
 * block.  -1 with errno; ENOTSUP if these two cannot.
 */
int aipm_compat_clone(
    int dst, uint64_t dst_offset, int src, uint64_t src_offset, uint64_t len);

/*
 * A file without a name, in the file system of the directory dir, that shares
 * all blocks of fd, which lies there: its descriptor, or -1.
 */
int aipm_compat_clone_file(int dir, int fd);

/*
 * Whether the open file's file system moves a file's times with every change
 * behind a syncfs(), stores through old mappings included, as was tried for
 * those that are named.
 */
bool aipm_compat_times_tell(int fd);

/*
 * Whether the calling thread has waited for something, a disk above all, since
 * its last call with that mark; true where the system does not tell.
 */
bool aipm_compat_waited(uint64_t *mark);

/*
 * What tells one run of the system from another; "" where nothing does.  dst
 * has room for AIPM_BOOT_MAX bytes.
 */
#define AIPM_BOOT_MAX 64
void aipm_compat_boot(char dst[AIPM_BOOT_MAX]);

/* Processors that this process may use; at least 1. */
unsigned aipm_compat_processors(void);

/* Whether this processor has the instructions that ISA-L is written for:
 * SSE4.2 and PCLMULQDQ, or those of every 64-bit ARM. */
bool aipm_compat_has_vectors(void);

#endif
