#!/bin/sh
# aipm-stop when the engine, a service or aipm-stop itself fails.
# The libraries set more; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2154,SC2016
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
all_up='app:running cache:running db:running'

# No engine.
new_project
run env AIPM_ENGINE=no-such-engine aipm-stop -- echo ran
status_is 'no engine beside a compose file is a warning' 3
is 'the command runs without an engine' "$out" ran
like 'not proven quiet is said' "$err" 'not proven quiet: no-such-engine'
run env AIPM_ENGINE=no-such-engine aipm-stop -- sh -c 'exit 4'
status_is "the command's failure outranks it" 4
rm docker-compose.yml
run env AIPM_ENGINE=no-such-engine aipm-stop -- true
status_is 'no engine without a compose file is no warning' 0
like 'but noted' "$err" 'not proven quiet'
mkdir -p "$T/bin"
ln -sf "$(command -v sh)" "$T/bin/sh"
run env -u AIPM_ENGINE PATH="$T/bin" "$BUILD/aipm-stop" -- sh -c 'echo ran'
status_is 'neither docker nor podman in PATH is no failure' 0
like 'both are named' "$err" 'neither docker nor podman'
for p in cat sed; do
	ln -sf "$(command -v $p)" "$T/bin/$p"
done
ln -sf "$AIPM_ENGINE" "$T/bin/podman"
three_services
run env -u AIPM_ENGINE PATH="$T/bin" "$BUILD/aipm-stop" -n
like 'podman is asked where there is no docker' "$out" 'db'

three_services
: >"$FAKE/down"
run aipm-stop -- echo ran
status_is 'a daemon that does not answer is a warning' 3
is 'the command runs without it' "$out" ran
like 'what the engine says is quoted' "$err" \
	'Cannot connect to the Docker daemon'

three_services
: >"$FAKE/hangs"
aipm-stop -- touch ran 2>err &
pid=$!
until_true test -s "$FAKE/hanging"
kill -TERM $pid
wait $pid
is 'a signal ends the wait for a daemon that hangs' $? 143
not 'and no command is run' test -e ran
not 'and the question is ended too' kill -0 "$(cat "$FAKE/hanging")"
is 'and no more is said' "$(cat err)" 'aipm-stop: interrupted by signal 15'

# Stopping fails.
three_services
echo always >"$(c cache)/fail-stop"
run aipm-stop -- touch ran
status_is 'a service that cannot be stopped gives 120' 120
like 'the engine is quoted' "$err" 'cannot stop cache: out of luck'
not 'the command is not run' test -e ran
is 'what was stopped runs again' "$(states)" "$all_up"
unlike 'what was not reached was left alone' "$(calls)" 'stop -t 120 db'
not 'no journal is left' test -e "$journal"

three_services
echo 1 >"$(c db)/respawns"
run aipm-stop -- sh -c 'cat "$FAKE"/c/*/status | sort -u'
status_is 'one that was started while we stopped is no failure' 0
is 'it is stopped again' "$out" exited
three_services
echo 3 >"$(c db)/respawns"
run aipm-stop -- touch ran
status_is 'one that comes up again and again gives 120' 120
not 'and no command is run' test -e ran
is 'all run at the end' "$(states)" "$all_up"

# Starting fails.
three_services
echo 2 >"$(c db)/fail-start"
run aipm-stop -- true
status_is 'a start that works at the third try is success' 0
is 'all run' "$(states)" "$all_up"

three_services
echo always >"$(c cache)/fail-start"
run aipm-stop -- sh -c 'exit 9'
status_is 'one that cannot be started gives 122, above all others' 122
is 'the others are started all the same' "$(states)" \
	'app:running cache:exited db:running'
like 'the command that starts it is given' "$err" \
	"start them with: $AIPM_ENGINE start cache"
like 'the reason is given' "$err" 'cache: * out of luck'
like 'the journal keeps it' "$(cat "$journal")" 'in-progress*cache'
unlike 'and it only' "$(cat "$journal")" 'db'
rm "$(c cache)/fail-start"
run aipm-stop -- true
status_is 'the next run succeeds' 0
is 'and starts it' "$(states)" "$all_up"
not 'and removes the journal' test -e "$journal"

three_services
echo 3 >"$(c db)/dies"
run aipm-stop -- true
status_is 'one that ends right after its start gives 122' 122
like 'and its exit status is told' "$err" \
	'db: ended right after its start, with status 3'

three_services
run aipm-stop -- sh -c 'echo restarting >"$FAKE/comes-up"'
rm "$FAKE/comes-up"
status_is 'one that ends again and again is a warning' 3
like 'which names it' "$err" 'db: was started, and ends again and again'

three_services
run aipm-stop -- sh -c 'rm -r "$FAKE/c/'"$(id_of db)"'"'
status_is 'one that the command removed gives 122' 122
like 'and is named' "$err" 'db: was removed meanwhile'
is 'the others run' "$(states)" 'app:running cache:running'
three_services
run aipm-stop -- sh -c 'mv "$FAKE/c/'"$(id_of db)"'" "$FAKE/c/new" &&
	echo running >"$FAKE/c/new/status"'
status_is 'one that the command made anew runs, and so nothing is proven' 121
like 'it is named' "$err" 'db: runs again'

# Our own files.
three_services
mkdir -p "$journal"
run aipm-stop -- touch ran
status_is 'a journal that cannot be read is our own failure' 125
rmdir "$journal"
echo rubbish >"$journal"
run aipm-stop -- touch ran
status_is 'so is one that cannot be understood' 125
like 'which is said' "$err" 'journal: cannot be understood'
is 'nothing was stopped' "$(calls)" ''
not 'and nothing run' test -e ran

three_services
: >backups
run aipm-stop -- true
status_is 'a backups directory that cannot be is our own failure' 125
is 'and nothing was stopped' "$(calls)" ''

done_testing
