#!/bin/sh
# aipm-stop starts the services when its command has read all, and tells it
# what it knows; see aipm-stop(1), RELEASE.
# The libraries set more; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2154,SC2016
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
all_up='app:running cache:running db:running'

cat >"$T/packer.py" <<'E'
"""packer.py HOW [ID [STATUS]]: reads, releases, goes on."""
import os, socket, subprocess, sys, time
how = sys.argv[1]
fd = int(os.environ['AIPM_RELEASE_FD'])


def states():
    return subprocess.run('cat "$FAKE"/c/*/status | sort -u', shell=True,
                          capture_output=True, text=True).stdout.strip()


print('before', states(), flush=True)
if how == 'close':
    os.close(fd)
    time.sleep(0.5)
elif how == 'die':
    os._exit(0)
else:
    if how == 'writer':
        w = open('data/db/table', 'r+')
    if how == 'back':
        with open('%s/c/%s/status' % (os.environ['FAKE'], sys.argv[2]),
                  'w') as f:
            f.write('running\n')
    s = socket.socket(fileno=fd)
    s.send(b'x')
    answer = b''
    while part := s.recv(4096):
        answer += part
    print(answer.decode(), end='')
print('after', states())
sys.exit(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
E

three_services
echo x >data/db/table
run aipm-stop -- python3 "$T/packer.py" ask
status_is 'a command that releases the services succeeds' 0
like 'they are down before' "$out" 'before exited*'
like 'the answer says that the data was quiet' "$out" '*proof	quiet
services	stopped
downtime	*end*'
like 'and comes when they run again' "$out" '*after running'
is 'they are started once' "$(grep -c '^start' "$FAKE/log")" 1
like 'the downtime is printed' "$err" '*started after *.* s: db, cache, app*'

run aipm-stop -- python3 "$T/packer.py" ask '' 8
status_is 'what fails behind the release fails' 8
is 'and the services run' "$(states)" "$all_up"

for how in close die; do
	three_services
	run aipm-stop -- python3 "$T/packer.py" $how
	status_is "to $how is no failure" 0
	unlike "and no release ($how)" "$out" '*running*'
	is "all run at the end ($how)" "$(states)" "$all_up"
done

three_services
run aipm-stop -- sh -c "python3 $T/packer.py die; "'sleep 0.5
	cat "$FAKE"/c/*/status | sort -u'
is 'a copy of the descriptor left in a shell is no release' "$out" \
	'before exited
exited'

three_services
aipm-stop -- sh -c "python3 $T/packer.py ask; : >up; exec sleep 1000" \
    >out 2>err &
pid=$!
until_true test -e up
is 'behind the release the services run beside the command' "$(states)" \
	"$all_up"
: >"$FAKE/log"
kill -KILL $pid
wait $pid 2>/dev/null
until_true flock -n backups/.aipm/lock true
is 'and when it is killed then nothing is done to them' "$(calls)" ''

three_services
echo x >data/db/table
run aipm-stop -- python3 "$T/packer.py" writer
status_is 'a writer at the release: 121' 121
like 'the answer says so' "$out" '*proof	failed*'
like 'and why' "$out" '*why	*data/db/table: open for writing by python3*'
is 'and all run' "$(states)" "$all_up"

three_services
run aipm-stop -- python3 "$T/packer.py" back "$(id_of db)"
status_is 'a service that came back before the release: 121' 121
like 'the answer has it' "$out" '*why	db: runs again*'

three_services
echo always >"$(c db)/fail-start"
run aipm-stop -- python3 "$T/packer.py" ask
status_is 'one that will not start at the release: 122' 122
like 'and what was read was quiet all the same' "$out" '*proof	quiet*'

three_services
run env AIPM_ENGINE=no-such-engine aipm-stop -- python3 "$T/packer.py" ask
status_is 'without an engine a release is answered, with a warning' 3
like 'but proves nothing, and says why' "$out" '*proof	none*why	no engine*'

done_testing
