#!/bin/sh
# backup.sh around the programs, on an engine that does what the test wants.
# shellcheck disable=SC1091,SC2154,SC2016 # the libraries set them
. "$(dirname "$0")/../wrappers-lib.sh"

make_project three_services
run ./scripts/backup.sh
status_is 'backup.sh succeeds in a project folder' 0
like 'it prints the path as the caller can use it' "$out" \
    'backups/ai-pm-backup-????????T??????Z.tar.gz'
ok 'the archive is there' test -f "$out"
is 'it is for nobody else to read' "$(stat -c %a backups "$out" | xargs)" \
    '700 600'
is 'services were stopped, dependents first' \
    "$(grep ^stop "$FAKE/log" | head -n 3 | paste -s -d ';' -)" \
    'stop app;stop -t 120 cache;stop -t 120 db'
is 'and started in reverse' "$(grep ^start "$FAKE/log" | paste -s -d ';' -)" \
    'start db cache app'
is 'all of them run again' "$(states)" 'app:running cache:running db:running'
like 'the summary names size, downtime, what was read, space and room' "$err" \
    "$out: *, services down for * s, * read meanwhile, * reused, * new, * free: room for * more"
unlike 'nothing old was there to remove' "$err" removed

cd /
run "$P/scripts/backup.sh"
status_is 'it finds the project folder from elsewhere' 0
like 'and prints a path that holds there' "$out" "$P/backups/ai-pm-backup-"
run env AIPM_ROOT="$P" sh "$top/scripts/backup.sh" -q
status_is 'AIPM_ROOT names the project folder' 0
is '-q says nothing' "$err" ''
ln -s "$P/scripts/backup.sh" "$T/aipm-backup"
run "$T/aipm-backup" -C "$P"
status_is 'it works through a link' 0
like 'and calls itself by its name' "$err" 'aipm-backup: '
mkdir "$T/inst" && cp "$BUILD"/aipm-* "$T/inst" 2>/dev/null
cp "$top/scripts/backup.sh" "$T/inst/aipm-backup"
run env PATH=/usr/bin:/bin "$T/inst/aipm-backup" --directory="$P"
status_is 'a copy finds the programs beside it' 0
is 'five backups are there' "$(archives)" 5

cd "$P" || exit 1
run env PATH=/usr/bin:/bin ./scripts/backup.sh
status_is 'without the programs nothing is done' 1
like 'and it says what to run' "$err" "run make in $P"
cd "$T" || exit 1
run "$T/inst/aipm-backup"
status_is 'without a project folder nothing is done' 1
like 'and it says how to name one' "$err" '-C'
mkdir "$T/empty"
run "$P/scripts/backup.sh" -C "$T/empty"
status_is 'without data there is nothing to back up' 1
is 'and nothing is published' "$(find "$T/empty" -name '*.tar.gz')" ''
mkdir "$T/empty/data"
run "$P/scripts/backup.sh" -C "$T/empty"
status_is 'nor with an empty data directory' 1
like 'which is said' "$err" 'is empty'
run "$P/scripts/backup.sh" here
status_is 'an operand is a usage error' 2
run "$P/scripts/backup.sh" -C
status_is '-C without a folder is one too' 2
run "$P/scripts/backup.sh" --help
like '--help shows the usage' "$out" 'usage: backup.sh'
run "$P/scripts/backup.sh" --version
like '--version shows the version' "$out" 'backup.sh (aipm) '

make_project
mv data volumes
{
	echo '# $(touch ../executed)'
	echo 'AIPM_DATA="volumes"'
	echo "AIPM_BACKUPS= '$T/my \$(touch executed) backups'  "
	echo 'AIPM_NAME=shop'
	echo 'AIPM_KEEP_LAST=2'
} >aipm.conf
run ./scripts/backup.sh -q
status_is 'aipm.conf names data, backups and prefix' 0
like 'the archive is where it says' "$out" \
    "$T/my \$(touch executed) backups/shop-backup-"
like 'and holds that data' "$(tar tzf "$out")" 'volumes/db/table'
is 'nothing in aipm.conf is executed' "$(find "$T" -name executed)" ''
run ./scripts/backup.sh -q
first=$out
run ./scripts/backup.sh
like 'the third of two to keep pushes one out' "$err" '; 1 old removed'
ok 'which is not the second' test -f "$first"
run env AIPM_DATA=volumes/db AIPM_BACKUPS=env ./scripts/backup.sh -q
like 'the environment comes before aipm.conf' "$out" env/shop-backup-

make_project
: >"$FAKE/down"
run ./scripts/backup.sh
status_is 'a dead engine still gives a backup, with a warning' 3
ok 'which is there' test -f "$out"
rm "$FAKE/down"
in_place_of aipm-pack '$real "$@"; exit 3'
run env AIPM_KEEP_LAST=1 ./scripts/backup.sh
status_is 'warnings of aipm-pack go through' 3
like 'and old backups are removed all the same' "$err" '; 1 old removed'
in_place_of aipm-pack 'echo >&2 full; exit 5'
run env AIPM_KEEP_LAST=1 ./scripts/backup.sh
status_is 'no space goes through' 5
is 'the services run again' "$(states)" db:running
is 'the backup before is still there' "$(archives)" 1
as_they_are
echo always >"$(c db)/fail-start"
run env AIPM_KEEP_LAST=1 ./scripts/backup.sh
status_is 'a service that does not start outranks all' 122
ok 'the archive is there and named all the same' test -f "$out"
is 'nothing was pruned then' "$(archives)" 2

make_project
mkfifo ../go
aipm-stop --lock -- sh -c 'echo >../locked; read -r go <../go' &
until_true test -f ../locked
run ./scripts/backup.sh
status_is 'while another run is at work it ends with 6' 6
is 'it has stopped nothing' "$(calls)" ''
is 'it has published nothing' "$(archives)" 0
echo >../go
wait

# A signal reaches what is at work, which is waited for.
in_place_of aipm-pack 'echo >packing; exec sleep 300'
./scripts/backup.sh >"$T.out" 2>"$T.err" &
pid=$!
until_true test -f packing
kill "$pid"
wait "$pid"
is 'TERM ends a backup' $? 143
is 'the services run again before it is gone' "$(states)" db:running
is 'nothing is published' "$(archives)" 0
as_they_are

# What the two scripts have in common is the same.
common()
{
	for f in die find_programs run pass_on; do
		sed -n "/^$f()/,/^}/p" "$top/scripts/$1.sh"
	done
}
is 'the scripts share their helpers to the letter' "$(common backup)" \
    "$(common restore)"
like 'and they have them' "$(common backup)" 'pass_on()'

# The line for cron works as shipped, but for the folder.
line=$(sed -n 's/^[^#A-Z].*root	//p' "$top/scripts/aipm.cron" |
    sed "s|/srv/ai-pm|$P|")
run env PATH="$T/inst:/usr/bin:/bin" sh -c "$line"
status_is 'the line for cron makes a backup' 0
is 'and is quiet' "$out$err" ''
is 'it is there' "$(archives)" 1
done_testing
