#!/bin/sh
# SIGKILL at random moments of a backup, to whoever takes part in it: every
# service that ran runs again, nothing else was started, every archive that was
# published was read before that, and the next backup works.
#
#	KILL_ROUNDS=20 REBOOT_ROUNDS=5	how many
#
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../stack-lib.sh"
: "${KILL_ROUNDS:=20}" "${REBOOT_ROUNDS:=5}"
make_stack
put before
head -c 60000000 /dev/urandom >data/minio/uploads/large
before=$(content)
all='app postgres redis'

now()
{
	date +%s%N
}

# ours NAME [SESSION]: the processes of that name that are at work here.
ours()
{
	for p in $(pgrep -x "$1" ${2:+-s "$2"}); do
		[ "$(readlink "/proc/$p/cwd")" != "$PWD" ] || echo "$p"
	done
}

# What the engine itself takes to stop and start them, in ns.
t=$(now)
names=$(containers '{{.Names}}')
# shellcheck disable=SC2086 # names
must docker stop $names
# shellcheck disable=SC2086
must docker start $names
engine=$(($(now) - t))
wait_for sql 'select 1'
t=$(now)
run ./scripts/backup.sh
status_is 'the scene is set: a backup' 0
whole=$(($(now) - t))
echo "# the engine needs $((engine / 1000000)) ms, a backup $((whole / 1000000)) ms"

# A moment within a backup, as sleep wants it.
moment()
{
	awk -v r="$(od -An -N4 -tu4 /dev/urandom)" -v ns=$whole \
	    'BEGIN { printf "%.3f\n", r / 4294967296 * ns / 1e9 }'
}

# The services run, and nobody is at work any more.
is_over()
{
	flock -n backups/.aipm/lock true && [ "$(running)" = "$all" ]
}

# judge ROUND: what has to hold behind it; the complaints in $bad.
judge()
{
	limit=$((t + 5000000000 + engine))
	until is_over; do
		if [ "$(now)" -gt $limit ]; then
			bad="$bad
$1: 5 s later $(running) run; $(aipm-stop --status | xargs); $(cat err)"
			wait_for is_over
			return
		fi
		sleep 0.05
	done
	[ ! -e "$journal" ] || bad="$bad
$1: a journal is left"
	for f in backups/*.tar.gz; do
		echo "$kept" | grep -qxF "$f" ||
		    aipm-ls --record "$f" | grep -qx 'proof	quiet' || bad="$bad
$1: $f was published, and nobody knows whether it was quiet"
	done
	kept=$(ls backups/*.tar.gz)
}

journal=backups/.aipm/journal
kept=$(ls backups/*.tar.gz)
bad=
hits=0
round=0
while [ $round -lt "$KILL_ROUNDS" ]; do
	round=$((round + 1))
	case $((round % 5)) in
	0) who=front ;;
	1) who='the command' ;;
	2) who=shell ;;
	3) who=group ;;
	4) who=supervisor ;;
	esac
	setsid ./scripts/backup.sh >out 2>err &
	pid=$!
	sleep "$(moment)"
	t=$(now)
	case $who in
	front) victims=$(ours aipm-stop $pid) ;;
	'the command') victims=$(ours aipm-pack) ;;
	shell) victims=$pid ;;
	group) victims=-$pid ;;
	supervisor) victims=$(cat backups/.aipm/lock) ;;
	esac
	# shellcheck disable=SC2086 # several
	[ -z "$victims" ] || ! kill -s KILL -- $victims 2>/dev/null ||
	    hits=$((hits + 1))
	wait $pid 2>/dev/null
	judge "$round, $who"
	if [ $((round % 7)) -eq 0 ]; then
		run ./scripts/backup.sh -q
		[ "$status" = 0 ] || bad="$bad
$round: the next backup gave $status: $err"
		kept=$(ls backups/*.tar.gz)
	fi
done
is "$hits times of $KILL_ROUNDS somebody was killed: all came back" "$bad" ''
ok 'most of the time somebody was there to be killed' \
    [ $((2 * hits)) -gt "$KILL_ROUNDS" ]

bad=
round=0
while [ $round -lt "$REBOOT_ROUNDS" ]; do
	round=$((round + 1))
	setsid ./scripts/backup.sh >out 2>err &
	pid=$!
	sleep "$(moment)"
	# shellcheck disable=SC2046 # several
	kill -s KILL -- $(ours aipm-stop) $(ours aipm-pack) -$pid 2>/dev/null
	wait $pid 2>/dev/null
	for p in $(ours aipm-stop) $(ours aipm-pack); do
		kill -KILL "$p" 2>/dev/null
	done
	wait_for flock -n backups/.aipm/lock true
	t=$(now)
	run sh -c 'cd / && exec aipm-stop -q --recover --all'
	[ "$status" = 0 ] || bad="$bad
$round: --recover --all gave $status: $err"
	judge "reboot $round"
done
is "$REBOOT_ROUNDS times all of it was: --recover --all brings it back" "$bad" ''
run ./scripts/backup.sh
status_is 'and the next backup works' 0
wait_for sql 'select 1'
wait_for redis ping
is 'the data is what it was' "$(content)" "$before"
for f in backups/*.tar.gz; do
	ok "$f verifies" aipm-unpack -t -q "$f"
done
is 'no temporary is left' "$(leftovers .)" ''
done_testing
