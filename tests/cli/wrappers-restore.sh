#!/bin/sh
# restore.sh around the programs, on an engine that does what the test wants.
# shellcheck disable=SC1091,SC2154,SC2016 # the libraries set them
. "$(dirname "$0")/../wrappers-lib.sh"

# changed: a project with a backup, whose data is another since then.
changed()
{
	make_project "${1:-db_alone}"
	was=$(tree data)
	aipm-pack -q -o good.tar.gz data
	echo second >data/db/table
	rm data/db/heap
	mkdir data/new
	now=$(tree data)
}

# untouched SENTENCE: everything is as it was before.
untouched()
{
	is "$1: the data is what it was" "$(tree data)" "$now"
	is "$1: nothing is left beside it" "$(beside)" ''
	is "$1: the services run" "$(states)" "${2-db:running}"
	is "$1: nothing is published" "$(archives)" 0
}

# The exchange would take backups away that lie in the data.
changed
run env AIPM_BACKUPS=data/backups ./scripts/restore.sh good.tar.gz
status_is 'backups that lie in the data are refused' 1
like 'with what to do' "$err" 'move the backups out first'
is 'and the services run' "$(states)" db:running

# A setting that cannot be read is no reason to go on without it.
changed
echo 'MYVAR=1' >aipm.conf
run ./scripts/restore.sh good.tar.gz
status_is 'a malformed aipm.conf ends it' 2
untouched 'a malformed aipm.conf'

# What was held by an earlier restore and started since is started again
# when a later one fails.
changed
run ./scripts/restore.sh -q good.tar.gz
echo running >"$(c db)/state"
now=$(tree data)
in_place_of aipm-unpack 'case " $* " in *" --exchange "*) exit 1 ;; esac
exec $real "$@"'
run ./scripts/restore.sh good.tar.gz
status_is 'an exchange that is refused ends it' 1
is 'and what it had stopped runs again' "$(states)" db:running
as_they_are

changed three_services
run ./scripts/restore.sh ./good.tar.gz
status_is 'restore.sh succeeds' 0
is 'the data is that of the archive, to the nanosecond' "$(tree data)" "$was"
is 'the services stay stopped' "$(states)" 'app:exited cache:exited db:exited'
like 'it says how to start them' "$err" 'docker'
like 'and how to start exactly those that ran' "$err" \
    "aipm-stop -C '$P' --start"
like 'it prints where the former data is' "$out" \
    'backups/ai-pm-pre-restore-????????T??????Z.tar.gz'
like 'and says so' "$err" "$out"
is 'nothing is left beside data/' "$(beside)" ''
is 'and nothing else is published' "$(archives)" 1
run ./scripts/restore.sh -q "$out"
status_is 'the pre-restore archive can be restored' 0
is 'which is the undo' "$(tree data)" "$now"
is '-q says nothing' "$err" ''
run aipm-stop --start
is 'the services can be started after both' "$(states)" \
    'app:running cache:running db:running'

changed
rm -rf data
run ./scripts/restore.sh good.tar.gz
status_is 'it restores where there is no data/' 0
is 'the same data' "$(tree data)" "$was"
is 'there is nothing to archive then' "$out" ''
rm -rf data && mkdir data
cd / || exit 1
run "$P/scripts/restore.sh" "$P/good.tar.gz"
status_is 'it restores over an empty data/, from elsewhere' 0
is 'the same data again' "$(tree "$P/data")" "$was"
is 'an empty directory is not archived' "$out" ''
cd "$P" || exit 1
run aipm-stop --start

changed
aipm-pack -q -d backups data >/dev/null
run ./scripts/restore.sh latest
status_is 'latest is the newest backup' 0
is 'and is restored' "$(tree data)" "$now"
name=$(basename "$out")
cd /
run "$P/scripts/restore.sh" "$name"
status_is 'a bare name is looked for in backups/' 0
like 'and the path printed holds where we are' "$out" "$P/backups/"
cd "$P" || exit 1
rm -rf backups
run ./scripts/restore.sh latest
status_is 'without any backup there is no latest' 10
run ./scripts/restore.sh gone.tar.gz
status_is 'an archive that is not there is refused' 1
like 'with its name' "$err" 'gone.tar.gz'
is 'and before anything is made' "$(find . -name '*.tar.gz' ! -name good.tar.gz)" ''
run ./scripts/restore.sh
status_is 'no archive is a usage error' 2
run ./scripts/restore.sh a b
status_is 'two are one' 2

# Everything is checked before anything is stopped.
changed
head -c 1000 good.tar.gz >cut.tar.gz
run ./scripts/restore.sh cut.tar.gz
status_is 'a cut archive is refused' 4
untouched 'a cut archive'
is 'no service was stopped for it' "$(calls)" ''
tar -czf two.tar.gz data scripts
run ./scripts/restore.sh two.tar.gz
status_is 'an archive of two directories is refused' 4
tar -C data/db -czf file.tar.gz table
run ./scripts/restore.sh file.tar.gz
status_is 'an archive of a file is refused' 4
tar -C data/db -czf link.tar.gz link
run ./scripts/restore.sh link.tar.gz
status_is 'an archive of a link is refused' 4
untouched 'none of these'
is 'no service was stopped for any' "$(calls)" ''

# Archives of other tools and names.
mkdir other && echo theirs >other/file
tar -czf theirs.tar.gz ./other
now=$(tree data)
run ./scripts/restore.sh theirs.tar.gz
status_is 'what has nothing in common with the data is refused' 1
like 'with the way to do it all the same' "$err" '--force'
untouched 'such an archive'
run ./scripts/restore.sh --force theirs.tar.gz
status_is 'a plain tar of one directory of any name is restored' 0
is 'as data/' "$(cat data/file)" theirs

changed
mkdir "$T/disk" && mv data "$T/disk/db" && ln -s "$T/disk/db" data
run ./scripts/restore.sh good.tar.gz
status_is 'a data/ that is a link is restored where it leads' 0
is 'with the data of the archive' "$(tree "$T/disk/db")" "$was"
ok 'it stays a link' test -h data
like 'the former data is archived under its name' "$(aipm-ls "$out")" \
    'data/db/table'

# Failures before the exchange.
changed
mkdir data.aipm-new-abcdef # of a run that was killed
in_place_of aipm-unpack '[ "$1" != --exchange ] || exit 1; exec $real "$@"'
run ./scripts/restore.sh good.tar.gz
status_is 'an exchange that is refused goes through' 1
untouched 'a refused exchange'
is 'the services were stopped in between' "$(grep -c start "$FAKE/log")" 1
in_place_of aipm-unpack 'echo >unpacking; exec sleep 300'
./scripts/restore.sh good.tar.gz >"$T.out" 2>"$T.err" &
pid=$!
until_true test -f unpacking
kill "$pid"
wait "$pid"
is 'TERM ends a restore that unpacks' $? 143
untouched 'a restore that was ended'
as_they_are
echo 2 >"$(c db)/slow-stop"
./scripts/restore.sh good.tar.gz >"$T.out" 2>"$T.err" &
pid=$!
until_true test -f "$(c db)/stopping"
kill "$pid"
wait "$pid"
is 'TERM ends a restore that stops services' $? 143
untouched 'a restore that was ended while it stopped services'
rm "$(c db)/slow-stop"
echo always >"$(c db)/fail-stop"
run ./scripts/restore.sh good.tar.gz
status_is 'services that cannot be stopped end it' 120
untouched 'services that cannot be stopped'

# Failures after it.
changed
in_place_of aipm-pack '[ ! -e room ] || exec $real "$@"
echo >&2 no space; exit 5'
run ./scripts/restore.sh good.tar.gz
status_is 'a former data that cannot be archived is half-way' 9
is 'the data is restored' "$(tree data)" "$was"
is 'the former data is kept' "$(tree data.aipm-old-*/data)" "$now"
is 'the services stay stopped' "$(states)" db:exited
: >room
run sh -c "${err##*to finish: }"
status_is 'the command in the message finishes' 0
is 'the former data is removed then' "$(beside)" ''
is 'and archived' "$(archives)" 1
run ./scripts/restore.sh -q "$out"
is 'as it was' "$(tree data)" "$now"
as_they_are

changed
in_place_of aipm-pack '$real "$@"; exit 3'
run ./scripts/restore.sh good.tar.gz
status_is 'a former data that is archived in part gives a warning' 3
is 'and is kept' "$(tree data.before-*)" "$now"
like 'and the message says where' "$err" "$(ls -d data.before-*)"
as_they_are

changed
in_place_of aipm-unpack 'case $* in *" -t "*) exit 4 ;; esac; exec $real "$@"'
run ./scripts/restore.sh good.tar.gz
status_is 'a pre-restore archive that does not verify is half-way' 9
is 'and the former data is kept' "$(tree data.aipm-old-*/data)" "$now"

changed
in_place_of aipm-unpack 'if [ "$1" = --exchange ]; then
	mv "$3" "$3.away"; exit 1; fi; exec $real "$@"'
run ./scripts/restore.sh good.tar.gz
status_is 'an exchange that died half-way is told from a refused one' 9
is 'nothing is removed then' "$(tree data.away):$(tree data.aipm-old-*/data)" \
    "$now:$was"
is 'and nothing is started on half the data' "$(states)" db:exited
as_they_are

# With no engine at all, and beside another run.
changed
rm -rf docker-compose.yml
run env AIPM_ENGINE="$T/none" ./scripts/restore.sh good.tar.gz
status_is 'it restores without an engine' 0
is 'the data' "$(tree data)" "$was"
mkfifo ../go
aipm-stop --lock -- sh -c 'echo >../locked; read -r go <../go' &
until_true test -f ../locked
run ./scripts/restore.sh good.tar.gz
status_is 'while another run is at work it ends with 6' 6
echo >../go
wait
is 'and is without harm' "$(tree data)" "$was"
# What to do with the former data, and with the services.
changed three_services
run ./scripts/restore.sh --start good.tar.gz
status_is '--start: the restore succeeds' 0
is 'with the data of the archive' "$(tree data)" "$was"
is 'and the services run' "$(states)" 'app:running cache:running db:running'
case $err in
*'stay stopped'*) fail 'and nobody says that they do not' ;;
*) pass 'and nobody says that they do not' ;;
esac
is 'the former data is archived' "$(archives):$(beside)" 1:
changed
in_place_of aipm-unpack '[ "$1" != --exchange ] || exit 1; exec $real "$@"'
run ./scripts/restore.sh --start good.tar.gz
status_is '--start: an exchange that is refused goes through' 1
untouched 'a refused exchange with --start'
as_they_are
echo always >"$(c db)/fail-start"
run ./scripts/restore.sh --start good.tar.gz
status_is '--start: services that do not start give 122' 122
is 'but the data is restored' "$(tree data)" "$was"
is 'and the former data archived' "$(archives):$(beside)" 1:

changed
run ./scripts/restore.sh --keep-old good.tar.gz
status_is '--keep-old: the restore succeeds' 0
is 'the former data stays beside' "$(tree data.before-*)" "$now"
is 'and is not archived' "$(archives)" 0
undo=$(printf '%s\n' "$err" | sed -n 's/.*services stopped: //p')
run sh -c "$undo"
is 'the command that is printed is the undo' "$(tree data)" "$now"
changed
run ./scripts/restore.sh --no-pre-restore good.tar.gz
status_is '--no-pre-restore: the restore succeeds' 0
is 'nothing is kept' "$(archives):$(beside)" 0:
run ./scripts/restore.sh --keep-old --no-pre-restore good.tar.gz
status_is 'both together make no sense' 2
run ./scripts/restore.sh --recover good.tar.gz
status_is 'nor does --recover with an archive' 2

# On a terminal it asks.
# answered WORD [OPTION]...: it runs on a terminal and is told so; what is
# seen there is in $out.
cat >"$T/terminal.py" <<'EOF'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
while True:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    seen += got
    if got.endswith(b"[y/N] "):
        os.write(fd, sys.argv[1].encode() + b"\n")
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
answered()
{
	word=$1
	shift
	run python3 "$T/terminal.py" "$word" ./scripts/restore.sh "$@" \
	    good.tar.gz
}
changed
answered n
status_is 'on a terminal, no is no' 1
like 'it shows what will be replaced' "$out" "$P/data, *db"
like 'and how old the archive is' "$out" 'made 0 minutes ago'
untouched 'after a no'
answered '' --no-pre-restore
status_is 'nothing is no as well' 1
like 'that the former data would be gone is said' "$out" 'will be GONE'
untouched 'after nothing'
answered y
status_is 'yes is yes' 0
is 'and the data is restored' "$(tree data)" "$was"
changed
answered n --yes
status_is '--yes does not ask' 0

# It is killed, wherever.
# killed_at PROGRAM 'PATTERN' [ARGUMENT]...: before that call of the program,
# or behind it if the pattern begins with "after ".
killed_at()
{
	program=$1
	when=${2#after }
	[ "$when" = "$2" ] && do='' || do='$real "$@"; '
	shift 2
	in_place_of "$program" "case \" \$* \" in $when)
		$do: >$T/there; exec sleep 300 ;; esac; exec \$real \"\$@\""
	rm -f "$T/there"
	setsid ./scripts/restore.sh "$@" good.tar.gz >"$T.out" 2>"$T.err" &
	pid=$!
	until_true test -f "$T/there"
	kill -s KILL -- -$pid
	wait $pid 2>/dev/null
	as_they_are
	until_true flock -n backups/.aipm/lock true
}

changed
killed_at aipm-unpack '*" -C "*'
run ./scripts/restore.sh --recover
status_is 'killed while it unpacks: nothing is left to be done' 0
untouched 'killed while it unpacks'

changed
killed_at aipm-unpack '*" --exchange "*'
is 'killed before the exchange: the services are down' "$(states)" db:exited
run ./scripts/restore.sh --recover
status_is 'killed before the exchange: it is undone' 0
untouched 'killed before the exchange'
run ./scripts/restore.sh --recover
status_is 'a second --recover finds nothing' 0
like 'and says so' "$err" 'nothing to finish'

changed
run aipm-stop
killed_at aipm-unpack '*" --exchange "*'
run ./scripts/restore.sh --recover
is 'what was held before stays so' "$(states)" db:exited

changed
killed_at aipm-unpack 'after *" --exchange "*'
is 'killed behind the exchange: the new data is in place' "$(tree data)" "$was"
run ./scripts/restore.sh --recover
status_is 'killed behind the exchange: it is finished' 0
is 'the data is restored' "$(tree data)" "$was"
is 'the former data is archived' "$(archives):$(beside)" 1:
is 'the services stay stopped, as without being killed' "$(states)" db:exited
run ./scripts/restore.sh -q "$out"
is 'and the archive is the undo' "$(tree data)" "$now"

# Another restore does that by itself; a backup says that it is to be done.
changed
killed_at aipm-pack '*pre-restore*'
run ./scripts/backup.sh
like 'a backup says what is to be done' "$err" 'restore.sh --recover'
run ./scripts/restore.sh "$out"
status_is 'the next restore finishes the one before' 0
is 'both former trees are archived' \
    "$(find backups -name '*-pre-restore-*' | wc -l):$(beside)" 2:

# The three renames of a system without an exchange, cut off between them.
changed
killed_at aipm-unpack '*" --exchange "*'
stage=$(echo data.aipm-old-*)
mv data "$stage/.aipm-swap-waiting"
run ./scripts/restore.sh --recover
status_is 'killed behind the first of three renames: it is undone' 0
untouched 'killed behind the first of three renames'
changed
killed_at aipm-unpack '*" --exchange "*'
stage=$(echo data.aipm-old-*)
mv data "$stage/.aipm-swap-waiting"
mv "$stage/data" data
run ./scripts/restore.sh --recover
like 'killed behind the second: it is finished' "$err" 'finishing it'
is 'the data is restored, ...' "$(tree data)" "$was"
is 'and the former data is archived' "$(archives)" 1

changed
killed_at aipm-unpack '*" --exchange "*'
stage=$(echo data.aipm-old-*)
mv data "$stage/.aipm-swap-waiting"
mkdir data
run ./scripts/restore.sh --recover
status_is 'killed behind the first, and data/ made anew: it is left alone' 9
is 'with the former data' "$(tree "$stage/.aipm-swap-waiting")" "$now"
rmdir data
run ./scripts/restore.sh --recover
status_is 'until that is away' 0
untouched 'as the message says'

# Somebody has been there in the meantime.
changed
killed_at aipm-unpack '*" --exchange "*'
mv data data2
mkdir data
run ./scripts/restore.sh --recover
status_is 'what was put in the place of data/ meanwhile is no hindrance' 0
is 'only the new tree is gone' "$(beside):$(ls -A data)" 'data2:'
is 'and nothing is started on that' "$(states)" db:exited
changed
killed_at aipm-unpack 'after *" --exchange "*'
rm -rf data
run ./scripts/restore.sh good.tar.gz
status_is 'nor is data/ that was removed behind the exchange' 0
is 'it is restored' "$(tree data)" "$was"
is 'the former data is archived' "$(archives):$(beside)" 1:

# No room for the archive of the former data.
changed
aipm-pack -q -d backups data >/dev/null
mkdir -p "$T/bin"
printf '#!/bin/sh\necho head; echo disk 9 9 0 100%% /\n' >"$T/bin/df"
chmod +x "$T/bin/df"
calls >/dev/null
run ./scripts/restore.sh good.tar.gz
status_is 'without room for the former data it ends before anything is stopped' 5
like 'with the figures' "$err" '0 MB are free'
as_they_are
is 'the services were not stopped' "$(calls)" ''
is 'nothing has changed' "$(tree data):$(beside)" "$now:"
done_testing
