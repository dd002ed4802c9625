#!/usr/bin/env python3
"""How much of an archive a program reads, and how much it needs to.

  bytes-read.py make DIR               a tree: 20,000 small files, 64 MB in all
  bytes-read.py list ARCHIVE           bytes that a list may read
  bytes-read.py path ARCHIVE PATH      bytes that unpacking PATH may read
  bytes-read.py count ARCHIVE LOG      bytes that were read of ARCHIVE, by a
                                       log of strace -f that has openat, close,
                                       dup, mmap and every kind of read
"""
import os
import random
import re
import sys

from archive import SLICE, SLICE_MEMBER, Bytes, read_footer, read_index, \
    read_pages

SLACK = 65536           # the first bytes, the footer, a read too long


def make(top):
    rng = random.Random(1)
    for d in range(200):
        os.makedirs("%s/d%03d" % (top, d))
        for i in range(100):
            with open("%s/d%03d/f%03d" % (top, d, i), "wb") as f:
                f.write(rng.randbytes(rng.randrange(1500)))
    os.mkdir(top + "/large")
    for i in range(24):
        with open("%s/large/%02d" % (top, i), "wb") as f:
            f.write(rng.randbytes(2_000_000))


def entry_path(record, before):
    record.take(2)
    shared = record.varint()
    return before[:shared] + record.counted()


def entries(page):
    """Each entry's path, the number of a member that has it or a part of it,
    and the bytes of that."""
    page.varint()
    current = page.counted()
    page.varint()
    page.varint()
    before = b""
    number = size = 0
    while page.more():
        tag = page.take(1)[0]
        record = Bytes(page.counted())
        if tag == 1:
            number, size = number + 1, record.varint()
        elif tag == 2:
            before = current = entry_path(record, before)
            yield current, number, size
        elif tag == 3:
            number += 1
            yield current, number, record.varint()
        elif tag == 4:
            number += 1
            yield current, number, record.varint() * record.varint()


def slices(offset, size):
    """Bytes of the index members that have this part of the index."""
    return ((offset + size - 1) // SLICE - offset // SLICE + 1) * SLICE_MEMBER


def list_bound(archive):
    with open(archive, "rb") as f:
        offset = read_footer(f)[0]
    return os.path.getsize(archive) - offset + SLACK


def path_bound(archive, path):
    """The directory page, three index pages, the members of path, of what
    lies below it and of the directories above it."""
    with open(archive, "rb") as f:
        offset, size, directory, _, _ = read_footer(f)
        pages = list(read_pages(read_index(f, offset, size)))
    path = path.encode()
    names = path.split(b"/")
    above = {b"/".join(names[:i + 1]) for i in range(len(names))}
    members = {(at, number): n for kind, at, _, data in pages if kind == 1
               for p, number, n in entries(Bytes(data))
               if p in above or p.startswith(path + b"/")}
    if not members:
        sys.exit("%s is not in the index" % path.decode())
    largest = max(slices(at, n) for kind, at, n, _ in pages if kind == 1)
    return (SLACK + slices(directory, size - directory) + 3 * largest +
            sum(members.values()))


# The log of strace.

CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+)")
READS = {"read", "pread64", "readv", "preadv", "preadv2", "sendfile",
         "copy_file_range"}


def whole_calls(log):
    """Calls that another thread's line cut in two are put together."""
    begun = {}
    for line in log:
        pid, _, call = line.strip().partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            begun[pid] = call[:-len("<unfinished ...>")]
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", call)
        if resumed:
            call = begun.pop(pid, "") + resumed.group(1)
        m = CALL.match(call)
        if m:
            yield m.group(1), m.group(2), int(m.group(3), 0)


def count(archive, log):
    name = '"%s"' % os.path.basename(archive)
    fds = set()
    total = 0
    for call, args, result in whole_calls(log):
        first = args.split(",")[0].strip()
        if result < 0:
            continue
        if call == "openat":
            opened = args.split(", ")[1]
            if opened == name or opened.endswith("/" + name[1:]):
                fds.add(str(result))
        elif call == "close":
            fds.discard(first)
        elif call.startswith("dup") or call == "fcntl" and "F_DUPFD" in args:
            if first in fds:
                fds.add(str(result))
        elif call in READS:
            fd = args.split(",")[1].strip() if call == "sendfile" else first
            total += result if fd in fds else 0
        elif call == "mmap" and args.split(", ")[4] in fds:
            total += int(args.split(", ")[1])
    return total


def main():
    verb, rest = sys.argv[1], sys.argv[2:]
    if verb == "make":
        make(rest[0])
    elif verb == "list":
        print(list_bound(rest[0]))
    elif verb == "path":
        print(path_bound(*rest))
    elif verb == "count":
        with open(rest[1], errors="replace") as log:
            print(count(rest[0], log))


main()
