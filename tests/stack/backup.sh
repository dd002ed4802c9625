#!/bin/sh
# What ./scripts/backup.sh does to a stack that is at work.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../stack-lib.sh"
make_stack
put before
before=$(content)
is 'postgres, redis and app run, idle does not' "$(running)" \
    'app postgres redis'
pids=$(pids)

# Create backup
run ./scripts/backup.sh
status_is 'a backup of a running stack succeeds' 0
archive=$out
like 'it prints the archive as the documentation names it' "$archive" \
    'backups/ai-pm-backup-????????T??????Z.tar.gz'
ok 'the archive is there' test -f "$archive"
like 'the summary says how many more such backups fit' "$err" \
    ' services down for * s, * free: room for * more'
is 'exactly the services that ran run again' "$(running)" \
    'app postgres redis'
ok 'postgres answers again' wait_for sql 'select 1'
ok 'redis answers again' wait_for redis ping
is 'nothing in the stack has changed' "$(content)" "$before"
unlike 'they were stopped meanwhile' \
    "$(pids)" "$pids"
is 'postgres was shut down in order' "$(tar xzOf "$archive" \
    data/postgres/global/pg_control | od -An -tu4 -j 16 -N 4 | tr -d ' ')" 1
is 'the archive names the backup complete' \
    "$(aipm-ls | awk '{ print $5, $6 }')" 'complete backup'

# Any tar restores it, without any of ours.
mkdir "$T/plain" && tar -C "$T/plain" -xzf "$archive"
docker-compose stop -t 20 >/dev/null 2>&1
ok 'what plain tar unpacks is what was packed' \
    sh -c "cd data/minio && find . -type f -exec cmp {} '$T/plain/data/minio/{}' ';'"
mv data gone && mv "$T/plain/data" data
must up
is 'a stack on a tree that plain tar restored has everything' \
    "$(content)" "$before"
must docker-compose stop -t 5 idle

# Two at once
put after
mkfifo ../go
aipm-stop --lock -- sh -c 'echo >../locked; read -r go <../go' &
holder=$!
wait_for test -f ../locked
run ./scripts/backup.sh
status_is 'a second run ends with 6' 6
is 'it leaves the services alone' "$(running)" 'app postgres redis'
is 'it publishes nothing' "$(find backups -name '*.tar.gz' | wc -l)" 1
echo >../go
wait "$holder"

# Pre-change backup, the engine dead
before=$(content)
run env DOCKER_HOST="unix://$T/dead" ./scripts/backup.sh
status_is 'with a dead engine a backup is made, but not proven quiet' 3
ok 'and it is there' test -f "$out"
is 'the services were left alone' "$(running)" 'app postgres redis'

# Only some were running: only these run again.
must docker-compose stop -t 5 app
run ./scripts/backup.sh -q
status_is 'a backup of half a stack succeeds' 0
is 'what was not running stays so' "$(running)" 'postgres redis'
is 'quiet means quiet' "$err" ''
wait_for sql 'select 1'
is 'the data is what it was' "$(content)" "$before"
is 'no temporary is left' "$(leftovers .)" ''
done_testing
