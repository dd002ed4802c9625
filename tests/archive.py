"""Archives of ours, read without any of our code; the format is that of
aipm-archive(5).  For the tests that look into them or forge them.
"""
import os
import struct
import zlib

FOOTER = 107
SLICE = 8000
SLICE_MEMBER = 17 + SLICE + 2 + 8


class Bytes:
    """A cursor over a page's plain bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def more(self):
        return self.at < len(self.data)

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def varint(self):
        value = shift = 0
        while True:
            b = self.take(1)[0]
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                return value

    def counted(self):
        return self.take(self.varint())


def read_footer(f):
    f.seek(-FOOTER, os.SEEK_END)
    member = f.read(FOOTER)
    return struct.unpack_from("<QQQQQ", member, 17 + 4)


def read_index(f, offset, size):
    """The slices, put together."""
    index = b""
    f.seek(offset)
    while len(index) < size:
        n = min(SLICE, size - len(index))
        member = f.read(17 + n + 10)
        assert member[:4] == b"\x1f\x8b\x08\x04" and member[16] == 2
        index += member[17:17 + n]
    return index


def read_pages(index):
    """Type, offset, stored bytes with the head, plain bytes of each page."""
    at = 0
    while at < len(index):
        kind, stored, plain, _ = struct.unpack_from("<BIII", index, at)
        data = zlib.decompress(index[at + 13:at + 13 + stored], -15)
        assert len(data) == plain
        yield kind, at, 13 + stored, data
        at += 13 + stored
