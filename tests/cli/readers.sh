#!/bin/sh
# What other readers make of our archives, and we of theirs.
# shellcheck disable=SC1091,SC2154
. "$(dirname "$0")/../lib.sh"
tree="python3 $top/tests/tree.py"

$tree make src
if [ "$(id -u)" = 0 ]; then
	owner=
else
	owner=skipped
fi
run aipm-pack -o a.tar.gz src
status_is "a socket in the tree is no loss" 0
like "but it is named" "$err" "src/socket: a socket"
is "nothing else is said" "$(grep -c . "$T.err")" 1

ok "gzip finds the archive sound" gzip -t a.tar.gz
ok "pigz finds the archive sound" pigz -t a.tar.gz
is "gzip has nothing to say about it" "$(gzip -t a.tar.gz 2>&1)" ""

$tree describe src no-socket >want
$tree describe src no-socket no-ns no-xattr file-times >want.plain

# same SENTENCE DIR WANT FLAG...
same()
{
	sentence=$1
	dir=$2
	file=$3
	shift 3
	$tree describe "$dir" no-socket "$@" >got 2>&1
	if cmp -s got "$file"; then
		pass "$sentence"
	else
		fail "$sentence" "$(diff "$file" got | head -n 6)"
	fi
}

if [ -z "$owner" ]; then
	mkdir gnu bsd box py own
	run tar xpzf a.tar.gz -C gnu --xattrs --xattrs-include='*'
	status_is "GNU tar unpacks it" 0
	same "GNU tar restores every file as it was" gnu/src want
	run bsdtar xpf a.tar.gz -C bsd
	status_is "bsdtar unpacks it" 0
	# It reads -1.5 s as -0.5 s, keeps "%3D" in names of attributes, and
	# does not take ACLs out of attributes.
	$tree describe bsd/src no-socket | grep -Ev '^(time-[01]|xattr-odd|acl) ' \
	    >got
	grep -Ev '^(time-[01]|xattr-odd|acl) ' want >want.bsd
	is "bsdtar restores every file as it was" \
	    "$(diff want.bsd got | head -n 4)" ""
	run busybox tar xpzf a.tar.gz -C box
	status_is "busybox unpacks it" 0
	$tree describe box/src no-socket no-ns no-xattr file-times |
	    grep -v '^time-' >got
	grep -v '^time-' want.plain >want.box
	is "busybox restores every file, but odd times and attributes" \
	    "$(diff want.box got | head -n 4)" ""
	run python3 -c "
import tarfile
tarfile.open('a.tar.gz', 'r:gz').extractall('py')"
	status_is "Python's tarfile unpacks it" 0
	same "Python's tarfile restores every file, whole seconds" py/src \
	    want.plain no-ns no-xattr file-times
	run aipm-unpack --special -C own a.tar.gz
	status_is "aipm-unpack unpacks it" 0
	same "aipm-unpack restores every file as it was" own/src want
	run_sh 'mkdir pipe && aipm-unpack --special -C pipe - <a.tar.gz'
	status_is "aipm-unpack unpacks it from standard input" 0
	same "from there too every file is as it was" pipe/src want
	run_sh 'mkdir pipe2 && cat a.tar.gz | aipm-unpack --special -C pipe2 -'
	status_is "aipm-unpack unpacks it from a pipe" 0
	same "from a pipe too every file is as it was" pipe2/src want
else
	skip "the readers restore owners and devices" "not root"
fi

# Every engine's levels: the plain bytes, by every reader there is.
python_gunzip()
{
	python3 -c "
import gzip, shutil, sys
shutil.copyfileobj(gzip.open('$1'), sys.stdout.buffer)"
}
for level in 1 2 3 6 9; do
	aipm-pack -q -$level -o level.tar.gz src >/dev/null 2>&1
	gzip -dc level.tar.gz >level.tar
	ok "level $level: gzip gives a tar" tar tf level.tar
	for reader in 'pigz -dc' 'busybox gunzip -c' python_gunzip \
	    'bsdcat'; do
		$reader level.tar.gz 2>/dev/null | cmp -s - level.tar
		is "level $level: ${reader%% *} gives the same" $? 0
	done
	run aipm-unpack -t level.tar.gz
	status_is "level $level: aipm-unpack finds it sound" 0
	gzip -$level -c level.tar >foreign.tar.gz
	run aipm-unpack -t foreign.tar.gz
	status_is "gzip -$level: aipm-unpack finds it sound" 0
	rm level.tar.gz
done

# Holes come back where they were, and only there.
if [ -z "$owner" ]; then
	is "a hole is a hole again" "$(du -k own/src/sparse | cut -f 1)" \
	    "$(du -k src/sparse | cut -f 1)"
	ok "written zeros stay allocated" test \
	    "$(du -k own/src/zeros | cut -f 1)" -ge 580
fi

# The listing agrees with tar's.
tar tzf a.tar.gz --quoting-style=literal 2>/dev/null | tr -d '\n' >t1
aipm-ls -0 a.tar.gz | tr -d '\n\0' >t2
ok "aipm-ls -0 lists the names that tar lists" cmp t1 t2
aipm-ls -0 a.tar.gz | sort -z >l1
aipm-ls -0 - <a.tar.gz | sort -z >l2
ok "a listing is the same from a pipe" cmp l1 l2
aipm-ls --sha256 a.tar.gz >sums
ok "sha256sum accepts the manifest" sha256sum --quiet -c sums

# The same members at any number of threads.
data_members()
{
	aipm-pack -q -j "$1" "-$2" src 2>/dev/null | python3 -c "
import sys, struct, hashlib
b = sys.stdin.buffer.read(); at = 0
while b[at + 16] != 2:
    at += struct.unpack_from('<I', b, at + 17)[0]
print(at, hashlib.sha256(b[:at]).hexdigest())"
}
for level in 1 2 3 6 9; do
	one=$(data_members 1 $level)
	is "level $level: two threads make the same members as one" \
	    "$(data_members 2 $level)" "$one"
	is "level $level: seven threads make the same members as one" \
	    "$(data_members 7 $level)" "$one"
done

# A 9 GiB file that is one hole but for its ends.
mkdir huge
truncate -s 9G huge/sparse
printf begin | dd of=huge/sparse conv=notrunc status=none
printf end | dd of=huge/sparse bs=1 seek=9663676413 conv=notrunc status=none
run aipm-pack -1 -o huge.tar.gz huge
status_is "a sparse file of 9 GiB is packed" 0
mkdir huge.out
run aipm-unpack -C huge.out huge.tar.gz
status_is "and unpacked" 0
is "it has its size" "$(stat -c %s huge.out/huge/sparse)" 9663676416
ok "it takes no more room" test "$(du -k huge.out/huge/sparse | cut -f 1)" \
    -le 600
is "its end is there" "$(tail -c 3 huge.out/huge/sparse)" end
is "GNU tar reads its size" \
    "$(tar tvzf huge.tar.gz huge/sparse | awk '{ print $3 }')" 9663676416

# Ours alone: a path beyond 4,096 bytes.
mkdir long
python3 - <<'EOF'
import os
fd = os.open("long", os.O_RDONLY)
for i in range(60):
    os.mkdir("p" * 100, dir_fd=fd)
    n = os.open("p" * 100, os.O_RDONLY, dir_fd=fd)
    os.close(fd)
    fd = n
f = os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
os.write(f, b"deep\n")
EOF
run aipm-pack -o long.tar.gz long
status_is "a path of more than 6,000 bytes is packed" 0
mkdir long.out
run aipm-unpack -C long.out long.tar.gz
status_is "and unpacked" 0
$tree describe long >w
$tree describe long.out/long >g
ok "and is the same" cmp w g

# Archives of other tools.
mkdir plain
$tree make plain/data 2>/dev/null
# bsdtar keeps ACLs in records of its own; tools differ about -1.5 s.
rm -f plain/data/socket plain/data/acl plain/data/time-[01]
$tree describe plain/data no-ns no-xattr >want.data
theirs()
{
	name=$1
	shift
	rm -rf out
	mkdir out
	"$@" >theirs.log 2>&1
	run aipm-unpack --special -C out foreign.tar.gz
	status_is "$name: unpacked" 0
}
if [ -z "$owner" ]; then
	for format in gnu posix; do
		theirs "GNU tar $format" tar czf foreign.tar.gz -C plain \
		    --format=$format data
		same "GNU tar $format: as it was" out/data want.data no-ns \
		    no-xattr
	done
	theirs "GNU tar sparse" tar cSzf foreign.tar.gz -C plain data
	same "GNU tar sparse: as it was" out/data want.data no-ns no-xattr
	ok "GNU tar sparse: the hole is there" test \
	    "$(du -k out/data/sparse | cut -f 1)" -lt 100
	theirs "bsdtar pax" bsdtar czf foreign.tar.gz --format=pax -C plain data
	same "bsdtar pax: as it was" out/data want.data no-ns no-xattr
	theirs "tar of ./data" tar czf foreign.tar.gz -C plain ./data
	same "tar of ./data: as it was" out/data want.data no-ns no-xattr
	theirs "Python's tarfile" python3 -c "
import tarfile, os
os.chdir('plain')
with tarfile.open('../foreign.tar.gz', 'w:gz') as t:
    t.add('data')"
	same "Python's tarfile: as it was" out/data want.data no-ns no-xattr
	theirs "pigz" sh -c 'tar cf - -C plain data | pigz >foreign.tar.gz'
	same "pigz: as it was" out/data want.data no-ns no-xattr
fi
done_testing
