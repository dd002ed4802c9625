#!/bin/sh
# Damaged archives: whatever byte is wrong, nothing appears that looks whole.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

mkdir -p data/sub
seq 1 30000 >data/a
head -c 300000 /dev/urandom >data/random
truncate -s 800000 data/sparse
i=0
while [ $i -lt 60 ]; do
	echo "file $i" >data/sub/$i
	i=$((i + 1))
done
aipm-pack -o good.tar.gz data >/dev/null
mkdir out
bad=

# try FILE: it is refused with status 4 in every way of reading, and leaves
# nothing.
try()
{
	aipm-unpack -t "$1" >/dev/null 2>&1
	[ $? = 4 ] || bad="$bad test:$at"
	# shellcheck disable=SC2002 # a pipe is the point
	cat "$1" | aipm-unpack -q -C out - >/dev/null 2>&1
	[ $? = 4 ] || bad="$bad pipe:$at"
	aipm-unpack -q -C out "$1" >/dev/null 2>&1
	[ $? = 4 ] || bad="$bad file:$at"
	if [ -n "$(ls -A out)" ]; then
		bad="$bad left:$at"
		rm -rf out
		mkdir out
	fi
}

# Every byte of the first member's head, every byte of the footer, and 150
# places between.
flip='
import sys
b = bytearray(open("good.tar.gz", "rb").read())
at = int(sys.argv[1])
if at < 0:
    at += len(b)
b[at] ^= 1 << (at % 8)
open("bad.tar.gz", "wb").write(b)'
size=$(stat -c %s good.tar.gz)
for at in $(seq 0 28) $(seq -107 -1) $(seq 29 $((size / 150)) $((size - 108))); do
	# The last bits of a deflate stream may mean nothing; flips there are
	# noticed by the CRC that the index has of every member.
	python3 -c "$flip" "$at"
	try bad.tar.gz
done
is "a flipped bit is damage wherever it is" "$bad" ""

bad=
at=behind
{
	cat good.tar.gz
	printf x
} >bad.tar.gz
try bad.tar.gz
cat good.tar.gz good.tar.gz >bad.tar.gz
try bad.tar.gz
at=empty
: >bad.tar.gz
try bad.tar.gz
at=text
echo hello >bad.tar.gz
try bad.tar.gz
at=gzip-of-text
seq 1 1000 | gzip >bad.tar.gz
try bad.tar.gz
at=foreign-cut
tar czf f.tar.gz data
head -c 20000 f.tar.gz >bad.tar.gz
try bad.tar.gz
is "nor is anything else taken for an archive" "$bad" ""

# The bits of a deflate stream behind its end, in the first member that has
# such: nothing in the content differs.
spare='
import struct, zlib
b = bytearray(open("good.tar.gz", "rb").read())
at = 0
while b[at + 16] == 0:
    size, = struct.unpack_from("<I", b, at + 17)
    head = 12 + struct.unpack_from("<H", b, at + 10)[0]
    last = at + size - 9
    for bit in (128, 64):
        c = bytearray(b[at:at + size])
        c[size - 9] ^= bit
        try:
            if zlib.decompress(bytes(c), 31) == zlib.decompress(
                    bytes(b[at:at + size]), 31):
                b[last] ^= bit
                open("bad.tar.gz", "wb").write(b)
                raise SystemExit(0)
        except zlib.error:
            pass
    at += size
raise SystemExit("no spare bits")'
ok "there is a bit that means nothing" python3 -c "$spare"
bad=
at=spare
try bad.tar.gz
is "even a bit that means nothing is damage" "$bad" ""

# Salvage.
python3 -c "$flip" $((size / 2))
mkdir saved
run aipm-unpack --salvage -C saved bad.tar.gz
status_is "--salvage says that there was damage" 4
ok "but saves what is sound" cmp data/a saved/data/a
is "all of it" "$(find saved/data/sub -type f | wc -l)" 60
# The member with the header of a large file, whose blocks are sound: the
# second member that is followed by one of a whole block.
header='
import struct
b = bytearray(open("good.tar.gz", "rb").read())
at, members = 0, []
while b[at + 16] == 0:
    size, plain = struct.unpack_from("<II", b, at + 17)
    members.append((at, size, plain))
    at += size
large = [m for m, n in zip(members, members[1:]) if n[2] == 1 << 18 and
         m[2] < 4096]
at, size, plain = large[1]
b[at + size - 20] ^= 1
open("bad.tar.gz", "wb").write(b)'
python3 -c "$header"
mkdir saved3
run aipm-unpack --salvage -C saved3 bad.tar.gz
status_is "a file whose header is damaged is lost" 4
like "and named" "$err" "data/sparse: is lost"
not "with all of its content" test -e saved3/data/sparse
ok "the others are saved" cmp data/random saved3/data/random
is "and nothing is left behind" "$(leftovers saved3)" ""

python3 -c '
b = bytearray(open("good.tar.gz", "rb").read())
b[26] = 0
open("bad.tar.gz", "wb").write(b)'
run aipm-unpack -t bad.tar.gz
status_is "the format from before the first version is refused" 4
like "with the way out" "$err" "use tar xzf"

head -c $((size * 2 / 3)) good.tar.gz >bad.tar.gz
mkdir saved2
run aipm-unpack --salvage -C saved2 bad.tar.gz
status_is "an archive that is cut off is salvaged with status 4" 4
ok "up to the cut" cmp data/a saved2/data/a
done_testing
