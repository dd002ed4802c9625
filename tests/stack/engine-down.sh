#!/bin/sh
# The engine is killed and started again between stop and start.  Runs by
# itself, because it is everybody's engine.
#
#	ENGINE_ROUNDS=3	how often
#
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../stack-lib.sh"
: "${ENGINE_ROUNDS:=3}" "${AIPM_TEST_ENGINE:?the script that runs the engine}"
make_stack
put before
before=$(content)
all='app postgres redis'

# Starts the engine when ../again is there.  What a command of aipm-stop
# starts would hold the lock as long as it lives.
while sleep 0.1; do
	if [ -e ../again ]; then
		rm ../again
		sleep 1
		setsid -f sh "$AIPM_TEST_ENGINE" >/dev/null 2>&1
	fi
done &
starter=$!

bad=
round=0
while [ $round -lt "$ENGINE_ROUNDS" ]; do
	round=$((round + 1))
	run aipm-stop -- sh -c ': >../again; sh "$AIPM_TEST_KILL"'
	case $status in
	0 | 3) ;;
	*) bad="$bad
$round: status $status: $err" ;;
	esac
	[ "$(running)" = "$all" ] || bad="$bad
$round: $(running) run: $err"
	[ ! -e backups/.aipm/journal ] || bad="$bad
$round: a journal is left"
done
is "$ENGINE_ROUNDS times the engine was killed: all came back" "$bad" ''
wait_for sql 'select 1'
wait_for redis ping
is 'the data is what it was' "$(content)" "$before"

# It stays away: nothing is lost, and the command is told.
run aipm-stop -- sh "$AIPM_TEST_KILL"
status_is 'an engine that stays away gives 122' 122
like 'with the command that starts them' "$err" "start them with: docker start *"
ok 'the journal is kept' test -e backups/.aipm/journal
: >../again
wait_for docker version
run aipm-stop --recover
status_is '--recover starts them when it is back' 0
is 'all run' "$(running)" "$all"
kill $starter
done_testing
