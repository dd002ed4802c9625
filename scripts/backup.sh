#!/bin/sh
# backup.sh: pack data/ while the services run, then stop them, pack what has
# changed meanwhile, start them again, put both together in backups/, remove
# the oldest backups.  aipm-backup(1) describes it.  It stands alone, so that
# a copy or a link of it in PATH works as well.
set -u
me=${0##*/}
unset CDPATH # it would send cd elsewhere
trap '' PIPE # nobody listening is no reason to stop half-way

usage()
{
	cat <<END
usage: $me [-q] [-C DIR]

Back up a project folder's data/ into its backups/, with the services stopped
meanwhile.  Prints the archive's path.

  -C, --directory=DIR         the project folder (.)
  -q, --quiet                 say nothing but warnings and errors
  -h, --help                  show this help
      --version               show the version
END
}

# die STATUS TEXT...
die()
{
	status=$1
	shift
	printf '%s\n' "$me: $*" >&2
	exit "$status"
}

# The programs: beside the source tree's scripts, beside a copy of this one,
# else in PATH.
find_programs()
{
	here=$(dirname "$(readlink -f "$0")")
	for d in "$here/../build" "$here"; do
		if [ -x "$d/aipm-stop" ]; then
			PATH=$(cd "$d" && pwd):$PATH
			export PATH
			return
		fi
	done
	command -v aipm-stop >/dev/null ||
	    die 1 "the programs are not there yet: run make in $(cd "$here/.." && pwd)"
}

# The project folder; $root is what -C gave.
find_root()
{
	[ -z "$root" ] || return 0
	root=${AIPM_ROOT:-}
	[ -z "$root" ] || return 0
	for root in . "$(dirname "$0")/.."; do
		if [ -d "$root/data" ] || [ -f "$root/aipm.conf" ]; then
			return
		fi
	done
	die 1 "there is no data/ in $PWD: go to the project folder, or name it with -C"
}

# Run a command to its end.  A signal is passed on and the command still
# waited for: it has services to start again.  (A signal ends wait early; a
# second wait says 127 if the first one had the status already.)
run()
{
	"$@" &
	child=$!
	[ -z "$caught" ] || pass_on
	wait "$child"
	status=$?
	while [ -n "$caught" ]; do
		caught=
		wait "$child" 2>/dev/null
		again=$?
		[ "$again" -eq 127 ] || status=$again
	done
	child=
	return "$status"
}

# The shell lets a background command ignore INT, so all become TERM.
pass_on()
{
	caught=yes
	stopped=yes
	[ -z "$child" ] || kill -s TERM "$child" 2>/dev/null
}

# What the newest complete backup is, unless it is time for one that takes
# nothing from it, so that no bad byte lives for ever.
find_previous()
{
	previous=$(aipm-ls --latest -q "$backups" 2>/dev/null) || return 0
	generation=$(aipm-ls --record "$previous" 2>/dev/null |
	    sed -n 's/^generation	//p')
	if [ "$((${generation:-0} + 1))" -ge "$AIPM_FULL_EVERY" ]; then
		previous=
	fi
}

# Nearly all of the work, while the services run.  If it cannot be done, all
# is left to the second pass.
pack_warm()
{
	rm -f "$warm"
	run aipm-pack -q --thin --force ${previous:+-r "$previous"} \
	    -o "$warm" "$data" >/dev/null
	case $? in
	0) ;;
	3) damaged=yes ;; # the second pass does not need what is
	*) rm -f "$warm" ;;
	esac
}

# pack_cold [-r REF]...: the archive's path into $tmp.
pack_cold()
{
	run aipm-stop $quiet -C . --data "$data" -- \
	    aipm-pack $quiet "$@" -d "$backups" "$data" >"$tmp"
}

# One line: the archive's size, how long the services were down, the space
# left, how many more such fit.
summary()
{
	free=$(df -Pk "$backups" | awk 'NR == 2 { print $4 }')
	line="$me: $archive: "
	export line
	{
		aipm-ls --record "$archive"
		wc -c <"$archive" | sed 's/^/size	/'
	} | awk -F '\t' -v free="$free" -v removed="$(wc -l <"$tmp")" '
	function human(n, i) {
		for (i = 1; n >= 1024 && i < 6; i++)
			n /= 1024
		return sprintf(i > 1 && n < 10 ? "%.1f%s" : "%d%s", n,
		    substr("BKMGTP", i, 1))
	}
	{ record[$1] = $2 }
	END {
		printf "%s%s", ENVIRON["line"], human(record["size"])
		if (record["services"] == "stopped")
			printf ", services down for %s s", record["downtime"]
		printf ", %s read meanwhile, %s reused, %s new",
		    human(record["read"]), human(record["reused"]),
		    human(record["made"])
		printf ", %s free: room for %d more", human(free * 1024),
		    free * 1024 / record["size"]
		printf (removed > 0 ? "; %d old removed\n" : "\n"), removed
	}' >&2
}

root=
quiet=
while [ $# -gt 0 ]; do
	case $1 in
	-C | --directory)
		[ $# -ge 2 ] || die 2 "$1 needs a directory"
		root=$2
		shift
		;;
	--directory=*) root=${1#*=} ;;
	-q | --quiet) quiet=-q ;;
	-h | --help)
		usage
		exit
		;;
	--version)
		find_programs
		aipm-pack --version | sed "s/^aipm-pack/$me/"
		exit
		;;
	*) die 2 "'$1' is not understood; see $me --help" ;;
	esac
	shift
done
find_programs
find_root
came_from=$(pwd -P)
cd -- "$root" || die 1 "$root: is no project folder to go to"
dir=$(pwd -P)
[ "$dir" = "$came_from" ] && shown='' || shown=$dir/

# One lock from here to the end: start over beneath it.  There the settings
# are in the environment, as aipm-stop found them.
if [ -z "${AIPM_LOCK_FD:-}" ] || [ "${AIPM_LOCKED:-}" != "$dir" ]; then
	cd "$came_from" || exit 1
	AIPM_LOCKED=$dir
	export AIPM_LOCKED
	exec aipm-stop $quiet -C "$root" --lock -- \
	    sh "$0" $quiet -C "$root"
fi
unset AIPM_LOCKED
data=$AIPM_DATA
backups=$AIPM_BACKUPS
[ -d "$data" ] || die 1 "$shown$data: no such directory, nothing to back up"
# An empty one is a disk that is not mounted, or the loss itself: ten such
# backups would push out the good ones.
[ -n "$(ls -A "$data")" ] || die 1 "$shown$data: is empty, nothing to back up"
for former in "${data%/}".aipm-old-*; do
	[ ! -e "$former" ] || printf '%s\n' "$me: $shown$former: is left of a restore that was cut off: finish or undo that with restore.sh --recover" >&2
done

rm -f "$backups"/.aipm/tmp.?????? # of runs that were killed
tmp=$(mktemp "$backups/.aipm/tmp.XXXXXX") || exit 1
warm=$backups/.aipm/warm.thin
trap 'rm -f "$tmp" "$warm"' EXIT
caught=
stopped=
damaged=
child=
trap pass_on HUP INT TERM
find_previous
pack_warm
[ -z "$stopped" ] || exit 143
if [ -e "$warm" ]; then
	pack_cold -r "$warm" ${previous:+-r "$previous"}
	status=$?
	rm -f "$warm"
else
	status=5
fi
# Without room for both passes one has to do.
if [ "$status" -eq 5 ] && [ -z "$stopped" ]; then
	pack_cold ${previous:+-r "$previous"}
	status=$?
fi
if [ "$status" -eq 4 ] && [ -z "$stopped" ]; then
	printf '%s\n' "$me: once more, without the earlier backups" >&2
	damaged=yes
	pack_cold
	status=$?
fi
archive=$(cat "$tmp")
case $archive in
'') ;;
/*) printf '%s\n' "$archive" ;;
*) printf '%s\n' "$shown$archive" ;;
esac
[ -z "$stopped" ] || [ "$status" -gt 128 ] || status=143
case $status in
0) [ -z "$damaged" ] || status=3 ;; # an earlier backup is damaged
3) ;;
*) exit "$status" ;;
esac

aipm-prune $quiet "$backups" >"$tmp"
case $? in
0 | 3) ;;
*) status=3 ;; # the backup itself stands
esac
[ -n "$quiet" ] || summary
exit "$status"
