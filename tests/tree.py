#!/usr/bin/env python3
"""Trees for the black-box tests.

  tree.py make DIR          a tree of everything that a file can be
  tree.py describe DIR [no-ns] [no-xattr] [no-socket] [file-times]
                            one line a file: what two equal trees share;
                            file-times: no times but those of plain files
"""
import hashlib
import os
import socket
import stat
import struct
import sys


def put(path, data=b"x\n", mode=0o644, mtime_ns=1700000000_123456789):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)
    os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)


def names(top):
    for n in (99, 100, 101, 155, 156, 255):
        put(top + b"/" + b"n" * (n - 3) + b"%03d" % n)
    d = top + b"/deep"
    os.mkdir(d)
    fd = os.open(d, os.O_RDONLY)
    for _ in range(14):                 # 14 * 201 = 2814 bytes and more
        os.mkdir(b"d" * 200, dir_fd=fd)
        nxt = os.open(b"d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = nxt
    os.close(os.open(b"f" * 180, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd))
    os.close(fd)
    put(top + b"/new\nline")
    put(top + b"/esc\033[31mred")
    put(top + b"/latin-\xe4\xf6\xfc")
    put(top + "/utf8-äöü".encode())
    put(top + b"/ leading and trailing ")
    put(top + b"/back\\slash")
    put(top + b"/-dash")


def links(top):
    os.symlink("/etc/passwd", top + b"/abs-link")
    os.symlink("nowhere/at all", top + b"/dangling")
    os.symlink(b"t" * 300, top + b"/long-link")
    os.mkdir(top + b"/h1")
    os.mkdir(top + b"/h2")
    put(top + b"/h1/first", b"shared\n")
    os.link(top + b"/h1/first", top + b"/h2/second")
    os.link(top + b"/h1/first", top + b"/zz-third")
    put(top + b"/h1/big", b"0123456789abcdef" * 20000)
    os.link(top + b"/h1/big", top + b"/h2/big-too")


def special(top):
    os.mkfifo(top + b"/fifo", 0o640)
    if os.geteuid() == 0:
        os.mknod(top + b"/char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(top + b"/block", stat.S_IFBLK | 0o660, os.makedev(7, 200))
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(top)
    s.bind("socket")
    os.chdir(here)
    s.close()


def meta(top):
    put(top + b"/set-uid", mode=0o4755)
    put(top + b"/sticky-group", mode=0o2711)
    put(top + b"/no-rights", mode=0o000)
    if os.geteuid() == 0:
        put(top + b"/big-id")
        os.chown(top + b"/big-id", 3000000, 4000000000)
        put(top + b"/postgres")
        os.chown(top + b"/postgres", 999, 999)
    for i, ns in enumerate((-1, -1_500000000, -86400_000000000,
                            2**31 * 10**9 + 5, 2**33 * 10**9 + 7,
                            1700000000 * 10**9)):
        put(top + b"/time-%d" % i, mtime_ns=ns)
    os.mkdir(top + b"/empty-dir", 0o751)
    os.utime(top + b"/empty-dir", ns=(5, 1600000000_000000001))


def xattrs(top):
    put(top + b"/xattr")
    try:
        os.setxattr(top + b"/xattr", "user.one", b"\0binary\n\xff")
        os.setxattr(top + b"/xattr", "user.two", b"")
        put(top + b"/xattr-odd")
        os.setxattr(top + b"/xattr-odd", "user.a=b%c", b"=")
        put(top + b"/acl")
        acl = struct.pack("<I", 2) + b"".join(
            struct.pack("<HHI", t, p, i) for t, p, i in (
                (1, 6, 0xffffffff), (2, 4, 4711), (4, 4, 0xffffffff),
                (16, 6, 0xffffffff), (32, 0, 0xffffffff)))
        os.setxattr(top + b"/acl", "system.posix_acl_access", acl)
        os.setxattr(top + b"/empty-dir", "user.dir", b"d")
    except OSError as e:
        print("tree.py: no xattrs here:", e, file=sys.stderr)


def contents(top):
    put(top + b"/empty", b"")
    put(top + b"/one", b"1")
    for n in (511, 512, 513, 131071, 131072, 131073, 262143, 262144, 262145,
              1000000):
        put(top + b"/size-%d" % n, ((b"%08d" % n) * (n // 8 + 1))[:n])
    put(top + b"/random", hashlib.shake_256(b"seed").digest(700001))
    with open(top + b"/sparse", "wb") as f:
        f.seek(1000000)
        f.write(b"middle")
        f.truncate(5000000)
    put(top + b"/zeros", bytes(600000))
    os.mkdir(top + b"/many")
    for i in range(700):
        put(top + b"/many/%04d" % i, b"file %d\n" % i * (i % 50))


def make(top):
    os.mkdir(top)
    for part in (names, links, special, meta, contents, xattrs):
        part(top)
    os.chmod(top, 0o750)


def show(name):
    return name.decode("utf-8", "backslashreplace").encode(
        "unicode_escape").decode()


def describe_one(path, rel, st, flags, inodes):
    t = stat.S_IFMT(st.st_mode)
    out = ["%06o" % st.st_mode, str(st.st_uid), str(st.st_gid)]
    ns = st.st_mtime_ns
    if t == stat.S_IFREG or "file-times" not in flags:
        out.append(str(ns // 10**9 if "no-ns" in flags else ns))
    if t == stat.S_IFREG:
        h = hashlib.sha256()
        with open(path, "rb") as f:
            for block in iter(lambda: f.read(1 << 20), b""):
                h.update(block)
        out += [str(st.st_size), h.hexdigest()]
    elif t == stat.S_IFLNK:
        out.append(show(os.readlink(path)))
    elif t in (stat.S_IFCHR, stat.S_IFBLK):
        out.append("%d,%d" % (os.major(st.st_rdev), os.minor(st.st_rdev)))
    if st.st_nlink > 1 and t != stat.S_IFDIR:
        out.append("linked:" + inodes.setdefault(
            (st.st_dev, st.st_ino), show(rel)))
    if "no-xattr" not in flags:
        try:
            for n in sorted(os.listxattr(path, follow_symlinks=False)):
                v = os.getxattr(path, n, follow_symlinks=False)
                out.append("%s=%s" % (n, v.hex()))
        except OSError:
            pass
    print(show(rel), *out)


def describe(top, flags):
    """By descriptors, so that no path is too long."""
    inodes = {}

    def walk(fd, rel):
        for name in sorted(os.listdir("/proc/self/fd/%d" % fd)):
            name = os.fsencode(name)
            path = b"/proc/self/fd/%d/" % fd + name
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISSOCK(st.st_mode) and "no-socket" in flags:
                continue
            sub = rel + b"/" + name if rel else name
            describe_one(path, sub, st, flags, inodes)
            if stat.S_ISDIR(st.st_mode):
                d = os.open(name, os.O_RDONLY | os.O_DIRECTORY |
                            os.O_NOFOLLOW, dir_fd=fd)
                walk(d, sub)
                os.close(d)

    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    describe_one(top, b".", os.fstat(fd), flags, inodes)
    walk(fd, b"")


def main():
    verb, top = sys.argv[1], os.fsencode(sys.argv[2])
    if verb == "make":
        make(top)
    else:
        describe(top, set(sys.argv[3:]))


main()
