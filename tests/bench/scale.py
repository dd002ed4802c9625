#!/usr/bin/env python3
"""Time and memory of our programs on big trees, against their bars.

  BUILD=DIR scale.py [TREE...]      the programs are found by PATH

Each tree is packed, listed, checked and unpacked, with two threads.  The
peak of a program has to stay under 64 MiB, and at most 10 % above what it
was with 10,000 files; 100 bytes are granted to both for each name of the
largest directory and for each inode with several names.  Prints a Markdown
table; the status is 1 if a bar is broken or a result is wrong.

  SCALE=1               100: a hundredth of everything
  SCALE_DIR=/dev/shm    where trees and archives are; on memory 8 GB are taken
  BENCH_TMPFS=/dev/shm  where they are unpacked
"""
import os
import shlex
import shutil
import signal
import subprocess
import sys

import trees
from check import Wrong
from report import date, machine, markdown, seconds
from runner import Runner

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = "10,000 files"
BAR_KIB = 64 * 1024


def recipes(scale):
    return {
        BASE: lambda d: trees.wide(d, 10_000),
        "many": lambda d: trees.many(d, 100, 10_000 // scale),
        "wide": lambda d: trees.wide(d, 1_000_000 // scale),
        "hole": lambda d: trees.one_hole(d, 10**12 // scale),
        "sparse": lambda d: trees.sparse(d, 1000, 10**8 // scale),
        "links": lambda d: trees.links(d, 100_000 // scale, 10),
    }


def say(*words):
    print("scale:", *words, file=sys.stderr, flush=True)


def count(tree):
    """Names, and apparent bytes of the files."""
    names = size = 0
    for d, dirs, files in os.walk(tree.top):
        names += len(dirs) + len(files)
        size += sum(os.lstat(d + "/" + f).st_size for f in files)
    return names + 1, size


class Scale:
    def __init__(self, runner, out):
        self.runner = runner
        self.out = out
        self.base = {}              # peak by program
        self.lines = []
        self.broken = False

    def commands(self, tree, arc):
        q = shlex.quote
        return {
            "aipm-pack": "aipm-pack -q -j2 -o %s %s" % (q(arc), q(tree.top)),
            "aipm-ls": "aipm-ls " + q(arc),
            "aipm-unpack -t": "aipm-unpack -q -t " + q(arc),
            "aipm-unpack -C": "aipm-unpack -q -C %s %s" % (q(self.out),
                                                           q(arc)),
        }

    def bars(self, program, tree):
        """In KiB: the fixed one, and the one above the base."""
        more = 100 * (tree.widest + tree.linked) / 1024
        base = self.base.get(program)
        return BAR_KIB + more, base * 1.1 + more if base else None

    def verdict(self, name, program, tree, peak):
        if name == BASE:
            self.base[program] = peak
        fixed, flat = self.bars(program, tree)
        ok = peak <= fixed and (flat is None or peak <= flat or name == BASE)
        self.broken |= not ok
        return ok, min(fixed, flat or fixed)

    def check(self, program, tree, names):
        if program == "aipm-ls":
            with open(self.runner.output, "rb") as f:
                listed = sum(1 for _ in f)
            if listed != names:
                raise Wrong("%d of %d names listed" % (listed, names))
        if program == "aipm-unpack -C":
            odd = trees.difference(tree.top, os.path.join(
                self.out, os.path.basename(tree.top)))
            if odd:
                raise Wrong("not unpacked as it was: " + odd)

    def one(self, name, program, line, tree, names):
        say(name, program)
        wall, cpu, peak = self.runner.timed("exec " + line, self.runner.disk)
        self.check(program, tree, names)
        ok, bar = self.verdict(name, program, tree, peak)
        self.lines.append([name, program, seconds(wall), seconds(cpu),
                           "%.1f" % (peak / 1024), "%.1f" % (bar / 1024),
                           "pass" if ok else "FAIL"])

    def tree(self, name, make):
        say(name, "is being made")
        tree = make(os.path.join(self.runner.disk, "tree"))
        names, size = count(tree)
        arc = os.path.join(self.runner.disk, "tree.tar.gz")
        os.mkdir(self.out)
        for program, line in self.commands(tree, arc).items():
            self.one(name, program, line, tree, names)
        say(name, "%d names, %d bytes, archive %d bytes"
            % (names, size, os.path.getsize(arc)))
        shutil.rmtree(tree.top)
        shutil.rmtree(self.out)
        os.unlink(arc)


def run(measure, where, memory, scale, wanted):
    runner = Runner(measure, where, memory)
    try:
        s = Scale(runner, os.path.join(runner.mem, "out"))
        for name, make in recipes(scale).items():
            if name == BASE or not wanted or name in wanted:
                s.tree(name, make)
        print("%s; 1/%d of the size; %s\n"
              % (machine(where, memory, lambda c: c == "aipm-pack"), scale,
                 date()))
        print(markdown(["tree", "program", "wall s", "CPU s", "peak MiB",
                        "bar MiB", ""], s.lines))
        return s.broken
    finally:
        runner.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = os.path.abspath(os.environ.get("BUILD") or
                            os.path.join(HERE, "../../build"))
    memory = os.environ.get("BENCH_TMPFS") or "/dev/shm"
    where = os.path.abspath(os.environ.get("SCALE_DIR") or memory)
    scale = int(os.environ.get("SCALE") or 1)
    try:
        return int(run(build + "/helper/measure", where, memory, scale,
                       sys.argv[1:]))
    except Wrong as e:
        say("WRONG:", e)
        return 1
    except (OSError, subprocess.CalledProcessError) as e:
        say(e)
        return 2
    except KeyboardInterrupt:
        return 130


sys.exit(main())
