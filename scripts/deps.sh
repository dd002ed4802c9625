#!/bin/sh
# deps.sh build|test|bench: see to it that the packages for this are here.  On
# Debian and Ubuntu what is missing is installed; elsewhere, or without the
# right to, it is named, and the status is 1.
set -u
build='gcc make pkg-config libc6-dev zlib1g-dev libdeflate-dev
libisal-dev libipsec-mb-dev libssl-dev libtar-dev'
test="$build postgresql redis-server clang clang-format cppcheck shellcheck mandoc git
libcriterion-dev libclang-rt-dev libarchive-tools busybox pigz python3 xz-utils acl
attr valgrind strace util-linux e2fsprogs xfsprogs btrfs-progs bash fish zsh docker.io
docker-compose"
bench="$build postgresql redis-server python3 util-linux pigz zstd
libarchive-tools restic borgbackup e2fsprogs xfsprogs btrfs-progs"

# Commands stand for the packages where there is no dpkg.
commands()
{
	case $1 in
	build) echo cc make pkg-config ;;
	test) echo cc make pkg-config clang clang-format cppcheck shellcheck \
	    mandoc git bsdtar busybox pigz python3 setfacl setfattr valgrind \
	    strace fish zsh dockerd docker-compose redis-server ;;
	bench) echo cc make pkg-config python3 redis-server pigz zstd bsdtar \
	    restic borg ;;
	esac
}

installed()
{
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
	    grep -qx installed
}

case ${1:-} in
build) packages=$build ;;
test) packages=$test ;;
bench) packages=$bench ;;
*)
	echo "usage: ${0##*/} build|test|bench" >&2
	exit 2
	;;
esac

missing=
if ! command -v apt-get >/dev/null; then
	for c in $(commands "$1"); do
		command -v "$c" >/dev/null || missing="$missing $c"
	done
	[ -n "$missing" ] || exit 0
	echo "please install what has these commands:$missing" >&2
	exit 1
fi
for p in $packages; do
	installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root=sudo
	if ! command -v sudo >/dev/null ||
	    { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
		echo "please install:$missing" >&2
		exit 1
	fi
fi
echo "installing:$missing" >&2
log=$(mktemp) || exit 1
policy=/usr/sbin/policy-rc.d
kept=

# shellcheck disable=SC2317 # a trap calls it
finish()
{
	$as_root rm -f "$policy"
	[ -z "$kept" ] || $as_root mv "$kept" "$policy"
	rm -f "$log"
}

apt()
{
	for i in 1 2 3; do
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
		    "$@" >"$log" 2>&1 </dev/null && return
		sleep $((i * 3))
	done
	tail -n 20 "$log" >&2
	echo "apt-get $1 failed; please install:$missing" >&2
	return 1
}

# A database or an engine that gets installed is not to be started.
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -e "$policy" ]; then
	$as_root mv "$policy" "$policy.aipm" && kept=$policy.aipm
fi
printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
$as_root chmod 755 "$policy"

apt update || exit 1
there=
for p in $missing; do
	if apt-cache show "$p" 2>/dev/null | grep -q .; then
		there="$there $p"
	else
		echo "this system has no package $p; going on without" >&2
	fi
done
[ -n "$there" ] || exit 0
# shellcheck disable=SC2086 # words
apt install --no-install-recommends $there
