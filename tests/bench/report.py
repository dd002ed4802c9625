"""The bench's raw rows, its tables and the line about the machine."""
import collections
import csv
import os
import platform
import shutil
import statistics
import subprocess
import time

from programs import BARS

Row = collections.namedtuple(
    "Row", "operation program round wall cpu peak_kib size")
VERSIONS = (
    ("aipm-pack", "--version"), ("tar", "--version"), ("gzip", "--version"),
    ("pigz", "--version"), ("zstd", "--version"), ("bsdtar", "--version"),
    ("restic", "version"), ("borg", "--version"))


class Rows:
    """Every measurement, in memory and, as it comes, in a CSV file."""

    def __init__(self, path):
        self.path = path
        self.rows = []
        with open(path, "w", newline="") as f:
            csv.writer(f).writerow(Row._fields)

    def add(self, row):
        self.rows.append(row)
        with open(self.path, "a", newline="") as f:
            csv.writer(f).writerow(row)

    def of(self, operation, program):
        return [r for r in self.rows
                if r.operation == operation and r.program == program]

    def median(self, operation, program, field="wall"):
        values = [v for v in (getattr(r, field) for r in
                              self.of(operation, program)) if v is not None]
        return statistics.median(values) if values else None


def first_line(*command):
    r = subprocess.run(command, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, check=False)
    return next(iter(r.stdout.decode(errors="replace").splitlines()), "?")


def processor():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def file_system(path):
    """stat alone does not tell ext4 from ext2."""
    if shutil.which("findmnt"):
        return first_line("findmnt", "-n", "-o", "FSTYPE", "-T", path)
    return first_line("stat", "-f", "-c", "%T", path)


def short_version(command, option):
    """The command and the first word of its version that has a digit."""
    words = first_line(command, option).split()
    number = next((w for w in words if w.strip("v,")[:1].isdigit()),
                  "?")
    return "%s %s" % (command.replace("aipm-pack", "aipm"),
                      number.strip("v,"))


def machine(disk, memory, used):
    """used(command): whether that program takes part."""
    versions = [short_version(c, o) for c, o in VERSIONS
                if used(c) and shutil.which(c)]
    return "%s, %d processors, Linux %s; disk: %s, memory: %s; %s" % (
        processor(), len(os.sched_getaffinity(0)), platform.release(),
        file_system(disk), file_system(memory), ", ".join(versions))


def seconds(s):
    return "%.3f" % s if s < 1 else "%.2f" % s


def cells(rows, job, operation, base):
    mine = rows.of(operation, job.program)
    wall = rows.median(operation, job.program)
    walls = [r.wall for r in mine]
    size = rows.median(operation, job.program, "size")
    return [operation, job.program, seconds(wall),
            "%s-%s" % (seconds(min(walls)), seconds(max(walls))),
            str(len(mine)),
            seconds(rows.median(operation, job.program, "cpu")),
            "%.0f" % (max(r.peak_kib for r in mine) / 1024),
            "%.1f" % (size / 1e6) if size else "-",
            "%.2f" % (wall / base) if base else "-"]


def markdown(heads, lines):
    def row(fields):
        return "| " + " | ".join(f.replace("|", "\\|") for f in fields) + " |"
    return "\n".join([row(heads), row(["---"] * len(heads))] +
                     [row(x) for x in lines])


def table(rows, names, operations):
    """Of the operations names; operations[name] are its jobs, ours first."""
    lines = []
    for name in names:
        jobs = operations[name]
        base = rows.median(name, jobs[0].program)
        lines += [cells(rows, j, name, base) for j in jobs
                  if rows.of(name, j.program)]
    return markdown(["operation", "program", "wall s", "min-max", "rounds",
                     "CPU s", "peak MiB", "size MB", "ratio to ours"], lines)


def size_difference(rows, operation, ours, peer):
    a = rows.median(operation, ours, "size")
    b = rows.median(operation, peer, "size")
    return "%+.1f %%" % (100 * (a - b) / b) if a and b else "-"


def bars(rows):
    lines = []
    for title, operation, ours, peer in BARS:
        a = rows.median(operation, ours)
        b = rows.median(operation, peer)
        if a is None or b is None:
            continue
        lines.append([title, operation, ours, peer, "%.2f" % (b / a),
                      size_difference(rows, operation, ours, peer)])
    return markdown(["bar", "operation", "ours", "other",
                     "times as fast", "size"], lines)


def date():
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def stamp():
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
