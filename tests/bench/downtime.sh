#!/bin/sh
# How long a backup keeps the services of a PostgreSQL and Redis stack down,
# less what the engine itself takes to stop and start them.  In turn:
#
#	engine	aipm-stop around a command that lets go at once
#	backup	backup.sh; between its passes 1 % of the pages change
#	compose	docker-compose stop; docker-compose start
#	tar	the same with tar | pigz -6 between
#	loaded-engine, loaded-backup
#		the first two with four clients of pgbench at work
#
# Run by make bench-downtime; needs three times the data's size in TMPDIR.
#
#	DOWN_SIZE=4000	MB of data, of which Redis has a twentieth
#	DOWN_ROUNDS=5
#	DOWN_LOAD=10	seconds that the load is at work before a measurement
#	DOWN_KIND=	xfs or btrfs: all of it on such a file system, made in
#			an image; there the bar under load goes by files
#	DOWN_FIGURES=FILE	where the table goes
#
# shellcheck disable=SC1091,SC2154
. "$(dirname "$0")/../stack-lib.sh"
: "${DOWN_SIZE:=4000}" "${DOWN_ROUNDS:=5}" "${DOWN_LOAD:=10}" "${DOWN_KIND:=}"
here=$top/tests/stack
outer=$T
AIPM_KEEP_LAST=1
export AIPM_KEEP_LAST

# shellcheck disable=SC2317 # a trap calls it
cleanup_downtime()
{
	rm -f "$outer/load" "$outer".*
	(cd "$T/ai-pm" && docker-compose down -t 5) >/dev/null 2>&1
	wait
	cd /
	! mountpoint -q "$outer/disk" || umount "$outer/disk"
	T=$outer
	cleanup_test
}
trap cleanup_downtime EXIT
trap 'exit 129' HUP

# A file system of that kind, which takes the scratch directory's place.
make_disk()
{
	truncate -s "$((DOWN_SIZE * 4 + 1000))M" "$outer/image"
	must "mkfs.$DOWN_KIND" -q "$outer/image"
	mkdir "$outer/disk"
	must mount -o loop "$outer/image" "$outer/disk"
	T=$outer/disk
}

# The stack without what has no data, its programs with ours between.
make_ours()
{
	make_stack
	must docker-compose rm -fs app idle
	sed '/^  app:/,$d' "$here/docker-compose.yml" >docker-compose.yml
	rm -rf data/minio
	postgres=$(docker-compose ps -q postgres)
	redis=$(docker-compose ps -q redis)
	# Copies, for the bench takes longer than a build.
	mkdir build real
	cp "$BUILD"/aipm-* real/
	PATH=$PWD/real:$PATH
	ln -s ../real/aipm-pack ../real/aipm-ls ../real/aipm-prune build/
	cat >build/aipm-stop <<-E
	#!/bin/sh
	# What happens between the two passes.
	case " \$* " in
	*' --lock '*) ;;
	*) [ -z "\${DOWN_BETWEEN:-}" ] || "\$DOWN_BETWEEN" ;;
	esac
	exec '$PWD/real/aipm-stop' "\$@"
	E
	cat >"$outer/change" <<-E
	#!/bin/sh
	docker exec $postgres $PG_BIN/psql -h /tmp -U postgres -qc '
	    update pgbench_accounts set abalance = abalance + 1 where aid in (
	        select 1 + (random() * ($scale * 100000 - 1))::int
	        from generate_series(1,
	            pg_relation_size(\$\$pgbench_accounts\$\$) / 819200))' \
	    postgres </dev/null &&
	    head -c $((DOWN_SIZE * 500)) /dev/zero | docker exec -i $redis \
	        redis-cli -s /tmp/redis -x set changed >/dev/null
	E
	chmod +x build/aipm-stop "$outer/change"
}

# pg COMMAND [ARGUMENT]...: a client in the container.
pg()
{
	command=$PG_BIN/$1
	shift
	docker exec "$postgres" "$command" -h /tmp -U postgres "$@" postgres \
	    </dev/null
}

psql()
{
	pg psql -Atqc "$1"
}

# Loaded in haste; the log of it would be a large part of the data.
fill()
{
	must psql 'alter system set fsync = off'
	must psql "alter system set max_wal_size = '128MB'"
	must psql 'select pg_reload_conf()'
	must pg pgbench -i -q -s "$scale"
	must psql 'alter system reset all'
	must psql 'select pg_reload_conf()'
	"$top/tests/bench/fill.py" redis $((DOWN_SIZE * 3 / 100)) |
	    docker exec -i "$redis" redis-cli -s /tmp/redis --pipe \
	        >/dev/null || exit 1
	sync
}

load()
{
	while [ -e "$outer/load" ]; do
		pg pgbench -n -c 4 -T 3600
		sleep 0.1
	done
}

now()
{
	date +%s%3N
}

# The servers answer, and what was written before is on the disk.
settle()
{
	must wait_for psql 'checkpoint'
	must wait_for redis_is_ready
	sync
}

redis_is_ready()
{
	docker exec "$redis" redis-cli -s /tmp/redis info persistence |
	    tr -d '\r' | awk -F : '{ v[$1] = $2 }
	    END { exit !(v["loading"] == "0" && v["aof_rewrite_in_progress"] == "0") }'
}

# From the last end of a service to the first start, in ms, by the engine.
all_down()
{
	docker inspect -f '{{.State.FinishedAt}} {{.State.StartedAt}}' \
	    "$postgres" "$redis" | while read -r end start; do
		echo "$(date -d "$end" +%s%3N) $(date -d "$start" +%s%3N)"
	done | awk '
	NR == 1 || $1 > end { end = $1 }
	NR == 1 || $2 < start { start = $2 }
	END { printf "%d\n", start - end }'
}

# note WHAT DOWN [READ FILES]: a measurement: ms, bytes.
note()
{
	echo "$1 $2 $(all_down) ${3:-0} ${4:-0}" | tee -a "$outer/figures" |
	    sed 's/^/# /'
}

# record NAME: of a record on standard input, a downtime in ms.
record()
{
	awk -v name="$1" '$1 == name {
		printf "%.0f\n", $2 * (name == "downtime" ? 1000 : 1)
	}'
}

# engine WHAT
engine()
{
	# shellcheck disable=SC2016 # the shell there expands
	run aipm-stop -q -- bash -c \
	    'printf x >&"$AIPM_RELEASE_FD"; cat <&"$AIPM_RELEASE_FD"'
	like 'all was quiet' "$out" 'proof	quiet'
	note "$1" "$(echo "$out" | record downtime)"
}

# backup WHAT
backup()
{
	began=$(date -u '+%Y-%m-%d %H:%M:%S')
	run ./scripts/backup.sh -q
	status_is 'a backup was made' 0
	record=$(aipm-ls --record "$out")
	note "$1" "$(echo "$record" | record downtime)" \
	    "$(echo "$record" | record read)" "$(changed "$out" "$began")"
	ok 'it is whole' aipm-unpack -q -t "$out"
}

# changed ARCHIVE TIME: how many files in it are no older.
changed()
{
	tar --utc --full-time -tvzf "$1" | awk -v t="$2" '
	/^-/ && $4 " " $5 >= t { n++ }
	END { print n + 0 }'
}

# compose WHAT [COMMAND...]: while they are down.
compose()
{
	what=$1
	shift
	t=$(now)
	must docker-compose stop -t 120
	"$@"
	must docker-compose start
	note "$what" $(($(now) - t))
}

tar_and_pigz()
{
	tar cf - data | pigz -6 >backups/other.tar.gz
}

quiet_round()
{
	settle
	must "$outer/change"
	engine engine
	settle
	DOWN_BETWEEN=$outer/change backup backup
	settle
	must "$outer/change"
	compose compose true
	settle
	must "$outer/change"
	compose tar tar_and_pigz
	rm -f backups/other.tar.gz
}

loaded_round()
{
	settle
	: >"$outer/load"
	load >/dev/null 2>&1 &
	sleep "$DOWN_LOAD"
	engine loaded-engine
	wait_for psql 'select 1'
	sleep "$DOWN_LOAD"
	backup loaded-backup
	rm "$outer/load"
	wait_for psql 'select 1'
	psql "select pg_terminate_backend(pid) from pg_stat_activity
	    where application_name = 'pgbench'" >/dev/null
	wait
}

free=$(df -Pm "$T" | awk 'NR == 2 { print $4 }')
[ "$free" -ge $((DOWN_SIZE * 3)) ] || {
	fail "there is room for three times the data" "$free MB are free"
	done_testing
}
scale=$(awk -v mb="$DOWN_SIZE" \
    'BEGIN { n = int((mb * 0.95 - 150) / 15); print n < 1 ? 1 : n }')
[ -z "$DOWN_KIND" ] || make_disk
make_ours
fill
settle
run ./scripts/backup.sh -q
status_is 'the backup before' 0

round=0
while [ $round -lt "$DOWN_ROUNDS" ]; do
	round=$((round + 1))
	quiet_round
	loaded_round
done
awk -v size="$(du -sm --apparent-size data | cut -f 1)" -v fs="${DOWN_KIND:-$(df --output=fstype . |
    tail -n 1)}" -v kind="$DOWN_KIND" -f "$top/tests/bench/downtime.awk" \
    "$outer/figures" >"$outer/table"
tee "${DOWN_FIGURES:-/dev/null}" <"$outer/table"
while read -r met sentence; do
	is "$sentence" "$met" met
done <<E
$(grep -E '^(met|missed) ' "$outer/table")
E
done_testing
