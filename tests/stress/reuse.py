#!/usr/bin/env python3
"""No change is ever missed: aipm-pack -r beside aipm-pack, on trees to which
everything happens that can happen to files (mutations.py).

    BUILD=DIR reuse.py [--mutations N] [--generations G] [--seed S]
        [--pauses P] [--clock] [--must-reuse] DIR...

In each DIR a tree is made.  A generation is: some changes; an archive with
references to earlier ones, good or damaged, perhaps with a pass before it
that is made while the files change; then the archive made anew.  The two have
to be the same tar, byte by byte.  Every fourth archive is unpacked and
compared with the tree instead, because aipm-pack without -r would flush what
an earlier one should have flushed.

    --mutations N   at least N changes, all DIRs together (default 1000)
    --generations G no more than G generations in each DIR
    --seed S        repeats a run, as far as timing lets it
    --pauses P      wait P times, until what is there is old enough for a
                    reference that was made while services ran (11 s each)
    --clock         set the clock back now and then (root; disturbs whatever
                    else runs on the machine)
    --keep DIR      where copies of the archives of a generation that failed
                    go, and a log of all before it (default /tmp)
    --must-reuse    it is a failure too if most of a tree was never left
                    unread: then nothing was shown

Some generations say that the services are stopped, as aipm-stop does, and
have no mapping open; some, that they are paused, and some say nothing, and
both have mappings open.
The last line is "N passed, N failed", in generations.
"""
import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

import mutations
from clock import ClockSet, can_be_set

HERE = os.path.dirname(os.path.abspath(__file__))
MARGIN = 11                     # seconds; aipm-pack's is 10
KEPT = 6                        # archives, for references that are older
DAMAGED = 4                     # a status
LONGEST = 120                   # seconds that a program may take
SAID = re.compile(r"; (\d+) read, (\d+) taken out of references, (\d+) of")
HOW_QUIET = ("stopped", "stopped", "paused", "")     # drawn from
QUIET = "proof\tquiet\nservices\t%s\ndowntime\t1\nend\n"


class Failure(Exception):
    pass


# Running programs.

def run(argv, quiet="", statuses=(0,)):
    """Returns its status and what it said on standard error.  quiet: how the
    services are, if it is aipm-stop that runs it."""
    env = dict(os.environ, LC_ALL="C")
    ours, theirs = socket.socketpair()
    if quiet:
        ours.sendall((QUIET % quiet).encode())      # before it was asked
        ours.shutdown(socket.SHUT_WR)
        env.update(AIPM_RELEASE_FD=str(theirs.fileno()), AIPM_ROOT="/",
                   AIPM_DATA="/")
    with tempfile.TemporaryFile("w+") as err:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=err,
                             stdout=subprocess.DEVNULL, env=env,
                             pass_fds=[theirs.fileno()] if quiet else [])
        try:
            status = p.wait(LONGEST)
        except subprocess.TimeoutExpired:
            status = "none in %d s" % LONGEST
        finally:
            p.kill()
            p.wait()
            ours.close()
            theirs.close()
        err.seek(0)
        said = err.read()
    if status not in statuses:
        raise Failure("%s\nhas status %s and says\n%s" % (
            " ".join(argv), status, said))
    return status, said


def plain(path):
    return subprocess.Popen(["gzip", "-dc", path], stdout=subprocess.PIPE)


def same_stream(a, b):
    p, q = plain(a), plain(b)
    with p, q:
        while True:
            x, y = p.stdout.read(1 << 18), q.stdout.read(1 << 18)
            if x != y:
                p.kill()
                q.kill()
                return False
            if not x:
                break
    if p.returncode or q.returncode:
        raise Failure("gzip does not like %s" % (a if p.returncode else b))
    return True


def members(path):
    """What a tar says of each name, read by none of our code."""
    found = {}
    with plain(path) as p:
        try:
            with tarfile.open(fileobj=p.stdout, mode="r|") as tar:
                for m in tar:
                    data = tar.extractfile(m) if m.isreg() else None
                    found[m.name] = dict(
                        type=m.type, mode=oct(m.mode), owner=m.uid,
                        group=m.gid, size=m.size, link=m.linkname,
                        records=m.pax_headers, mtime=m.mtime,
                        content=data and hashlib.sha256(
                            data.read()).hexdigest())
        except (tarfile.TarError, OSError) as e:
            found["(the tar itself)"] = dict(error=str(e))
        p.kill()
    return found


def differences(got, wanted):
    a, b = members(got), members(wanted)
    for name in sorted(a.keys() - b.keys()):
        yield "%s: is too much" % name
    for name in sorted(b.keys() - a.keys()):
        yield "%s: is missing" % name
    for name in sorted(a.keys() & b.keys()):
        x, y = a[name], b[name]
        if x != y:
            yield "%s:%s" % (name, ",".join(
                " %s %s, not %s" % (k, x.get(k), y.get(k))
                for k in sorted(x.keys() | y.keys())
                if x.get(k) != y.get(k)))
    if list(a) != list(b) and a.keys() == b.keys():
        yield "the order of the names"


def describe(top):
    said = subprocess.run(
        [sys.executable, HERE + "/../tree.py", "describe", top],
        stdout=subprocess.PIPE, check=True)
    return said.stdout.decode().splitlines()


# References.

def damage(rng, path, to):
    """A copy of an archive that is not quite one."""
    shutil.copyfile(path, to)
    size = os.path.getsize(to)
    how = rng.choice(("flipped", "flipped", "flipped at the end", "a page",
                      "cut", "empty"))
    at = int(rng.random() * size)
    with open(to, "r+b") as f:
        if how == "flipped at the end":
            at = size - 1 - int(rng.random() * min(size, 8000))
        if how.startswith("flipped"):
            f.seek(at)
            old = f.read(1)[0]
            f.seek(at)
            f.write(bytes([old ^ 1 << rng.randrange(8)]))
        elif how == "a page":
            f.seek(at // 4096 * 4096)
            f.write(rng.randbytes(min(4096, size - f.tell())))
        else:
            f.truncate(at if how == "cut" else 0)
    return "%s %s at %d" % (to, how, at)


class Plan:
    """How a generation is packed; drawn before anything of it happens."""

    def __init__(self, rng, history, foreign, quiet):
        self.quiet = quiet
        self.references = [history[-1]] if history else []
        if history and rng.random() < 0.15:
            self.references = [rng.choice(history)]
        if history and rng.random() < 0.2:
            self.references.insert(rng.randrange(2), rng.choice(history))
        if rng.random() < 0.08:
            self.references.insert(
                rng.randrange(len(self.references) + 1), foreign)
        self.damage = bool(self.references) and rng.random() < 0.12
        self.warm = rng.choices(["", "thin", "full"], [65, 25, 10])[0]
        self.busy = bool(self.warm) and rng.random() < 0.5
        self.options = ["-j", str(rng.choice((1, 2, 2, 3, 4))),
                        "--level", str(rng.choice((1, 1, 2, 2, 6, 9)))]
        if rng.random() < 0.12:
            self.options.append("--checksum")
        if rng.random() < 0.2:
            self.options.append("--no-clone")
        self.level = str(rng.choice((1, 1, 2, 6)))      # of the one anew
        self.unpack = rng.random() < 0.25


class Disturbance:
    """Somebody who writes while a block is at work: as many changes however
    long that takes, and stores through the mappings until its end."""

    def __init__(self, tree, seed):
        self.tree = tree
        self.busy = mutations.Tree(tree.top, random.Random(seed), seed)
        self.busy.counts = tree.counts
        self.busy.log = tree.log
        self.ended = threading.Event()
        # A store behind the end of a file that becomes shorter is a SIGBUS.
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.change)]
        if tree.mappings:
            self.threads.append(threading.Thread(target=self.store))

    def change(self):
        for _ in range(self.busy.rng.randrange(25)):
            time.sleep(self.busy.rng.random() * 0.004)
            try:
                with self.lock:
                    self.busy.change(only_busy=True)
            except OSError as e:
                self.busy.log.append("cannot: %s" % e)

    def store(self):
        """Only the first into a page moves the file's times."""
        rng = random.Random(0)
        for m in self.tree.mappings:
            self.tree.done("stored through a mapping all the while it was "
                           "packed", m.path)
        while not self.ended.wait(0.001):
            for m in self.tree.mappings:
                try:
                    with self.lock:
                        m.store(rng)
                except mutations.Nothing:
                    pass

    def __enter__(self):
        self.tree.log.append("while it is packed:")
        for t in self.threads:
            t.start()

    def __exit__(self, *_):
        self.ended.set()
        for t in self.threads:
            t.join()
        self.tree.mappings += self.busy.mappings
        self.tree.log.append("that was packing")


class Place:
    """A DIR with its tree and archives."""

    def __init__(self, directory, seed, number, options):
        self.work = tempfile.mkdtemp(prefix="reuse-", dir=directory)
        self.directory = directory
        self.rng = random.Random("%d %d" % (seed, number))
        self.clock = options.clock
        self.build = options.build
        self.top = self.work + "/tree"
        self.history = []
        self.number = 0         # of the generation
        self.story = []         # of the generations before
        self.until_next_phase = 0
        self.quiet = ""         # or how the services are: see run()
        self.touched = []       # files that were written last of all
        self.refused = 0        # because of a damaged reference
        self.packed = 0         # with references, and of these:
        self.trusting = 0       # those that read less than half of the tree
        self.amounts = [0, 0, 0, 0]     # bytes read, taken, shared; read anew
        self.prepare()

    def prepare(self):
        """A foreign archive is of files with the same names."""
        foreign = mutations.Tree(self.top, self.rng)
        mutations.make(foreign)
        self.foreign = self.path("foreign.tar.gz")
        self.pack(["-o", self.foreign], [])
        shutil.rmtree(self.top)
        self.tree = mutations.Tree(self.top, self.rng, foreign.serial)
        mutations.make(self.tree)
        self.elsewhere = tempfile.mkdtemp(
            prefix="reuse-", dir=self.other_file_system())

    def other_file_system(self):
        """What unpacking flushes shall not be the tree's."""
        for d in (tempfile.gettempdir(), "/dev/shm", "/var/tmp"):
            if not os.path.isdir(d) or not os.access(d, os.W_OK) or \
                    os.stat(d).st_dev == os.stat(self.work).st_dev:
                continue
            with tempfile.NamedTemporaryFile(dir=d) as f:
                try:
                    os.setxattr(f.name, "user.x", b"x")
                    return d
                except OSError:
                    continue
        return self.work

    def path(self, name):
        return os.path.join(self.work, name)

    def keep(self, directory, why):
        """What a failure leaves: the tree's file system may go soon."""
        kept = tempfile.mkdtemp(prefix="aipm-reuse-failed-", dir=directory)
        for name in os.listdir(self.work):
            if os.path.isfile(self.path(name)):
                shutil.copy2(self.path(name), kept)
        with open(kept + "/log", "w") as f:
            f.writelines(line + "\n" for line in
                         self.story + self.tree.log + [why])
        return kept

    def close(self):
        self.tree.close_mappings()
        shutil.rmtree(self.elsewhere, ignore_errors=True)
        shutil.rmtree(self.work, ignore_errors=True)

    # Programs.

    def pack(self, options, references, quiet="", statuses=(0,)):
        argv = [self.build + "/aipm-pack", "-v", *options]
        for r in references:
            argv += ["-r", r]
        self.log("+ " + " ".join(argv[1:] + [self.top] +
                                 (["(%s)" % quiet] if quiet else [])))
        status, said = run(argv + [self.top], quiet, statuses)
        amounts = SAID.search(said)
        if amounts and references:
            for i in range(3):
                self.amounts[i] += int(amounts.group(i + 1))
            self.tree.look()
            self.packed += 1
            self.trusting += int(amounts.group(1)) < self.tree.bytes / 2
        elif amounts:
            self.amounts[3] += int(amounts.group(1))
        return status

    def log(self, line):
        if hasattr(self, "tree"):
            self.tree.log.append(line)

    # Changes.

    def mutate(self, n):
        """Those first that come right behind the archive before."""
        for path in self.touched:
            self.touch(path, "written right after packing, mtime put back")
        self.touched = []
        self.store_everywhere("stored through a mapping right after packing")
        for _ in range(n):
            self.tree.change()

    def store_everywhere(self, name):
        if self.rng.random() < 0.5:
            return
        for m in self.tree.mappings:
            try:
                self.tree.done(name, m.store(self.rng))
            except mutations.Nothing:
                pass

    def touch(self, path, name):
        try:
            st = os.lstat(path)
            self.tree.look()
            if path in self.tree.files and st.st_size:
                what = self.tree.scramble(path)
                mutations.put_back(path, st)
                self.tree.done(name, what)
        except OSError:
            pass                # it is gone

    def touch_last(self):
        """Nothing lies between these, packing, and those of mutate()."""
        if self.rng.random() < 0.5:
            self.tree.look()
            n = self.rng.randrange(1, 4)
            self.touched = [self.tree.file(1, 1 << 20) for _ in range(n)]
            for path in self.touched:
                self.touch(path, "written right before packing, "
                           "mtime put back")
        self.store_everywhere("stored through a mapping right before packing")

    # A generation.

    def begin(self, most=60):
        """The changes of one."""
        self.number += 1
        self.tree.epoch = self.number // 5
        self.story += self.tree.log
        self.tree.log = ["generation %d" % self.number]
        if self.until_next_phase == 0:
            self.until_next_phase = self.rng.randrange(3, 9)
            self.quiet = self.rng.choice(
                [q for q in HOW_QUIET if q != self.quiet])
        self.until_next_phase -= 1
        self.mutate(int(1 + self.rng.random() ** 2 * most))

    def warm_up(self, plan):
        """A pass before the one that counts; then some more changes."""
        warm = self.path("%d-warm.%s" % (
            self.number, "thin" if plan.warm == "thin" else "tar.gz"))
        options = ["--thin"] * (plan.warm == "thin") + ["-o", warm]
        quiet = "" if plan.busy else plan.quiet
        if quiet == "stopped":
            self.tree.close_mappings()
        self.touch_last()
        if plan.busy:
            with Disturbance(self.tree, self.rng.randrange(1 << 30)):
                self.pack(options, plan.references, statuses=(0, 3))
        else:
            self.pack(options, plan.references, quiet)
        plan.references.insert(0, warm)
        self.mutate(self.rng.randrange(8))

    def pack_both(self, plan):
        new = self.path("%d.tar.gz" % self.number)
        statuses = (0,)
        bad = None
        if plan.damage:
            bad = self.damage_one(plan)
            statuses = (0, 3, DAMAGED) if plan.quiet else (0, 3)
        if plan.quiet == "stopped":
            self.tree.close_mappings()
        self.touch_last()
        status = self.pack(plan.options + ["-o", new], plan.references,
                           plan.quiet, statuses)
        if status == DAMAGED:
            self.try_without(bad, new, plan)
        return new

    def damage_one(self, plan):
        i = self.rng.randrange(len(plan.references))
        bad = self.path("%d-damaged.tar.gz" % self.number)
        self.log(damage(self.rng, plan.references[i], bad))
        if self.rng.random() < 0.7:
            plan.references[i] = bad
        else:
            plan.references.insert(i, bad)
        return bad

    def try_without(self, bad, new, plan):
        """The services run again by the time that a reference turns out to
        be damaged: there is no archive, and no second look at the tree."""
        if os.path.exists(new):
            raise Failure("%s is there, with status %d" % (new, DAMAGED))
        self.refused += 1
        # A thin one may now lack its own reference, which is said.
        references = [r for r in plan.references if r != bad]
        self.pack(plan.options + ["-o", new], references, plan.quiet, (0, 3))

    def make_and_check(self, pause=False):
        """The rest of one."""
        quiet = "" if pause else self.quiet
        plan = Plan(self.rng, self.history, self.foreign, quiet)
        if plan.warm:
            self.warm_up(plan)
        if self.clock and self.rng.random() < 0.15:
            new = self.pack_with_clock_back(plan)
        else:
            new = self.pack_both(plan)
        if plan.unpack or pause:
            self.compare_with_tree(new)
        else:
            self.compare_with_anew(new, plan.level)
        if self.number % 10 == 0:
            run([self.build + "/aipm-unpack", "-q", "-t", new])
        if self.number % 10 == 5:
            self.compare_with_tree(new)
        self.history.append(new)
        self.clean_up()

    def pack_with_clock_back(self, plan):
        """30 s, an hour, or the very moment when a file was changed last: if
        its new ctime is its old one, only the clock itself can tell."""
        self.tree.look()
        path = self.tree.file(1, 1 << 20)
        to = self.rng.choice((30, 3600, 0))
        then = os.stat(path).st_ctime_ns if to == 0 else \
            time.time_ns() - to * 10 ** 9
        name = "clock set back, and written, mtime put back"
        self.log("the clock is set to %d" % then)
        with ClockSet(then):
            self.touch(path, name)
            if os.stat(path).st_ctime_ns == then:
                self.tree.done("... of these, got the same ctime", path)
            for _ in range(self.rng.randrange(4)):
                self.tree.change()
            new = self.pack_both(plan)
        # With the clock right again, there is nothing left that tells.
        self.history = []
        return new

    def compare_with_anew(self, new, level):
        anew = self.path("%d-anew.tar.gz" % self.number)
        self.pack(["--level", level, "-o", anew], [])
        if not same_stream(new, anew):
            raise Failure("%s\nis not the tar of\n%s\n%s" % (
                new, anew, "\n".join(differences(new, anew))))

    def compare_with_tree(self, new):
        wanted = describe(self.top)
        out = self.elsewhere + "/out"
        os.mkdir(out)
        run([self.build + "/aipm-unpack", "-q", "-C", out, new])
        got = describe(out + "/tree")
        shutil.rmtree(out)
        if got != wanted:
            lines = ["- " + x for x in sorted(set(got) - set(wanted))] + \
                ["+ " + x for x in sorted(set(wanted) - set(got))]
            anew = self.path("%d-anew.tar.gz" % self.number)
            self.pack(["-o", anew], [])
            raise Failure("%s\nhas (-), and the tree has (+)\n%s\n"
                          "made anew:\n%s\n%s" % (
                              new, "\n".join(lines), anew, "\n".join(
                                  differences(new, anew))))

    def clean_up(self):
        self.history = self.history[-KEPT:]
        kept = {*self.history, self.foreign, self.top, self.elsewhere}
        for name in os.listdir(self.work):
            if self.path(name) not in kept:
                os.unlink(self.path(name))


# All of it.

def arguments():
    p = argparse.ArgumentParser(
        description="No change is ever missed by aipm-pack -r.")
    p.add_argument("--mutations", type=int, default=1000)
    p.add_argument("--generations", type=int, default=10 ** 9)
    p.add_argument("--seed", type=int, default=time.time_ns() // 10 ** 6)
    p.add_argument("--pauses", type=int, default=0)
    p.add_argument("--clock", action="store_true")
    p.add_argument("--keep", default=tempfile.gettempdir())
    p.add_argument("--must-reuse", action="store_true")
    p.add_argument("directory", nargs="+")
    o = p.parse_args()
    o.build = os.environ.get("BUILD") or p.error("BUILD is not set")
    if o.clock and not can_be_set():
        print("the clock cannot be set here: it is left alone")
        o.clock = False
    return o


class Run:
    def __init__(self, options):
        self.options = options
        self.passed = 0
        self.failed = []        # places
        self.places = []

    def changes(self):
        return sum(n for p in self.places for name, n in
                   p.tree.counts.items() if not name.startswith("..."))

    def guarded(self, place, work):
        """Whether it went well; a place that fails is left."""
        try:
            work()
            return True
        except (Failure, OSError) as e:
            self.failed.append(place)
            print("FAILED in %s, generation %d, seed %d" % (
                place.work, place.number, self.options.seed))
            for line in place.tree.log + [str(e)]:
                print("    " + line.replace("\n", "\n    "))
            print("kept in", place.keep(self.options.keep, str(e)),
                  flush=True)
            return False

    def alive(self):
        return [p for p in self.places if p not in self.failed]

    def round(self, pause, most=60):
        """A generation in every place.  pause: all is old when packed."""
        begun = [p for p in self.alive()
                 if self.guarded(p, lambda: p.begin(most))]
        if pause:
            time.sleep(MARGIN)
        for p in begun:
            if self.guarded(p, lambda: p.make_and_check(pause)):
                self.passed += 1

    def all(self):
        o = self.options
        for i, d in enumerate(o.directory):
            self.places.append(Place(d, o.seed, i, o))
        pauses = 0
        while self.alive() and self.changes() < o.mutations and \
                self.places[0].number < o.generations:
            pause = pauses * o.mutations < o.pauses * self.changes()
            self.round(pause)
            if pause:
                pauses += 1
                self.round(False, 6)

    def report(self):
        counts = {}
        for p in self.places:
            for name, n in p.tree.counts.items():
                counts[name] = counts.get(name, 0) + n
        order = [k.name for k in mutations.KINDS]
        for name in order + sorted(counts.keys() - order):
            print("%6d  %s" % (counts.get(name, 0), name))
        mega = 10 ** 6
        for p in self.places:
            read, taken, shared, anew = (n // mega for n in p.amounts)
            print("%s: %d generations; %d times packed with references, of "
                  "these %d with most of the tree unread; %d MB read, %d MB "
                  "taken out of references, %d MB of it shared; %d MB read "
                  "to pack anew" % (
                      p.directory, p.number, p.packed, p.trusting, read,
                      taken, shared, anew))
        print("%d times nothing was published because of a damaged "
              "reference" % sum(p.refused for p in self.places))
        print("%d mutations" % self.changes())

    def close(self):
        for p in self.places:
            p.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    r = Run(options)
    print("seed %d" % options.seed, flush=True)
    try:
        r.all()
        r.report()
    finally:
        r.close()
    failed = len(r.failed)
    if options.must_reuse and not any(p.trusting for p in r.places):
        print("no file went unread: this shows nothing")
        failed += 1
    print("%d passed, %d failed" % (r.passed, failed))
    sys.exit(failed > 0 or r.passed == 0)


main()
