#!/bin/sh
# run-stack.sh [FILE...]: run the tests that need a real container engine,
# PostgreSQL and Redis (tests/stack/*.sh) on an engine of their own, which
# listens on a socket in a scratch directory and is gone afterwards.  Where
# there can be none they are skipped; with AIPM_NEED_STACK set that is a
# failure.  Ends with a line "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
export BUILD
# Debian's own, whatever /usr/local has.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
[ $# -gt 0 ] || set -- tests/stack/*.sh
# Each of these has the engine for itself, behind the others.
alone=
for t; do
	case $t in
	*/engine-* | */load.sh) alone="$alone $t" ;;
	*) set -- "$@" "$t" ;;
	esac
	shift
done

skip()
{
	echo "the tests on a real engine are skipped: $1"
	if [ -n "${AIPM_NEED_STACK:-}" ]; then
		echo "0 passed, 1 failed"
		exit 1
	fi
	echo "0 passed, 0 failed, $tests skipped"
	exit 0
}

# The log says why, if it does not start.
start_engine()
{
	cat >"$AIPM_TEST_ENGINE" <<-E
	# Of one that was killed, and may be a zombie.
	rm -f "$dir/pid" "$dir/exec/containerd/containerd.pid"
	exec dockerd --data-root "$dir/data" --exec-root "$dir/exec" \
	    -H "$DOCKER_HOST" --pidfile "$dir/pid" --storage-driver=vfs \
	    --iptables=false --bridge=none >>"$dir/log" 2>&1
	E
	# Its containerd, which it would wait for in vain, goes with it.
	cat >"$AIPM_TEST_KILL" <<-E
	kill -KILL \$(cat "$dir/pid") \
	    \$(cat "$dir/exec/containerd/containerd.pid")
	E
	sh "$AIPM_TEST_ENGINE" &
	engine=$!
	for _ in $(seq 150); do
		docker version >/dev/null 2>&1 && return
		kill -0 "$engine" 2>/dev/null || return 1
		sleep 0.2
	done
	return 1
}

# Its mounts would keep the directory.
stop_engine()
{
	if [ -n "$engine" ]; then
		# A test may have started it anew.
		engine=$(cat "$dir/pid" 2>/dev/null || echo "$engine")
		kill "$engine" 2>/dev/null
		while kill -0 "$engine" 2>/dev/null; do
			sleep 0.1
		done
		pkill -f "$dir/exec/containerd" # if a dead one left it
	fi
	awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts |
	    sort -r | while read -r m; do umount "$m"; done
	rm -rf "$dir"
}

# A root with accounts and mount points; /usr comes from the host.
make_image()
{
	mkdir -p "$dir/root/etc/ssl" "$dir/root/usr" "$dir/root/data" \
	    "$dir/root/run" "$dir/root/proc" "$dir/root/dev" "$dir/root/sys"
	mkdir -m 1777 "$dir/root/tmp"
	cp -P /bin /sbin /lib* "$dir/root/" && cp /etc/passwd /etc/group \
	    "$dir/root/etc/" &&
	    tar -C "$dir/root" -cf "$dir/root.tar" . &&
	    docker import "$dir/root.tar" aipm-test >/dev/null
}

tests=$(($# + $(echo "$alone" | wc -w)))
[ "$(id -u)" -eq 0 ] || skip 'an engine needs root'
for c in dockerd docker docker-compose redis-server; do
	command -v $c >/dev/null || skip "$c is not installed"
done
[ -x "$(echo /usr/lib/postgresql/*/bin/initdb | sed 's/.* //')" ] ||
    skip 'PostgreSQL is not installed'
[ -h /lib ] || skip '/lib is not part of /usr here'

engine=
dir=$(mktemp -d "${TMPDIR:-/tmp}/aipm-stack.XXXXXX") || exit 1
trap stop_engine EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
DOCKER_HOST=unix://$dir/socket
AIPM_TEST_ENGINE=$dir/engine.sh # starts it, in the foreground
AIPM_TEST_KILL=$dir/kill.sh # and this kills it
export DOCKER_HOST AIPM_TEST_ENGINE AIPM_TEST_KILL
if ! start_engine; then
	tail -n 5 "$dir/log"
	skip 'the engine does not start'
fi
make_image || exit 1
status=0
[ $# -eq 0 ] || tests/run-cli.sh "$@" || status=1
for t in $alone; do
	tests/run-cli.sh "$t" || status=1
done
[ "$status" -eq 0 ]
