# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # shared with lib.sh and the tests
# project.sh: a project folder $P with services of the fake engine, for the
# tests of aipm-stop.  Sourced behind lib.sh.
unset AIPM_TIMEOUT AIPM_LOCK_FD AIPM_STOPPED
FAKE=$T/fake
AIPM_ENGINE=$here/../fake/engine
P=$T/project
export FAKE AIPM_ENGINE

# A new, empty project: no containers, no journal.
new_project()
{
	rm -rf "$FAKE" "$P"
	mkdir -p "$FAKE/c" "$FAKE/v" "$P/data"
	: >"$P/docker-compose.yml"
	: >"$FAKE/log"
	made=0
	cd "$P" || exit 1
}

id_of()
{
	printf '%s' "$1" | sha256sum | cut -c 1-64
}

# c NAME: the container's directory.
c()
{
	echo "$FAKE/c/$(id_of "$1")"
}

# container NAME [STATUS]: a newer one than those before, of no project.
container()
{
	made=$((made + 1))
	mkdir -p "$(c "$1")"
	echo "$1" >"$(c "$1")/name"
	echo "${2:-running}" >"$(c "$1")/status"
	echo "2026-01-01T00:00:0$made.5Z" >"$(c "$1")/created"
}

# service NAME [STATUS]: a container of the project.
service()
{
	container "$@"
	cat >"$(c "$1")/labels" <<-E
	com.docker.compose.project=project
	com.docker.compose.service=$1
	com.docker.compose.project.working_dir=$P
	E
}

# mount NAME TYPE RW SOURCE [VOLUME]
mount()
{
	printf '%s\t%s\t%s\t%s\n' "$2" "$3" "$4" "${5-}" >>"$(c "$1")/mounts"
}

# depends NAME ON,ON...
depends()
{
	on=$(echo "$2" | sed 's/,/:service_started:false,/g')
	echo "com.docker.compose.depends_on=$on:service_started:false" \
		>>"$(c "$1")/labels"
}

# The usual three: db and cache with data, and app, the oldest, on both.
three_services()
{
	new_project
	mkdir -p "$P/data/db" "$P/data/cache"
	service app
	depends app db,cache
	service db
	mount db bind true "$P/data/db"
	service cache
	mount cache bind true "$P/data/cache"
}

# states: "app:running cache:exited ...".
states()
{
	for d in "$FAKE"/c/*; do
		echo "$(cat "$d/name"):$(cat "$d/status")"
	done | sort | paste -s -d ' ' -
}

# calls: what the engine was told, in order.
calls()
{
	paste -s -d ';' "$FAKE/log"
}

journal=backups/.aipm/journal

# until_true COMMAND...: wait for it, for at most a minute.
until_true()
{
	i=0
	while ! "$@"; do
		i=$((i + 1))
		[ "$i" -lt 600 ] || return 1
		sleep 0.1
	done
}
