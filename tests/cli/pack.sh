#!/bin/sh
# aipm-pack: where archives go, and what happens when they cannot.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

mkdir -p data/sub shelf
seq 1 200000 >data/numbers
echo hello >data/sub/hello
printf 16 >data/PG_VERSION

run aipm-pack -o a.tar.gz data
status_is "-o publishes a file" 0
is "and prints its path" "$out" a.tar.gz
is "archives are for their owner only" "$(stat -c %a a.tar.gz)" 600
sum=$(sha256sum <a.tar.gz)
run aipm-pack -o a.tar.gz data
status_is "a file that exists is not replaced" 1
like "it says how to" "$err" "--force"
is "and it is as it was" "$(sha256sum <a.tar.gz)" "$sum"
run aipm-pack --force -o a.tar.gz data
status_is "--force replaces it" 0

run aipm-pack -d shelf data
status_is "-d publishes a backup" 0
like "under a name with kind and time" "$out" "shelf/ai-pm-backup-20??????T??????Z.tar.gz"
first=$out
run aipm-pack -d shelf --kind pre-restore --name other data
like "--kind and --name are in the name" "$out" "shelf/other-pre-restore-"
run aipm-pack -d shelf data
ok "two backups in one second have two names" test "$out" != "$first"
ok "and the later one sorts last" sh -c \
    '[ "$(printf "%s\n%s\n" "$1" "$2" | sort | tail -n 1)" = "$2" ]' - \
    "$first" "$out"
run aipm-pack -d new/shelf data
status_is "a shelf's parent that is missing is a failure" 1
run aipm-pack -d fresh data
status_is "a shelf that is missing is made" 0
is "for its owner only" "$(stat -c %a fresh)" 700

run_sh 'aipm-pack data >s.tar.gz'
status_is "without -d and -o the archive is standard output" 0
ok "which is sound" gzip -t s.tar.gz
run_sh 'cd data && aipm-pack . | aipm-ls -'
like "the name of . is the directory's own" "$out" "data/sub/hello"
ln -s data link
run_sh 'aipm-pack link | aipm-ls -'
like "a symlink on the command line is followed" "$out" "link/numbers"
run_sh 'aipm-pack --as other data | aipm-ls -'
like "--as names the entries" "$out" "other/sub/hello"
run aipm-pack --as a/b -o x.tar.gz data
status_is "--as wants one name" 2

run_sh 'aipm-pack -x "*.tmp" -x data/sub data | aipm-ls -'
unlike "-x of a directory leaves out its content" "$out" hello
touch data/x.tmp data/sub/y.tmp
run_sh 'aipm-pack -x "*.tmp" data | aipm-ls -'
unlike "-x without a slash matches any base name" "$out" .tmp
rm data/x.tmp data/sub/y.tmp

# Its own output and the backups never go in.
mkdir data/backups
echo old >data/backups/old
run aipm-pack -d data/backups data
status_is "backups may lie in the tree" 0
run aipm-ls "$out"
unlike "but are not packed" "$out" backups
rm -r data/backups
run aipm-pack -o data/self.tar.gz data
status_is "the output may lie in the tree" 0
run_sh 'aipm-ls data/self.tar.gz'
unlike "but is not packed" "$out" self
rm data/self.tar.gz
run_sh 'aipm-pack data >data/out.tar.gz; aipm-ls data/out.tar.gz'
unlike "nor is standard output" "$out" out.tar.gz
rm data/out.tar.gz

# Wrong calls.
run aipm-pack
status_is "no directory is a wrong call" 2
run aipm-pack a b
status_is "two directories are a wrong call" 2
run aipm-pack -12 -o x.tar.gz data
status_is "two levels are a wrong call" 2
run aipm-pack --level=0 -o x.tar.gz data
status_is "level 0 is a wrong call" 2
run aipm-pack -d a -o b data
status_is "-d and -o exclude each other" 2
run aipm-pack -o x.tar.gz nothing-here
status_is "a directory that is not there is a failure" 1
like "and is named" "$err" "nothing-here: cannot open"
run aipm-pack -o x.tar.gz data/numbers
status_is "a file is no directory" 1
run script -qec "aipm-pack data" /dev/null
like "no archive goes to a terminal" "$out" "does not go to a terminal"
not "no wrong call leaves a file" test -e x.tar.gz

# Failing outputs.
run_sh 'aipm-pack data >/dev/full'
status_is "a full device is status 5" 5
run_sh '{ aipm-pack data; echo "status $?" >&2; } | head -c 10 >/dev/null'
like "a closed pipe is a failure" "$err" "status 1"
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=1m none small; then
	head -c 3000000 /dev/urandom >data/random
	run aipm-pack -o small/a.tar.gz data
	status_is "a full file system is status 5" 5
	is "which leaves nothing behind" "$(ls -A small)" ""
	umount small
	rm data/random
else
	skip "a full file system is status 5" "not root"
fi
if [ "$(id -u)" = 0 ]; then
	mkdir ro && mount -t tmpfs -o ro none ro
	run aipm-pack -d ro data
	status_is "a read-only shelf is a failure" 1
	umount ro
fi

# Trees that cannot be read whole.
if [ "$(id -u)" = 0 ]; then
	mkdir -p closed/dir
	echo x >closed/dir/in
	echo y >closed/open
	echo z >closed/secret
	chmod 700 closed/dir
	chmod 600 closed/secret
	chmod 755 . closed "$T"
	mkdir public && chmod 777 public
	# The source tree may be where others cannot look.
	cp "$BUILD/aipm-pack" pack-for-all
	chmod 755 pack-for-all
	run setpriv --reuid=65534 --regid=65534 --clear-groups \
	    ./pack-for-all -d public closed
	status_is "unreadable files are status 3" 3
	like "the backup is called partial" "$out" "ai-pm-partial-"
	like "what is missing is named" "$err" "closed/secret: cannot read: Permission denied"
	like "a directory too" "$err" "closed/dir: Permission denied"
	like "not being root is said" "$err" "not root"
	partial=$out
	run aipm-unpack -t "$partial"
	status_is "verifying it says that it is partial" 3
	run aipm-ls "$partial"
	is "everything else is in it" "$(echo "$out" | tr '\n' ' ')" \
	    "closed/ closed/dir/ closed/open "
fi

# Killed.
mkdir killed
mkfifo stall
aipm-pack -o killed/a.tar.gz data >/dev/null
rm killed/a.tar.gz
head -c 60000000 /dev/urandom >data/random
aipm-pack -j 1 -9 -o killed/a.tar.gz data 2>term.err &
pid=$!
while [ -z "$(ls -A killed)" ] && kill -0 $pid 2>/dev/null; do :; done
kill -TERM $pid
wait $pid
is "TERM ends it by that signal" $? 143
is "and leaves nothing" "$(ls -A killed)" ""
aipm-pack -j 1 -9 -o killed/a.tar.gz data 2>/dev/null &
pid=$!
while [ -z "$(ls -A killed)" ] && kill -0 $pid 2>/dev/null; do :; done
kill -KILL $pid
wait $pid 2>/dev/null
not "KILL leaves no archive" test -e killed/a.tar.gz
rm data/random
: >killed/.aipm-spool-abcdef
run aipm-pack -o killed/a.tar.gz data
is "the next run removes what it left" "$(ls -A killed)" a.tar.gz

# A stream that ends early.
aipm-pack data >whole.tar.gz
size=$(stat -c %s whole.tar.gz)
for part in 10 100 1000 50000 $((size - 1000)) $((size - 1)); do
	head -c "$part" whole.tar.gz >cut.tar.gz
	run_sh 'aipm-ls cut.tar.gz >/dev/null'
	status_is "an archive of $size bytes cut to $part is damaged" 4
	run_sh 'cat cut.tar.gz | aipm-ls - >/dev/null'
	status_is "and from a pipe too ($part)" 4
done

# Every member border, where gzip sees nothing wrong.
python3 - <<'EOF' >borders
import struct
b = open("whole.tar.gz", "rb").read()
at = 0
while at < len(b):
    if b[at + 16] == 0:
        at += struct.unpack_from("<I", b, at + 17)[0]
    else:
        at += 12 + struct.unpack_from("<H", b, at + 10)[0] + 10
    if at < len(b):
        print(at)
EOF
bad=
while read -r at; do
	head -c "$at" whole.tar.gz >cut.tar.gz
	gzip -t cut.tar.gz 2>/dev/null || bad="$bad gzip:$at"
	aipm-ls cut.tar.gz >/dev/null 2>&1
	[ $? = 4 ] || bad="$bad file:$at"
	aipm-ls - <cut.tar.gz >/dev/null 2>&1
	[ $? = 4 ] || bad="$bad stdin:$at"
	# shellcheck disable=SC2002 # a pipe is the point
	cat cut.tar.gz | aipm-ls - >/dev/null 2>&1
	[ $? = 4 ] || bad="$bad pipe:$at"
done <borders
is "cut at every member border it is damaged" "$bad" ""
ok "there are several borders" test "$(wc -l <borders)" -gt 3

done_testing
