"""The big trees of scale.py, made quickly and compared quickly."""
import os
import stat

PAGE = 4096


class Tree:
    """What was made: a bar of memory depends on the last two."""

    def __init__(self, top, widest, linked=0):
        self.top = top
        self.widest = widest        # names in the largest directory
        self.linked = linked        # inodes with more than one name


def small_files(d, names):
    """One in four has content: in memory each of those takes a page."""
    fd = os.open(d, os.O_RDONLY)
    for i in range(names):
        f = os.open("file-%07d" % i, os.O_CREAT | os.O_WRONLY, 0o644,
                    dir_fd=fd)
        if i % 4 == 0:
            os.write(f, b"content of %d\n" % i)
        os.close(f)
    os.close(fd)


def many(top, directories, names):
    for i in range(directories):
        d = "%s/dir-%04d" % (top, i)
        os.makedirs(d)
        small_files(d, names)
    return Tree(top, max(directories, names))


def wide(top, names):
    os.makedirs(top)
    small_files(top, names)
    return Tree(top, names)


def hole(path, size, pages):
    """A file of size bytes with a few pages of data, the last at its end."""
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    os.truncate(fd, size)
    for i in range(pages):
        at = size * (i + 1) // pages // PAGE * PAGE - PAGE
        os.pwrite(fd, b"%08d" % i * (PAGE // 8), max(at, 0))
    os.close(fd)


def one_hole(top, size):
    os.makedirs(top)
    hole(top + "/disk.img", size, 5)
    return Tree(top, 1)


def sparse(top, files, size):
    os.makedirs(top)
    for i in range(files):
        hole("%s/table-%05d" % (top, i), size, 3)
    return Tree(top, files)


def links(top, pairs, directories):
    """Both names of a pair in two directories, far from each other."""
    each = pairs // directories
    for side in "ab":
        for i in range(directories):
            os.makedirs("%s/%s-%04d" % (top, side, i))
    for i in range(directories):
        small_files("%s/a-%04d" % (top, i), each)
        for n in range(each):
            os.link("%s/a-%04d/file-%07d" % (top, i, n),
                    "%s/b-%04d/file-%07d" % (top, i, n))
    return Tree(top, each, each * directories)


# Comparing.

def data_ranges(fd, size):
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:             # none from here on
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def zeros_but(fd, size, other):
    """Where fd has data, the file other has the same."""
    for start, end in data_ranges(fd, size):
        while start < end:
            n = min(end - start, 1 << 20)
            if os.pread(fd, n, start) != os.pread(other, n, start):
                return False
            start += n
    return True


def same_content(a, b, size):
    """Only data is read; each has zeros where the other has a hole."""
    fds = [os.open(a, os.O_RDONLY), os.open(b, os.O_RDONLY)]
    try:
        return (zeros_but(fds[0], size, fds[1]) and
                zeros_but(fds[1], size, fds[0]))
    finally:
        for fd in fds:
            os.close(fd)


def meta(st):
    size = 0 if stat.S_ISDIR(st.st_mode) else st.st_size
    return (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, size,
            1 if stat.S_ISDIR(st.st_mode) else st.st_nlink)


def names_of(d):
    with os.scandir(d) as it:
        return sorted(e.name for e in it)


def difference(a, b):
    """The first path that is not the same below a and b, or None."""
    pending = [(a, b)]
    inodes = {}
    while pending:
        a, b = pending.pop()
        sa, sb = os.lstat(a), os.lstat(b)
        if meta(sa) != meta(sb):
            return a
        if stat.S_ISDIR(sa.st_mode):
            names = names_of(a)
            if names != names_of(b):
                return a
            pending += [(a + "/" + n, b + "/" + n) for n in names]
        elif sa.st_nlink > 1 and inodes.setdefault(
                sa.st_ino, sb.st_ino) != sb.st_ino:
            return a
        elif sa.st_size and not same_content(a, b, sa.st_size):
            return a
    return None
