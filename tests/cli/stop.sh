#!/bin/sh
# aipm-stop around a command: who is stopped, in which order, and that all of
# it runs again, whatever the command does.
# The libraries set more; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2154,SC2016
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
all_up='app:running cache:running db:running'

three_services
run aipm-stop -- sh -c 'cat "$FAKE"/c/*/status | sort -u; echo out; echo e >&2'
status_is 'a command that succeeds gives 0' 0
is 'all are down while it runs, and its output passes' "$out" 'exited
out'
like 'its error output passes' "$err" '
e
'
is 'they run again' "$(states)" "$all_up"
is 'dependents stop first, then the newest; started in reverse' "$(calls)" \
	"stop app;stop -t 120 cache;stop -t 120 db;\
stop -t 120 db cache;stop app;start db cache app"
not 'no journal is left' test -e "$journal"
is 'the directory of the lock is private' "$(stat -c %a backups/.aipm)" 700

three_services
run aipm-stop -q false
status_is "the command's failure is the status" 1
is 'they run again after a failure' "$(states)" "$all_up"
is 'with -q a run says nothing' "$err" ''

three_services
run aipm-stop -- sh -c 'kill -KILL $$'
status_is 'a command that a signal ended gives 128 + N' 137
is 'they run again after a killed command' "$(states)" "$all_up"

three_services
run aipm-stop -- no-such-command-here
status_is 'a command that is not there gives 127' 127
run aipm-stop -- ./docker-compose.yml
status_is 'a command that cannot be executed gives 126' 126
is 'nothing was stopped for a command that cannot run' "$(calls)" ''

three_services
printf '#!/no/such/interpreter\n' >script
chmod +x script
run aipm-stop -- ./script
status_is 'a command whose interpreter is not there gives 127' 127
is 'they run again after a command that did not start' "$(states)" "$all_up"

three_services
aipm-stop -q -- sh -c 'trap "echo got >got; exit 7" TERM; : >up
	while :; do sleep 0.1; done' &
pid=$!
until_true test -e up
kill -TERM $pid
wait $pid
is 'the status after a TERM is what the command made of it' $? 7
is 'a TERM is passed on to the command' "$(cat got)" got
is 'they run again after a TERM' "$(states)" "$all_up"

three_services
echo 2 >"$(c app)/slow-stop"
aipm-stop -q -- touch ran 2>/dev/null &
pid=$!
until_true test -e "$(c app)/stopping"
kill -TERM $pid
wait $pid
is 'a TERM while stopping ends the run by it' $? 143
not 'the command is not run then' test -e ran
is 'what was stopped by then runs again' "$(states)" "$all_up"
unlike 'what was not reached was left alone' "$(calls)" 'stop -t 120 db'

three_services
echo exited >"$(c cache)/status"
run aipm-stop -- true
is 'what was not running stays so' "$(states)" \
	'app:running cache:exited db:running'

three_services
echo paused >"$(c cache)/status"
run aipm-stop -- true
status_is 'a paused service is no warning' 0
is 'a paused one is paused again' "$(states)" \
	'app:running cache:paused db:running'
like 'a paused one is unpaused to end by itself' "$(calls)" \
	'unpause cache;stop -t 120 cache'

three_services
echo restarting >"$(c app)/status"
run aipm-stop -- true
like 'one that is restarting is stopped too' "$(calls)" 'stop app;'

three_services
echo 33 >"$(c db)/timeout"
run aipm-stop -t 7 -- true
like '-t goes to what has the data' "$(calls)" 'stop -t 7 cache;'
like 'a stop timeout of its own wins' "$(calls)" ';stop db;'
three_services
run env AIPM_TIMEOUT=8 aipm-stop -- true
like 'AIPM_TIMEOUT is the default of -t' "$(calls)" 'stop -t 8 cache;'
echo 'AIPM_TIMEOUT=9' >aipm.conf
: >"$FAKE/log"
run_sh "cd / && aipm-stop -C '$P' -- true"
like 'aipm.conf of the folder of -C is read' "$(calls)" 'stop -t 9 cache;'

three_services
echo 137 >"$(c db)/exit-stop"
run aipm-stop -- true
status_is 'a killed service with data is a warning' 3
like 'it is named' "$err" 'db: was killed'
run aipm-stop -- sh -c 'exit 5'
status_is "the command's own failure outranks the warning" 5

new_project
run aipm-stop -- true
status_is 'nothing to stop is success' 0
like 'and is noted' "$err" 'nothing to stop'

# Others than the project's.
three_services
container other
container reader
mount reader bind false "$P/data/db/sub"
container above
mount above bind true "$T"
container named
mount named volume true /var/lib/docker/volumes/v/_data v
echo "device=$P/data/named" >"$FAKE/v/v"
ln -s "$P/data" "$T/link"
container linked
mount linked bind true "$T/link/cache"
service gone
sed -i "s|=$P\$|=/elsewhere|" "$(c gone)/labels"
run aipm-stop -n -- touch ran
status_is '-n succeeds' 0
is '-n prints in order who would be stopped, and why' "$out" \
	"gone	project project
linked	mounts $T/link/cache
named	mounts $P/data/named
above	mounts $T
reader	mounts $P/data/db/sub
app	project project
cache	project project, mounts $P/data/cache
db	project project, mounts $P/data/db"
is '-n does nothing' "$(calls)" ''
not '-n runs no command' test -e ran
not '-n makes no directory' test -e backups

three_services
mkdir "$T/uploads"
mount app bind true "$T/uploads"
mount app bind true /dev/null
mount app bind false /etc
mount app volume true /var/lib/docker/volumes/logs/_data logs
run aipm-stop -- true
status_is 'what is not in the backup is no warning' 0
like 'a writable mount outside the data is named' "$err" \
	'uploads: not in this backup: app can write to it'
like 'so is a volume' "$err" 'logs/_data: not in this backup'
unlike 'a read-only one is not' "$err" '/etc: not'
unlike 'a device is not' "$err" '/dev/null: not'

three_services
run env HOSTNAME="$(id_of db | cut -c 1-12)" aipm-stop -- touch ran
status_is 'the container that we run in is refused' 120
like 'and named' "$err" 'db: is the container that this runs in'
is 'nothing was stopped for it' "$(calls)" ''
not 'and nothing run' test -e ran

three_services
echo true >"$(c app)/remove"
run aipm-stop -- true
status_is 'one started with --rm that has no data is no failure' 0
like 'it is left running, which is noted' "$err" 'app: left running'
unlike 'it is not stopped' "$(calls)" 'stop app'
echo true >"$(c db)/remove"
: >"$FAKE/log"
run aipm-stop -- true
status_is 'one started with --rm that has the data is refused' 120
is 'before anything is stopped' "$(calls)" ''

three_services
echo 'com.docker.compose.depends_on=app:service_started:false' \
	>>"$(c db)/labels"
run aipm-stop -- true
status_is 'services that depend on each other in a circle are stopped' 0
is 'and started' "$(states)" "$all_up"

three_services
container 'two words'
mount 'two words' bind true "$P/data/q\"uo\\te"
run aipm-stop -n
like 'odd characters in a path survive' "$out" 'data/q"uo\\\\te'
like 'a name with a blank becomes the id' "$out" "$(id_of 'two words')"

for args in '--start true' '--lock' '-n --lock true' '--start --lock' '-t x' \
	'--recover true' '--status --start' '--all true' '--deadline 5' \
	'--deadline 0 true' '--wait x true'; do
	# shellcheck disable=SC2086 # words
	run aipm-stop $args
	status_is "aipm-stop $args is a usage error" 2
done
run aipm-stop -C /no/such/folder true
status_is 'a project folder that is not there is our own failure' 125
like 'which names it' "$err" '/no/such/folder: cannot enter'

done_testing
