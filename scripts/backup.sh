#!/bin/sh
# backup.sh: stop the services, pack data/ into backups/, start the services
# again, remove the oldest backups.  aipm-backup(1) describes it.  It stands
# alone, so that a copy or a link of it in PATH works as well.
set -u
me=${0##*/}

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
	echo "$me: $*" >&2
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

# setting NAME DEFAULT: as the programs read it; nothing in it is executed.
setting()
{
	value=$(printenv "$1")
	for f in aipm.conf /etc/aipm.conf; do
		if [ -z "$value" ] && [ -r "$f" ]; then
			value=$(sed -n "s/^[[:space:]]*$1=//p" "$f" |
			    tail -n 1 | sed "
				s/^[[:space:]]*//; s/[[:space:]]*\$//
				s/^\([\"']\)\(.*\)\1\$/\2/")
		fi
	done
	echo "${value:-$2}"
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
	[ -z "$child" ] || kill -s TERM "$child" 2>/dev/null
}

# One line: the archive's size, the space left, how many more such fit.
summary()
{
	free=$(df -Pk "$backups" | awk 'NR == 2 { print $4 }')
	aipm-ls -l "$backups" | awk -v name="/${archive##*/}" -v free="$free" \
	    -v removed="$(wc -l <"$tmp")" '
	function human(n, i) {
		for (i = 1; n >= 1024 && i < 6; i++)
			n /= 1024
		return sprintf(i > 1 && n < 10 ? "%.1f%s" : "%d%s", n,
		    substr("BKMGTP", i, 1))
	}
	substr($0, length($0) - length(name) + 1) == name {
		printf "%s, %s entries, %s free: room for %d more", human($4),
		    $5, human(free * 1024), free * 1024 / $4
		printf (removed > 0 ? "; %d old removed\n" : "\n"), removed
	}' | sed "s|^|$me: $archive: |" >&2
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
cd "$root" || die 1 "$root: is no project folder to go to"
dir=$(pwd -P)
[ "$dir" = "$came_from" ] && shown='' || shown=$dir/
data=$(setting AIPM_DATA data)
backups=$(setting AIPM_BACKUPS backups)
[ -d "$data" ] || die 1 "$shown$data: no such directory, nothing to back up"

# One lock from here to the end: start over beneath it.
if [ -z "${AIPM_LOCK_FD:-}" ] || [ "${AIPM_LOCKED:-}" != "$dir" ]; then
	cd "$came_from" || exit 1
	AIPM_LOCKED=$dir
	export AIPM_LOCKED
	exec aipm-stop $quiet -C "$root" --lock -- \
	    sh "$0" $quiet -C "$root"
fi
unset AIPM_LOCKED

tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT
caught=
child=
trap pass_on HUP INT TERM
run aipm-stop $quiet -C . --data "$data" -- \
    aipm-pack $quiet -d "$backups" "$data" >"$tmp"
status=$?
archive=$(cat "$tmp")
case $archive in
'') ;;
/*) echo "$archive" ;;
*) echo "$shown$archive" ;;
esac
case $status in
0 | 3) ;;
*) exit "$status" ;;
esac

aipm-prune $quiet "$backups" >"$tmp"
case $? in
0 | 3) ;;
*) status=3 ;; # the backup itself stands
esac
[ -n "$quiet" ] || summary
exit "$status"
