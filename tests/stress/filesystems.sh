#!/bin/sh
# filesystems.sh COMMAND...: run COMMAND with directories behind its arguments
# that are on one file system of each kind: ext4, ext4 whose inodes have no
# nanoseconds, XFS, btrfs, tmpfs.  They are made for this run, in images in
# STRESS_DIR (default /tmp), and go with it.  Only root may; those whose mkfs
# is not there are left out, and said.
#
#	STRESS_KINDS	which; default 'ext4 ext4-128 xfs btrfs tmpfs'
set -u
: "${STRESS_KINDS:=ext4 ext4-128 xfs btrfs tmpfs}"
[ $# -gt 0 ] || {
	echo "usage: ${0##*/} COMMAND [ARGUMENT]..." >&2
	exit 2
}
[ "$(id -u)" = 0 ] || {
	echo "${0##*/}: only root can mount" >&2
	exit 1
}
PATH=$PATH:/usr/sbin:/sbin
top=$(mktemp -d "${STRESS_DIR:-/tmp}/aipm-stress.XXXXXX") || exit 1
child=

# shellcheck disable=SC2317 # a trap calls it
clean_up()
{
	trap '' HUP INT TERM
	if [ -n "$child" ]; then
		kill "$child" 2>/dev/null
		wait "$child"
	fi
	for d in "$top"/*/; do
		mountpoint -q "$d" || continue
		umount "$d" || umount -l "$d"
	done
	# What is still mounted is not ours to remove.
	rm -rf --one-file-system "$top"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# make KIND IMAGE: a file system in it.
make()
{
	case $1 in
	ext4) mkfs.ext4 -q -F -I 256 "$2" ;;
	ext4-128) mkfs.ext4 -q -F -I 128 "$2" ;;
	xfs) mkfs.xfs -q -m reflink=1 "$2" ;;
	btrfs) mkfs.btrfs -q "$2" ;;
	*)
		echo "${0##*/}: no such kind: $1" >&2
		return 1
		;;
	esac
}

# mount_kind KIND: at $top/KIND.
mount_kind()
{
	d=$top/$1
	mkdir "$d" || return 1
	if [ "$1" = tmpfs ]; then
		mount -t tmpfs -o size=1g aipm-stress "$d"
		return
	fi
	truncate -s 1G "$d.img" && make "$1" "$d.img" >"$d.log" 2>&1 &&
	    mount -o loop "$d.img" "$d" 2>>"$d.log" && return
	cat "$d.log" >&2
	return 1
}

for kind in $STRESS_KINDS; do
	program=mkfs.${kind%-*}
	if [ "$kind" != tmpfs ] && ! command -v "$program" >/dev/null; then
		echo "$kind is left out: no $program" >&2
	elif mount_kind "$kind"; then
		set -- "$@" "$top/$kind"
		mounted=yes
	else
		echo "$kind cannot be mounted" >&2
		exit 1
	fi
done
[ -n "${mounted:-}" ] || {
	echo "${0##*/}: no file system could be made" >&2
	exit 1
}
# In the background, so that a signal does not have to wait for its end.
"$@" &
child=$!
wait "$child"
status=$?
child=
exit "$status"
