#!/bin/sh
# aipm-stop proves that nobody writes, before the command and after it.
# The libraries set more; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2154,SC2016
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
all_up='app:running cache:running db:running'

cat >"$T/hold.py" <<'E'
"""hold.py HOW FILE: hold it open until killed."""
import ctypes, mmap, os, sys, time
how, path = sys.argv[1:]
fd = os.open(path, os.O_RDONLY if how == 'read' else os.O_RDWR)
if how == 'map':
    # Python's own mmap would keep a descriptor.
    c = ctypes.CDLL(None)
    c.mmap.restype = ctypes.c_void_p
    c.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
                       ctypes.c_int, ctypes.c_int, ctypes.c_long]
    c.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_WRITE,
           mmap.MAP_SHARED, fd, 0)
    os.close(fd)
open('held', 'w').close()
time.sleep(1000)
E

# holding HOW: a process that holds a file so; it is $holder.
holding()
{
	three_services
	head -c 8192 /dev/zero >data/db/table
	python3 "$T/hold.py" "$1" data/db/table &
	holder=$!
	until_true test -e held
}

let_go()
{
	kill $holder
	wait $holder 2>/dev/null
}

holding write
run aipm-stop -- touch ran
status_is 'a process with a file open for writing: 121' 121
like 'it is named' "$err" \
	"data/db/table: open for writing by python3 (pid $holder)"
not 'no command is run' test -e ran
is 'and all run again' "$(states)" "$all_up"
run aipm-stop
status_is 'a hold is refused for it too' 121
is 'and leaves nothing stopped' "$(states)" "$all_up"
let_go

holding map
run aipm-stop -- touch ran
status_is 'a mapping whose descriptor is closed: 121' 121
like 'it is named too' "$err" \
	"data/db/table: mapped for writing by python3 (pid $holder)"
is 'all run again after a mapping' "$(states)" "$all_up"
let_go

holding read
run aipm-stop -- true
status_is 'one that has it open for reading is no writer' 0
let_go

holding write
ln data/db/table elsewhere
rm data/db/table
mv elsewhere data/db/name
run aipm-stop -- true
status_is 'a file that was renamed since it was opened: 121' 121
like 'is named as it is now' "$err" 'data/db/name: open for writing'
let_go

three_services
echo x >data/db/table
run aipm-stop -- sh -c "python3 $T/hold.py write data/db/table &
	"'while [ ! -e held ]; do sleep 0.1; done'
status_is 'what the command leaves behind is ended, and is no writer then' 3
three_services
echo x >data/db/table
run aipm-stop -- sh -c "env -i setsid $(command -v python3) $T/hold.py \
	write data/db/table &
	"'while [ ! -e held ]; do sleep 0.1; done'
status_is 'a writer that came while the command ran: 121' 121
like 'is named' "$err" 'data/db/table: open for writing by python3'
is 'and all run' "$(states)" "$all_up"
pkill -f "$T/hold.py"

three_services
run aipm-stop -- sh -c 'echo running >"$FAKE/c/'"$(id_of db)"'/status"'
status_is 'a service that came back while the command ran: 121' 121
like 'the service is named' "$err" 'db: runs again'
run aipm-stop -- sh -c 'echo running >"$FAKE/c/'"$(id_of db)"'/status"; exit 7'
status_is "the command's own failure outranks it" 7

run aipm-stop -- sh -c 'date >"$FAKE/c/'"$(id_of db)"'/started"'
status_is 'one that came and went while the command ran: 121' 121
like 'is named' "$err" 'db: ran meanwhile'
three_services
run aipm-stop -- sh -c 'mkdir "$FAKE/c/new"; cd "$FAKE/c/new"; echo new >name
	echo running >status; echo true >remove; echo 2026 >created
	printf "bind\ttrue\t%s\t\n" "$AIPM_ROOT/data" >mounts'
status_is 'a newcomer that a stop would remove: 121' 121
like 'is named too' "$err" 'new: uses the data'

three_services
mkdir data/backups
run aipm-stop -q --data . -- true
status_is 'backups within the data are no writer' 0

holding write
run env AIPM_ENGINE=no-such-engine aipm-stop -- touch ran
status_is 'without an engine a writer is a warning' 3
like 'is named' "$err" "open for writing by python3 (pid $holder)"
ok 'and an emergency backup can be made' test -e ran
let_go

# Unproven.
three_services
mkdir -p "$T/o/lower" "$T/o/upper" "$T/o/work"
if [ "$(id -u)" -eq 0 ] && command mount -t overlay \
    -o "lowerdir=$T/o/lower,upperdir=$T/o/upper,workdir=$T/o/work" \
    overlay data 2>/dev/null; then
	mkdir data/db
	echo x >data/db/table
	run aipm-stop -- true
	status_is 'on overlayfs nothing is proven: a warning' 3
	like 'which says why' "$err" 'does not tell who writes'
	python3 "$T/hold.py" write data/db/table &
	holder=$!
	until_true test -e held
	run aipm-stop -- true
	status_is 'but a writer is found there' 121
	like 'and named' "$err" "pid $holder"
	let_go
	umount data
else
	skip 'overlayfs' 'not root, or it cannot be mounted here'
fi
if [ "$(id -u)" -eq 0 ]; then
	three_services
	echo x >data/db/table
	chmod 755 "$T"
	chown -R 65534:65534 "$FAKE" "$P"
	chown 0 data/db/table
	run setpriv --reuid=65534 --regid=65534 --clear-groups \
	    env AIPM_REGISTRY="$P/registry" "$BUILD/aipm-stop" -- true
	status_is 'one who is not root proves nothing of what is not his' 3
	like 'and is told why' "$err" 'no right to ask about every file'
	chown 65534 data/db/table
	mkdir data/shut
	echo x >data/shut/x
	chmod 744 data/shut
	run setpriv --reuid=65534 --regid=65534 --clear-groups \
	    env AIPM_REGISTRY="$P/registry" "$BUILD/aipm-stop" -- true
	status_is 'nor of what lies in a directory that he cannot enter' 3
	rm -r data/shut
	run setpriv --reuid=65534 --regid=65534 --clear-groups \
	    env AIPM_REGISTRY="$P/registry" "$BUILD/aipm-stop" -- true
	status_is 'but all of what is' 0
fi

three_services
run env DOCKER_HOST=tcp://elsewhere:2375 aipm-stop -- true
status_is "another machine's engine proves nothing" 3
like 'is said' "$err" 'its engine is on another machine'

# Pausing.
three_services
echo paused >"$(c cache)/status"
run aipm-stop --pause -- sh -c 'cat "$FAKE"/c/*/status | sort -u'
status_is '--pause succeeds' 0
is 'all are paused while the command runs' "$out" paused
is 'and what was paused stays so' "$(states)" \
	'app:running cache:paused db:running'
is 'nothing is stopped' "$(calls)" 'pause app;pause db;unpause db app'
like 'what that means is said' "$err" 'as after a crash'

holding write
run aipm-stop --pause -- touch ran
status_is 'a writer that is not paused: 121 beneath --pause too' 121
not 'and no command is run' test -e ran
is 'all are unpaused' "$(states)" "$all_up"
let_go

three_services
echo always >"$(c db)/fail-pause"
run aipm-stop --pause -- touch ran
status_is 'one that cannot be paused: 120' 120
is 'and the others are unpaused' "$(states)" "$all_up"

three_services
aipm-stop -q --pause -- sh -c 'echo $$ >up.new; mv up.new up; exec sleep 1000' \
    2>/dev/null &
pid=$!
until_true test -e up
kill -KILL "$(cat backups/.aipm/lock)" $pid "$(cat up)"
wait $pid 2>/dev/null
until_true flock -n backups/.aipm/lock true
like 'the journal knows what is frozen' "$(cat "$journal")" 'frozen'
run aipm-stop --recover
status_is 'a paused run that died is recovered' 0
is 'by unpausing' "$(states)" "$all_up"
unlike 'nothing was stopped' "$(calls)" 'stop'

# frozen_run: one that dies with everything frozen.
frozen_run()
{
	three_services
	aipm-stop -q --pause -- sh -c \
	    'echo $$ >up.new; mv up.new up; exec sleep 1000' 2>/dev/null &
	pid=$!
	until_true test -e up
	kill -KILL "$(cat backups/.aipm/lock)" $pid "$(cat up)"
	wait $pid 2>/dev/null
	until_true flock -n backups/.aipm/lock true
}

frozen_run
run aipm-stop -- true
status_is 'the next run after a paused one that died succeeds' 0
is 'and leaves nothing paused' "$(states)" "$all_up"
frozen_run
run aipm-stop --pause -- true
is 'nor does the next paused one' "$(states)" "$all_up"

frozen_run
echo always >"$(c app)/fail-stop"
run aipm-stop -- true
status_is 'one behind it that cannot stop a service fails' 120
is 'and leaves nothing paused either' "$(states)" "$all_up"

three_services
run aipm-stop --pause
status_is 'a pause can be held' 0
run aipm-stop -- true
is 'a run leaves it so' "$(states)" 'app:paused cache:paused db:paused'
run aipm-stop --start
is 'until --start' "$(states)" "$all_up"

three_services
echo paused >"$(c cache)/status"
echo 1 >"$(c cache)/respawns"
run aipm-stop -- true
is 'one that was paused, and came up while we stopped, is paused again' \
	"$(states)" 'app:running cache:paused db:running'

done_testing
