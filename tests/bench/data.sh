#!/bin/sh
# data.sh MB DIR: build the data of the bench, about MB of it, as DIR/data:
#
#	postgres	45 %: a cluster that pgbench filled, stopped cleanly
#	redis		10 %: an RDB and an AOF of the same keys
#	minio		30 %: small and large objects, incompressible
#	www		15 %: small text files
#
# Nothing is done if DIR is there.  Seeds are fixed, but a cluster has a
# system identifier and times of its own, and Redis orders its keys at random.
# BENCH_POSTGRES=no makes a stand-in for the cluster, without a server;
# BENCH_REDIS=no the same for Redis.
set -u
[ $# -eq 2 ] || {
	echo "usage: ${0##*/} MB DIR" >&2
	exit 2
}
mb=$1
final=$2
[ ! -d "$final" ] || exit 0
here=$(cd "$(dirname "$0")" && pwd)
fill=$here/fill.py
mkdir -p "$(dirname "$final")" || exit 1
dir=$(cd "$(dirname "$final")" && pwd)/.${final##*/}.tmp
data=$dir/data
# Sockets have short paths, and the servers' users may enter here.
run=$(mktemp -d "${TMPDIR:-/tmp}/aipm-bench.XXXXXX") || exit 1
log=$run/log
pg_settings="-c listen_addresses= -c fsync=off -c wal_level=minimal \
-c max_wal_senders=0 -c max_wal_size=64MB -c min_wal_size=32MB"

# shellcheck disable=SC2317 # a trap calls it
cleanup()
{
	[ ! -S "$run/redis" ] || redis-cli -s "$run/redis" shutdown nosave
	[ ! -f "$data/postgres/postmaster.pid" ] || pg_run -m immediate stop
	rm -rf "$run" "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

failed()
{
	tail -n 20 "$log" >&2
	echo "data.sh: $*" >&2
	exit 1
}

# percent N: of the size, in MB.
percent()
{
	awk -v mb="$mb" -v n="$1" 'BEGIN { print mb * n / 100 }'
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
	as_postgres "$pg/pg_ctl" -s -w -D "$data/postgres" -l "$run/pg.log" \
	    -o "-k $run $pg_settings" "$@"
}

# What initdb makes and the log need 60 MB, one unit of pgbench 15 MB.
pg_fill()
{
	scale=$(percent 45 | awk '{ n = int(($1 - 60) / 15 + 0.5)
	    print n < 1 ? 1 : n }')
	as_postgres "$pg/pgbench" -h "$run" -U postgres -q -i -s "$scale" \
	    postgres &&
	    as_postgres "$pg/pgbench" -h "$run" -U postgres -n -t 2000 \
	    --random-seed=20261123 postgres &&
	    as_postgres "$pg/psql" -h "$run" -U postgres -qc checkpoint postgres
}

make_postgres()
{
	pg=$(echo /usr/lib/postgresql/*/bin)
	pg=${pg##* }
	if [ "${BENCH_POSTGRES:-yes}" = no ] || [ ! -x "$pg/pgbench" ]; then
		"$fill" postgres "$data/postgres" "$(percent 45)"
		return
	fi
	mkdir "$data/postgres"
	: >"$run/pg.log"
	if [ "$(id -u)" -eq 0 ]; then
		chown postgres: "$data/postgres" "$run" "$run/pg.log"
		as_postgres test -w "$data/postgres" ||
		    failed "the user postgres may not enter $dir; set BENCH_DIR"
	fi
	as_postgres "$pg/initdb" -N -A trust -U postgres --locale=C -E UTF8 \
	    -D "$data/postgres" && pg_run start && pg_fill &&
	    pg_run -m fast stop
}

redis_up()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		redis-cli -s "$run/redis" ping && return
		sleep 0.3
	done
	return 1
}

# The AOF has the commands as they are, and the RDB takes about 70 % of that.
make_redis()
{
	mkdir "$data/redis"
	if [ "${BENCH_REDIS:-yes}" = no ] ||
	    ! command -v redis-server >/dev/null; then
		"$fill" redis "$(percent 10)" >"$data/redis/appendonly.aof"
		return
	fi
	redis-server --port 0 --dir "$data/redis" --save '' --appendonly yes \
	    --appendfsync no --auto-aof-rewrite-percentage 0 \
	    --unixsocket "$run/redis" --logfile "$run/redis.log" \
	    --daemonize yes && redis_up &&
	    "$fill" redis "$(percent 6)" | redis-cli -s "$run/redis" --pipe &&
	    redis-cli -s "$run/redis" save &&
	    redis-cli -s "$run/redis" shutdown nosave
}

# As containers own them.
own()
{
	[ "$(id -u)" -eq 0 ] || return 0
	chown -R 999:999 "$data/redis" && chown -R 1000:1000 "$data/minio" &&
	    chown -R 33:33 "$data/www"
}

rm -rf "$dir"
mkdir -p "$data" && : >"$log" || exit 1
make_postgres >>"$log" 2>&1 || failed 'no PostgreSQL cluster'
make_redis >>"$log" 2>&1 || failed 'no Redis files'
"$fill" minio "$data/minio" "$(percent 30)" &&
    "$fill" www "$data/www" "$(percent 15)" && own || exit 1
mv "$dir" "$final"
