#!/usr/bin/env python3
"""Archives that are well-formed and lie: forge.py EDIT IN OUT

IN is an archive of ours.  All CRC32s, sizes and SHA-256s of OUT fit what is
in it, so that only a reader that compares notices.  The edits are the
functions below; each says what it does.
"""
import hashlib
import struct
import sys
import zlib

from archive import SLICE, Bytes, read_footer, read_index, read_pages

MEMBER, ENTRY, CHUNK, ZEROS, PAD, END = range(1, 7)


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def counted(data):
    return varint(len(data)) + data


class Entry:
    """An entry's record; the numbers between are kept as they are."""

    NUMBERS = ["mode", "uid", "gid", "size", "mtime", "mtime_ns", "ctime",
               "ctime_ns", "ino", "dev", "nlink", "major", "minor", "headers"]

    def __init__(self, record, before):
        self.tag = ENTRY
        self.flags, self.type = record.take(2)
        shared = record.varint()
        self.path = before[:shared] + record.counted()
        for name in self.NUMBERS:
            setattr(self, name, record.varint())
        self.link = record.counted()
        self.xattrs = [(record.counted(), record.counted())
                       for _ in range(record.varint())]
        self.holes = [(record.varint(), record.varint())
                      for _ in range(record.varint())]

    def payload(self):
        out = bytes([self.flags, self.type]) + varint(0) + counted(self.path)
        out += b"".join(varint(getattr(self, n)) for n in self.NUMBERS)
        out += counted(self.link) + varint(len(self.xattrs))
        out += b"".join(counted(n) + counted(v) for n, v in self.xattrs)
        out += varint(len(self.holes))
        return out + b"".join(varint(a) + varint(n) for a, n in self.holes)


class Member:
    """A member's record, and its bytes in the file."""

    def __init__(self, tag, record, f):
        self.tag = tag
        count = record.varint() if tag == ZEROS else 1
        size = record.varint()
        self.count = count
        record.take(4)
        self.rest = record.data[record.at:]
        self.data = f.read(count * size)

    def payload(self):
        one = self.data[:len(self.data) // self.count]
        out = varint(self.count) if self.tag == ZEROS else b""
        return out + varint(len(one)) + struct.pack("<I", zlib.crc32(one)) + \
            self.rest


class Tar:
    """The tar in a member, cut into headers and content of its entries."""

    def __init__(self, items, path):
        """The member that has the entry path, which has to be small and
        none of whose entries needs an extended header."""
        self.at = max(i for i, it in enumerate(items)
                      if it.tag == MEMBER and i < items.index(
                          entry(items, path)))
        self.member = items[self.at]
        self.entries = []
        while items[self.at + 1 + len(self.entries)].tag == ENTRY:
            self.entries.append(items[self.at + 1 + len(self.entries)])
        data = zlib.decompress(self.member.data, 31)
        self.parts = []
        at = 0
        for e in self.entries:
            end = at + e.headers
            content = -(-e.size // 512) * 512
            self.parts.append([data[at:end], data[end:end + content]])
            at = end + content

    def index(self, path):
        return [e.path for e in self.entries].index(path.encode())

    def close(self):
        """Back into the member."""
        data = b"".join(h + c for h, c in self.parts)
        digests = [hashlib.sha256(data[i:i + 16384]).digest()
                   for i in range(0, len(data), 16384)]
        if len(digests) > 1:
            digests = [hashlib.sha256(b"".join(digests)).digest()]
        headers = hashlib.sha256(b"".join(h for h, _ in self.parts)).digest()
        self.member.rest = varint(len(data)) + digests[0] + headers
        c = zlib.compressobj(6, zlib.DEFLATED, -15)
        stored = c.compress(data) + c.flush() + struct.pack(
            "<II", zlib.crc32(data), len(data))
        n = struct.unpack_from("<H", self.member.data, 10)[0]
        head = bytearray(self.member.data[:12 + n])
        struct.pack_into("<II", head, 17, len(head) + len(stored), len(data))
        self.member.data = bytes(head) + stored


def checksummed(header):
    header = bytearray(header)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def pad(n=16):
    m = Member.__new__(Member)
    m.tag, m.count, m.rest = PAD, 1, b""
    m.data = b"\x1f\x8b\x08\x04" + bytes(4) + b"\0\xff" + \
        struct.pack("<H2sHB", 5 + n, b"pm", 1 + n, 1) + bytes(n) + \
        b"\x03\0" + bytes(8)
    return m


def read(path):
    """The items of an archive, and its run pages."""
    with open(path, "rb") as f:
        offset, size = read_footer(f)[:2]
        pages = list(read_pages(read_index(f, offset, size)))
        f.seek(0)
        items, others = [], []
        for kind, _, _, data in pages:
            if kind != 1:
                others.append((kind, data))
                continue
            page = Bytes(data)
            page.varint()
            page.counted()
            page.varint()
            page.varint()
            before = b""
            while page.more():
                tag = page.take(1)[0]
                record = Bytes(page.counted())
                if tag == ENTRY:
                    items.append(Entry(record, before))
                    before = items[-1].path
                else:
                    items.append(Member(tag, record, f))
    return items, [o for o in others if o[0] != 255]


def page(kind, data):
    c = zlib.compressobj(6, zlib.DEFLATED, -15)
    stored = c.compress(data) + c.flush()
    return struct.pack("<BIII", kind, len(stored), len(data),
                       zlib.crc32(data)) + stored


def empty_member(kind, payload):
    return b"\x1f\x8b\x08\x04" + bytes(4) + b"\0\xff" + \
        struct.pack("<H2sHB", 5 + len(payload), b"pm", 1 + len(payload),
                    kind) + payload + b"\x03\0" + bytes(8)


def make_index(items, others):
    entries = varint(0) + counted(b"") + varint(0) + varint(0)
    for it in items:
        entries += bytes([it.tag]) + counted(it.payload())
    first = next((it.path for it in items if it.tag == ENTRY), b"")
    index = directory = b""
    for kind, data in [(1, entries)] + others:
        p = page(kind, data)
        directory += bytes([kind]) + varint(len(index)) + varint(len(p)) + \
            counted(first if kind == 1 else b"")
        index += p
    return index + page(255, directory), len(index)


def write(path, items, others, footer):
    """footer: the old one's payload, for what is not computed here."""
    data = b"".join(it.data for it in items if it.tag != ENTRY)
    index, directory = make_index(items, others)
    members = b"".join(empty_member(2, index[i:i + SLICE])
                       for i in range(0, len(index), SLICE))
    f = footer[:4] + struct.pack(
        "<QQQQQ", len(data), len(index), directory,
        sum(it.tag == ENTRY for it in items),
        len(data) + len(members) + 107) + hashlib.sha256(index).digest()
    f += struct.pack("<I", zlib.crc32(f))
    with open(path, "wb") as out:
        out.write(data + members + empty_member(3, f))


# The edits.

def entry(items, path):
    return next(it for it in items
                if it.tag == ENTRY and it.path == path.encode())


def position(items, tag):
    return next(i for i, it in enumerate(items) if it.tag == tag)


def same(items):
    """Nothing: the forger's own proof."""


def long_path(items):
    """A path that is longer than its headers are."""
    entry(items, "data/a").path = b"data/" + b"a" * 5000


def long_link(items):
    """A link that is longer than its headers are."""
    entry(items, "data/link").link = b"x" * 5000


def many_holes(items):
    """A hole in every second byte."""
    e = entry(items, "data/sub/1")
    e.size = 4000
    e.holes = [(1, 1)] * 2000


def short_hole(items):
    """A hole of less than a sector."""
    entry(items, "data/sub/1").holes = [(0, 2)]


def large_inline(items):
    """A small file that says it has a terabyte."""
    entry(items, "data/sub/1").size = 1 << 40


def beyond(items):
    """Files that say they have more than their member together."""
    for it in items:
        if it.tag == ENTRY and it.path.startswith(b"data/sub/"):
            it.size = 30 << 20


def chunked_size(items):
    """A chunked file of more bytes than there are."""
    entry(items, "data/random").size = (1 << 64) - 1


def large_headers(items):
    """Headers of more than a member."""
    entry(items, "data/a").headers = 1 << 40


def end_twice(items):
    """Two ends."""
    items.append(items[-1])


def no_end(items):
    """The end is told of as padding."""
    i = position(items, END)
    items[i].tag, items[i].rest = PAD, b""


def end_first(items):
    """Members behind the end."""
    i = position(items, END)
    items.insert(position(items[1:], MEMBER) + 1, items.pop(i))


def pads(items):
    """Padding between members and within a chunked file: good."""
    items.insert(position(items, CHUNK), pad())
    items.insert(position(items, END), pad(3))


def bad_pad(items):
    """Padding with something behind its empty stream."""
    p = pad()
    p.data = p.data[:-1] + b"\1"
    items.insert(position(items, CHUNK), p)


def data_as_pad(items):
    """Padding that is a data member."""
    p = pad()
    p.data = items[position(items, END)].data
    items.insert(position(items, END), p)


def forward_link(items):
    """A hard link to a file that comes later."""
    tar = Tar(items, "data/sub/0")
    i = tar.index("data/sub/0")
    header = bytearray(tar.parts[i][0])
    target = b"data/sub/9"
    header[124:136] = b"00000000000\0"
    header[156:157] = b"1"
    header[157:157 + len(target)] = target
    tar.parts[i] = [checksummed(header), b""]
    tar.entries[i].type = ord("1")
    tar.entries[i].link = target
    tar.entries[i].size = 0
    tar.close()


def global_header(items):
    """A pax header that holds for all that follows."""
    tar = Tar(items, "data/sub/0")
    i = tar.index("data/sub/0")
    header = bytearray(tar.parts[i][0])
    record = b"18 comment=global\n"
    header[124:136] = b"%011o\0" % len(record)
    header[156:157] = b"g"
    tar.parts[i][0] = checksummed(header) + record.ljust(512, b"\0") + \
        tar.parts[i][0]
    tar.entries[i].headers += 1024
    tar.close()


def rebuilt(items):
    """Nothing, but a member is made anew: the forger's own proof."""
    Tar(items, "data/sub/0").close()


EDITS = [same, rebuilt, forward_link, global_header, long_path, long_link, many_holes, short_hole, large_inline,
         beyond, chunked_size, large_headers, end_twice, no_end, end_first,
         pads, bad_pad, data_as_pad]


def main():
    name, source, target = sys.argv[1:]
    edit = {e.__name__: e for e in EDITS}[name.replace("-", "_")]
    items, others = read(source)
    edit(items)
    with open(source, "rb") as f:
        footer = f.read()[-107:][17:17 + 80]
    write(target, items, others, footer)


main()
