#!/bin/sh
# aipm-stop across runs: the lock, the journal of a run that died, and what
# is held stopped on purpose.
# The libraries set more; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2154,SC2016
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
all_up='app:running cache:running db:running'
all_down='app:exited cache:exited db:exited'

# A run that is killed while its command runs: all of it, as by a crash.
killed_run()
{
	rm -f up
	aipm-stop -q -- \
		sh -c 'echo $$ >up.new; mv up.new up; exec sleep 1000' &
	pid=$!
	until_true test -e up
	kill -KILL "$(cat backups/.aipm/lock)" $pid "$(cat up)"
	wait $pid
	until_true lock_is_free
}

lock_is_free()
{
	flock -n backups/.aipm/lock true
}

three_services
killed_run 2>/dev/null
is 'a run that is killed leaves the services down' "$(states)" "$all_down"
is 'and a journal that names them in order' \
	"$(cut -f 1,2,3,4,7 "$journal")" "aipm-journal	1
container	in-progress	running	-	app
container	in-progress	running	120	cache
container	in-progress	running	120	db
end"
is 'which is private' "$(stat -c %a "$journal")" 600
run aipm-stop -- true
status_is 'the next run succeeds' 0
like 'says that the one before was cut off' "$err" \
	'earlier run was cut off*app, cache, db'
is 'and starts all' "$(states)" "$all_up"
not 'and removes the journal' test -e "$journal"

three_services
killed_run 2>/dev/null
echo running >"$(c db)/status"
run aipm-stop -- sh -c 'cat "$FAKE"/c/*/status | sort -u'
is 'one that somebody started meanwhile is stopped again' "$out" exited
is 'and all run at the end' "$(states)" "$all_up"

three_services
killed_run 2>/dev/null
run aipm-stop --lock -- sh -c 'cat "$FAKE"/c/*/status | sort -u'
is '--lock starts what a killed run left, before the command' "$out" running
not 'and removes its journal' test -e "$journal"

three_services
killed_run 2>/dev/null
rm -r "$(c cache)"
run aipm-stop -- true
status_is 'one removed after a killed run is no failure' 0
like 'but noted' "$err" 'cache: was stopped by an earlier run and has been'
not 'and leaves the journal' test -e "$journal"

three_services
killed_run 2>/dev/null
mv "$FAKE/c" "$FAKE/elsewhere"
mkdir "$FAKE/c"
run aipm-stop -- true
status_is 'an engine that knows none of them may be another one: 122' 122
like 'which is asked' "$err" 'is it the same engine'
ok 'the journal is kept' test -e "$journal"
rmdir "$FAKE/c"
mv "$FAKE/elsewhere" "$FAKE/c"
run aipm-stop --recover
is 'and the right one starts them' "$(states)" "$all_up"
three_services
killed_run 2>/dev/null
rm -r "$FAKE/c"
mkdir "$FAKE/c"
run aipm-stop --start
status_is 'those that were removed are down for ever' 122
like 'which is said' "$err" 'make anew*: db cache app'
not 'and are forgotten by --start' test -e "$journal"

# Killed in the middle of a stop, which the engine goes on with.
three_services
echo 3 >"$(c cache)/slow-stop"
aipm-stop -q -- true &
pid=$!
until_true test -e "$(c cache)/stopping"
kill -KILL "$(cat backups/.aipm/lock)" $pid
wait $pid 2>/dev/null
run aipm-stop --start
status_is 'a stop under way is waited for before the start' 0
sleep 1
is 'and takes nothing down afterwards' "$(states)" "$all_up"

three_services
echo paused >"$(c cache)/status"
killed_run 2>/dev/null
run aipm-stop -- true
is 'what was paused before a killed run is paused again' "$(states)" \
	'app:running cache:paused db:running'

# Held.
three_services
run aipm-stop
status_is 'without a command the services are stopped' 0
is 'and stay so' "$(states)" "$all_down"
like 'which is said' "$err" 'held until aipm-stop --start: app, cache, db'
is 'the journal says held' "$(grep -c 'container	held' "$journal")" 3
run aipm-stop -- true
status_is 'a command while they are held runs' 0
is 'and leaves them so' "$(states)" "$all_down"
is 'and their journal' "$(grep -c 'container	held' "$journal")" 3
service late
run aipm-stop
is 'a second hold adds to the first' "$(cut -f 7 "$journal" | paste -s -)" \
	'	app	cache	db	late	end'
: >"$FAKE/log"
run aipm-stop --start
status_is '--start succeeds' 0
is 'and starts all that is held' "$(states)" "$all_up late:running"
is 'in reverse' "$(grep start "$FAKE/log" | paste -s -d ' ' -)" \
	'start late db cache app'
not 'and removes the journal' test -e "$journal"
run aipm-stop --start
status_is 'nothing to start is success' 0
like 'and noted' "$err" 'nothing to start'

three_services
run aipm-stop
service late
run aipm-stop -- true
is 'a command while some are held stops and starts the others' "$(states)" \
	"$all_down late:running"
is 'the held ones stay in the journal' "$(grep -c held "$journal")" 3

three_services
run aipm-stop
echo running >"$(c db)/status"
rm -r "$(c app)"
run aipm-stop -- true
status_is 'held ones that were started or removed are no failure' 0
is 'one that somebody started runs on' "$(states)" \
	'cache:exited db:running'
is 'only what is still down is held' "$(grep -c held "$journal")" 1

three_services
killed_run 2>/dev/null
run aipm-stop
is 'a hold takes over what a killed run left' \
	"$(grep -c 'container	held' "$journal")" 3
run aipm-stop --start
is 'and --start starts it' "$(states)" "$all_up"

three_services
echo 2 >"$(c app)/slow-stop"
aipm-stop -q 2>/dev/null &
pid=$!
until_true test -e "$(c app)/stopping"
kill -INT $pid 2>/dev/null
kill -TERM $pid
wait $pid
is 'a hold that is interrupted ends by the signal' $? 143
is 'and leaves nothing stopped' "$(states)" "$all_up"

# The lock.
three_services
aipm-stop --lock -- sh -c 'echo $$ >up; while [ ! -e go ]; do sleep 0.1; done' &
pid=$!
until_true test -s up
run aipm-stop --lock -- touch ran
status_is 'a second --lock gives 6 at once' 6
like 'and says who holds it' "$err" "lock: held by the run with pid $pid"
like 'and that nothing was changed' "$err" 'nothing was changed'
run aipm-stop --no-wait -- touch ran
status_is '--no-wait gives 123 at once' 123
not 'no command is run without the lock' test -e ran
is 'and nothing stopped' "$(calls)" ''
run env AIPM_LOCK_FD=0 aipm-stop --no-wait -- true
status_is 'a descriptor that is not the lock gives nothing' 123
aipm-stop -- touch ran 2>waiting &
waiter=$!
until_true grep -q 'waiting for the run with pid' waiting
: >go
wait $pid
wait $waiter
is 'one that waits runs when the lock is free' $? 0
ok 'with its command' test -e ran
is 'and says once that it waits' "$(grep -c 'waiting' waiting)" 1

three_services
aipm-stop -- sh -c ': >up2; while [ ! -e go2 ]; do sleep 0.1; done' 2>/dev/null &
pid=$!
until_true test -e up2
aipm-stop -- touch ran2 2>waiting &
waiter=$!
until_true grep -q waiting waiting
kill -TERM $waiter
wait $waiter
is 'one that waits ends by a signal' $? 143
: >go2
wait $pid
not 'and runs nothing' test -e ran2

three_services
run aipm-stop --lock -- aipm-stop --no-wait -- sh -c \
	'cat "$FAKE"/c/*/status | sort -u'
status_is 'beneath --lock a run does not wait for itself' 0
is 'and stops the services' "$out" exited
is 'and starts them' "$(states)" "$all_up"
run aipm-stop --lock -- aipm-stop --lock -- echo deep
is 'nor does --lock beneath --lock' "$out" deep

three_services
run aipm-stop -- sh -c 'aipm-stop --no-wait -- echo inner
	cat "$FAKE"/c/*/status | sort -u
	aipm-stop --start; echo $?; aipm-stop; echo $?'
is 'beneath a run that stops, a run only runs its command' "$out" 'inner
exited
125
125'
is 'and the outer one starts the services' "$(states)" "$all_up"

# The engine's programs hold no lock.
three_services
run aipm-stop --lock -- sh -c 'echo "$AIPM_ROOT $AIPM_LOCK_FD"
	[ "/proc/$$/fd/$AIPM_LOCK_FD" -ef backups/.aipm/lock ] && echo held'
like 'the command learns its project folder' "$out" "$P "
like 'and inherits the lock' "$out" 'held'
mkdir "$T/fds"
cat >"$T/engine" <<'E'
#!/bin/sh
ls -l /proc/$$/fd >>"$T_FDS"
exec "$REAL" "$@"
E
chmod +x "$T/engine"
run env REAL="$AIPM_ENGINE" T_FDS="$T/fds/list" AIPM_ENGINE="$T/engine" \
	aipm-stop -- true
ok 'the engine was watched' test -s "$T/fds/list"
unlike 'the engine inherits no lock' "$(cat "$T/fds/list")" '.aipm'

done_testing
