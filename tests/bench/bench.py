#!/usr/bin/env python3
"""Programs that pack and unpack, timed side by side on the same data.

  BUILD=DIR bench.py    the programs are found by PATH, the helper in BUILD

Prints a line about the machine and two Markdown tables, and writes every
single measurement to results-TIME.csv in BENCH_DIR.  Each result is checked;
a wrong one ends the bench with status 1.

  BENCH_SIZE=2000       MB of data
  BENCH_ROUNDS=5        how often each is run, all programs in turn
  BENCH_SLOW_ROUNDS=2   the same for those that are slow
  BENCH_ONLY=...        operations: pack pack-random pack-one unpack-mem
                        unpack-disk list last verify; all by default
  BENCH_PROGRAMS=...    others than ours that may run, by command (tar gzip
                        pigz ...); all that are installed by default
  BENCH_DIR=...         on a disk; $BUILD/bench by default
  BENCH_TMPFS=/dev/shm  in memory
"""
import os
import shlex
import shutil
import signal
import subprocess
import sys

import report
from check import Source, Wrong, file_digest
from programs import OPERATIONS, SOURCES
from runner import Runner

HERE = os.path.dirname(os.path.abspath(__file__))
NOTES = """\
wall s: median; CPU s: median, user and system of all processes; peak: of
the largest single process, in any round.  Archives are on the disk; the
source was read before, so it is in memory.  What aipm-pack and aipm-unpack
wrote is flushed when they return; of the others only unpack-disk is charged
a `sync -f`, and as root on a new ext4 on a loop device.  Memory is touched
before each run.  New repositories are made before the clock starts.  Lists go to
a file in memory.  `last` is the last file by name.  gzip, tar and bsdtar
read the archive of `tar | pigz`."""


def say(*words):
    print("bench:", *words, file=sys.stderr, flush=True)


class Failed(Exception):
    """The bench cannot go on, and no program is to blame."""


class Settings:
    def __init__(self, env):
        build = os.path.abspath(env.get("BUILD") or
                                os.path.join(HERE, "../../build"))
        self.measure = os.path.join(build, "helper/measure")
        self.size = env.get("BENCH_SIZE") or "2000"
        self.rounds = int(env.get("BENCH_ROUNDS") or 5)
        self.slow_rounds = int(env.get("BENCH_SLOW_ROUNDS") or 2)
        self.dir = os.path.abspath(env.get("BENCH_DIR") or build + "/bench")
        self.data = os.path.join(self.dir, "data-" + self.size)
        self.memory = env.get("BENCH_TMPFS") or "/dev/shm"
        self.programs = (env.get("BENCH_PROGRAMS") or "").split()
        self.only = (env.get("BENCH_ONLY") or " ".join(OPERATIONS)).split()
        self.check()

    def check(self):
        for name in self.only:
            if name not in OPERATIONS:
                raise Failed("no operation %s; there are: %s"
                             % (name, " ".join(OPERATIONS)))
        if not os.access(self.measure, os.X_OK):
            raise Failed("no %s; run make bench" % self.measure)

    def allows(self, command):
        return (not self.programs or command in self.programs or
                command.startswith("aipm-"))


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def size_of(arc):
    """Bytes of an archive, or of all files of a repository."""
    if os.path.isfile(arc):
        return os.path.getsize(arc)
    return sum(os.path.getsize(os.path.join(d, f))
               for d, _, files in os.walk(arc + "/repo") for f in files)


def fill(template, src, arc, out, path=""):
    words = {"src": os.path.basename(src.top), "arc": arc, "dir": out,
             "path": path}
    return template.format(**{k: shlex.quote(v) for k, v in words.items()})


class Bench:
    def __init__(self, settings, runner, rows):
        self.set = settings
        self.runner = runner
        self.rows = rows
        self.sources = {}
        self.absent = set()
        self.sound = set()          # digests of archives that were checked

    def source(self, name="data"):
        """Reading it for its description also brings it into memory."""
        if name not in self.sources:
            say("reading", name)
            self.sources[name] = Source(os.path.join(self.set.data, name))
        return self.sources[name]

    def may_run(self, job):
        absent = {c for c in job.needs if shutil.which(c) is None}
        for c in absent - self.absent:
            if c.startswith("aipm-"):
                raise Failed("no %s in PATH; run make bench" % c)
            say(c, "is not installed and left out")
        self.absent |= absent
        return not absent and all(self.set.allows(c) for c in job.needs)

    def pack(self, job, src, arc):
        """A new archive; its cost and size."""
        remove(arc)
        cwd = os.path.dirname(src.top)
        if job.family.prepare:
            self.runner.shell(fill(job.family.prepare, src, arc, ""), cwd)
        self.runner.settle()
        cost = self.runner.timed(fill(job.command, src, arc, ""), cwd)
        return cost, size_of(arc)

    def archive_for(self, job):
        """What the readers of a family read; made once."""
        key = job.family.key
        arc = os.path.join(self.runner.disk, "archive." + key)
        if not os.path.exists(arc):
            packer = next(j for j in SOURCES[key] if self.may_run(j))
            say("making an archive with", packer.program)
            self.pack(packer, self.source(), arc)
        return arc

    def fresh(self, where):
        out = os.path.join(where, "out")
        remove(out)
        os.mkdir(out)
        return out

    # The operations: each returns the cost and a size, or raises Wrong.

    def run_pack(self, job, src):
        arc = os.path.join(self.runner.disk, "packed")
        cost, size = self.pack(job, src, arc)
        self.check_archive(job, src, arc)
        remove(arc)
        return cost, size

    def check_archive(self, job, src, arc):
        """By unpacking it, unless the same bytes were unpacked before."""
        digest = file_digest(arc) if os.path.isfile(arc) else None
        if digest in self.sound:
            return
        out = self.fresh(self.runner.mem)
        self.runner.shell(fill(job.family.unpack, src, arc, out),
                          os.path.dirname(src.top))
        self.check_tree(job, src, out)
        if digest:
            self.sound.add(digest)

    def check_tree(self, job, src, out):
        src.check_tree(os.path.join(out, os.path.basename(src.top)),
                       job.family.whole_seconds)
        remove(out)

    def run_unpack(self, job, where, flush):
        src = self.source()
        arc = self.archive_for(job)
        out = self.fresh(where)
        line = fill(job.command, src, arc, out)
        if flush:
            line += " && sync -f " + shlex.quote(out)
        self.runner.settle()
        cost = self.runner.timed(line, self.runner.disk)
        self.check_tree(job, src, out)
        return cost, None

    def run_unpack_disk(self, job, flush):
        where = None
        if os.geteuid() == 0:
            where = self.runner.disk_of_its_own(
                int(self.set.size) * 2_000_000 + (1 << 30))
        try:
            return self.run_unpack(job, where or self.runner.disk, flush)
        finally:
            self.runner.drop_disk()

    def run_list(self, job):
        line = fill(job.command, self.source(), self.archive_for(job), "")
        self.runner.settle()
        cost = self.runner.timed(line, self.runner.disk)
        with open(self.runner.output) as f:
            self.source().check_list(f.read())
        return cost, None

    def run_last(self, job):
        src = self.source()
        path = src.last_file()
        out = self.fresh(self.runner.mem)
        line = fill(job.command, src, self.archive_for(job), out,
                    os.path.basename(src.top) + "/" + path)
        self.runner.settle()
        cost = self.runner.timed(line, self.runner.disk)
        src.check_one(out, path, job.family.whole_seconds)
        remove(out)
        return cost, None

    def run_verify(self, job):
        line = fill(job.command, self.source(), self.archive_for(job), "")
        self.runner.settle()
        return self.runner.timed(line, self.runner.disk), None

    def run(self, operation, job):
        ours = job.program.startswith("aipm-")
        return {
            "pack": lambda: self.run_pack(job, self.source()),
            "pack-one": lambda: self.run_pack(job, self.source()),
            "pack-random": lambda: self.run_pack(
                job, self.source("data/minio")),
            "unpack-mem": lambda: self.run_unpack(
                job, self.runner.mem, False),
            "unpack-disk": lambda: self.run_unpack_disk(job, not ours),
            "list": lambda: self.run_list(job),
            "last": lambda: self.run_last(job),
            "verify": lambda: self.run_verify(job),
        }[operation]()

    def measure(self, operation, job, n):
        try:
            cost, size = self.run(operation, job)
        except Wrong as e:
            raise Wrong("%s, %s, round %d: %s"
                        % (operation, job.program, n, e)) from e
        self.rows.add(report.Row(operation, job.program, n, *cost, size))

    def operation(self, operation):
        """All its rounds; each begins with another program."""
        jobs = [j for j in OPERATIONS[operation] if self.may_run(j)]
        for n in range(max(self.set.rounds, self.set.slow_rounds)):
            say(operation, "round", n + 1)
            first = n % len(jobs)
            for j in jobs[first:] + jobs[:first]:
                if n < (self.set.slow_rounds if j.slow else self.set.rounds):
                    self.measure(operation, j, n + 1)


def head(settings, bench):
    src = bench.source()
    size = sum(int(f[5]) for f in (x.split(" ") for x in src.lines)
               if f[1].startswith("10"))
    cluster = os.path.exists(src.top + "/postgres/global/pg_control")
    return "%s\ndata: %.0f MB, %d entries, %s; %s" % (
        report.machine(settings.dir, settings.memory, settings.allows),
        size / 1e6, len(src.lines), "PostgreSQL's own cluster" if cluster else
        "a stand-in for PostgreSQL's cluster", report.date())


def run(settings):
    os.makedirs(settings.dir, exist_ok=True)
    if report.file_system(settings.dir) == "tmpfs":
        say("BENCH_DIR is in memory: what is said of the disk is not true")
    if not os.path.isdir(settings.data):
        say("making the data")
        subprocess.run([HERE + "/data.sh", settings.size, settings.data],
                       check=True)
    rows = report.Rows(os.path.join(
        settings.dir, "results-%s.csv" % report.stamp()))
    runner = Runner(settings.measure, settings.dir, settings.memory)
    try:
        bench = Bench(settings, runner, rows)
        for operation in settings.only:
            bench.operation(operation)
        print(head(settings, bench),
              report.table(rows, settings.only, OPERATIONS),
              NOTES, report.bars(rows), sep="\n\n")
    finally:
        runner.close()
    say("every measurement is in", rows.path)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(Settings(os.environ))
    except Wrong as e:
        say("WRONG:", e)
        return 1
    except (Failed, subprocess.CalledProcessError, OSError) as e:
        say(e)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


sys.exit(main())
