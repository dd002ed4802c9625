#!/bin/sh
# "Emergency Procedures", as documented, step by step.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../stack-lib.sh"
make_stack
put good
before=$(content)
must ./scripts/backup.sh
good=$(ls ./backups/*.tar.gz)
wait_for sql 'select 1' && wait_for redis ping
put bad

# The corruption: a page of the catalog, the whole of a control file.
must docker-compose kill postgres
head -c 8192 /dev/urandom |
    dd of="$(find data/postgres/base/1 -name 1259)" conv=notrunc 2>/dev/null
head -c 8192 /dev/urandom >data/postgres/global/pg_control

run ./scripts/backup.sh
status_is 'step 1 backs up corrupted data' 0
corrupt=$out
ok 'the corrupted state is in it' sh -c \
    "tar xzOf '$corrupt' data/postgres/global/pg_control | cmp - data/postgres/global/pg_control"
run docker-compose down -v
status_is 'step 2 stops the services' 0
run rm -rf data/
status_is 'step 3 removes the data' 0
run ./scripts/restore.sh "$good"
status_is 'step 4 restores the last good backup where there is no data/' 0
is 'there was nothing to archive before' "$out" ''
is 'both backups are still there' "$(find backups -name '*.tar.gz' | wc -l)" 2
run up
status_is 'step 5 starts the services' 0
is 'rows, keys and objects are those of the good backup' "$(content)" \
    "$before"

# The same where data/ is there, but empty.
must docker-compose down -v
rm -rf data && mkdir data
run ./scripts/restore.sh latest
status_is 'latest restores the newest, over an empty data/' 0
ok 'that is the corrupted one here' sh -c \
    "tar xzOf '$corrupt' data/postgres/global/pg_control | cmp - data/postgres/global/pg_control"
is 'an empty data/ is not archived' "$out" ''
done_testing
