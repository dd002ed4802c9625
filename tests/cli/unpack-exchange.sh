#!/bin/sh
# aipm-unpack --exchange, and what happens where the kernel cannot.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../lib.sh"

setup()
{
	rm -rf new old
	mkdir new old
	echo new >new/f
	echo old >old/f
}

setup
run aipm-unpack --exchange new old
status_is "two directories change places" 0
is "the new one is in place, the old one kept" "$(cat old/f new/f)" "new
old"
setup
rm -rf old
run aipm-unpack --exchange ./new/ "$T/old"
status_is "without an old one the new one is put in place" 0
is "under its name" "$(cat old/f)" new
not "and no longer where it was" test -e new
run aipm-unpack --exchange new old
status_is "without a new one it fails" 1
like "and says so" "$err" "new: cannot be exchanged: No such file"
is "with nothing changed" "$(cat old/f)" new
for args in "--exchange new" "--exchange" "--exchange new old x" \
    "-t --exchange new old" "-C . --exchange new old"; do
	# shellcheck disable=SC2086 # words
	run aipm-unpack $args
	status_is "usage: $args" 2
done
setup
ln -s old link
run aipm-unpack --exchange new link
status_is "a symlink is not exchanged" 1
is "nothing has changed" "$(cat old/f new/f)" "old
new"

if [ "$(id -u)" -eq 0 ] && mkdir mnt && mount -t tmpfs none mnt; then
	mkdir mnt/new
	run aipm-unpack --exchange mnt/new old
	status_is "across file systems it is refused" 1
	like "with the reason" "$err" "on another file system"
	run aipm-unpack --exchange new mnt
	status_is "a mount is refused" 1
	like "and named" "$err" "mnt is a mount"
	umount mnt
	mkdir 'old/sub dir'
	mount -t tmpfs none 'old/sub dir'
	run aipm-unpack --exchange new old
	status_is "a mount below is refused" 1
	like "and named, blanks and all" "$err" "old/sub dir is a mount"
	umount 'old/sub dir'
	is "nothing has changed" "$(cat old/f new/f)" "old
new"
else
	skip "mounts are refused" "not root"
fi

# strace makes the kernel one that cannot exchange, or fails a rename.  A leak
# check cannot run below it.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS
injected()
{
	run_sh "strace -qq -o /dev/null $1 aipm-unpack --exchange new old"
}

cannot='-e inject=renameat2:error=EINVAL'
if strace -qq -o /dev/null true 2>/dev/null; then
	setup
	injected "$cannot"
	status_is "where the kernel cannot exchange, three renames do" 0
	is "with the same end" "$(cat old/f new/f)" "new
old"
	is "and nothing left over" "$(leftovers .)" ""
	setup
	injected "$cannot -e inject=renameat,rename:error=EIO:when=2"
	status_is "a failure of the second is undone" 1
	is "so that nothing has changed" "$(cat old/f new/f)" "old
new"
	is "and nothing is left over" "$(leftovers .)" ""
	setup
	injected "$cannot -e inject=renameat,rename:error=EIO:when=2+"
	status_is "a failure that cannot be undone: 9" 9
	like "gives the command that does" "$err" "undo with: mv -T -- "
	# shellcheck disable=SC2086 # as the user would paste it
	sh -c "${err##*undo with: }"
	is "which does" "$(cat old/f new/f)" "old
new"
	setup
	injected "$cannot -e inject=renameat,rename:error=EIO:when=3"
	status_is "a failure of the third: 9" 9
	like "gives the command that finishes" "$err" "finish with: mv -T -- "
	sh -c "${err##*finish with: }"
	is "which does" "$(cat old/f new/f)" "new
old"

	# The same when an archive's names are put in place.
	mkdir -p src/a src/b src/c to/b to/c
	echo new | tee src/a/f src/b/f >src/c/f
	echo old | tee to/b/f >to/c/f
	tar -C src -czf abc.tgz a b c
	for when in 2 3 4; do
		run_sh "strace -qq -o /dev/null \
		    -e inject=renameat2:error=EIO:when=$when \
		    aipm-unpack -C to --overwrite abc.tgz"
		status_is "rename $when of the names fails: 1" 1
		is "rename $when: all is as it was" \
		    "$(cd to && ls -A . && cat b/f c/f | tr '\n' ' ')" "b
c
old old "
	done
	run_sh "strace -qq -o /dev/null -e inject=renameat2:error=EIO:when=4+ \
	    aipm-unpack -C to --overwrite abc.tgz"
	status_is "and if they cannot be moved back: 9" 9
	like "with a command" "$err" "undo with: mv -T -- "
	like "and what was replaced is kept" "$(leftovers to)" ".aipm-swap-"
	is "all of it" "$(cat to/*/f to/.aipm-swap-*/*/f | sort | uniq -c |
	    tr -s ' \n' ' ')" " 3 new 2 old "
else
	skip "exchange by renames, and its undo" "no strace"
fi

done_testing
