#!/bin/sh
# Backups of a stack that is written to all the time.  What is in each of them
# agrees with itself and has all that was committed before it began; and one
# that is killed, in whichever pass, harms nobody.
#
#	LOAD_ROUNDS=2	backups, each restored beneath servers of its own
#	LOAD_KILLS=2	backups that are killed
#	LOAD_SEED=N	of the moments when
#	LOAD_SCALE=5	of pgbench
#
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../stack-lib.sh"
: "${LOAD_ROUNDS:=2}" "${LOAD_KILLS:=2}" "${LOAD_SCALE:=5}"
: "${LOAD_SEED:=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}"
all='postgres redis'
R=$T/restored
chmod 711 "$T" # the servers of what is restored have other users

# shellcheck disable=SC2317 # a trap calls it
cleanup_load()
{
	rm -f "$T/load" "$T".*
	forget_restored
	cleanup_stack
	wait
}
trap cleanup_load EXIT

# id_of SERVICE: of its container, which keeps it.
id_of()
{
	containers '{{.Label "com.docker.compose.service"}} {{.ID}}' |
	    sed -n "s/^$1 //p"
}

# pg COMMAND [ARGUMENT]...: a client in the container.
pg()
{
	command=$PG_BIN/$1
	shift
	docker exec "$postgres" "$command" -h /tmp -U postgres "$@" postgres \
	    </dev/null
}

rows()
{
	pg psql -Atqc 'select count(*) from pgbench_history'
}

counter()
{
	docker exec "$redis" redis-cli -s /tmp/redis get counter </dev/null
}

# The load: as long as $T/load is there, and again when a server is back.
write_postgres()
{
	while [ -e "$T/load" ]; do
		pg pgbench -n -c 4 -T 3600
		sleep 0.1
	done
}

write_redis()
{
	while [ -e "$T/load" ]; do
		# shellcheck disable=SC2016 # the shell there expands
		docker exec "$redis" sh -c '
			n=$(redis-cli -s /tmp/redis get counter)
			while sleep 0.002; do
				n=$((n + 1))
				echo multi; echo incr counter
				echo set copy $n; echo exec
			done | redis-cli -s /tmp/redis' </dev/null
		sleep 0.1
	done
}

# Both have got on since the last look; then $rows and $counter are new.
has_got_on()
{
	r=$(rows) && c=$(counter) && [ "$r" -gt "$rows" ] &&
	    [ "$c" -gt "$counter" ] && rows=$r && counter=$c
}

as_postgres()
{
	setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
}

pg_restored()
{
	as_postgres "$PG_BIN/pg_ctl" -s -w -D "$R/data/postgres" \
	    -l "$R/run/pg.log" "$@"
}

# restore ARCHIVE: into $R, and servers on it.
restore()
{
	mkdir -m 711 "$R" && aipm-unpack -q -C "$R" "$1" &&
	    mkdir "$R/run" && chown postgres "$R/run" || return
	as_postgres "$PG_BIN/pg_controldata" "$R/data/postgres" |
	    grep -q 'state: *shut down$' || echo 'postgres was not shut down'
	redis-server --port 0 --dir "$R/data/redis" --appendonly yes --save '' \
	    --unixsocket "$R/run/redis" --pidfile "$R/run/pid" \
	    --logfile "$R/run/redis.log" --daemonize yes
	pg_restored -o "-k $R/run -c listen_addresses= -c fsync=off" start &&
	    wait_for redis-cli -s "$R/run/redis" ping
}

forget_restored()
{
	[ ! -e "$R/data/postgres/postmaster.pid" ] ||
	    pg_restored -m immediate stop
	[ ! -e "$R/run/pid" ] || kill -KILL "$(cat "$R/run/pid")"
	rm -rf "$R"
}

# What is not right about what is restored.
judge_postgres()
{
	sums=$("$PG_BIN/psql" -h "$R/run" -U postgres -At -F ' ' postgres -c '
		select (select sum(abalance) from pgbench_accounts),
		    (select sum(tbalance) from pgbench_tellers),
		    (select sum(bbalance) from pgbench_branches),
		    sum(delta), count(*) from pgbench_history') || return
	echo "$sums" | awk -v rows="$rows" '
	$1 != $2 || $1 != $3 || $1 != $4 {
		print "accounts, tellers, branches, history: " $0
	}
	$5 < rows { print $5 " rows of history; there were " rows " before" }'
	"$PG_BIN/pg_amcheck" -h "$R/run" -U postgres --install-missing \
	    --heapallindexed postgres
}

judge_redis()
{
	redis-cli -s "$R/run/redis" mget counter copy | xargs |
	    awk -v counter="$counter" '
	$1 != $2 { print "counter and copy in redis: " $0 }
	$1 < counter { print "the counter is " $1 ", and was " counter }'
}

# judge ROUND: what is not right about the backup of the last run.
judge()
{
	[ "$status" = 0 ] || echo "the status is $status: $err"
	[ "$(running)" = "$all" ] || echo "running: $(running): $err"
	[ -f "$out" ] || return
	aipm-unpack -q -t "$out"
	aipm-ls --record "$out" | grep -q "^generation	$((($1 - 1) % 7))$" ||
	    echo "its generation is not $((($1 - 1) % 7))"
	case $err in
	*', 0B reused'*) echo "nothing was reused: $err" ;;
	*' reused, '*) ;;
	*) echo "nothing is said of what was reused: $err" ;;
	esac
	restore "$out" && judge_postgres && judge_redis
	forget_restored
}

# The archives that do not verify.
unsound()
{
	for f in backups/*.tar.gz; do
		aipm-unpack -q -t "$f" || echo "$f does not verify"
	done
}

# Nobody is at work any more, and the services run.
is_over()
{
	flock -n backups/.aipm/lock true && [ "$(running)" = "$all" ]
}

# kill_at PASS SECONDS: start a backup, and kill its whole group so long after
# the beginning of that pass.
kill_at()
{
	setsid ./scripts/backup.sh >"$T/killed" 2>&1 &
	pid=$!
	until [ "$1" = warm ] || [ -e backups/.aipm/journal ] || is_gone; do
		sleep 0.01
	done
	sleep "$2"
	[ ! -e backups/.aipm/journal ] || down=$((down + 1))
	is_gone || hits=$((hits + 1))
	kill -s KILL -- -$pid 2>/dev/null
	wait $pid 2>/dev/null
	limit=$(($(date +%s) + 20))
	until is_over; do
		if [ "$(date +%s)" -gt $limit ]; then
			echo "20 s later $(running) run; $(aipm-stop --status |
			    xargs); $(cat "$T/killed")"
			break
		fi
		sleep 0.1
	done
}

# The child has ended, although nobody has waited for it.
is_gone()
{
	grep -qs '^State:	Z' "/proc/$pid/status" || [ ! -d /proc/$pid ]
}

# moments MS DOWN: of each pass by turns, in all its parts, when a backup
# takes MS and the services are down for DOWN of that.
moments()
{
	awk -v seed="$LOAD_SEED" -v n="$LOAD_KILLS" -v ms="$1" -v down="$2" '
	BEGIN {
		srand(seed)
		for (i = 0; i < n; i++) {
			long = i % 2 ? ms - down : down * 1.2
			printf "%s %.3f\n", i % 2 ? "warm" : "cold",
			    (i + rand()) / n * long / 1000
		}
	}'
}

temporaries()
{
	find backups \( -name '.aipm-*' ! -path backups/.aipm \
	    -o -name 'tmp.*' -o -name '*.thin' \) -print
}

now()
{
	date +%s%3N
}

make_stack
must docker-compose rm -fs app # which takes a second to stop
postgres=$(id_of postgres)
redis=$(id_of redis)
must pg pgbench -i -q -s "$LOAD_SCALE"
must redis mset counter 0 copy 0
rows=0
counter=0
: >"$T/load"
write_postgres >/dev/null 2>&1 &
write_redis >/dev/null 2>&1 &

round=0
while [ $round -lt "$LOAD_ROUNDS" ]; do
	round=$((round + 1))
	must wait_for has_got_on
	began=$(now)
	run ./scripts/backup.sh
	took=$(($(now) - began))
	is "backup $round under load is whole, and so is what it restores" \
	    "$(judge $round 2>&1)" ''
done
is 'all that are kept verify' "$(unsound 2>&1)" ''

downtime=$(aipm-ls --record "$out" |
    awk '$1 == "downtime" { printf "%.0f", $2 * 1000 }')
echo "# LOAD_SEED=$LOAD_SEED, down for $downtime of $took ms"
bad=
hits=0
down=0
moments "$took" "$downtime" >"$T/moments"
while read -r pass moment; do
	must wait_for has_got_on
	kill_at "$pass" "$moment" >"$T/bad" 2>&1
	unsound >>"$T/bad" 2>&1
	[ ! -s "$T/bad" ] || bad="$bad
killed $moment s into the $pass pass: $(cat "$T/bad")"
done <"$T/moments"
is "$hits backups of $LOAD_KILLS were killed, $down with the services down" \
    "$bad" ''
ok 'most of the time there was one to be killed' \
    [ $((2 * hits)) -ge "$LOAD_KILLS" ]
must wait_for has_got_on
run ./scripts/backup.sh
status_is 'the next backup works' 0
is 'and so does what it restores' \
    "$(restore "$out" && judge_postgres && judge_redis; forget_restored)" ''
is 'it leaves no temporary, of its own or of those' "$(temporaries)" ''
done_testing
