"""What the bench compares: programs, and what they do in each operation.

Commands are lines of shell.  They run in the directory that has {src}, and
{arc} is the archive (for restic and borg a directory with a repository),
{dir} an empty directory, {path} one file's name in the archive.
"""
import shutil

RESTIC = "restic -q --no-cache -r {arc}/repo"
BORG = "BORG_BASE_DIR={arc}/base borg"


class Family:
    """How archives of one kind are made ready, read and checked."""

    def __init__(self, key, needs, unpack, last=None, list_=None, prepare=None,
                 whole_seconds=False):
        self.key = key
        self.needs = needs
        self.unpack = unpack
        self.last = last
        self.list = list_
        self.prepare = prepare
        self.whole_seconds = whole_seconds


def tar_family(key, needs, unzip, whole_seconds=True):
    return Family(
        key, needs, unzip + " {arc} | tar -xpf - -C {dir}",
        unzip + " {arc} | tar -xpf - -C {dir} {path}",
        unzip + " {arc} | tar -tf -", whole_seconds=whole_seconds)


# Archives of ours are checked with another reader than ours.
UNZIP = "pigz -dc" if shutil.which("pigz") else "gzip -dc"
AIPM = tar_family("aipm", ["aipm-pack"], UNZIP, whole_seconds=False)
GZIP = tar_family("tgz", ["gzip", "tar"], UNZIP)
# GNU tar does not restore the times of the directories in bsdtar's order.
BSDTAR = Family("bsdtar", ["bsdtar"], "bsdtar -xpzf {arc} -C {dir}",
                whole_seconds=True)
ZSTD = tar_family("zst", ["zstd", "tar"], "zstd -dcq")
RESTIC_REPO = Family(
    "restic", ["restic"], RESTIC + " restore latest --target {dir}",
    RESTIC + " restore latest --target {dir} --include {path}",
    RESTIC + " ls latest", "mkdir {arc} && " + RESTIC + " init")
BORG_REPO = Family(
    "borg", ["borg"], "cd {dir} && " + BORG + " extract {arc}/repo::a",
    "cd {dir} && " + BORG + " extract {arc}/repo::a {path}",
    BORG + " list --short {arc}/repo::a",
    "mkdir {arc} && " + BORG + " init -e none {arc}/repo")


class Job:
    """One program in one operation."""

    def __init__(self, program, command, family, needs=None, slow=False):
        self.program = program
        self.command = command
        self.family = family
        self.needs = needs or family.needs
        self.slow = slow

    def missing(self):
        return [p for p in self.needs if shutil.which(p) is None]


def ours(options):
    options = (" " + options) if options else ""
    return Job("aipm-pack" + options,
               "aipm-pack -q%s -o {arc} {src}" % options, AIPM)


def tar_into(zip_, family=GZIP, slow=False):
    return Job("tar | " + zip_, "tar -cf - {src} | %s >{arc}" % zip_, family,
               ["tar", zip_.split()[0]], slow)


def pack_peers():
    return [
        tar_into("gzip -6", slow=True),
        tar_into("pigz -6"),
        tar_into("zstd -3 -T0", ZSTD),
        Job("bsdtar -czf", "bsdtar -czf {arc} {src}", BSDTAR, slow=True),
        Job("restic backup", RESTIC + " backup {src}", RESTIC_REPO),
        Job("borg create", BORG + " create {arc}/repo::a {src}", BORG_REPO),
    ]


PACK = [ours(""), ours("-1"), ours("-3"), ours("-6")] + pack_peers()
PACK_ONE = [ours("-j1"), ours("-1 -j1"), ours("-3 -j1"), ours("-6 -j1"),
            ours(""), ours("-6"),
            tar_into("gzip -6", slow=True),
            tar_into("pigz -p1 -6", slow=True),
            tar_into("zstd -3 -T1", ZSTD)]

UNPACK = [
    Job("aipm-unpack -C", "aipm-unpack -q -C {dir} {arc}", AIPM,
        ["aipm-unpack"]),
    Job("tar xzf", "tar -xpzf {arc} -C {dir}", GZIP),
    Job("pigz -dc | tar x", "pigz -dc {arc} | tar -xpf - -C {dir}", GZIP,
        ["pigz", "tar"]),
    Job("zstd -dc | tar x", ZSTD.unpack, ZSTD),
    Job("bsdtar xzf", "bsdtar -xpzf {arc} -C {dir}", GZIP, ["bsdtar"]),
    Job("restic restore", RESTIC_REPO.unpack, RESTIC_REPO),
    Job("borg extract", BORG_REPO.unpack, BORG_REPO),
]

LIST = [
    Job("aipm-ls", "aipm-ls {arc}", AIPM, ["aipm-ls"]),
    Job("tar tzf", "tar -tzf {arc}", GZIP),
    Job("zstd -dc | tar t", ZSTD.list, ZSTD),
    Job("bsdtar tzf", "bsdtar -tzf {arc}", GZIP, ["bsdtar"]),
    Job("restic ls", RESTIC_REPO.list, RESTIC_REPO),
    Job("borg list", BORG_REPO.list, BORG_REPO),
]

LAST = [
    Job("aipm-unpack PATH", "aipm-unpack -q -C {dir} {arc} {path}", AIPM,
        ["aipm-unpack"]),
    Job("tar xzf PATH", "tar -xpzf {arc} -C {dir} {path}", GZIP),
    Job("zstd -dc | tar x PATH", ZSTD.last, ZSTD),
    Job("bsdtar xzf PATH", "bsdtar -xpzf {arc} -C {dir} {path}", GZIP,
        ["bsdtar"]),
    Job("restic restore PATH", RESTIC_REPO.last, RESTIC_REPO),
    Job("borg extract PATH", BORG_REPO.last, BORG_REPO),
]

VERIFY = [
    Job("aipm-unpack -t", "aipm-unpack -q -t {arc}", AIPM, ["aipm-unpack"]),
    Job("gzip -t", "gzip -t {arc}", GZIP),
    Job("pigz -t", "pigz -t {arc}", GZIP, ["pigz"]),
    Job("zstd -t", "zstd -tq {arc}", ZSTD),
    Job("restic check --read-data", RESTIC + " check --read-data",
        RESTIC_REPO),
    Job("borg check --verify-data", BORG + " check --verify-data {arc}/repo",
        BORG_REPO),
]

# What makes the archive that the readers of a family get.  gzip's own would
# take a minute and be the same to read.
SOURCES = {
    "aipm": [ours("")],
    "tgz": [tar_into("pigz -6"), tar_into("gzip -6")],
    "zst": [tar_into("zstd -3 -T0", ZSTD)],
    "restic": [j for j in PACK if j.family is RESTIC_REPO],
    "borg": [j for j in PACK if j.family is BORG_REPO],
}

# The first job of each is ours; the others are compared with it.
OPERATIONS = {
    "pack": PACK,
    "pack-random": [j for j in PACK if j.program != "aipm-pack -3"],
    "pack-one": PACK_ONE,
    "unpack-mem": UNPACK,
    "unpack-disk": UNPACK,
    "list": LIST,
    "last": LAST,
    "verify": VERIFY,
}

# The figures that matter: a title, the operation, our program, the other.
BARS = [
    ("full pack, level 6 / pigz", "pack", "aipm-pack -6", "tar | pigz -6"),
    ("full pack, level 1 / pigz", "pack", "aipm-pack -1", "tar | pigz -6"),
    ("full pack / restic", "pack", "aipm-pack", "restic backup"),
    ("full pack / borg", "pack", "aipm-pack", "borg create"),
    ("incompressible / pigz", "pack-random", "aipm-pack", "tar | pigz -6"),
    ("unpack to memory / pigz", "unpack-mem", "aipm-unpack -C",
     "pigz -dc | tar x"),
    ("unpack to memory / restic", "unpack-mem", "aipm-unpack -C",
     "restic restore"),
    ("unpack to disk / pigz", "unpack-disk", "aipm-unpack -C",
     "pigz -dc | tar x"),
    ("list / tar tzf", "list", "aipm-ls", "tar tzf"),
    ("list / restic", "list", "aipm-ls", "restic ls"),
    ("last file / tar xzf", "last", "aipm-unpack PATH", "tar xzf PATH"),
    ("verify / gzip -t", "verify", "aipm-unpack -t", "gzip -t"),
    ("verify / restic", "verify", "aipm-unpack -t",
     "restic check --read-data"),
    ("one worker / all", "pack-one", "aipm-pack", "aipm-pack -j1"),
    ("one worker / all, level 6", "pack-one", "aipm-pack -6",
     "aipm-pack -6 -j1"),
]
