#!/bin/sh
# aipm-stop, its supervisor and its command: whoever is killed, the services
# come back, and never before the command has ended.
# The libraries set more; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2154,SC2016
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
all_up='app:running cache:running db:running'

# Nobody else sleeps so long.
long=1000.$$
export long

supervisor()
{
	cat backups/.aipm/lock
}

# begin COMMAND: a run of it, to its first file "up"; its pid in $pid.
begin()
{
	# The supervisor of the one before may still look at what it started.
	[ ! -e backups/.aipm/lock ] || until_true flock -n backups/.aipm/lock true
	three_services
	aipm-stop -- sh -c ': >up; '"$1" >out 2>err &
	pid=$!
	until_true test -e up
}

all_are_up()
{
	[ "$(states)" = "$all_up" ]
}

begin 'exec sleep "$long"'
isnt=$(ps -o sid= -p "$(supervisor)" | tr -d ' ')
is 'the supervisor has a session of its own' "$isnt" "$(supervisor)"
kill -KILL $pid
wait $pid 2>/dev/null
ok 'the front is killed: the services come back' until_true all_are_up
not 'and the command was ended before' pgrep -f "sleep $long"
until_true flock -n backups/.aipm/lock true
not 'and no journal is left' test -e "$journal"

begin 'trap "" TERM; echo $$ >pid.new; mv pid.new pid; while :; do sleep 0.1; done'
until_true test -s pid
kill -KILL $pid
ok 'a command that ignores TERM is killed, and only then all start' \
	until_true all_are_up
not 'the command is gone' kill -0 "$(cat pid)"

begin 'trap "sleep 1; cat \"$FAKE\"/c/*/status | sort -u >seen; exit" TERM
	while :; do sleep 0.1; done'
kill -KILL $pid
until_true all_are_up
is 'nothing starts while the command still ends' "$(cat seen)" exited

begin 'exec sleep "$long"'
kill -KILL "$(supervisor)"
wait $pid
is 'the supervisor is killed: our own failure' $? 125
is 'the front has started the services' "$(states)" "$all_up"
like 'which is said' "$(cat err)" 'its supervisor was killed'
not 'the command was ended' pgrep -f "sleep $long"
not 'no journal is left by the front' test -e "$journal"

begin 'sleep "$long" & sleep 0.2'
wait $pid
is 'a command that leaves processes behind is a warning' $? 3
like 'it is said' "$(cat err)" 'left processes behind'
not 'they are ended' pgrep -f "sleep $long"
is 'and all run' "$(states)" "$all_up"

begin 'trap "exit 9" TERM; : >ready; while :; do sleep 0.1; done'
until_true test -e ready
kill -TERM $pid
wait $pid
is "the status after a signal is the command's" "$?" 9
is 'all run after a signal' "$(states)" "$all_up"

# Its command is ended, but somebody has the lock, who is not known by the
# environment.
begin 'env -i setsid sleep '"$long"' & exec sleep "$long"'
kill -KILL "$(supervisor)"
until_true grep -q waiting err
kill -TERM $pid
wait $pid
is 'a front that waits for the lock in vain ends by a signal' $? 125
like 'and says what is to be done' "$(cat err)" 'aipm-stop --recover starts it'
pkill -f "sleep $long"
until_true flock -n backups/.aipm/lock true
run aipm-stop --recover
is 'which does it' "$(states)" "$all_up"

begin 'setsid sh -c "trap \"\" TERM; echo \$\$ >stray.new; mv stray.new stray
	while :; do sleep 0.1; done" & while [ ! -e stray ]; do sleep 0.1; done'
wait $pid
is 'a stray that has left the group of the command is a warning' $? 3
not 'it is ended before the services start' kill -0 "$(cat stray)"
is 'and they run' "$(states)" "$all_up"

three_services
aipm-stop --deadline 1 -- aipm-stop -- sh -c 'trap "" TERM
	while :; do cat "$FAKE"/c/*/status >>seen; sleep 0.1; done' 2>err
is 'beneath itself, the command of the inner one is ended too' $? 124
is 'before anything starts' "$(sort -u seen)" exited

run_sh 'aipm-stop -- true <&- >&- 2>&-'
status_is 'closed standard files change nothing' 0
is 'and get nothing' "$(wc -c <backups/.aipm/lock)" \
	"$(tr -dc '0-9\n' <backups/.aipm/lock | wc -c)"

three_services
nohup aipm-stop -- sh -c ': >up; sleep 1; echo yes >finished' >out 2>err &
pid=$!
until_true test -e up
kill -HUP $pid
wait $pid
is 'beneath nohup a HUP changes nothing' "$?:$(cat finished)" 0:yes

three_services
run_sh "trap '' CHLD; exec aipm-stop -- sh -c 'exit 5'"
status_is 'where SIGCHLD is ignored the status passes all the same' 5

# The deadline.
three_services
run aipm-stop --deadline 1 -- sh -c 'trap "echo ended >ended; exit" TERM
	while :; do sleep 0.1; done'
status_is 'a deadline that passes gives 124' 124
like 'and says so' "$err" 'the command was ended: * down for 1 s'
is 'the command was told' "$(cat ended)" ended
is 'all run after a deadline' "$(states)" "$all_up"
run aipm-stop --deadline 60 -- true
status_is 'one that does not pass changes nothing' 0

# Recovery.
three_services
aipm-stop -q -- sh -c 'echo $$ >up.new; mv up.new up; exec sleep "$long"' 2>/dev/null &
pid=$!
until_true test -e up
is 'a run is registered while services are down' \
	"$(cat "$T"/registry/* | tail -n 3)" "root	$P
backups	$P/backups
end"
run aipm-stop --status
is '--status says who is stopped by a run at work' "$out" "at-work	app	$P
at-work	cache	$P
at-work	db	$P"
run aipm-stop --recover --all
status_is '--recover --all leaves a run at work alone' 0
is 'and its services' "$(states)" 'app:exited cache:exited db:exited'
kill -KILL "$(supervisor)" $pid "$(cat up)"
wait $pid 2>/dev/null
until_true flock -n backups/.aipm/lock true
run aipm-stop --status --all
like '--status --all says what was interrupted' "$out" "interrupted	db	$P"
run_sh 'cd / && exec aipm-stop --recover --all'
status_is '--recover --all succeeds from anywhere' 0
is 'and starts what was left down' "$(states)" "$all_up"
not 'and removes the journal' test -e "$journal"
is 'and the registration' "$(ls "$T/registry")" ''
run aipm-stop --recover
status_is 'nothing to recover is success' 0
run aipm-stop --status
is 'and nothing is down' "$out" ''

three_services
run aipm-stop
is 'what is held stays registered' "$(find "$T/registry" -type f | wc -l)" 1
run aipm-stop --recover --all
status_is 'to recover leaves alone what is held' 0
is 'it stays so' "$(states)" 'app:exited cache:exited db:exited'
run aipm-stop --status
like '--status says held' "$out" "held	app	$P"
run aipm-stop --start
is 'until it is started' "$(states)" "$all_up"
is 'then nothing is registered' "$(ls "$T/registry")" ''
new_project
run aipm-stop --recover
status_is 'a project without a journal has nothing to recover' 0
not 'and no backups directory is made for it' test -e backups

three_services
mkdir -p "$T/registry"
printf 'aipm-project\t1\nroot\t/gone\nbackups\t/gone/backups\nend\n' \
	>"$T/registry/x"
echo rubbish >"$T/registry/y"
run aipm-stop --recover --all
status_is 'a registered project that cannot be reached is a failure' 125
like 'which is named' "$err" '/gone/backups: has no .aipm: is it mounted'
like 'a file that is none of ours is passed over' "$err" \
	'y: in the registry is no project'
run aipm-stop --status --all
status_is 'and of --status --all' 125
rm -r "$T/registry"

three_services
run aipm-stop
mv backups away
mkdir backups
run aipm-stop --recover --all
status_is 'backups that are not mounted are a failure' 125
rmdir backups
mv away backups
is 'and stay registered' "$(find "$T/registry" -type f | wc -l)" 1
run aipm-stop --start

rm -r "$T/registry"
: >"$T/registry"
run aipm-stop -- true
status_is 'a registry that cannot be is no failure' 0
like 'but noted' "$err" 'not registered for aipm-stop --recover'
rm "$T/registry"

# Health checks.
three_services
echo starting >"$(c db)/health"
(sleep 1; echo healthy >"$(c db)/health") &
run aipm-stop --wait 20 -- true
status_is '--wait waits until a health check says yes' 0
echo unhealthy >"$(c db)/health"
run aipm-stop --wait 1 -- true
status_is 'one that does not is a warning' 3
like 'which names it' "$err" 'db: runs, but its health check'

done_testing
