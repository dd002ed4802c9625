#!/bin/sh
# Archives that are well-formed and lie: the index says one thing and the tar
# another, or what no packer says.
# shellcheck disable=SC1091,SC2154
. "$(dirname "$0")/../lib.sh"

mkdir -p data/sub out
seq 1 30000 >data/a
head -c 600000 /dev/urandom >data/random
ln -s sub/1 data/link
i=0
while [ $i -lt 60 ]; do
	echo "file $i" >data/sub/$i
	i=$((i + 1))
done
aipm-pack -o good.tar.gz data >/dev/null

# forge EDIT: bad.tar.gz
forge()
{
	PYTHONDONTWRITEBYTECODE=1 python3 "$here/../forge.py" "$1" \
	    good.tar.gz bad.tar.gz
}

# refused EDIT WHAT: by a test and when it is unpacked, without a trace.
refused()
{
	forge "$1" || return
	run aipm-unpack -t bad.tar.gz
	status_is "$2 is damage" 4
	run aipm-unpack -q -C out bad.tar.gz
	status_is "also when it is unpacked" 4
	is "and leaves nothing" "$(ls -A out)" ""
}

for good in same rebuilt pads; do
	forge $good
	run aipm-unpack -C out bad.tar.gz
	status_is "a forged archive without a lie unpacks ($good)" 0
	ok "to the same" diff -r --no-dereference data out/data
	ok "from a pipe too" sh -c 'aipm-unpack -t - <bad.tar.gz'
	ok "and with tar" sh -c 'tar tzf bad.tar.gz >/dev/null'
	rm -rf out/data
done
refused long-path "a path longer than its headers"
refused long-link "a link longer than its headers"
refused many-holes "a hole in every second byte"
refused short-hole "a hole of less than a sector"
refused large-inline "a small file of a terabyte"
refused beyond "files larger than their member"
refused chunked-size "a file of more bytes than files have"
refused large-headers "headers larger than a member"
refused end-twice "a second end"
refused no-end "an index without an end"
refused end-first "a member behind the end"
refused bad-pad "padding with something behind it"
refused data-as-pad "padding with data in it"
refused forward-link "a hard link to a file that comes later"
refused global-header "a header for all that follows"
run_sh 'aipm-unpack -t - <bad.tar.gz'
status_is "from a pipe too" 4
done_testing
