#!/bin/sh
# Tar headers: what other tools write, as we read it, and what we write, as
# they read it.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../lib.sh"
list="$BUILD/helper/tar-headers list"
make="$BUILD/helper/tar-headers make"

# One line for each file named and below it, or for each leaf here, as "tar-headers list" has it; a file with the
# first one's inode is a hard link to it.
cat >describe.py <<'PY'
import hashlib, os, stat, sys

def show(b):
    return "".join(chr(c) if 32 < c < 127 and c != 92 else "\\%03o" % c
                   for c in b)

def line(path, first):
    st = os.lstat(path)
    m, link, tail = st.st_mode, "", ""
    kind = {stat.S_IFREG: "0", stat.S_IFLNK: "2", stat.S_IFCHR: "3",
            stat.S_IFBLK: "4", stat.S_IFDIR: "5", stat.S_IFIFO: "6"}[
                stat.S_IFMT(m)]
    size = st.st_size if kind == "0" else 0
    dev = (os.major(st.st_rdev), os.minor(st.st_rdev)) if kind in "34" \
        else (0, 0)
    if kind == "2":
        link, m = " -> " + show(os.readlink(path)), 0
    elif kind == "0" and path != first and st.st_nlink > 1:
        kind, size, link = "1", 0, " -> " + show(first)
    if kind == "0":
        with open(path, "rb") as f:
            tail = " " + hashlib.sha256(f.read()).hexdigest()[:8]
    xattrs = "".join(
        " " + n + ":" + show(os.getxattr(path, n, follow_symlinks=False))
        for n in sorted(os.listxattr(path, follow_symlinks=False))
        if n.startswith("user."))
    print("%s %04o %d %d %d %d %09d %d,%d %s%s%s%s" % (
        kind, m & 0o7777, st.st_uid, st.st_gid, size,
        st.st_mtime_ns // 10**9, st.st_mtime_ns % 10**9, *dev, show(path),
        link, xattrs, tail))

def leaves():
    for d, dirs, files in os.walk(b"."):
        for n in dirs + files:
            path = os.path.join(d, n)[2:]
            if n in files or os.path.islink(path) or not os.listdir(path):
                line(path, b"first")

for top in map(os.fsencode, sys.argv[1:]):
    line(top, b"first")
    for d, dirs, files in os.walk(top):
        for n in dirs + files:
            line(os.path.join(d, n), b"first")
if len(sys.argv) == 1:
    leaves()
PY
cat >tree.py <<'PY'
import os
def put(path, data=b"x\n", ns=1700000000_123456789):
    with open(path, "wb") as f:
        f.write(data)
    os.utime(path, ns=(ns, ns))
for d in ("plain", "long", "odd", "holes"):
    os.mkdir(d)
put("first", b"shared")
os.link("first", "plain/again")
put("plain/empty", b"")
put("plain/513", b"y" * 513)
os.chmod("plain/513", 0o4751)
os.mkdir("plain/dir")
os.symlink("no/where", "plain/symlink")
for n in (99, 100, 101, 155, 156, 250):
    put("long/" + "n" * (n - 5))
deep = "long"
for i in range(12):
    deep += "/" + "d" * 90
    os.mkdir(deep)
put(deep + "/leaf")
os.symlink("t" * 300, "long/symlink")
put(b"odd/utf8-\xc3\xa4")
put(b"odd/latin-\xe4")
put(b"odd/new\nline")
put(b"odd/latin-long-\xe4" + b"l" * 120)
os.mkfifo("odd/fifo")
if os.geteuid() == 0:
    os.mknod("odd/char", 0o20600, os.makedev(1, 3))
    os.mknod("odd/block", 0o60600, os.makedev(7, 1000))
    put("odd/id")
    os.chown("odd/id", 3000000, 4000000000)
put("odd/before", ns=-1_500000000)
put("odd/after", ns=2**33 * 10**9 + 7)
with open("holes/many", "wb") as f:
    for i in range(60):
        f.seek(i * 100000)
        f.write(b"%d" % i)
    f.truncate(7000000)
with open("holes/all", "wb") as f:
    f.truncate(300000)
with open("holes/head", "wb") as f:
    f.seek(200000)
    f.write(b"end")
PY
python3 tree.py

whole()
{
	sort
}

seconds()
{
	awk '{ $7 = 0; print }' | sort
}

untimed()
{
	awk '{ $6 = $7 = 0; print }' | sort
}

# read_back SENTENCE whole|seconds NAME...: x.tar holds what is there.
read_back()
{
	sentence=$1
	times=$2
	shift 2
	python3 describe.py "$@" | "$times" >want
	run sh -c "$list <x.tar"
	sed 's/ sparse$//' "$T.out" | "$times" >got
	if [ "$status" -eq 0 ] && cmp -s want got; then
		pass "$sentence"
	else
		fail "$sentence" "$err" "$(diff want got)"
	fi
}

tar cf x.tar --format=v7 first plain
read_back "GNU tar's v7 is read" seconds first plain
for format in oldgnu gnu; do
	tar cf x.tar --format=$format first plain long odd
	read_back "GNU tar's $format is read" seconds first plain long odd
	tar cSf x.tar --format=$format holes
	read_back "GNU tar's $format with holes is read" seconds holes
	is "the holes of $format are holes" "$(grep -c ' sparse$' "$T.out")" 3
done
tar cf x.tar --format=ustar first plain
read_back "GNU tar's ustar is read" seconds first plain
tar cf x.tar --format=posix first plain long odd
read_back "GNU tar's posix is read" whole first plain long odd
for version in 0.0 0.1 1.0; do
	tar cSf x.tar --format=posix --sparse-version=$version holes
	read_back "GNU tar's sparse version $version is read" whole holes
	is "the holes of $version are holes" \
	    "$(grep -c ' sparse$' "$T.out")" 3
done
tar cf x.tar --format=gnu -V label -g snapshot first plain
read_back "GNU tar's labels and incremental archives are read" seconds \
    first plain
tar cf x.tar --format=posix -V label -g snapshot2 first plain
read_back "the same in posix is read" whole first plain
for format in gnu posix; do
	tar c --format=$format -M -L 10 -f vol1 -f x.tar holes/many \
	    </dev/null 2>/dev/null
	run sh -c "$list <x.tar"
	status_is "the second volume of GNU tar's $format is refused" 4
	like "$format: it says why" "$err" "join the volumes"
done

for format in pax gnutar; do
	bsdtar cf x.tar --format=$format first plain long
	times=seconds
	[ $format = gnutar ] || times=whole
	read_back "bsdtar's $format is read" $times first plain long
done
bsdtar cf x.tar --format=ustar first plain
read_back "bsdtar's ustar is read" seconds first plain
bsdtar cf x.tar --format=v7 first plain
read_back "bsdtar's v7 is read" seconds first plain
bsdtar cf x.tar --format=pax holes
read_back "bsdtar's holes are read" whole holes
busybox tar cf x.tar first plain long
read_back "busybox tar is read" seconds first plain long
for format in USTAR GNU PAX; do
	more=long
	[ $format != USTAR ] || more=
	python3 -c "
import sys, tarfile
t = tarfile.open('x.tar', 'w', format=tarfile.${format}_FORMAT)
for n in sys.argv[1:]:
    t.add(n)
t.close()" first plain $more
	# shellcheck disable=SC2086 # none or one
	read_back "Python's $format is read" seconds first plain $more
done

if python3 -c "
import os
os.mkdir('attr')
open('attr/f', 'w').close()
os.setxattr('attr/f', 'user.a=b%c', b'\0=\n\xff')
os.setxattr('attr/f', 'user.empty', b'')" 2>/dev/null; then
	tar cf x.tar --xattrs --format=posix attr
	read_back "GNU tar's xattrs are read" whole attr
	python3 -c "import os; os.removexattr('attr/f', 'user.a=b%c')
os.setxattr('attr/f', 'user.b', b'\0=\n\xff')"
	bsdtar cf x.tar --xattrs --format=pax attr
	read_back "bsdtar's xattrs are read" whole attr
else
	skip "xattrs of others are read" "no xattrs on this file system"
fi

# A tar of one more entry onto x.tar: KEY=VALUE...
entry()
{
	$make sec=1700000000 "$@" | head -c -1024 >>x.tar
}

# name N: a name of N bytes.
name()
{
	printf "%0$1d" 0
}

# restored READER TIMES SENTENCE: what it makes of x.tar is what the tar says.
restored()
{
	rm -rf out
	mkdir out
	case $1 in
	GNU) run tar xpf x.tar -C out --xattrs --xattrs-include='*' ;;
	# In the C locale it ends with 1 over every long name in UTF-8.
	bsdtar) run env LC_ALL=C.UTF-8 bsdtar xpf x.tar -C out ;;
	busybox) run busybox tar xpf x.tar -C out ;;
	Python) run python3 -c "
import tarfile
tarfile.open('x.tar').extractall('out', numeric_owner=True)" ;;
	esac
	$list <x.tar | "$2" >want
	(cd out && python3 ../describe.py 2>&1) | "$2" >got
	if [ "$status" -eq 0 ] && cmp -s want got; then
		pass "$1 $3"
	else
		fail "$1 $3" "$err" "$(diff want got)"
	fi
}

# written SENTENCE READER...: each reads x.tar, which then is emptied.
written()
{
	sentence=$1
	shift
	head -c 1024 /dev/zero >>x.tar
	for reader in "$@"; do
		case $reader in
		Python) restored Python "${python_times:-seconds}" "$sentence" ;;
		busybox) restored busybox seconds "$sentence" ;;
		*) restored "$reader" whole "$sentence" ;;
		esac
	done
	: >x.tar
}

: >x.tar
if [ "$(id -u)" = 0 ]; then
	for n in 1 99 100 101 155 156 255; do
		entry path="$(name "$n")" size=$((n + 500))
	done
	for n in 98 99 100 101 254; do
		entry path="d$(name "$n")" type=5 mode=751
	done
	for n in 99 100 101 155; do
		entry path="s$(name "$n")/$(name 100)"
	done
	written "reads names of all lengths" GNU bsdtar Python
	for n in 99 100 101 154; do
		entry path="s$(name "$n")/$(name 100)" size=3
	done
	written "reads names that prefix and name can hold" busybox
	long=$(name 200)
	long=$long/$long/$long/$long/$long
	entry path="$long/$long/$long/$(name 200)"
	written "reads a path of 3,000 bytes" GNU bsdtar Python
	entry path="$(printf '%0120d-\303\244' 0)"
	entry path="$(printf '\303\244')$(name 99)"
	entry path="$(printf 'short-\303\244')" nsec=5
	written "reads names in UTF-8" GNU bsdtar Python
	entry path="$(printf 'short-\344')"
	entry path="$(printf 'short-\344-with-a-record')" nsec=5
	entry path="$(printf '%0120d\344' 0)"
	entry path="$(printf 'a\nb\033[1m')"
	written "reads names that are no text" GNU bsdtar Python
	python_times=untimed # it leaves the links' own times alone
	for n in 99 100 101 300; do
		entry path="to-$n" type=2 link="$(name "$n")"
	done
	entry path=to-binary type=2 link="$(printf '%0120d\344' 0)"
	entry path="$(name 101)" type=2 link="$(printf '%0120d\344' 0)"
	entry path="$(printf 'short-\344')" type=2 link="$(name 120)"
	written "reads links' targets of all lengths" GNU bsdtar Python
	python_times=
	for n in 2097151 2097152 4000000000; do
		entry path=$n uid=$n gid=$n
	done
	written "reads large owners" GNU bsdtar Python busybox
	entry path=1 nsec=1
	entry path=5 nsec=500000000
	for n in 8589934591 8589934592 -1 -86400; do
		entry path="at$n" sec=$n
	done
	written "reads times beyond ustar's" GNU bsdtar Python
	entry path=f sec=-2 nsec=500000000
	# bsdtar takes it for half a second.
	written "reads one and a half second before 1970" GNU Python
	entry path=char type=3 major=1 minor=3
	entry path=block type=4 major=511 minor=1048575 mode=660
	entry path=fifo type=6 mode=600
	entry path=setuid mode=4755 size=1
	written "reads devices, FIFOs and modes" GNU bsdtar Python busybox
	if python3 -c "import os; open('a', 'w'); os.setxattr('a', 'user.a', b'')
" 2>/dev/null; then
		entry path=a xattr=user.a: xattr=user.b:some size=3
		written "reads attributes" GNU bsdtar
		entry path=a xattr='user.a=b%c%3D:v=1'
		written "reads attributes with odd names" GNU
	else
		skip "reads attributes" "no xattrs on this file system"
	fi
else
	skip "other tools read our headers" "not root"
fi

$make path=f size=9 >x.tar
run_sh "head -c 520 x.tar | $list"
status_is "a tar that is cut off is damaged" 4
done_testing
