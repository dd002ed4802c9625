"""What happens to files: the tree that reuse.py packs, and its changes.

A kind of change is a function of a Tree.  It changes something and returns
what, or raises Nothing where this tree, file system or user cannot have it.
All that is random comes from the tree's own generator, so that a seed
repeats it.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import shutil
import stat
import zlib

BLOCK = 256 << 10               # aipm-pack's
BORDER = BLOCK // 2             # from here on a file has members of its own
PAGE = 4096
MOST_BYTES = 24 << 20           # of data in a tree; more is not made
TEMPORARY = ".new"               # no file has such a name for long
MOST_FILES = 320
FEWEST_FILES = 90

KEEP_SIZE, PUNCH, COLLAPSE, ZERO, INSERT = 1, 2, 8, 16, 32
EXCHANGE = 2                    # RENAME_EXCHANGE
FICLONE = 0x40049409

libc = ctypes.CDLL(None, use_errno=True)


class Nothing(Exception):
    """This kind of change has nothing to work on."""


class Kind:
    def __init__(self, name, weight, busy, function):
        self.name = name
        self.weight = weight
        self.busy = busy        # may happen while the tree is read
        self.function = function


KINDS = []


def kind(name, weight=2, busy=False):
    def add(function):
        KINDS.append(Kind(name, weight, busy, function))
        return function
    return add


def put_back(path, st):
    """As if it had not been written to, for whoever looks at mtime."""
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def archive_order(path):
    return path.replace("/", "\0")


class Mapping:
    """A file that a service has mapped, and stores into now and then."""

    def __init__(self, path, rng):
        self.path = path        # at that time
        self.fd = os.open(path, os.O_RDWR)
        size = os.fstat(self.fd).st_size
        self.map = mmap.mmap(self.fd, size)
        # Few places, so that a page gets many stores.
        self.places = [int(rng.random() * size) for _ in range(2)]

    def store(self, rng):
        """The file may have become shorter: not beyond its end."""
        at = rng.choice(self.places)
        if at >= os.fstat(self.fd).st_size:
            raise Nothing
        self.map[at] = (self.map[at] + 1) % 256
        return "%s at %d" % (self.path, at)

    def close(self):
        self.map.close()
        os.close(self.fd)


class Tree:
    def __init__(self, top, rng, serial=0):
        self.top = top
        self.rng = rng
        self.serial = serial
        self.epoch = 0          # which sixth of it changes most
        self.mappings = []
        self.xattrs = True
        self.counts = {}
        self.log = []

    # What is there.

    def look(self):
        """Sorted, because the order of a directory is no one's to repeat."""
        self.files, self.dirs, self.links, self.fifos = [], [], [], []
        self.stat = {}
        self.bytes = 0
        pending = [self.top]
        while pending:
            d = pending.pop()
            with os.scandir(d) as it:
                entries = sorted(it, key=lambda e: e.name)
            for e in entries:
                st = self.stat[e.path] = e.stat(follow_symlinks=False)
                self.bytes += st.st_blocks * 512
                if stat.S_ISDIR(st.st_mode):
                    self.dirs.append(e.path)
                    pending.append(e.path)
                elif stat.S_ISLNK(st.st_mode):
                    self.links.append(e.path)
                elif stat.S_ISREG(st.st_mode):
                    self.files.append(e.path)
                else:
                    self.fifos.append(e.path)

    def pick(self, those):
        """Mostly of the sixth that changes now: the rest grows old, and
        whole members with it."""
        if not those:
            raise Nothing
        n = len(those)
        if self.rng.random() < 0.8:
            those = sorted(those, key=archive_order)
            first = n * (self.epoch % 6) // 6
            those = those[first:n * (self.epoch % 6 + 1) // 6] or those
        return those[int(self.rng.random() * len(those))]

    def file(self, least=0, most=1 << 62):
        return self.pick([p for p in self.files
                          if least <= self.stat[p].st_size <= most])

    def two(self, least=0):
        a, b = self.file(least), self.file(least)
        if self.stat[a].st_ino == self.stat[b].st_ino:
            raise Nothing
        return a, b

    def place(self):
        """A name that is free, anywhere."""
        self.serial += 1
        d = self.pick(self.dirs + [self.top])
        return "%s/n%d" % (d, self.serial)

    def room(self):
        if self.bytes > MOST_BYTES or len(self.files) > MOST_FILES:
            raise Nothing

    # Content: none comes twice.

    def fresh(self, size):
        """Of a large one, half the time, nothing compresses: members that
        are large enough for sharing blocks."""
        self.serial += 1
        if self.rng.random() < (0.5 if size >= BORDER else 0.1):
            return self.rng.randbytes(size)
        return b"".join(
            (b"%d.%d.%d " % (self.serial, at, zlib.crc32(b"%d" % at))
             * 400)[:min(PAGE, size - at)]
            for at in range(0, size, PAGE))

    def put(self, path, size, mtime_ns=None):
        with open(path, "wb") as f:
            f.write(self.fresh(size))
        if mtime_ns is not None:
            os.utime(path, ns=(mtime_ns, mtime_ns))

    def scramble(self, path):
        """No byte of a stretch stays what it was; sizes do."""
        size = self.stat[path].st_size
        n = min(size, self.rng.choice((1, 1, 10, PAGE, 70000)))
        at = int(self.rng.random() * (size - n + 1))
        key = self.rng.randrange(1, 256)
        with open(path, "r+b", buffering=0) as f:
            old = os.pread(f.fileno(), n, at)
            os.pwrite(f.fileno(), bytes(b ^ key for b in old), at)
        return "%s, %d bytes at %d" % (path, n, at)

    def some_size(self):
        r = self.rng
        return r.choice((0, 1, r.randrange(600), r.randrange(5000),
                         r.randrange(60000), BORDER - 1, BORDER,
                         r.randrange(BORDER, 3 << 20)))

    # Changes.

    def change(self, only_busy=False):
        """One of any kind that can be had; returns whether there was."""
        kinds = [k for k in KINDS if k.busy or not only_busy]
        weights = [k.weight for k in kinds]
        for _ in range(100):
            k = self.rng.choices(kinds, weights)[0]
            self.look()
            try:
                self.done(k.name, k.function(self))
                return True
            except Nothing:
                continue
            except OSError as e:
                if e.errno not in (errno.EOPNOTSUPP, errno.EINVAL,
                                   errno.EXDEV, errno.ENOTTY):
                    raise
        return False

    def done(self, name, what):
        self.counts[name] = self.counts.get(name, 0) + 1
        self.log.append("%s: %s" % (name, what.replace(self.top + "/", "")))

    def close_mappings(self):
        for m in self.mappings:
            m.close()
        self.mappings = []


# The tree to begin with.

def make(t):
    """Some 150 small files, a dozen large ones, and what else there is."""
    os.mkdir(t.top)
    dirs = [t.top]
    for i in range(14):
        dirs.append("%s/d%02d" % (t.rng.choice(dirs), i))
        os.mkdir(dirs[-1])
    for i in range(70):
        size = t.rng.choice((0, 10, 700, 3000, 9000, 30000))
        t.put("%s/f%03d" % (t.rng.choice(dirs), i), t.rng.randrange(size + 1))
    # Several members' worth, most without the entry of the directory.
    os.mkdir(t.top + "/flat")
    for i in range(90):
        t.put("%s/flat/f%03d" % (t.top, i), t.rng.randrange(2000, 12000))
    t.put(t.top + "/flat/f060-big", 2 * BLOCK)
    for i in range(9):
        size = int(t.rng.random() ** 2 * ((3 << 20) - BORDER)) + BORDER
        t.put("%s/big%d" % (t.rng.choice(dirs), i), size)
    for i in range(4):
        make_sparse(t, "%s/sparse%d" % (t.rng.choice(dirs), i))
    for i in range(6):
        os.symlink("target-%d" % i, "%s/s%d" % (t.rng.choice(dirs), i))
        os.mkdir("%s/empty%d" % (t.rng.choice(dirs), i))
    for i in range(3):
        os.mkfifo("%s/p%d" % (t.rng.choice(dirs), i))
    t.look()
    for i in range(8):
        os.link(t.pick(t.files), "%s/l%d" % (t.rng.choice(dirs), i))
    try:
        for i in range(10):
            os.setxattr(t.pick(t.files), "user.n%d" % i, t.fresh(20))
    except OSError:
        t.xattrs = False


def make_sparse(t, path):
    size = t.rng.randrange(BORDER, 5 << 20)
    with open(path, "wb") as f:
        f.truncate(size)
        for _ in range(t.rng.randrange(4)):
            f.seek(int(t.rng.random() * size) // PAGE * PAGE)
            f.write(t.fresh(min(t.rng.randrange(1, 3 * PAGE),
                                size - f.tell())))


# Content.

@kind("written in place, mtime put back", 8, busy=True)
def rewrite_back(t):
    path = t.file(1)
    what = t.scramble(path)
    put_back(path, t.stat[path])
    return what


@kind("written in place", 4, busy=True)
def rewrite(t):
    return t.scramble(t.file(1))


@kind("written anew, mtime put back", 3, busy=True)
def rewrite_all(t):
    path = t.file(1, 1 << 20)
    with open(path, "r+b") as f:
        f.write(t.fresh(t.stat[path].st_size))
    put_back(path, t.stat[path])
    return path


@kind("written with what it had")
def write_same(t):
    path = t.file(1, 1 << 20)
    with open(path, "r+b") as f:
        data = f.read()
        f.seek(0)
        f.write(data)
    return path


@kind("appended", 3, busy=True)
def append(t):
    t.room()
    path = t.file(0, 4 << 20)
    n = t.rng.choice((1, 100, 512, PAGE, 100000))
    with open(path, "ab") as f:
        f.write(t.fresh(n))
    return "%s, %d bytes" % (path, n)


@kind("something put in at the front")
def prepend(t):
    t.room()
    path = t.file(1, 1 << 20)
    with open(path, "r+b") as f:
        data = f.read()
        f.seek(0)
        f.write(t.fresh(t.rng.choice((1, 512, PAGE))) + data)
    return path


@kind("blocks of a file exchanged, mtime put back", busy=True)
def exchange_blocks(t):
    path = t.file(2 * BLOCK)
    n = t.stat[path].st_size // BLOCK
    a, b = t.rng.sample(range(n), 2) if n > 1 else (0, 1)
    with open(path, "r+b", buffering=0) as f:
        fd = f.fileno()
        x, y = (os.pread(fd, BLOCK, i * BLOCK) for i in (a, b))
        os.pwrite(fd, y, a * BLOCK)
        os.pwrite(fd, x, b * BLOCK)
    put_back(path, t.stat[path])
    return "%s, %d and %d" % (path, a, b)


@kind("truncated shorter", busy=True)
def shorten(t):
    path = t.file(2)
    size = int(t.rng.random() * t.stat[path].st_size)
    os.truncate(path, size)
    return "%s to %d" % (path, size)


@kind("truncated longer", busy=True)
def lengthen(t):
    path = t.file(0, 4 << 20)
    size = t.stat[path].st_size + t.rng.choice((1, 511, PAGE, 300000, 1 << 20))
    os.truncate(path, size)
    return "%s to %d" % (path, size)


@kind("truncated to nothing", 1, busy=True)
def empty(t):
    path = t.file(1)
    os.truncate(path, 0)
    return path


@kind("truncated to nothing and written, mtime put back", busy=True)
def empty_and_write(t):
    path = t.file(1, 1 << 20)
    os.truncate(path, 0)
    t.put(path, t.stat[path].st_size, t.stat[path].st_mtime_ns)
    return path


@kind("grown over the border of its own members")
def cross_up(t):
    t.room()
    path = t.file(0, BORDER - 1)
    size = BORDER + t.rng.choice((0, 0, 1, PAGE))
    with open(path, "ab") as f:
        f.write(t.fresh(size - t.stat[path].st_size))
    return "%s to %d" % (path, size)


@kind("shrunk below the border of its own members")
def cross_down(t):
    path = t.file(BORDER)
    size = BORDER - t.rng.choice((1, 1, 2, PAGE))
    os.truncate(path, size)
    return "%s to %d" % (path, size)


@kind("stored through an old mapping", 8, busy=True)
def store(t):
    if len(t.mappings) < 6:
        t.mappings.append(Mapping(t.file(1, 1 << 20), t.rng))
    return t.rng.choice(t.mappings).store(t.rng)


@kind("written past the page cache, mtime put back", busy=True)
def direct(t):
    path = t.file(PAGE)
    fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, PAGE)        # aligned
    try:
        buffer.write(t.fresh(PAGE))
        at = int(t.rng.random() * (t.stat[path].st_size // PAGE)) * PAGE
        os.pwritev(fd, [buffer], at)
    finally:
        buffer.close()
        os.close(fd)
    put_back(path, t.stat[path])
    return "%s at %d" % (path, at)


def falloc(path, mode, at, n):
    fd = os.open(path, os.O_RDWR)
    try:
        if libc.fallocate(fd, mode, ctypes.c_int64(at),
                          ctypes.c_int64(n)) == -1:
            raise OSError(ctypes.get_errno(), "fallocate", path)
    finally:
        os.close(fd)


def some_range(t, path):
    pages = t.stat[path].st_size // PAGE
    at = int(t.rng.random() * pages)
    n = min(pages - at, t.rng.choice((1, 2, 64, 200)))
    return at * PAGE, n * PAGE


@kind("hole punched", 3)
def punch(t):
    path = t.file(PAGE)
    at, n = some_range(t, path)
    falloc(path, PUNCH | KEEP_SIZE, at, n)
    if t.rng.random() < 0.5:
        put_back(path, t.stat[path])
    return "%s, %d bytes at %d" % (path, n, at)


@kind("range zeroed, mtime put back")
def zero(t):
    path = t.file(PAGE)
    at, n = some_range(t, path)
    falloc(path, ZERO, at, n)
    put_back(path, t.stat[path])
    return "%s, %d bytes at %d" % (path, n, at)


@kind("range allocated beyond the end", 1)
def allocate(t):
    path = t.file(1)
    falloc(path, KEEP_SIZE, t.stat[path].st_size, 100000)
    return path


@kind("page taken out, another put in, mtime put back")
def collapse(t):
    path = t.file(4 * PAGE)
    pages = t.stat[path].st_size // PAGE
    a, b = (int(t.rng.random() * (pages - 2)) for _ in "ab")
    falloc(path, COLLAPSE, a * PAGE, PAGE)
    falloc(path, INSERT, b * PAGE, PAGE)
    put_back(path, t.stat[path])
    return "%s, pages %d and %d" % (path, a, b)


@kind("hole filled", 3)
def fill(t):
    path = t.pick([p for p in t.files
                   if t.stat[p].st_blocks * 512 < t.stat[p].st_size - PAGE])
    with open(path, "r+b", buffering=0) as f:
        try:
            at = os.lseek(f.fileno(), int(
                t.rng.random() * t.stat[path].st_size), os.SEEK_HOLE)
        except OSError:
            raise Nothing from None
        n = min(t.stat[path].st_size - at, PAGE)
        if n == 0:
            raise Nothing
        os.pwrite(f.fileno(), t.fresh(n), at)
    put_back(path, t.stat[path])
    return "%s at %d" % (path, at)


@kind("shared another's extents, size and mtime as before")
def clone(t):
    a, b = t.two(PAGE)
    with open(a, "rb") as f, open(b, "r+b") as g:
        fcntl.ioctl(g.fileno(), FICLONE, f.fileno())
    os.truncate(b, t.stat[b].st_size)
    put_back(b, t.stat[b])
    return "%s from %s" % (b, a)


@kind("another's content, size and mtime as before")
def copy_content(t):
    a, b = t.two(1)
    with open(a, "rb") as f, open(b, "r+b") as g:
        g.write(f.read(t.stat[b].st_size))
    put_back(b, t.stat[b])
    return "%s from %s" % (b, a)


# Names.

def swap(t, a, b):
    if t.rng.random() < 0.5 and libc.renameat2(
            -100, os.fsencode(a), -100, os.fsencode(b), EXCHANGE) == 0:
        return
    os.rename(a, t.top + "/.swap")
    os.rename(b, a)
    os.rename(t.top + "/.swap", b)


@kind("moved")
def move(t):
    path, to = t.pick(t.files + t.links + t.fifos), t.place()
    os.rename(path, to)
    return "%s to %s" % (path, to)


@kind("moved over another")
def move_over(t):
    if len(t.files) < FEWEST_FILES:
        raise Nothing
    a, b = t.two()
    os.rename(a, b)
    return "%s to %s" % (a, b)


@kind("names swapped")
def swap_names(t):
    a, b = t.two()
    swap(t, a, b)
    return "%s and %s" % (a, b)


@kind("made the same size and mtime as another", 3)
def make_twin(t):
    a, b = t.two(1)
    if t.stat[a].st_size > 1 << 20:
        raise Nothing
    os.truncate(b, 0)
    t.put(b, t.stat[a].st_size, t.stat[a].st_mtime_ns)
    return "%s as %s" % (b, a)


@kind("names swapped of two of the same size and mtime", 4)
def swap_twins(t):
    alike = {}
    for p in t.files:
        st = t.stat[p]
        if st.st_size:
            alike.setdefault((st.st_size, st.st_mtime_ns), {})[st.st_ino] = p
    pairs = [sorted(v.values()) for v in alike.values() if len(v) > 1]
    if not pairs:
        raise Nothing
    a, b = t.rng.sample(t.rng.choice(pairs), 2)
    swap(t, a, b)
    return "%s and %s" % (a, b)


@kind("replaced by one of the same size and mtime", 4, busy=True)
def replace_alike(t):
    path = t.file(1, 1 << 20)
    t.put(path + TEMPORARY, t.stat[path].st_size, t.stat[path].st_mtime_ns)
    os.rename(path + TEMPORARY, path)
    return path


@kind("deleted and made anew, size and mtime as before", 4)
def recreate(t):
    """Best effort for the same inode."""
    path = t.file(1, 1 << 20)
    st = t.stat[path]
    d = os.path.dirname(path)
    os.unlink(path)
    others = ["%s/.try%d" % (d, i) for i in range(16)]
    made = None
    for i, other in enumerate(others):
        open(other, "wb").close()
        if os.stat(other).st_ino == st.st_ino:
            made = other
            t.done("... of these, got the same inode", path)
            break
    others = others[:i + 1]
    if made is None:
        made = other
    os.rename(made, path)
    for other in others:
        if os.path.lexists(other):
            os.unlink(other)
    t.put(path, st.st_size, st.st_mtime_ns)
    return path


@kind("replaced by a directory", 1)
def to_directory(t):
    path = t.file()
    os.unlink(path)
    os.mkdir(path)
    for i in range(t.rng.randrange(3)):
        t.put("%s/i%d" % (path, i), t.rng.randrange(1000))
    return path


@kind("directory replaced by a file", 3)
def from_directory(t):
    path = t.pick([d for d in t.dirs if len(os.listdir(d)) < 4 and not any(
        e.startswith(d + "/") for e in t.dirs)])
    shutil.rmtree(path)
    t.put(path, t.some_size())
    return path


@kind("replaced by a symlink", 1)
def to_symlink(t):
    path = t.file()
    os.unlink(path)
    os.symlink("t%d" % t.rng.randrange(100), path)
    return path


@kind("symlink replaced by a file", 1)
def from_symlink(t):
    path = t.pick(t.links)
    os.unlink(path)
    t.put(path, t.some_size())
    return path


@kind("symlink made to point elsewhere")
def point(t):
    path = t.pick(t.links)
    target = os.readlink(path)
    new = "%0*d" % (len(target), t.rng.randrange(10 ** min(9, len(target))))
    os.unlink(path)
    os.symlink(new, path)
    st = t.stat[path]
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns), follow_symlinks=False)
    return "%s to %s" % (path, new)


@kind("replaced by a FIFO", 1)
def to_fifo(t):
    path = t.file()
    os.unlink(path)
    os.mkfifo(path)
    return path


@kind("FIFO replaced by a file", 1)
def from_fifo(t):
    path = t.pick(t.fifos)
    os.unlink(path)
    t.put(path, t.some_size())
    return path


@kind("hard link made", 3)
def link(t):
    path, to = t.file(), t.place()
    if len(t.files) > MOST_FILES:
        raise Nothing
    os.link(path, to)
    return "%s to %s" % (path, to)


@kind("hard link over another file")
def link_over(t):
    a, b = t.two()
    os.link(a, b + TEMPORARY)
    os.rename(b + TEMPORARY, b)
    return "%s is %s" % (b, a)


@kind("hard link removed", 3)
def unlink(t):
    path = t.pick([p for p in t.files if t.stat[p].st_nlink > 1])
    os.unlink(path)
    return path


@kind("hard link replaced by a copy")
def unshare(t):
    path = t.pick([p for p in t.files if t.stat[p].st_nlink > 1])
    shutil.copy2(path, path + TEMPORARY)
    os.rename(path + TEMPORARY, path)
    return path


@kind("many small files made")
def make_many(t):
    if len(t.files) > MOST_FILES:
        raise Nothing
    d = t.pick(t.dirs)
    n = t.rng.randrange(2, 40)
    for i in range(n):
        t.serial += 1
        t.put("%s/%s%d" % (d, t.rng.choice("agz"), t.serial),
              t.rng.choice((0, 30, 2000, 9000)))
    return "%d in %s" % (n, d)


@kind("many small files deleted")
def delete_many(t):
    n = min(t.rng.randrange(2, 40), len(t.files) - FEWEST_FILES)
    if n < 1:
        raise Nothing
    small = [p for p in t.files if t.stat[p].st_size < 20000]
    for path in t.rng.sample(small, min(n, len(small))):
        os.unlink(path)
    return "%d" % n


def before_large(t):
    """A large file that has a member of its own, and the entry before it."""
    order = sorted(t.stat, key=archive_order)
    large = t.file(BORDER)
    return large, order[order.index(large) - 1]


@kind("deleted what stands right before a large one")
def delete_before(t):
    path = before_large(t)[1]
    if path not in t.files or len(t.files) < FEWEST_FILES:
        raise Nothing
    os.unlink(path)
    return path


@kind("made right before a large one")
def make_before(t):
    large = before_large(t)[0]
    before = large[:-1] + chr(ord(large[-1]) - 1)
    path = before + "~"
    if len(t.files) > MOST_FILES or len(large) - len(t.top) > 100 or \
            not before[-1].isalnum() or os.path.lexists(path):
        raise Nothing
    t.put(path, t.rng.choice((0, 100, 5000)))
    return path


@kind("made", 3)
def make_file(t):
    t.room()
    path = t.place()
    t.put(path, t.some_size())
    return path


@kind("made with holes", 1)
def make_with_holes(t):
    t.room()
    path = t.place()
    make_sparse(t, path)
    return path


@kind("deleted")
def delete(t):
    if len(t.files) < FEWEST_FILES:
        raise Nothing
    path = t.file()
    os.unlink(path)
    return path


@kind("empty directory made", 1)
def make_directory(t):
    if len(t.dirs) > 60:
        raise Nothing
    path = t.place()
    os.mkdir(path)
    return path


@kind("directory moved")
def move_directory(t):
    path, to = t.pick(t.dirs), t.place()
    if (to + "/").startswith(path + "/"):
        raise Nothing
    os.rename(path, to)
    return "%s to %s" % (path, to)


@kind("directories swapped")
def swap_directories(t):
    a, b = t.pick(t.dirs), t.pick(t.dirs)
    if (a + "/").startswith(b + "/") or (b + "/").startswith(a + "/"):
        raise Nothing
    swap(t, a, b)
    return "%s and %s" % (a, b)


@kind("directory copied, old one removed, mtimes kept", 1)
def copy_directory(t):
    path = t.pick([d for d in t.dirs if not any(
        e.startswith(d + "/") for e in t.dirs)])
    if any(p.startswith(path + "/") for p in t.fifos):
        raise Nothing
    shutil.copytree(path, path + TEMPORARY, symlinks=True)
    shutil.rmtree(path)
    os.rename(path + TEMPORARY, path)
    return path


# What is known of a file beside its content.

@kind("mode changed")
def chmod(t):
    path = t.pick(t.files + t.dirs)
    bits = 0o700 if path in t.dirs else 0o600
    os.chmod(path, bits | t.rng.randrange(0o100))
    return path


@kind("owner changed")
def chown(t):
    if os.geteuid() != 0:
        raise Nothing
    path = t.pick(t.files + t.dirs + t.links)
    os.chown(path, t.rng.choice((0, 999, 70000)), t.rng.choice((0, 999)),
             follow_symlinks=False)
    return path


def user_xattrs(path):
    return [n for n in sorted(os.listxattr(path)) if n.startswith("user.")]


@kind("xattr set", 3)
def set_xattr(t):
    if not t.xattrs:
        raise Nothing
    path = t.pick(t.files + t.dirs)
    os.setxattr(path, "user.n%d" % t.rng.randrange(4), t.fresh(20))
    return path


@kind("xattr removed")
def remove_xattr(t):
    if not t.xattrs:
        raise Nothing
    path = t.pick([p for p in t.files if user_xattrs(p)])
    os.removexattr(path, t.rng.choice(user_xattrs(path)))
    return path


@kind("mtime of another")
def copy_mtime(t):
    a, b = t.pick(t.files + t.dirs), t.file()
    os.utime(b, ns=(t.stat[a].st_mtime_ns, t.stat[a].st_mtime_ns))
    return "%s as %s" % (b, a)


@kind("mtime of whole seconds")
def whole_mtime(t):
    path = t.file()
    ns = t.stat[path].st_mtime_ns // 10 ** 9 * 10 ** 9
    os.utime(path, ns=(ns, ns))
    return path


@kind("mtime in the future")
def future_mtime(t):
    path = t.file()
    ns = t.stat[path].st_mtime_ns + t.rng.choice(
        (10 ** 9, 86400 * 10 ** 9, 86400 * 365 * 10 ** 9))
    if ns > 2 ** 31 * 10 ** 9:      # some file systems end there
        raise Nothing
    os.utime(path, ns=(ns, ns))
    return path


@kind("mtime in the past")
def past_mtime(t):
    path = t.pick(t.files + t.dirs)
    ns = t.rng.randrange(10 ** 9) * 10 ** 9 + t.rng.randrange(10 ** 9)
    os.utime(path, ns=(ns, ns))
    return path
