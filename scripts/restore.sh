#!/bin/sh
# restore.sh: put a backup in the place of data/.  aipm-restore(1) describes
# it.  It stands alone, so that a copy or a link of it in PATH works as well.
#
#	unpack beside data/, every digest verified	(services run)
#	stop the services, exchange the two trees
#	archive the former data as pre-restore, verify that, remove it
set -u
me=${0##*/}
unset CDPATH # it would send cd elsewhere
trap '' PIPE # nobody listening is no reason to stop half-way
compose_files='docker-compose.yml docker-compose.yaml compose.yml compose.yaml'

usage()
{
	cat <<END
usage: $me [-q] [-C DIR] ARCHIVE|latest

Put an archive's content in the place of a project folder's data/.  The former
data is archived first; the services are left stopped.

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

# The project folder; $root is what -C gave.  data/ may be what is lost, and
# neither it nor backups/ is in a fresh checkout.
find_root()
{
	[ -z "$root" ] || return 0
	root=${AIPM_ROOT:-}
	[ -z "$root" ] || return 0
	for root in . "$(dirname "$0")/.."; do
		for part in data backups aipm.conf $compose_files; do
			[ ! -e "$root/$part" ] || return 0
		done
	done
	die 1 "there is neither data/ nor backups/ in $PWD: go to the project folder, or name it with -C"
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

say()
{
	[ -n "$quiet" ] || printf '%s\n' "$me: $*" >&2
}

# Where the data is, symlinks resolved; it may be missing, its folder not.
find_data()
{
	if [ -d "$data_name" ]; then
		data=$(cd -- "$data_name" && pwd -P)
	elif [ -e "$data_name" ] || [ -h "$data_name" ]; then
		die 1 "$shown$data_name: is not a directory"
	else
		data=$(cd -- "$(dirname -- "$data_name")" && pwd -P) ||
		    die 1 "$shown$data_name: its folder is not there; make it, then try again"
		data=${data%/}/${data_name##*/}
	fi
	# The exchange would take the backups away with the former data.
	case $(cd -- "$backups" && pwd -P)/ in
	"$data"/*) die 1 "$backups: lies in $data, which is to be replaced: move the backups out first (AIPM_BACKUPS)" ;;
	esac
}

# The archive as a path: as the caller wrote it, or a name in backups/.
find_archive()
{
	case $wanted in
	/*) archive=$wanted ;;
	*) archive=$came_from/$wanted ;;
	esac
	[ ! -e "$archive" ] || return 0
	archive=$backups/$wanted
	[ ! -e "$archive" ] || return 0
	[ "$wanted" = latest ] || die 1 "$wanted: no such archive; aipm-ls $shown$backups shows what is there"
	archive=$(aipm-ls --latest "$backups") || exit
}

# The two trees by their inodes.
trees()
{
	ls -di "$stage/data" "$data" 2>/dev/null
}

# A word for a shell.
quoted()
{
	printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# A program as a word for a shell elsewhere.
tool()
{
	case $(command -v "$1") in
	*[!A-Za-z0-9/._+-]*) quoted "$(command -v "$1")" ;;
	*) command -v "$1" ;;
	esac
}

# Before the exchange: nothing has changed, and so it stays.
# shellcheck disable=SC2317 # a trap calls it
undo()
{
	status=$?
	trap '' HUP INT QUIT TERM
	rm -f "$tmp"
	[ -z "$held" ] || aipm-stop ${quiet:+-q} -C . --start || status=122
	[ -z "$stage" ] || rm -rf "$stage"
	exit "$status"
}

# From the exchange on: the message gives the command that finishes.
halfway()
{
	rm -f "$tmp"
	printf '%s\n' "$me: $*" >&2
	exit 9
}

# Of a failed step only warnings may pass.
proceed()
{
	[ "$status" -eq 3 ] || exit "$status"
	result=3
}

# The former data goes only when its archive is published and verified.
keep_former()
{
	if [ ! -e "$stage/data" ] || rmdir "$stage/data" 2>/dev/null; then
		rmdir "$stage"
		return
	fi
	finish="cd $(quoted "$dir") && p=\$($(tool aipm-pack) --kind pre-restore --as $(quoted "${data_name##*/}") -d $(quoted "$backups") $(quoted "$stage/data")) && $(tool aipm-unpack) --special -t \"\$p\" && rm -rf $(quoted "$stage") && printf '%s\\n' \"\$p\""
	run aipm-pack $quiet --kind pre-restore --as "${data_name##*/}" \
	    -d "$backups" "$stage/data" >"$tmp"
	status=$?
	former=$(cat "$tmp")
	case $former in
	'') ;;
	/*) printf '%s\n' "$former" ;;
	*) former=$shown$former && printf '%s\n' "$former" ;;
	esac
	case $status in
	0) ;;
	3)
		result=3
		printf '%s\n' "$me: the former data could not be archived whole; it stays in $stage until you remove it" >&2
		return
		;;
	*) halfway "restored, but the former data is not archived; it is in $stage; to finish: $finish" ;;
	esac
	run aipm-unpack $quiet --special -t "$former" ||
	    halfway "restored, but $former does not verify; the former data stays in $stage; to finish: $finish"
	if [ -n "$unproven" ]; then
		printf '%s\n' "$me: nothing shows that no service still writes to the former data; it stays in $stage: remove it when you are sure" >&2
		return
	fi
	rm -rf "$stage" || result=3
}

# What to do next.
advise()
{
	up=
	for f in $compose_files; do
		[ ! -e "$f" ] || up='docker-compose up -d'
	done
	[ -z "$up" ] || command -v docker-compose >/dev/null ||
	    up='docker compose up -d'
	if [ -s "$backups/.aipm/journal" ]; then
		up="${up:+$up   or, exactly those that ran: }$(tool aipm-stop) -C $(quoted "$dir") --start"
	fi
	say "$dir/$data_name is restored from ${archive#"$came_from"/}"
	if [ -n "$unproven" ]; then
		say "whether services run could not be asked: see to them"
	elif [ -n "$up" ]; then
		say "the services stay stopped; to start them: $up"
	fi
	[ -z "$former" ] ||
	    say "the data as it was before: $former; to go back, restore that"
}

root=
quiet=
wanted=
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
	-?*) die 2 "'$1' is not understood; see $me --help" ;;
	*)
		[ -z "$wanted" ] || die 2 "one archive at a time"
		wanted=$1
		;;
	esac
	shift
done
[ -n "$wanted" ] || die 2 "which archive?  aipm-ls shows what is there; see $me --help"
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
	    sh "$0" $quiet -C "$root" "$wanted"
fi
unset AIPM_LOCKED
backups=$AIPM_BACKUPS
data_name=${AIPM_DATA%/}
find_data
find_archive

caught=
stopped=
child=
trap pass_on HUP INT QUIT TERM
rm -rf "$data".aipm-new-?????? # of a run that was killed
for former in "$data".aipm-old-*; do
	[ ! -e "$former" ] || printf '%s\n' "$me: $former: is left of a restore that was cut short: look into it, archive it with aipm-pack --kind pre-restore, then remove it" >&2
done
held=
stage=
tmp=$(mktemp "$backups/.aipm/tmp.XXXXXX") || exit 1
trap undo EXIT
stage=$(mktemp -d "$data.aipm-new-XXXXXX") || exit 1
result=0
run aipm-unpack $quiet --special -C "$stage" "$archive" || proceed
top=$(ls -A "$stage")
if [ -z "$top" ] || [ ! -d "$stage/$top" ] || [ -h "$stage/$top" ]; then
	die 4 "$archive: holds more, or other, than one directory of data; aipm-ls shows what"
fi
# From here on it has a name that no archive chose.
[ "$top" = data ] || mv "$stage/$top" "$stage/data" || exit 1
unproven=
held=yes
run aipm-stop $quiet -C . --data "$data" || {
	proceed
	unproven=yes
}

# Of what is called aipm-old nothing is ever removed unasked.
mv "$stage" "$data.aipm-old-${stage##*-}" || exit 1
stage=$data.aipm-old-${stage##*-}
before=$(trees)
[ -z "$stopped" ] || exit 143
aipm-unpack --exchange "$stage/data" "$data"
status=$?
if [ "$status" -ne 0 ]; then
	[ "$status" -eq 9 ] || [ "$(trees)" != "$before" ] || exit "$status"
	trap - EXIT
	halfway "the exchange of $stage/data and $data was cut short; nothing is lost, the services are stopped; look at both before you start them"
fi
trap - EXIT
former=
keep_former
rm -f "$tmp"
advise
exit "$result"
