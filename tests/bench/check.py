"""Whether a result of the bench is right: trees and lists of names."""
import hashlib
import os
import subprocess
import sys

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../tree.py")


class Wrong(Exception):
    """A program did not do what it was timed for."""


def describe(top, whole_seconds=False):
    """The lines of tests/tree.py: names, types, modes, owners, times, sums."""
    flags = ["no-xattr"] + (["no-ns"] if whole_seconds else [])
    return subprocess.run([sys.executable, TREE, "describe", top, *flags],
                          check=True, stdout=subprocess.PIPE,
                          ).stdout.decode().splitlines()


def file_digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.digest()


def seconds_only(lines):
    """What describe would have said with no-ns; the time is field 5."""
    out = []
    for line in lines:
        f = line.split(" ")
        f[4] = str(int(f[4]) // 10**9)
        out.append(" ".join(f))
    return out


def first_difference(got, wanted):
    got_set, wanted_set = set(got), set(wanted)
    for line in wanted:
        if line not in got_set:
            return "missing or different: " + line
    for line in got:
        if line not in wanted_set:
            return "not in the source: " + line
    return "the order"


class Source:
    """One tree that is packed: its lines, once, and its names."""

    def __init__(self, top):
        self.top = top
        self.lines = describe(top)
        self.whole = seconds_only(self.lines)
        base = os.path.basename(top)
        self.names = {base if f == "." else base + "/" + f
                      for f in (line.split(" ")[0] for line in self.lines)}

    def check_tree(self, top, whole_seconds):
        wanted = self.whole if whole_seconds else self.lines
        if not os.path.isdir(top):
            raise Wrong("no directory " + top)
        got = describe(top, whole_seconds)
        if got != wanted:
            raise Wrong(first_difference(got, wanted))

    def check_list(self, text):
        """Leading / or ./ and trailing / are a matter of taste."""
        lines = [x for x in text.splitlines() if x[:9] != "snapshot "]
        names = {x.removeprefix("./").strip("/") for x in lines} - {""}
        if names != self.names:
            odd = sorted(names ^ self.names)[0]
            raise Wrong("%s is %s" % (odd, "listed and is not there"
                                      if odd in names else "not listed"))

    def last_file(self):
        """The last plain file by the order of bytes."""
        return max((line.split(" ") for line in self.lines
                    if line.split(" ")[1].startswith("10")),
                   key=lambda f: f[0].encode())[0]

    def check_one(self, top, path, whole_seconds):
        """The file path is below top as in the source, and no other file."""
        wanted = self.whole if whole_seconds else self.lines
        line = next(x for x in wanted if x.split(" ")[0] == path)
        base = os.path.join(top, os.path.basename(self.top))
        got = describe(base, whole_seconds) if os.path.isdir(base) else []
        files = [x for x in got if x.split(" ")[1].startswith("10")]
        if files != [line]:
            raise Wrong(first_difference(files, [line]))
