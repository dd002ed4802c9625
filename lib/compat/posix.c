#define _GNU_SOURCE

#include "aipm/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <linux/fs.h>
#endif

void
aipm_compat_device(dev_t rdev, uint32_t *maj, uint32_t *min)
{
	*maj = (uint32_t)major(rdev);
	*min = (uint32_t)minor(rdev);
}

dev_t
aipm_compat_makedev(uint32_t maj, uint32_t min)
{
	return makedev(maj, min);
}

/* What file systems without hard links answer to link(). */
static bool
no_links(int error)
{
	return error == EPERM || error == ENOTSUP || error == EOPNOTSUPP ||
	       error == ENOSYS || error == EINVAL;
}

/*
 * A name that is not there yet, by link() and unlink().  For what has no
 * links, directories among it, a look before: a name that another process
 * makes right then would be replaced, if it is a file or an empty directory.
 */
static int
rename_by_link(int olddir, const char *oldname, int newdir, const char *newname)
{
	struct stat st;

	if (fstatat(olddir, oldname, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		if (linkat(olddir, oldname, newdir, newname, 0) == 0)
			return unlinkat(olddir, oldname, 0);
		if (!no_links(errno))
			return -1;
	}
	if (fstatat(newdir, newname, &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = EEXIST;
	if (errno != ENOENT)
		return -1;
	return renameat(olddir, oldname, newdir, newname);
}

#if defined(__linux__) && defined(SYS_renameat2)
/* musl 1.2.3 has no wrapper, so the call is made by number. */
static int
renameat2_raw(
    int adir, const char *a, int bdir, const char *b, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, adir, a, bdir, b, flags);
}

int
aipm_compat_rename_new(
    int olddir, const char *oldname, int newdir, const char *newname)
{
	if (renameat2_raw(olddir, oldname, newdir, newname, 1) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return rename_by_link(olddir, oldname, newdir, newname);
}

int
aipm_compat_exchange(int adir, const char *a, int bdir, const char *b)
{
	if (renameat2_raw(adir, a, bdir, b, 2) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS)
		errno = ENOTSUP;
	return -1;
}
#else
int
aipm_compat_rename_new(
    int olddir, const char *oldname, int newdir, const char *newname)
{
	return rename_by_link(olddir, oldname, newdir, newname);
}

int
aipm_compat_exchange(int adir, const char *a, int bdir, const char *b)
{
	(void)adir;
	(void)a;
	(void)bdir;
	(void)b;
	errno = ENOTSUP;
	return -1;
}
#endif

int
aipm_compat_open_search(int dir, const char *name)
{
#if defined(O_SEARCH)
	int access = O_SEARCH;
#elif defined(O_PATH)
	int access = O_PATH;
#else
	int access = O_RDONLY;
#endif

	return openat(dir, name, access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
aipm_compat_unnamed(const char *dir)
{
#if defined(O_TMPFILE)
	int fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	/* What kernels and file systems without it answer. */
	if (fd == -1 && (errno == EISDIR || errno == EINVAL))
		errno = ENOTSUP;
	return fd;
#else
	(void)dir;
	errno = ENOTSUP;
	return -1;
#endif
}

int
aipm_compat_syncfs(int fd)
{
#if defined(__linux__)
	return syncfs(fd);
#else
	(void)fd;
	sync();
	return 0;
#endif
}

void
aipm_compat_begin_flush(int fd)
{
#if defined(__linux__)
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd;
#endif
}

int
aipm_compat_next_data(
    int fd, uint64_t offset, uint64_t size, uint64_t *data, uint64_t *hole)
{
#if defined(SEEK_DATA) && defined(SEEK_HOLE)
	off_t at = lseek(fd, (off_t)offset, SEEK_DATA);

	if (at == -1 && errno == ENXIO) {
		*data = *hole = size;
		return 0;
	}
	if (at != -1) {
		off_t end = lseek(fd, at, SEEK_HOLE);

		if (end == -1)
			return -1;
		*data = (uint64_t)at < size ? (uint64_t)at : size;
		*hole = (uint64_t)end < size ? (uint64_t)end : size;
		return 0;
	}
	if (errno != EINVAL && errno != ENOTSUP)
		return -1;
#else
	(void)fd;
#endif
	*data = offset;
	*hole = size;
	return 0;
}

void
aipm_compat_sequential(int fd)
{
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

int64_t
aipm_compat_clock_offset(void)
{
	struct timespec wall, up;

	if (clock_gettime(CLOCK_REALTIME, &wall) == -1)
		return 0;
#if defined(CLOCK_BOOTTIME)
	if (clock_gettime(CLOCK_BOOTTIME, &up) == -1)
		return 0;
#else
	if (clock_gettime(CLOCK_MONOTONIC, &up) == -1)
		return 0;
#endif
	return ((int64_t)wall.tv_sec - (int64_t)up.tv_sec) * 1000000000 +
	       (int64_t)wall.tv_nsec - (int64_t)up.tv_nsec;
}

#if defined(F_SETLEASE) && defined(F_SETSIG)
/* Those that tell the truth about writers of the same machine. */
static bool
has_leases(int fd)
{
	static const unsigned long types[] = {
		0xef53, /* ext4 */
		0x58465342, /* XFS */
		0x9123683e, /* btrfs */
		0x01021994, /* tmpfs */
		0xf2f52010, /* F2FS */
		0x2fc12fc1, /* ZFS */
		0xca451a4e, /* bcachefs */
		0x3153464a, /* JFS */
		0x52654973, /* ReiserFS */
		0x4d44, /* FAT */
		0x2011bab0, /* exFAT */
	};
	struct statfs f;

	if (fstatfs(fd, &f) == -1)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (((unsigned long)f.f_type & 0xffffffff) == types[i])
			return true;
	return false;
}

int
aipm_compat_lease_ask(int fd)
{
	if (!has_leases(fd)) {
		errno = ENOTSUP;
		return -1;
	}
	/* Whoever opens it for writing now breaks the lease: the signal that
	 * tells us shall be one that does nothing. */
	(void)fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return fcntl(fd, F_SETLEASE, F_UNLCK);
	if (errno != EAGAIN && errno != EACCES)
		errno = ENOTSUP;
	return -1;
}
#else
int
aipm_compat_lease_ask(int fd)
{
	(void)fd;
	errno = ENOTSUP;
	return -1;
}
#endif

void
aipm_compat_adopt_orphans(void)
{
#if defined(PR_SET_CHILD_SUBREAPER)
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

void
aipm_compat_signal_input(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags != -1)
		(void)fcntl(fd, F_SETFL, flags | O_ASYNC);
}

void
aipm_compat_raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur >= r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

void
aipm_compat_keep_blocks_apart(void)
{
#if defined(__GLIBC__)
	/* Said once, it stops glibc from raising it up to 32 MiB. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}

/* statfs(2)'s f_type. */
#define EXT4 0xEF53UL
#define XFS 0x58465342UL
#define BTRFS 0x9123683EUL

size_t
aipm_compat_clone_block(int fd)
{
#if defined(FICLONERANGE)
	struct statfs s;

	if (fstatfs(fd, &s) == 0 && s.f_bsize > 0 &&
	    ((unsigned long)s.f_type == XFS ||
	        (unsigned long)s.f_type == BTRFS))
		return (size_t)s.f_bsize;
#else
	(void)fd;
#endif
	return 0;
}

int
aipm_compat_clone(
    int dst, uint64_t dst_offset, int src, uint64_t src_offset, uint64_t len)
{
#if defined(FICLONERANGE)
	struct file_clone_range r = { .src_fd = src,
		.src_offset = src_offset,
		.src_length = len,
		.dest_offset = dst_offset };

	if (ioctl(dst, FICLONERANGE, &r) == 0)
		return 0;
	if (errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL ||
	    errno == ENOTTY || errno == ETXTBSY || errno == EBADF ||
	    errno == EPERM)
		errno = ENOTSUP;
	return -1;
#else
	(void)dst, (void)dst_offset, (void)src, (void)src_offset, (void)len;
	errno = ENOTSUP;
	return -1;
#endif
}

void
aipm_compat_boot(char dst[AIPM_BOOT_MAX])
{
	ssize_t n = 0;
#if defined(__linux__)
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd != -1) {
		n = read(fd, dst, AIPM_BOOT_MAX - 1);
		(void)close(fd);
	}
#endif
	while (n > 0 && dst[n - 1] == '\n')
		n--;
	dst[n < 0 ? 0 : n] = '\0';
}

int
aipm_compat_clone_file(int dir, int fd)
{
#if defined(FICLONE) && defined(O_TMPFILE)
	int clone = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (clone != -1 && ioctl(clone, FICLONE, fd) == 0)
		return clone;
	if (clone != -1)
		(void)close(clone);
#else
	(void)dir, (void)fd;
#endif
	return -1;
}

bool
aipm_compat_times_tell(int fd)
{
#if defined(__linux__)
	struct statfs s;
	unsigned long type;

	if (fstatfs(fd, &s) == -1)
		return false;
	type = (unsigned long)s.f_type;
	return type == EXT4 || type == XFS || type == BTRFS;
#else
	(void)fd;
	return false;
#endif
}

unsigned
aipm_compat_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur > INT_MAX)
		return INT_MAX;
	return (unsigned)r.rlim_cur;
}

bool
aipm_compat_waited(uint64_t *mark)
{
#if defined(RUSAGE_THREAD)
	uint64_t before = *mark;
	struct rusage u;

	if (getrusage(RUSAGE_THREAD, &u) == -1)
		return true;
	*mark = (uint64_t)u.ru_nvcsw;
	return *mark != before;
#else
	(void)mark;
	return true;
#endif
}

unsigned
aipm_compat_processors(void)
{
	long n;
#if defined(__linux__)
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
#endif
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : (unsigned)n;
}

bool
aipm_compat_has_vectors(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("sse4.2") &&
	       __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	return true;
#else
	return false;
#endif
}
