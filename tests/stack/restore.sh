#!/bin/sh
# Restoring under running services: they are stopped, and stay so.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../stack-lib.sh"
make_stack
put one
one=$(content)
must ./scripts/backup.sh
wait_for sql 'select 1' && wait_for redis ping
put two
two=$(content)
backup=$(ls ./backups/*.tar.gz)

# What cannot be restored stops nothing.
head -c 100000 "$backup" >"$T/cut.tar.gz"
run ./scripts/restore.sh "$T/cut.tar.gz"
status_is 'an archive that is cut off is refused with 4' 4
is 'before any service was stopped' "$(running)" 'app postgres redis'
is 'and the data is what it was' "$(content)" "$two"
is 'nothing is left beside data/' "$(ls -d data?* 2>/dev/null)" ''

# A mount below data/ is found out when the services are down already.
mount -t tmpfs none data/minio/.minio.sys
run ./scripts/restore.sh "$backup"
umount data/minio/.minio.sys
status_is 'a mount below data/ is refused' 1
is 'and exactly the services that ran run again' "$(running)" \
    'app postgres redis'
wait_for sql 'select 1' && wait_for redis ping
is 'on the data as it was' "$(content)" "$two"
is 'and nothing is left beside data/' "$(ls -d data?* 2>/dev/null)" ''

run ./scripts/restore.sh "$backup"
status_is 'a restore under running services succeeds' 0
former=$out
is 'it leaves the services stopped' "$(running)" ''
like 'it says how to start them' "$err" 'docker-compose up -d'
like 'and how to start exactly those that ran' "$err" \
    "aipm-stop -C '$T/ai-pm' --start"
run aipm-stop -C "$T/ai-pm" --start
status_is 'that command works' 0
is 'and starts exactly those' "$(running)" 'app postgres redis'
wait_for sql 'select 1' && wait_for redis ping
is 'the stack has what the backup has' "$(content)" "$one"

# Restoring what was there before is the undo.
run ./scripts/restore.sh "$former"
status_is 'the pre-restore archive can be restored' 0
run up
must docker-compose stop -t 5 idle
is 'and the stack is as it was before' "$(content)" "$two"

# The services run again before the former data is archived.
run ./scripts/restore.sh --start "$backup"
status_is 'a restore with --start succeeds' 0
is 'and exactly the services that ran run again' "$(running)" \
    'app postgres redis'
wait_for sql 'select 1' && wait_for redis ping
is 'on what the backup has' "$(content)" "$one"
run ./scripts/restore.sh --start "$out"
wait_for sql 'select 1' && wait_for redis ping
is 'and the undo works as well' "$(content)" "$two"

# docker-compose up -d leaves the record of the stopped services behind.
run ./scripts/backup.sh
status_is 'a backup after docker-compose up -d succeeds' 0
is 'and the services run after it' "$(running)" 'app postgres redis'
is 'the four pre-restore archives are kept' \
    "$(find backups -name '*-pre-restore-*' | wc -l)" 4
done_testing
