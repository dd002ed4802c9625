#!/bin/sh
# aipm-unpack: when something goes wrong nothing is published, nothing is
# lost and nothing stays behind.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../lib.sh"

mkdir -p src/data/sub to
head -c 900000 /dev/urandom >src/data/big
i=0
while [ $i -lt 40 ]; do
	echo "file $i" >src/data/sub/$i
	i=$((i + 1))
done
aipm-pack -q -o a.tgz src/data >/dev/null
tar -C src -czf foreign.tgz data
size=$(stat -c %s a.tgz)

nothing()
{
	is "$1: nothing is published, nothing stays" "$(ls -A to)" ""
}

# cut_at N: the first N bytes, from a file and from a pipe.
for at in 1 17 100 1000 $((size / 2)) $((size - 500)) $((size - 100)) $((size - 1)); do
	head -c "$at" a.tgz >cut.tgz
	run aipm-unpack -C to cut.tgz
	status_is "cut at $at of $size bytes: 4" 4
	like "cut at $at: the file is named" "$err" "cut.tgz"
	nothing "cut at $at"
	run_sh 'aipm-unpack -C to - <cut.tgz'
	status_is "cut at $at, from a pipe: 4" 4
	nothing "cut at $at, from a pipe"
done
fsize=$(stat -c %s foreign.tgz)
for at in 5 20 $((fsize / 2)) $((fsize - 1)); do
	head -c "$at" foreign.tgz >cut.tgz
	run aipm-unpack -C to cut.tgz
	status_is "another tool's, cut at $at of $fsize bytes: 4" 4
	nothing "another tool's, cut at $at"
done

for at in 15 200 $((size / 2)) $((size - 300)) $((size - 40)); do
	python3 - a.tgz flipped.tgz "$at" <<'EOF'
import sys
b = bytearray(open(sys.argv[1], 'rb').read())
b[int(sys.argv[3])] ^= 0x10
open(sys.argv[2], 'wb').write(b)
EOF
	run aipm-unpack -C to flipped.tgz
	status_is "a bit flipped at $at: 4" 4
	nothing "a bit flipped at $at"
	run aipm-unpack -t flipped.tgz
	status_is "a bit flipped at $at: -t says 4" 4
done

: >empty
run aipm-unpack -C to empty
status_is "an empty file is no archive" 4
echo 'this is no archive' >text
run aipm-unpack -C to text
status_is "nor is a text" 4
tar -czf none.tgz -T /dev/null
run aipm-unpack -C to none.tgz
status_is "an archive without entries: 10" 10
run aipm-unpack -C to src
status_is "a directory is no archive: 1" 1
run aipm-unpack -C to absent.tgz
status_is "an archive that is not there: 1" 1
like "and is named" "$err" "absent.tgz: cannot open: No such file"
nothing "no archive"

# Salvage takes what is sound, and says what is not.
head -c $((size / 2)) a.tgz >cut.tgz
run aipm-unpack -C to --salvage cut.tgz
status_is "--salvage of a cut archive: 4" 4
like "says what it did" "$err" "what is sound of it is unpacked"
ok "and has something" test -d to/data
rm -rf to/data
run aipm-unpack --salvage -C to a.tgz
status_is "--salvage of a sound archive: 0" 0
ok "is all of it" diff -r src/data to/data
rm -rf to/data
run aipm-unpack --salvage -C to empty
status_is "--salvage of nothing: 4" 4
nothing "--salvage of nothing"

# The command line.
run aipm-unpack
status_is "no archive given: usage" 2
run aipm-unpack -C '' a.tgz
status_is "an empty -C: usage" 2
run aipm-unpack -t --overwrite a.tgz
status_is "-t with --overwrite: usage" 2
run aipm-unpack a.tgz ''
status_is "an empty PATH: usage" 2
python3 - <<'EOF'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp('aipm-unpack', ['aipm-unpack', '-C', 'to', '-'])
text = b''
try:
    while True:
        more = os.read(fd, 1000)
        if not more:
            break
        text += more
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
open('tty.status', 'w').write(str(status))
EOF
is "an archive from a terminal: usage" "$(cat tty.status)" 2

# Standard output.
run_sh 'aipm-unpack -v -C to a.tgz >/dev/full'
status_is "names that cannot be written: 5" 5
like "is said" "$err" "standard output: cannot write: No space left"
nothing "names that cannot be written"
run_sh 'aipm-unpack -v -C to a.tgz >&-'
status_is "a closed standard output: 1" 1
nothing "a closed standard output"
run_sh '{ aipm-unpack -v -C to a.tgz; echo $? >piped; } | true'
is "a reader of the names that went away: 1" "$(cat piped)" 1
nothing "a reader of the names that went away"

# The target.
if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=256k none small; then
	run aipm-unpack -C small a.tgz
	status_is "a full target: 5" 5
	like "names the file" "$err" "data/big: cannot write: No space left"
	is "nothing stays on it" "$(ls -A small)" ""
	mount -o remount,ro small
	run aipm-unpack -C small a.tgz
	status_is "a read-only target: 1" 1
	like "is said" "$err" "small: cannot make a directory in this directory: Read-only"
	umount small
	mkdir -p over/data/in
	mount -t tmpfs none over/data/in
	: >over/data/in/live
	run aipm-unpack -C over --overwrite a.tgz
	status_is "a mount below what is to be replaced: 1" 1
	like "is named" "$err" "over/data/in is a mount"
	is "and untouched" "$(ls -A over/data/in)" live
	is "and no temporary stays" "$(leftovers over)" ""
	umount over/data/in
else
	skip "full and read-only targets, mounts" "not root, or no tmpfs"
fi

# Few descriptors, many directories.
mkdir -p many/data
(
	cd many/data || exit
	deep=.
	i=0
	while [ $i -lt 100 ]; do
		mkdir $i "$deep/d"
		echo $i >$i/x
		deep=$deep/d
		echo $i >"$deep/x"
		i=$((i + 1))
	done
	ln 0/x zlink
)
aipm-pack -q -o many.tgz many/data >/dev/null
run_sh 'ulimit -S -n 32; exec aipm-unpack -C to many.tgz'
status_is "a low limit on open files is raised" 0
ok "and all is there" diff -r many/data to/data
rm -rf to/data
run_sh 'ulimit -n 128; exec aipm-unpack -C to many.tgz'
status_is "one that cannot be raised is kept to" 0
ok "and all is there all the same" diff -r many/data to/data
rm -rf to/data

# A file system that can neither rename to a free name only, nor link.
if command -v strace >/dev/null; then
	# A leak check does not work below strace.
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	export ASAN_OPTIONS
	poor='strace -f -qq -o strace.log -e inject=renameat2:error=EINVAL'
	poor="$poor -e inject=linkat,link:error=EPERM"
	run_sh "$poor aipm-unpack -C to a.tgz"
	status_is "without either, unpacking works" 0
	ok "to the same" diff -r src/data to/data
	ok "both were tried" sh -c \
	    'grep -q "renameat2.*INJ" strace.log && grep -q "linkat.*INJ" strace.log'
	run_sh "$poor aipm-unpack -C to a.tgz"
	status_is "and a name that is taken is respected" 1
	rm -rf to/data
	run_sh "$poor aipm-pack -o poor.tgz src/data"
	status_is "so does packing" 0
	run_sh "$poor aipm-pack -d . src/data"
	status_is "also under a name of its own" 0
fi

# Signals, while the archive stalls half-way.
cat >stall.py <<'EOF'
import os, signal, subprocess, sys, time
how, data = getattr(signal, sys.argv[1]), open('a.tgz', 'rb').read()
p = subprocess.Popen(['aipm-unpack', '-C', 'to', '-'], stdin=subprocess.PIPE,
                     stderr=subprocess.PIPE)
p.stdin.write(data[:len(data) // 2])
p.stdin.flush()
while p.poll() is None and not any(
        n.startswith('.aipm-partial') and os.listdir('to/' + n)
        for n in os.listdir('to')):
    time.sleep(0.01)
# As a user would who sees no effect: one that comes just before the program
# sleeps in read() is noticed only with the next.
while p.poll() is None:
    p.send_signal(how)
    time.sleep(0.2)
sys.exit(0 if p.returncode == -how else 1)
EOF
for sig in SIGINT SIGTERM SIGHUP; do
	ok "$sig in the midst ends it by that signal" python3 stall.py $sig
	nothing "$sig"
done
ok "killed outright it cannot clean up" python3 stall.py SIGKILL
like "and leaves its stage" "$(ls -A to)" ".aipm-partial-"
run aipm-unpack -C to a.tgz
status_is "the next run works" 0
is "and removes it" "$(ls -A to)" data
rm -rf to/data

done_testing
