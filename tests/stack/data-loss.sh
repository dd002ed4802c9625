#!/bin/sh
# "Recovery from data loss", as documented, step by step.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../stack-lib.sh"
make_stack
put kept
before=$(content)
must ./scripts/backup.sh
wait_for sql 'select 1' && wait_for redis ping
put lost

# The disaster: under the feet of the running servers.
rm -rf data/postgres/base data/redis data/minio/uploads

run docker-compose down
status_is 'step 1 stops the services' 0
run ls -la ./backups/
backup=./backups/$(echo "$out" | sed -n 's/.* \(ai-pm-backup-.*\)/\1/p')
ok 'step 2 shows the backup' test -f "$backup"
run ./scripts/restore.sh "$backup"
status_is 'step 3 restores it, with no containers there' 0
like 'it says how to start the services' "$err" 'docker-compose up -d'
like 'it prints where the former data is' "$out" \
    'backups/ai-pm-pre-restore-????????T??????Z.tar.gz'
like 'the former data is archived as it was found' "$(tar tzf "$out")" \
    'data/minio/.minio.sys/format.json'
is 'the services stay stopped' "$(running)" ''
run up
status_is 'step 4 starts them' 0
is 'rows, keys and objects are those of the backup' "$(content)" "$before"
is 'nothing is left beside data/' "$(ls -d data?* .aipm* 2>/dev/null)" ''
done_testing
