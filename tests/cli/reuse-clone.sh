#!/bin/sh
# Where files can share blocks: archives share them with their references, and
# below aipm-stop the services do not wait for what is read.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

# Plays aipm-stop: packer.py COMMAND...; with $MEANWHILE, a line of shell that
# is run when the services would start.
cat >"$T/stop.py" <<'E2'
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
p = subprocess.Popen(sys.argv[1:], pass_fds=[theirs.fileno()],
                     env=dict(os.environ, AIPM_ROOT=os.getcwd(),
                              AIPM_DATA='.', AIPM_RELEASE_FD=str(theirs.fileno())))
theirs.close()
if ours.recv(1):
    subprocess.run(os.environ.get('MEANWHILE', ':'), shell=True, check=True)
    ours.sendall(b'proof\tquiet\nservices\tstopped\ndowntime\t0.1\nend\n')
ours.close()
sys.exit(p.wait())
E2
quiet()
{
	sleep 0.1
	run python3 "$T/stop.py" "$@"
}

used()
{
	sync -f "$1"
	df -k --output=used "$1" | tail -n 1
}

digest()
{
	gzip -dc "$1" | sha256sum
}

unmount()
{
	cd /
	for m in "$T"/xfs "$T"/btrfs; do
		! mountpoint -q "$m" || umount "$m"
	done
	cleanup_test
}
trap unmount EXIT

# try KIND MKFS...
try()
{
	kind=$1
	shift
	mkdir "$T/$kind"
	truncate -s 400M "$T/$kind.img"
	if [ "$(id -u)" -ne 0 ] || ! "$@" "$T/$kind.img" >/dev/null 2>&1 ||
	    ! mount -o loop "$T/$kind.img" "$T/$kind"; then
		skip "blocks are shared on $kind" "it cannot be mounted here"
		return
	fi
	cd "$T/$kind" || exit 1
	mkdir data data/sub
	head -c 20000000 /dev/urandom >data/large
	head -c 3000000 /dev/urandom >data/sub/other
	setfattr -n user.kept -v yes data/sub/other
	seq 1000 >data/small
	quiet aipm-pack -q -o a.tar.gz data
	status_is "$kind: a first archive" 0
	before=$(used .)
	quiet aipm-pack -v -r a.tar.gz -o b.tar.gz data
	status_is "$kind: a second, out of it" 0
	ok "$kind: takes no space of its own" \
	    [ $(($(used .) - before)) -lt 2000 ]
	unlike "$kind: and says that it shares" "$err" ' 0 of them shared'
	is "$kind: it has the same tar" "$(digest b.tar.gz)" "$(digest a.tar.gz)"
	ok "$kind: every reader takes its pads" \
	    sh -c 'gzip -t b.tar.gz && aipm-unpack -q -t b.tar.gz &&
	    aipm-unpack -q -t - <b.tar.gz && tar tzf b.tar.gz'
	before=$(used .)
	quiet aipm-pack -v --no-clone -r a.tar.gz -o c.tar.gz data
	ok "$kind: with --no-clone it is copied" \
	    [ $(($(used .) - before)) -gt 20000 ]
	like "$kind: and says so" "$err" ' 0 of them shared'

	head -c 700000 /dev/urandom >data/sub/new
	printf changed | dd of=data/sub/other bs=1 seek=300000 conv=notrunc \
	    2>/dev/null
	sleep 0.1
	aipm-pack -q -o fresh.tar.gz data >/dev/null
	MEANWHILE="printf later | dd of=data/sub/other bs=1 seek=300000 \
	    conv=notrunc 2>/dev/null"
	export MEANWHILE
	quiet aipm-pack -v -r b.tar.gz -o d.tar.gz data
	unset MEANWHILE
	status_is "$kind: a file that changed is read when services run" 0
	is "$kind: and is in the archive as it was before that" \
	    "$(digest d.tar.gz)" "$(digest fresh.tar.gz)"
	like "$kind: with its extended attributes" \
	    "$(gzip -dc d.tar.gz | grep -a -o 'SCHILY.xattr.user.kept=yes')" \
	    yes
	is "$kind: and nothing is left in the tree" \
	    "$(find data | sort | tr '\n' ' ')" \
	    'data data/large data/small data/sub data/sub/new data/sub/other '
}

try xfs mkfs.xfs -q -f
try btrfs mkfs.btrfs -q -f
done_testing
