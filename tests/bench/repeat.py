#!/usr/bin/env python3
"""Backups after the first one: what has not changed comes out of the last.

  BUILD=DIR repeat.py   the programs are found by PATH, the helper in BUILD

As root, on an ext4, an XFS and a btrfs made for it, one after another, with
the data of bench.py on each:

  nothing changed   aipm-pack -r beside restic with the same in its repository
  1 % changed       of the pages of the largest table, at random; beside
                    tar | pigz too, and how many bytes that took on the disk
  generations       on XFS and btrfs: many in a row like that, of which the
                    last has to be like a fresh one: its extents, and the time
                    to unpack it

Prints Markdown tables, and writes every single measurement to
repeat-TIME.csv in BENCH_DIR.  Each result is checked.  The status is 1 if a
bar is missed, or at once if a result is wrong.

  REPEAT_SIZE=...         MB of data; BENCH_SIZE or 2000 by default
  REPEAT_ROUNDS=3         how often each is run, all programs in turn
  REPEAT_GENERATIONS=20   0: none
  REPEAT_KINDS=...        of file systems: ext4 xfs btrfs; all by default
  BENCH_PROGRAMS=...      others than ours that run: pigz restic; both by
                          default
  BENCH_DIR=...           on a disk; $BUILD/bench by default
  BENCH_TMPFS=/dev/shm    in memory
"""
import hashlib
import os
import random
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time

import report
from check import Source, Wrong
from loops import MKFS, SHARING, Loop
from programs import (AIPM, RESTIC, RESTIC_REPO, UNZIP, Job, ours, tar_into)
from runner import Runner

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = 8192                         # PostgreSQL's
BLOCK = 262144                      # of a chunked file
FLIPS = 16                          # bytes in a page: it compresses as before
BELIEVED = 11                       # seconds: by when a time is old enough
KEPT = 10                           # generations
GRANTED = 0.02                      # of an archive, on the disk for nothing
NOTES = """\
wall s: median; CPU s: median, user and system of all processes; peak: of
the largest single process, in any round.  Data, archives and repository are
on one file system, which is new, in a sparse image on a loop device; the
data was just copied there, so it is in memory.  What aipm-pack wrote is
flushed when it returns, tar's and pigz's is not charged for that.  The first
archive was begun %d s after the last change to the tree, because no time
that is younger than 10 s is believed.  `1 %% changed`: so many of the 8 KiB
pages of the largest table, the same ones for all programs of a round, in
place; changed back before the next one.  unpack and verify: with nothing of
the file system in memory; unpack goes to memory.""" % BELIEVED

FRESH = ours("")
AGAIN = Job("aipm-pack -r", "aipm-pack -q -r {ref} -o {arc} {src}", AIPM)
PIGZ = tar_into("pigz -6")
BACKUP = Job("restic backup", RESTIC + " backup {src}", RESTIC_REPO)
UNPACK = Job("aipm-unpack -C", "aipm-unpack -q -C {dir} {arc}", AIPM,
             ["aipm-unpack"])
VERIFY = Job("aipm-unpack -t", "aipm-unpack -q -t {arc}", AIPM,
             ["aipm-unpack"])
NOTHING = "nothing changed"
LITTLE = "1 % changed"


def say(*words):
    print("repeat:", *words, file=sys.stderr, flush=True)


class Failed(Exception):
    """The bench cannot go on, and no program is to blame."""


class Settings:
    def __init__(self, env):
        build = os.path.abspath(env.get("BUILD") or
                                os.path.join(HERE, "../../build"))
        self.measure = os.path.join(build, "helper/measure")
        self.size = (env.get("REPEAT_SIZE") or env.get("BENCH_SIZE") or
                     "2000")
        self.rounds = int(env.get("REPEAT_ROUNDS") or 3)
        self.generations = int(env.get("REPEAT_GENERATIONS") or 20)
        self.kinds = (env.get("REPEAT_KINDS") or " ".join(MKFS)).split()
        self.dir = os.path.abspath(env.get("BENCH_DIR") or build + "/bench")
        self.data = os.path.join(self.dir, "data-" + self.size)
        self.memory = env.get("BENCH_TMPFS") or "/dev/shm"
        self.programs = (env.get("BENCH_PROGRAMS") or "pigz restic").split()
        self.check()

    def needs(self):
        return (["aipm-pack", "aipm-unpack", "aipm-ls"] +
                [MKFS[k][0] for k in self.kinds] +
                ["filefrag"] * any(k in SHARING for k in self.kinds) +
                [c for j in (PIGZ, BACKUP) if self.allows(j)
                 for c in j.needs])

    def check(self):
        if os.geteuid() != 0:
            raise Failed("only root can mount")
        for kind in self.kinds:
            if kind not in MKFS:
                raise Failed("no kind of file system %s; there are: %s"
                             % (kind, " ".join(MKFS)))
        if not os.access(self.measure, os.X_OK):
            raise Failed("no %s; run make bench-repeat" % self.measure)
        absent = [c for c in self.needs() if shutil.which(c) is None]
        if absent:
            raise Failed("not installed: " + " ".join(absent))

    def allows(self, job):
        """tar goes with pigz."""
        return all(c in self.programs or c == "tar" or c.startswith("aipm-")
                   for c in job.needs)


# The tree.

def largest(top):
    paths = [os.path.join(d, f) for d, _, files in os.walk(top)
             for f in files]
    return max(paths, key=lambda p: (os.path.getsize(p), p))


def change(path, seed):
    """1 % of its pages, in place.  The same again undoes it.  Returns how
    many blocks that touched."""
    draw = random.Random(seed)
    pages = os.path.getsize(path) // PAGE
    drawn = sorted(draw.sample(range(pages), max(pages // 100, 1)))
    with open(path, "r+b") as f:
        for n in drawn:
            f.seek(n * PAGE)
            page = bytearray(f.read(PAGE))
            for at in draw.sample(range(PAGE), FLIPS):
                page[at] ^= draw.randrange(1, 256)
            f.seek(n * PAGE)
            f.write(page)
    return len({n * PAGE // BLOCK for n in drawn})


# Archives.

def stream_digest(arc):
    """Of the tar in it, by another reader than ours."""
    h = hashlib.sha256()
    with subprocess.Popen(UNZIP.split() + [arc], stdout=subprocess.PIPE) as p:
        for block in iter(lambda: p.stdout.read(1 << 20), b""):
            h.update(block)
    if p.returncode != 0:
        raise Wrong("%s does not read %s" % (UNZIP, arc))
    return h.digest()


def member_size(head, arc):
    """aipm-archive(5): only members with data say their size; in others all
    is in the extra field."""
    if len(head) != 21 or head[:4] != b"\x1f\x8b\x08\x04":
        raise Wrong("no member where one should be in " + arc)
    if head[16] == 0:
        return struct.unpack_from("<I", head, 17)[0]
    return 12 + struct.unpack_from("<H", head, 10)[0] + 2 + 8


def data_members(arc):
    """Size, CRC32 and plain bytes of each; the heads are followed to the
    file's end."""
    found = []
    at = 0
    size = os.path.getsize(arc)
    with open(arc, "rb") as f:
        while at < size:
            f.seek(at)
            head = f.read(21)
            n = max(member_size(head, arc), 18)
            if head[16] == 0:
                f.seek(at + n - 8)
                found.append((n, *struct.unpack("<II", f.read(8))))
            at += n
    if at != size:
        raise Wrong("the last member does not end where %s does" % arc)
    return found


def extents(path):
    said = subprocess.run(["filefrag", path], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    return int(re.search(r": (\d+) extents? found", said).group(1))


class Repeat:
    """All measurements on one file system."""

    def __init__(self, settings, runner, rows, disk):
        self.set = settings
        self.runner = runner
        self.rows = rows
        self.disk = disk
        self.ref = self.path("before.tar.gz")
        self.repository = self.path("restic")
        self.table = None
        self.digest = None          # of the tar in the first archive
        self.touched = 0            # blocks of the table
        self.space = []             # bytes on the disk, made, of the archive
        self.operations = {}        # name: jobs
        self.bars = []              # the table's lines
        self.missed = False

    def path(self, name):
        return os.path.join(self.disk.top, name)

    def name(self, operation):
        return "%s, %s" % (operation, self.disk.kind)

    def line(self, job, arc, out=""):
        words = {"src": "data", "arc": arc, "ref": self.ref, "dir": out}
        return job.command.format(**{k: shlex.quote(v)
                                     for k, v in words.items()})

    def shell(self, line):
        self.runner.shell(line, self.disk.top)

    def record(self, arc):
        """Of its run: the numbers."""
        self.shell("aipm-ls --record " + shlex.quote(arc))
        with open(self.runner.output) as f:
            pairs = [x.rstrip("\n").split("\t", 1) for x in f]
        return {k: int(v) for k, v in pairs if v.isdigit()}

    # Making ready.

    def prepare(self):
        say(self.disk.kind, "is being made")
        self.disk.make()
        self.shell("cp -a %s ." % shlex.quote(self.set.data + "/data"))
        self.table = largest(self.path("data/postgres/base"))
        self.disk.sync()
        say("waiting %d s, so that the times are believed" % BELIEVED)
        time.sleep(BELIEVED)
        self.shell(self.line(FRESH, self.ref))
        self.digest = stream_digest(self.ref)
        if self.set.allows(BACKUP):
            self.shell(RESTIC_REPO.prepare.format(
                arc=shlex.quote(self.repository)))
            self.shell(self.line(BACKUP, self.repository))

    # Nothing changed, and 1 %.

    def fresh_digest(self):
        arc = self.path("fresh.tar.gz")
        self.shell(self.line(FRESH, arc))
        digest = stream_digest(arc)
        os.unlink(arc)
        return digest

    def check_again(self, arc, changed):
        wanted = self.fresh_digest() if changed else self.digest
        if stream_digest(arc) != wanted:
            raise Wrong("its tar is not that of a fresh archive")
        record = self.record(arc)
        if not changed and record["read"] > record["content"] / 2:
            raise Wrong("%d bytes were read: the times were not believed"
                        % record["read"])

    def made(self, arc):
        """Bytes of the members that the reference does not have; those are
        the table's headers and the blocks that were touched."""
        old = set(data_members(self.ref))
        new = [m for m in data_members(arc) if m not in old]
        if len(new) > self.touched + 1:
            raise Wrong("%d members are new, and %d blocks were touched"
                        % (len(new), self.touched))
        return sum(m[0] for m in new)

    def check(self, job, arc, changed):
        q = shlex.quote(arc)
        if job is AGAIN:
            self.check_again(arc, changed)
        elif job is PIGZ:
            self.shell("%s %s | tar -df -" % (UNZIP, q))
        else:
            self.shell(RESTIC.format(arc=q) + " check")

    def measure(self, job, arc):
        """Its cost, and the bytes that it took on the disk."""
        self.disk.sync()
        self.runner.settle()
        before = self.disk.used()
        cost = self.runner.timed(self.line(job, arc), self.disk.top)
        return cost, self.disk.used() - before

    def once(self, operation, job, n):
        changed = operation == LITTLE
        kept = job is BACKUP
        arc = self.repository if kept else self.path("new.tar.gz")
        cost, taken = self.measure(job, arc)
        size = None if kept else os.path.getsize(arc)
        self.check(job, arc, changed)
        if changed and job is AGAIN:
            self.space.append((taken, self.made(arc), size))
        if not kept:
            os.unlink(arc)
        self.rows.add(report.Row(self.name(operation), job.program, n, *cost,
                                 size))

    def in_turn(self, operation, jobs, once):
        """All rounds; each begins with another program."""
        jobs = [j for j in jobs if self.set.allows(j)]
        self.operations[self.name(operation)] = jobs
        for n in range(self.set.rounds):
            say(self.name(operation) + ", round", n + 1)
            first = n % len(jobs)
            for job in jobs[first:] + jobs[:first]:
                try:
                    once(operation, job, n + 1)
                except Wrong as e:
                    raise Wrong("%s, %s, round %d: %s" % (
                        self.name(operation), job.program, n + 1, e)) from e

    def once_changed(self, operation, job, n):
        self.touched = change(self.table, n)
        self.once(operation, job, n)
        change(self.table, n)

    # Generations.

    def generation(self, n):
        """One more; the oldest goes."""
        arc = self.path("generation-%04d.tar.gz" % n)
        change(self.table, "generation %d" % n)
        self.shell(self.line(AGAIN, arc))
        self.ref = arc
        old = self.path("generation-%04d.tar.gz" % (n - KEPT))
        if os.path.exists(old):
            os.unlink(old)

    def generations(self):
        first = self.path("generation-0000.tar.gz")
        shutil.rmtree(self.repository, ignore_errors=True)
        os.rename(self.ref, first)
        self.ref = first
        for n in range(1, self.set.generations + 1):
            if n % 20 == 1:
                say(self.name("generation %d" % n))
            self.generation(n)
        self.compare_last()

    def compare_last(self):
        """The last one beside a fresh one."""
        fresh = self.path("fresh.tar.gz")
        self.shell(self.line(FRESH, fresh))
        if stream_digest(self.ref) != stream_digest(fresh):
            raise Wrong(self.name("the last generation") +
                        ": its tar is not that of a fresh archive")
        self.disk.sync()
        self.bar_extents(len(data_members(self.ref)), extents(self.ref),
                         extents(fresh))
        arcs = {"generation %d" % self.set.generations: self.ref,
                "fresh": fresh}
        self.read_cold("unpack", UNPACK, arcs)
        self.read_cold("verify", VERIFY, arcs)
        self.bar_unpack(*[self.rows.median(self.name("unpack"), j.program)
                          for j in self.operations[self.name("unpack")]])

    def read_cold(self, operation, job, arcs):
        jobs = {Job("%s, %s" % (job.program, k), job.command, job.family,
                    job.needs): arc for k, arc in arcs.items()}
        source = Source(self.path("data"))
        # Once for nothing, or the very first would be the slowest.
        self.read_one(operation, job, arcs["fresh"], source)
        self.in_turn(operation, list(jobs), lambda name, j, n: self.rows.add(
            report.Row(self.name(name), j.program, n,
                       *self.read_one(name, j, jobs[j], source),
                       os.path.getsize(jobs[j]))))

    def read_one(self, operation, job, arc, source):
        """The cost."""
        out = os.path.join(self.runner.mem, "out")
        os.mkdir(out)
        self.runner.settle()
        self.disk.cool()
        cost = self.runner.timed(self.line(job, arc, out), self.runner.disk)
        if operation == "unpack":
            source.check_tree(out + "/data", False)
        shutil.rmtree(out)
        return cost

    # Bars.

    def bar(self, what, measured, bar, ok):
        self.missed |= not ok
        self.bars.append([self.disk.kind, what, measured, bar,
                          "PASS" if ok else "FAIL"])

    def bar_speed(self, operation, other, bar):
        if not self.set.allows(other):
            return
        ratio = (self.rows.median(self.name(operation), other.program) /
                 self.rows.median(self.name(operation), AGAIN.program))
        self.bar("%s / %s" % (operation, other.program), "%.2fx" % ratio,
                 "%gx as fast" % bar, ratio >= bar)

    def bar_space(self):
        """Of the worst round."""
        taken, made, size = max(self.space, key=lambda s:
                                s[0] - s[1] - GRANTED * s[2])
        allowed = made + GRANTED * size
        self.bar(LITTLE + " / new bytes on disk",
                 "%.2f MB" % (taken / 1e6), "%.2f MB made + %.2f MB" % (
                     made / 1e6, GRANTED * size / 1e6), taken <= allowed)

    def bar_extents(self, members, last, fresh):
        self.bar("extents after %d generations" % self.set.generations,
                 "%d, %.2fx those of a fresh one" % (last, last / fresh),
                 "2x its %d data members" % members, last <= 2 * members)

    def bar_unpack(self, last, fresh):
        self.bar("unpack after %d generations" % self.set.generations,
                 "%.2fx the time of a fresh one" % (last / fresh), "1.25x",
                 last <= 1.25 * fresh)

    def run(self):
        self.prepare()
        self.in_turn(NOTHING, [AGAIN, BACKUP], self.once)
        self.in_turn(LITTLE, [AGAIN, PIGZ, BACKUP], self.once_changed)
        self.bar_speed(NOTHING, BACKUP, 5 if self.disk.shares else 1.5)
        self.bar_speed(LITTLE, PIGZ, 6)
        self.bar_speed(LITTLE, BACKUP, 2)
        if self.disk.shares:
            self.bar_space()
        if self.disk.shares and self.set.generations:
            self.generations()
        self.disk.remove()


def head(settings):
    size = sum(os.lstat(os.path.join(d, f)).st_size
               for d, _, files in os.walk(settings.data) for f in files)
    used = ["aipm-pack", "tar", *settings.programs]
    return "%s\ndata: %.0f MB; %d generations; %s" % (
        report.machine(settings.dir, settings.memory, lambda c: c in used),
        size / 1e6, settings.generations, report.date())


def show(settings, rows, repeats):
    operations = {k: v for r in repeats for k, v in r.operations.items()}
    print(head(settings), report.table(rows, operations, operations), NOTES,
          report.markdown(["file system", "what", "measured", "bar", ""],
                          [b for r in repeats for b in r.bars]),
          sep="\n\n")


def run(settings):
    """Whether a bar was missed."""
    os.makedirs(settings.dir, exist_ok=True)
    if report.file_system(settings.dir) == "tmpfs":
        say("BENCH_DIR is in memory: what is said of the disk is not true")
    subprocess.run([HERE + "/data.sh", settings.size, settings.data],
                   check=True)
    rows = report.Rows(os.path.join(
        settings.dir, "repeat-%s.csv" % report.stamp()))
    runner = Runner(settings.measure, settings.dir, settings.memory)
    size = int(settings.size) * 5_000_000 + (1 << 29)
    repeats = [Repeat(settings, runner, rows, Loop(k, size, runner.disk))
               for k in settings.kinds]
    try:
        for r in repeats:
            r.run()
        show(settings, rows, repeats)
    finally:
        ignore_signals()
        for r in repeats:
            r.disk.remove()
        runner.close()
    say("every measurement is in", rows.path)
    return any(r.missed for r in repeats)


SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def ignore_signals():
    for s in SIGNALS:
        signal.signal(s, signal.SIG_IGN)


def leave(number, _):
    """Once: a second signal does not keep a file system mounted."""
    ignore_signals()
    sys.exit(128 + number)


def main():
    for s in SIGNALS:
        signal.signal(s, leave)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    try:
        return int(run(Settings(os.environ)))
    except Wrong as e:
        say("WRONG:", e)
        return 1
    except (Failed, subprocess.CalledProcessError, OSError) as e:
        say(e)
        return 2


sys.exit(main())
