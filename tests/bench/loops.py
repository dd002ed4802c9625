"""File systems of a bench's own, in images on loop devices."""
import errno
import os
import subprocess
import time

MKFS = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-I", "256"],
    "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"],
    "btrfs": ["mkfs.btrfs", "-q"],
}
SHARING = ("xfs", "btrfs")          # files can share blocks


class Loop:
    """One of a kind and so many bytes, below the directory where; it is there
    from make() to remove()."""

    def __init__(self, kind, size, where):
        self.kind = kind
        self.size = size
        self.top = os.path.join(where, kind)
        self.image = self.top + ".img"
        self.shares = kind in SHARING

    def make(self):
        os.mkdir(self.top)
        with open(self.image, "wb") as f:
            st = os.fstatvfs(f.fileno())
            if st.f_bavail * st.f_frsize < self.size:
                raise OSError(errno.ENOSPC, "%d MB are wanted" %
                              (self.size // 1_000_000), self.image)
            f.truncate(self.size)
        subprocess.run(MKFS[self.kind] + [self.image], check=True,
                       stdout=subprocess.DEVNULL)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.top],
                       check=True)

    def unmount(self):
        """Whether it is not mounted now.  Processes that were just killed
        may hold it for a moment."""
        for _ in range(50):
            if not os.path.ismount(self.top):
                return True
            if subprocess.run(["umount", self.top],
                              stderr=subprocess.DEVNULL).returncode:
                time.sleep(0.1)
        return not os.path.ismount(self.top)

    def remove(self):
        """However far it came; may be called again."""
        if not self.unmount():
            subprocess.run(["umount", "-l", self.top], check=True)
        if os.path.exists(self.image):
            os.unlink(self.image)
        if os.path.isdir(self.top):
            os.rmdir(self.top)

    def sync(self):
        subprocess.run(["sync", "-f", self.top], check=True)

    def cool(self):
        """Nothing of it is in memory afterwards, its metadata included."""
        if not self.unmount():
            raise OSError(errno.EBUSY, "cannot be unmounted", self.top)
        with open(self.image, "rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self.mount()

    def used(self):
        """Bytes, once that stands still: what was removed is given back in
        the background."""
        last = None
        for _ in range(40):
            self.sync()
            st = os.statvfs(self.top)
            now = (st.f_blocks - st.f_bfree) * st.f_frsize
            if now == last:
                break
            last = now
            time.sleep(0.3)
        return now
