#!/usr/bin/env python3
"""Data for the bench, the same bytes and times from the same seed.

  fill.py minio DIR MB      objects as MinIO lays them out, incompressible
  fill.py www DIR MB        small files of a web site, its logs and documents
  fill.py redis MB          commands for redis-cli --pipe, on standard output
  fill.py postgres DIR MB   files like a cluster's, where no server makes one
"""
import itertools
import os
import random
import sys

SEED = 20261123
MB = 10**6


def put(path, data, rng):
    """A file with a time of its own, to the nanosecond."""
    with open(path, "wb") as f:
        f.write(data)
    stamp(path, rng)


def stamp(path, rng):
    ns = 1_700_000_000_000_000_000 + rng.randrange(10**16)
    os.utime(path, ns=(ns, ns))


def stamp_directories(top, rng):
    for path, dirs, _ in os.walk(top, topdown=False):
        for name in sorted(dirs):
            stamp(os.path.join(path, name), rng)


# MinIO: bucket/object/xl.meta for small objects, and for others an xl.meta
# beside a directory with part.1.

def put_object(bucket, name, size, rng):
    where = os.path.join(bucket, name)
    os.mkdir(where)
    if size < 16384:
        put(where + "/xl.meta", b"XL2 " + rng.randbytes(size), rng)
        return
    put(where + "/xl.meta", b"XL2 " + rng.randbytes(400), rng)
    version = where + "/%032x" % rng.getrandbits(128)
    os.mkdir(version)
    put(version + "/part.1", rng.randbytes(size), rng)


def fill_bucket(bucket, total, low, high, suffix, rng):
    """Sizes between low and high, as likely in each decade."""
    os.makedirs(bucket)
    for i in itertools.count():
        if total <= 0:
            break
        size = min(int(low * (high / low) ** rng.random()), total)
        put_object(bucket, "%08d%s" % (i, suffix), size, rng)
        total -= size


def minio(top, mb):
    rng = random.Random(SEED)
    total = int(mb * MB)
    os.makedirs(top + "/.minio.sys/config")
    put(top + "/.minio.sys/format.json",
        b'{"version":"1","format":"xl-single"}\n', rng)
    fill_bucket(top + "/uploads", total // 2, 2_000, 400_000, ".jpg", rng)
    big = min(64_000_000, max(total // 8, 500_000))
    fill_bucket(top + "/videos", total - total // 2, big // 10, big, ".mp4",
                rng)
    stamp_directories(top, rng)


# Text: words by Zipf's law, so that it compresses like text.

class Words:
    def __init__(self, rng):
        self.rng = rng
        syllables = [a + b for a in "bcdfghklmnprstvw" for b in "aeiou"]
        seen = {}
        while len(seen) < 20_000:
            n = rng.choice((1, 2, 2, 3, 3, 4))
            seen["".join(rng.choices(syllables, k=n))] = None
        self.words = list(seen)
        self.weights = list(itertools.accumulate(
            1 / (i + 2) for i in range(len(self.words))))

    def take(self, n):
        return self.rng.choices(self.words, cum_weights=self.weights, k=n)


def html(words, size):
    out = ["<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>%s</title>"
           "</head>\n<body>\n" % " ".join(words.take(4))]
    for _ in range(size // 420 + 1):
        t = words.take(60)
        out.append('<div class="%s" id="%s">\n  <h2>%s</h2>\n  <p>%s.</p>\n'
                   '</div>\n' % (t[0], t[1], " ".join(t[2:6]),
                                 " ".join(t[6:])))
    return "".join(out)


def js(words, size):
    out = []
    for _ in range(size // 260 + 1):
        t = words.take(24)
        out.append("function %s(%s, %s) {\n\tvar %s = %s.%s(\"%s\");\n"
                   "\tif (%s === null) {\n\t\treturn %s.%s;\n\t}\n"
                   "\t// %s\n\treturn %s;\n}\n\n"
                   % (*t[:10], " ".join(t[10:]), t[3]))
    return "".join(out)


def json_text(words, size):
    out = ["[\n"]
    for i in range(size // 190 + 1):
        t = words.take(16)
        out.append('  {"id": %d, "name": "%s", "tags": ["%s", "%s"], '
                   '"price": %d.%02d, "text": "%s"},\n'
                   % (i, t[0], t[1], t[2], words.rng.randrange(1000),
                      words.rng.randrange(100), " ".join(t[3:])))
    out.append("  null\n]\n")
    return "".join(out)


def css(words, size):
    out = []
    for _ in range(size // 95 + 1):
        t = words.take(3)
        out.append(".%s .%s {\n\tmargin: %dpx;\n\tcolor: #%06x;\n"
                   "\tfont-family: %s;\n}\n"
                   % (t[0], t[1], words.rng.randrange(40),
                      words.rng.getrandbits(24), t[2]))
    return "".join(out)


def log(words, size):
    out = []
    second = words.rng.randrange(10**6)
    for _ in range(size // 125 + 1):
        t = words.take(3)
        second += words.rng.randrange(20)
        out.append('10.%d.%d.%d - - [23/Nov/2026:%02d:%02d:%02d +0000] '
                   '"GET /%s/%s?q=%s HTTP/1.1" %d %d "-" "Mozilla/5.0"\n'
                   % (*words.rng.choices(range(256), k=3),
                      second // 3600 % 24, second // 60 % 60, second % 60,
                      *t, words.rng.choice((200, 200, 200, 304, 404)),
                      words.rng.randrange(60_000)))
    return "".join(out)


def www(top, mb):
    rng = random.Random(SEED + 1)
    words = Words(rng)
    kinds = (html, html, js, json_text, css, log)
    total = int(mb * MB)
    os.makedirs(top)
    for n in itertools.count():
        if total <= 0:
            break
        where = "%s/%s-%03d" % (top, words.take(1)[0], n)
        os.mkdir(where)
        for i in range(rng.randrange(10, 400)):
            size = int(min(max(rng.lognormvariate(8.7, 1.2), 200), 100_000))
            kind = rng.choice(kinds)
            text = kind(words, size)[:size].encode()
            put("%s/%s-%03d.%s" % (where, words.take(1)[0], i,
                                   kind.__name__.split("_")[0]), text, rng)
            total -= size
            if total <= 0:
                break
    stamp_directories(top, rng)


# Redis: strings of text, of JSON and of random bytes, hashes and lists.

def redis_command(*words):
    out = [b"*%d\r\n" % len(words)]
    for w in words:
        w = w if isinstance(w, bytes) else str(w).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(w), w))
    return b"".join(out)


def redis_value(i, words, rng):
    kind = i % 4
    if kind == 0:
        return ("SET", "session:%08d" % i, rng.randbytes(rng.randrange(900)))
    if kind == 1:
        return ("SET", "page:%08d" % i, html(words, rng.randrange(4000)))
    if kind == 2:
        return ("RPUSH", "queue:%06d" % (i // 400), *words.take(20))
    return ("HSET", "user:%08d" % i, "name", words.take(1)[0], "mail",
            "%s@%s.example" % tuple(words.take(2)), "token",
            rng.randbytes(32).hex())


def redis(mb):
    rng = random.Random(SEED + 2)
    words = Words(rng)
    left = int(mb * MB)
    for i in itertools.count():
        if left <= 0:
            break
        data = redis_command(*redis_value(i, words, rng))
        sys.stdout.buffer.write(data)
        left -= len(data)
    sys.stdout.buffer.flush()


# Like a cluster's: pages with a head, rows of text and some free room.

def page(words, rng):
    rows = "".join("%010d%-60s" % (rng.getrandbits(30), " ".join(
        words.take(6))[:60]) for _ in range(100)).encode()
    return rng.randbytes(24) + rows + bytes(8192 - 24 - len(rows))


def postgres(top, mb):
    rng = random.Random(SEED + 3)
    words = Words(rng)
    pages = int(mb * MB) // 8192
    os.makedirs(top + "/base/5")
    os.mkdir(top + "/pg_wal")
    put(top + "/PG_VERSION", b"15\n", rng)
    for i in range(0, pages, 128):
        put("%s/base/5/%d" % (top, 16384 + i), b"".join(
            page(words, rng) for _ in range(min(128, pages - i))), rng)
    stamp_directories(top, rng)


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "redis":
        redis(float(rest[0]))
    else:
        {"minio": minio, "www": www, "postgres": postgres}[what](
            rest[0], float(rest[1]))


main()
