# shellcheck shell=sh disable=SC1091,SC2154
# stack-lib.sh: what the tests on the real engine share, beside lib.sh.  A
# test begins with make_stack and is then in the project folder, with
# PostgreSQL and Redis running there in containers.  Others run on the same
# engine at the same time: $project is the name of this one's.
. "$(dirname "$0")/../lib.sh"
PATH="$BUILD:/usr/sbin:/usr/bin:/sbin:/bin"
: "${DOCKER_HOST:?tests/run-stack.sh starts an engine}"

project=aipm-$(basename "$0" .sh)

cleanup_stack()
{
	[ ! -f "$T/ai-pm/docker-compose.yml" ] ||
	    (cd "$T/ai-pm" && docker-compose down -t 5) >/dev/null 2>&1
	cleanup_test
}
trap cleanup_stack EXIT

# A command that the scene needs; without it there is no test.
must()
{
	"$@" >"$T.must" 2>&1 || {
		fail "the scene is set: $*" "$(cat "$T.must")"
		rm -f "$T.must"
		exit 1
	}
	rm -f "$T.must"
}

# The documented project folder, its services up; idle has run and stopped.
make_stack()
{
	mkdir "$T/ai-pm" && cd "$T/ai-pm" || exit 1
	mkdir -p data/postgres data/redis data/minio scripts
	cp "$top/scripts/backup.sh" "$top/scripts/restore.sh" scripts/
	cp "$here/docker-compose.yml" .
	pg_bin=$(echo /usr/lib/postgresql/*/bin)
	PG_BIN=${pg_bin##* }
	PG_USER=$(id -u postgres):$(id -g postgres)
	cat >.env <<-E
	COMPOSE_PROJECT_NAME=$project
	PG_BIN=$PG_BIN
	PG_USER=$PG_USER
	E
	chown "$PG_USER" data/postgres
	chmod 700 data/postgres
	make_minio
	must docker-compose run --rm --no-deps postgres \
	    "$PG_BIN/initdb" -D /data --locale=C -A trust -N
	must up
	must docker-compose stop -t 5 idle
	must sql 'create table t (n int primary key, s text)'
}

# What MinIO leaves on a disk: a directory an object, and its own records.
make_minio()
{
	mkdir -p data/minio/.minio.sys/config data/minio/uploads
	echo '{"version":"1","format":"xl-single"}' \
	    >data/minio/.minio.sys/format.json
	for i in 1 2 3; do
		mkdir -p "data/minio/uploads/photo $i.jpg"
		head -c "${i}00000" /dev/urandom \
		    >"data/minio/uploads/photo $i.jpg/xl.meta"
	done
}

# docker-compose up -d, and the servers answer.
up()
{
	docker-compose up -d && wait_for sql 'select 1' && wait_for redis ping
}

# wait_for COMMAND...: for up to a minute.
wait_for()
{
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.2
	done
	echo "never: $*"
	return 1
}

# sql COMMAND: its rows.
sql()
{
	docker-compose exec -T postgres psql -h /tmp -U postgres -Atqc "$1" \
	    postgres </dev/null
}

# redis COMMAND...
redis()
{
	docker-compose exec -T redis redis-cli -s /tmp/redis "$@" </dev/null
}

# put NAME: a row, a key and an object of that name.
put()
{
	must sql "insert into t select coalesce(max(n), 0) + 1, '$1' from t"
	must redis set "$1" "value of $1"
	mkdir -p "data/minio/uploads/$1"
	echo "$1" >"data/minio/uploads/$1/xl.meta"
}

# What is in the stack: every row, key, object.
content()
{
	sql 'select s from t order by n' | sed 's/^/row /'
	redis keys '*' | sort | sed 's/^/key /'
	(cd data/minio && find . -type f | sort | while read -r f; do
		echo "object $f $(cksum <"$f")"
	done)
}

# containers FORMAT: of those of this project that run.
containers()
{
	docker ps --no-trunc --format "$1" \
	    --filter "label=com.docker.compose.project=$project" | sort
}

# The names of the services that run, in one line.
running()
{
	containers '{{.Label "com.docker.compose.service"}}' | xargs
}

# The processes that the running containers began with.
pids()
{
	containers '{{.ID}}' | xargs docker inspect -f '{{.State.Pid}}' | xargs
}
