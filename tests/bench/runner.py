"""Runs lines of shell for the bench, with their cost or without."""
import mmap
import os
import shutil
import signal
import subprocess
import tempfile

from check import Wrong

# What would change what the programs do.
CLEAN = ("AIPM_ROOT", "AIPM_NAME", "AIPM_BACKUPS", "TAR_OPTIONS", "GZIP",
         "PIGZ", "ZSTD_CLEVEL", "ZSTD_NBTHREADS", "TAR_READER_OPTIONS")


def environment(scratch):
    env = {k: v for k, v in os.environ.items() if k not in CLEAN}
    env.update(LC_ALL="C", RESTIC_PASSWORD="bench", TMPDIR=scratch,
               BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes",
               BORG_RELOCATED_REPO_ACCESS_IS_OK="yes")
    return env


def wait_for_all(command, **options):
    """Its status; an interruption ends all the processes of the command."""
    with subprocess.Popen(command, start_new_session=True, **options) as p:
        try:
            return p.wait()
        except BaseException:
            os.killpg(p.pid, signal.SIGKILL)
            raise


def touch_memory():
    """A virtual machine may have given its free memory back, and the first
    program that uses it again would pay."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size = min(free // 2, 4 << 30) // mmap.PAGESIZE
    with mmap.mmap(-1, size * mmap.PAGESIZE) as m:
        m[::mmap.PAGESIZE] = bytes(size)


class Runner:
    """Two scratch directories: disk (below a given one) and mem."""

    def __init__(self, measure, disk, mem):
        self.measure = measure
        self.disk = tempfile.mkdtemp(prefix="work.", dir=disk)
        self.mem = tempfile.mkdtemp(prefix="aipm-bench.", dir=mem)
        self.output = os.path.join(self.mem, "stdout")
        self.env = environment(self.mem)
        self.mounted = None

    def close(self):
        self.drop_disk()
        for d in (self.disk, self.mem):
            shutil.rmtree(d, ignore_errors=True)

    def settle(self):
        """What others wrote is on the disk before a clock starts."""
        subprocess.run(["sync", "-f", self.disk], check=True)
        touch_memory()

    def disk_of_its_own(self, size):
        """A new file system of so many bytes, where root can make one; ext4
        passes over inodes that were freed lately, so one after another on the
        same file system would pay for those before.  Else None."""
        top = os.path.join(self.disk, "fs")
        image = top + ".img"
        os.makedirs(top, exist_ok=True)
        with open(image, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, size)
        for command in (["mkfs.ext4", "-qF", image],
                        ["mount", "-o", "loop", image, top]):
            if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
                return None
        self.mounted = top
        return top

    def drop_disk(self):
        if self.mounted:
            subprocess.run(["umount", self.mounted], check=True)
        self.mounted = None

    def shell(self, line, cwd, prefix=()):
        """Run line; its standard output is in self.output afterwards."""
        errors = os.path.join(self.mem, "stderr")
        with open(self.output, "wb") as out, open(errors, "w+b") as err:
            status = wait_for_all([*prefix, "sh", "-c", line], cwd=cwd,
                                  env=self.env, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=err)
            err.seek(0)
            said = err.read().decode(errors="replace")[-2000:]
        if status != 0:
            raise Wrong("status %d of: %s\n%s" % (status, line, said))

    def timed(self, line, cwd):
        """The same; returns wall and CPU seconds and the peak in KiB."""
        cost = os.path.join(self.mem, "cost")
        self.shell(line, cwd, (self.measure, cost))
        with open(cost) as f:
            wall, cpu, peak = f.read().split()
        return float(wall), float(cpu), int(peak)
