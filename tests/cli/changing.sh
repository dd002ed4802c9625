#!/bin/sh
# Trees that change while they are packed, and trees of many files.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

# A writer that never rests: a file that grows and shrinks, one that comes
# and goes, one that is replaced as a whole, a large one written in place,
# and a hard-linked pair that is replaced under both names.
mkdir -p busy/filler
i=0
while [ $i -lt 400 ]; do
	head -c $((i * 37)) /dev/zero >busy/filler/$i
	i=$((i + 1))
done
cat >writer.py <<'EOF'
import os, itertools
os.chdir("busy")
def put(name, data):
    with open(name, "wb") as f:
        f.write(data)
put("big", bytes(3000000))
for n in itertools.count():
    put("breathes", b"x" * (n * 7919 % 400000))
    put("comes", b"y" * 100)
    put("new", (b"AAAA" if n % 2 else b"BBBB") * 5000)
    os.rename("new", "whole")
    with open("big", "r+b") as f:
        f.seek(n * 4096 % 2900000)
        f.write(os.urandom(4096))
    put("l.new", b"%08d" % n * 100)
    os.link("l.new", "l.new2")
    os.rename("l.new", "a-link")
    os.rename("l.new2", "z-link")
    os.unlink("comes")
EOF
python3 writer.py &
writer=$!
trap 'kill $writer 2>/dev/null; cleanup_test' EXIT
while [ ! -e busy/z-link ]; do :; done
bad=
for _ in 1 2 3 4 5 6 7 8; do
	run aipm-pack -j 2 -1 --force -o busy.tar.gz busy
	case $status in
	0 | 3) ;;
	*) bad="$bad pack:$status" ;;
	esac
	gzip -t busy.tar.gz 2>/dev/null || bad="$bad gzip"
	rm -rf out
	mkdir out
	run aipm-unpack -C out busy.tar.gz
	case $status in
	0 | 3) ;;
	*) bad="$bad unpack:$status:$err" ;;
	esac
	if [ -e out/busy/whole ]; then
		case $(head -c 4 out/busy/whole) in
		AAAA) other=B ;;
		*) other=A ;;
		esac
		grep -q $other out/busy/whole && bad="$bad mixed"
		[ "$(stat -c %s out/busy/whole)" = 20000 ] || bad="$bad size"
	fi
done
kill $writer
wait $writer 2>/dev/null
is "every archive of a tree that changes is sound, and restores" "$bad" ""
kill -0 $writer 2>/dev/null || trap cleanup_test EXIT

# A file of a backup that is written to in the middle of it is said.
mkfifo go
head -c 40000000 /dev/urandom >busy/big
(
	read -r _ <go
	while :; do printf x | dd of=busy/big conv=notrunc status=none; done
) &
writer=$!
trap 'kill $writer 2>/dev/null; cleanup_test' EXIT
echo >go
run aipm-pack -j 1 -9 --force -o busy.tar.gz busy
kill $writer
wait $writer 2>/dev/null
status_is "a file written to while it is read is status 3" 3
like "and is named" "$err" "busy/big: changed while it was read"

# Names of one file go with what was read, whichever comes first.
mkdir pair
echo content >pair/b
ln pair/b pair/a
ln pair/b pair/c
run_sh 'aipm-pack pair | aipm-unpack -C out -'
is "three names stay one file" "$(stat -c %h out/pair/a)" 3
mkdir nodes
if [ "$(id -u)" = 0 ]; then
	mkfifo nodes/a
	ln nodes/a nodes/b
	mknod nodes/c c 1 3
	ln nodes/c nodes/d
	run_sh 'aipm-pack -o nodes.tar.gz nodes && aipm-unpack --special -C out nodes.tar.gz'
	status_is "linked devices and FIFOs are restored" 0
	is "as links" "$(stat -c %h out/nodes/d)" 2
fi

# The root has a name.
run_sh "aipm-pack -x '*' / | aipm-ls -"
is "the root directory is packed as root" "$out" root/

# Few descriptors: enough, or a failure, never a missing file.
mkdir dirs
i=0
while [ $i -lt 2000 ]; do
	mkdir dirs/$i
	echo $i >dirs/$i/f
	i=$((i + 1))
done
run_sh 'ulimit -n 256; aipm-pack -j 2 -o dirs.tar.gz dirs'
status_is "2000 directories are packed with 256 descriptors" 0
is "all of them" "$(aipm-ls dirs.tar.gz | wc -l)" 4001
run_sh 'ulimit -n 24; aipm-pack -j 8 -o few.tar.gz dirs'
status_is "with too few it fails" 1
like "and says what to do" "$err" "ulimit -n"
not "and publishes nothing" test -e few.tar.gz

# 100,000 small files, in memory where that can be.
place=$T
if [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -gt 2000000 ]; then
	place=$(mktemp -d /dev/shm/aipm-test.XXXXXX)
	trap 'rm -rf "$place"; cleanup_test' EXIT
fi
python3 - "$place" <<'EOF'
import os, sys
os.chdir(sys.argv[1])
for d in range(20):
    os.makedirs("many/%02d" % d)
    for i in range(5000):
        with open("many/%02d/%05d" % (d, i), "w") as f:
            f.write("%d %d\n" % (d, i) * (i % 20))
EOF
run aipm-pack -o "$place/many.tar.gz" "$place/many"
status_is "100,000 small files are packed" 0
mkdir "$place/out"
run aipm-unpack -C "$place/out" "$place/many.tar.gz"
status_is "and unpacked" 0
python3 "$top/tests/tree.py" describe "$place/many" >w
python3 "$top/tests/tree.py" describe "$place/out/many" >g
ok "and are the same" cmp w g
is "and all there" "$(wc -l <g)" 100021
[ "$place" = "$T" ] || rm -rf "$place"
done_testing
