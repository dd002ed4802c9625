#!/bin/sh
# That a list reads the archive's index and no content, and that one path is
# unpacked without the rest of either, counted with strace.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

# A leak check does not work under strace.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS
calls=openat,close,dup,dup2,dup3,fcntl,mmap,read,pread64,readv,preadv,preadv2
calls=$calls,sendfile,copy_file_range
bytes="python3 $top/tests/bytes-read.py"

# traced COMMAND...: run it, and set got to the bytes it read of a.tar.gz.
traced()
{
	run strace -f -qq -o trace -e trace="$calls" "$@"
	got=$($bytes count a.tar.gz trace)
}

# at_most SENTENCE BYTES: were read, and more than nothing.
at_most()
{
	if [ "$got" -gt 0 ] && [ "$got" -le "$2" ]; then
		pass "$1"
	else
		fail "$1" "read $got bytes, allowed are $2" \
		    "of $(wc -c <a.tar.gz)"
	fi
}

if ! strace -qq -o /dev/null true 2>/dev/null; then
	skip "how much is read of an archive" "no strace"
	done_testing
fi
$bytes make data
aipm-pack -q -o a.tar.gz data >/dev/null

traced aipm-unpack -t a.tar.gz
ok "reading all of it counts as all of it" \
    test "$got" -ge "$(wc -c <a.tar.gz)"
traced aipm-ls a.tar.gz
is "a list is complete" "$(wc -l <"$T.out")" 20226
at_most "and reads the index alone" "$($bytes list a.tar.gz)"
traced aipm-ls -l a.tar.gz
at_most "so does a long one" "$($bytes list a.tar.gz)"

# A few pages of the index, however many there are, and what they name.
for path in data/d000/f000 data/d100/f050 data/d199/f099 data/large/12 \
    data/large; do
	mkdir x
	traced aipm-unpack -q -C x a.tar.gz "$path"
	ok "$path is unpacked" diff -r "$path" "x/$path"
	at_most "and little else is read" "$($bytes path a.tar.gz "$path")"
	rm -r x
done

done_testing
