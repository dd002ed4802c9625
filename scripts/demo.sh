#!/bin/sh
# demo.sh: make a small project folder, back it up, wreck its data, restore
# it, and prove that it is the same.  Needs no container engine; PostgreSQL
# and Redis make the data if they are here.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
"$top/scripts/deps.sh" build || exit 1
echo 'building ...'
make -s -j2 -C "$top" all || exit 1

dir=$(mktemp -d "${TMPDIR:-/tmp}/aipm-demo.XXXXXX") || exit 1
pg=
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 711 "$dir" # the database runs as another user
mkdir -p "$dir/ai-pm/data/minio/uploads" && cd "$dir/ai-pm" || exit 1
# There are no containers of this folder: an engine that knows of none.
AIPM_ENGINE=true
export AIPM_ENGINE
unset AIPM_ROOT AIPM_DATA AIPM_BACKUPS AIPM_NAME
PATH=$top/build:$PATH
log=$dir/log

# Also of what a failure left running.
# shellcheck disable=SC2317 # a trap calls it
cleanup()
{
	[ ! -S "$dir/redis" ] || redis-cli -s "$dir/redis" shutdown nosave
	[ ! -f data/postgres/postmaster.pid ] || pg_run -m immediate stop
	cd / && rm -rf "$dir"
}

say()
{
	printf '\n%s\n' "-- $*"
}

failed()
{
	echo "demo: $*" >&2
	[ ! -s "$log" ] || tail -n 20 "$log" >&2
	exit 1
}

# PostgreSQL refuses to run as root.
as_postgres()
{
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
	else
		"$@"
	fi
}

pg_run()
{
	as_postgres "$pg/pg_ctl" -s -w -D "$PWD/data/postgres" -l "$dir/pg.log" \
	    -o "-k $dir/sock -c listen_addresses=" "$@"
}

pg_sql()
{
	as_postgres "$pg/psql" -h "$dir/sock" -U postgres -d postgres -Atqc "$1"
}

make_postgres()
{
	pg=$(echo /usr/lib/postgresql/*/bin)
	pg=${pg##* }
	mkdir data/postgres
	if [ ! -x "$pg/initdb" ] || ! id postgres >/dev/null 2>&1; then
		pg=
		mkdir -p data/postgres/base/1
		echo 15 >data/postgres/PG_VERSION
		for n in 1247 1249 1255 1259; do
			head -c 600000 /dev/urandom | od -x \
			    >"data/postgres/base/1/$n"
		done
		return
	fi
	mkdir -m 777 "$dir/sock"
	: >"$dir/pg.log" && chmod 666 "$dir/pg.log"
	[ "$(id -u)" -ne 0 ] || chown postgres: data/postgres
	as_postgres "$pg/initdb" -N -A trust -U postgres \
	    -D "$PWD/data/postgres" && pg_run start &&
	    pg_sql "create table task as select n, 'task ' || n as title
		from generate_series(1, 20000) n" && pg_run stop
}

make_redis()
{
	mkdir data/redis
	if ! command -v redis-server >/dev/null; then
		head -c 200000 /dev/urandom >data/redis/dump.rdb
		return
	fi
	redis-server --port 0 --dir "$PWD/data/redis" --save 60 1 \
	    --unixsocket "$dir/redis" --daemonize yes &&
	    for _ in 1 2 3 4 5 6 7 8 9 10; do
		redis-cli -s "$dir/redis" ping && break
		sleep 0.3
	    done
	for i in 1 2 3 4 5 6 7 8 9; do
		redis-cli -s "$dir/redis" set "session:$i" "user $i" || return
	done
	redis-cli -s "$dir/redis" shutdown save
}

make_minio()
{
	for i in 1 2 3 4 5; do
		mkdir "data/minio/uploads/photo $i.jpg"
		head -c "${i}00000" /dev/urandom \
		    >"data/minio/uploads/photo $i.jpg/xl.meta"
	done
}

# Every name with type, mode, owner, time and target; every content.
manifest()
{
	find data -printf '%p|%y|%m|%U|%G|%T@|%l\n' | sort
	find data -type f -exec sha256sum {} + | sort -k 2
}

{ make_postgres && make_redis && make_minio; } >"$log" 2>&1 ||
    failed 'the sample data could not be made'
manifest >"$dir/before"
say "a project folder: $(find data -type f | wc -l) files, $(du -sh data | cut -f 1)"
ls data

say './scripts/backup.sh'
archive=$("$top/scripts/backup.sh") || failed 'no backup'
echo "$archive"
aipm-ls "$archive" | sed -n '1,3p; 4s/.*/.../p'

say 'the disaster: half of PostgreSQL, all uploads, a truncated Redis'
rm -rf data/postgres/base data/minio/uploads
: >data/redis/dump.rdb
echo "$(find data -type f | wc -l) files are left"

say "./scripts/restore.sh $archive"
"$top/scripts/restore.sh" --yes "$archive" || failed 'no restore'

say 'the proof'
manifest >"$dir/after"
cmp -s "$dir/before" "$dir/after" ||
    failed "not the same: $(diff "$dir/before" "$dir/after" | head -n 5)"
echo "$(wc -l <"$dir/after") lines of names, modes, owners, times (ns) and SHA-256: the same"
mkdir "$dir/plain"
tar -C "$dir/plain" -xzf "$archive" || failed 'plain tar refuses it'
diff -r data "$dir/plain/data" >/dev/null || failed 'plain tar differs'
echo 'plain tar xzf unpacks the same from it'
if [ -n "$pg" ]; then
	pg_run start >"$log" 2>&1 && rows=$(pg_sql 'select count(*) from task')
	pg_run stop >>"$log" 2>&1
	[ "${rows:-0}" -eq 20000 ] || failed 'PostgreSQL has lost rows'
	echo "PostgreSQL starts on it and has its $rows rows"
fi
say 'the backups'
aipm-ls
