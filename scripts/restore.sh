#!/bin/sh
# restore.sh: put a backup in the place of data/.  aipm-restore(1) describes
# it.  It stands alone, so that a copy or a link of it in PATH works as well.
#
#	unpack beside data/, every digest verified	(services run)
#	stop the services, exchange the two trees	(--start: start them)
#	archive the former data as pre-restore, verify that, remove it
#
# Whenever it is cut off, the next one finishes or undoes it: what it needs to
# know lies beside the tree that waits, in data.aipm-old-XXXXXX/record.
set -u
me=${0##*/}
unset CDPATH # it would send cd elsewhere
trap '' PIPE # nobody listening is no reason to stop half-way
compose_files='docker-compose.yml docker-compose.yaml compose.yml compose.yaml'

usage()
{
	cat <<END
usage: $me [OPTION]... ARCHIVE|latest
       $me [-q] [-C DIR] --recover

Put an archive's content in the place of a project folder's data/.  The former
data is archived; the services are left stopped.

  -C, --directory=DIR         the project folder (.)
      --start                 start the services again at once
      --keep-old              leave the former data beside, as it is
      --no-pre-restore        remove the former data without archiving it
      --force                 even if the two have no name in common
      --recover               finish or undo a restore that was cut off
  -y, --yes                   do not ask
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

inode()
{
	# shellcheck disable=SC2012 # it is only a number that is wanted
	ls -di -- "$1" 2>/dev/null | awk 'NR == 1 { print $1 }'
}

# Whether that is the tree that was unpacked to take the place of data/.
is_new()
{
	[ -n "$new" ] && [ "$(inode "$1")" = "$new" ]
}

# Whether that is the one that it takes the place of; "" if there was none.
is_old()
{
	[ "$(inode "$1")" = "$old" ]
}

# Whether all is as it was before the exchange.
is_unchanged()
{
	is_new "$stage/data" && is_old "$data"
}

# Where an exchange takes three renames it may have stopped between them (see
# aipm_swap_places()): the former tree goes where it belongs.
settle()
{
	waiting=$stage/.aipm-swap-waiting
	[ -e "$waiting" ] || return 0
	if is_new "$data"; then
		mv -- "$waiting" "$stage/data" && return
	elif [ ! -e "$data" ]; then
		mv -- "$waiting" "$data" && return
	fi
	trap - EXIT
	halfway "the former data is in $waiting, and something else at $data: move that away, then $finish"
}

# Of a name with this in it any run may remove anything.
rename_stage()
{
	mv -- "$stage" "$data.aipm-$1-${stage##*-}" || return
	stage=$data.aipm-$1-${stage##*-}
}

remove_stage()
{
	rename_stage gone && rm -rf -- "$stage"
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
	# It is the former data that would be lost.
	case $stage in
	*.aipm-new-*) rm -rf -- "$stage" ;;
	?*) ! is_unchanged || remove_stage ;;
	esac
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
		rm -f "$stage/record"
		rmdir "$stage" || result=3
		return
	fi
	case $former_to in
	nowhere)
		remove_stage || result=3
		return
		;;
	beside)
		keep_beside
		return
		;;
	esac
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
		keep_beside
		printf '%s\n' "$me: the former data could not be archived whole; it stays in $kept until you remove it" >&2
		return
		;;
	*) halfway "restored, but the former data is not archived; it is in $stage; to finish: $finish" ;;
	esac
	run aipm-unpack $quiet --special -t "$former" ||
	    halfway "restored, but $former does not verify; the former data stays in $stage; to finish: $finish"
	if [ -n "$unproven" ]; then
		keep_beside
		printf '%s\n' "$me: nothing shows that no service still writes to the former data; it stays in $kept: remove it when you are sure" >&2
		return
	fi
	remove_stage || result=3
}

# What is the user's from now on, under a name that no run looks at.
keep_beside()
{
	kept=$data.before-${stage##*-}
	mv -- "$stage/data" "$kept" ||
	    halfway "restored; the former data is in $stage"
	remove_stage || result=3
}

# Finish or undo what a run that died has left in $stage.
recover()
{
	new=$(recorded new)
	old=$(recorded old)
	archive=$(recorded archive)
	settle
	if is_new "$data" || { [ -n "$old" ] && is_old "$stage/data"; }; then
		say "a restore of $archive was cut off behind the exchange: finishing it"
		former_to=$(recorded former)
		start=$(recorded start)
		[ "$(recorded proven)" = yes ] || unproven=yes
		keep_former
		advise
	elif is_new "$stage/data"; then
		say "a restore of $archive was cut off before the exchange: undoing it"
		if is_old "$data" && [ "$(recorded held)" = no ]; then
			aipm-stop ${quiet:+-q} -C . --start || exit
		fi
		remove_stage || result=3
	elif [ ! -e "$stage/data" ]; then
		rm -f "$stage/record"
		rmdir "$stage" || result=3
	else
		halfway "$stage/data: is neither the former data nor what a restore of $archive has made of it: look at it, then remove $stage"
	fi
	exit "$result"
}

recorded()
{
	sed -n "s/^$1	//p" "$stage/record"
}

# What earlier runs have left.
recover_all()
{
	rm -rf "$data".aipm-new-?????? "$data".aipm-gone-??????
	for stage in "$data".aipm-old-*; do
		[ -e "$stage" ] || continue
		found=yes
		if [ ! -s "$stage/record" ]; then
			printf '%s\n' "$me: $stage: has no record of where it comes from: look into it, archive it with aipm-pack --kind pre-restore, then remove it" >&2
			result=3
			continue
		fi
		(
			trap pass_on HUP INT QUIT TERM
			recover
		)
		status=$?
		[ "$status" -eq 0 ] || proceed
	done
	stage=
}

# A backup of something else is no backup of this.
check_likeness()
{
	[ -d "$data" ] && [ -n "$(ls -A "$data")" ] || return 0
	# shellcheck disable=SC2012 # what it may garble is not found
	ls -A "$stage/data" | while IFS= read -r name; do
		[ ! -e "$data/$name" ] || exit 3
	done
	[ $? -eq 3 ] ||
	    die 1 "$archive: has nothing in common with $dir/$data_name: is it a backup of that?  --force restores it all the same"
}

# The newest backup tells how large an archive of the former data will be.
check_room()
{
	[ "$former_to" = archive ] && [ -d "$data" ] || return 0
	latest=$(aipm-ls --latest -q "$backups" 2>/dev/null) || return 0
	need=$(($(wc -c <"$latest") / 1024))
	free=$(df -Pk "$backups" | awk 'NR == 2 { print $4 }')
	[ "$need" -lt "$free" ] ||
	    die 5 "the archive of the former data will take about $((need / 1024)) MB in $shown$backups, and $((free / 1024)) MB are free: make room, or see --keep-old; nothing was stopped"
}

size_of()
{
	du -sh -- "$1" 2>/dev/null | awk '{ print $1 }'
}

# One question, if there is somebody to answer it.
ask()
{
	[ -z "$yes" ] && [ -t 0 ] && [ -t 2 ] || return 0
	{
		if [ -e "$data" ]; then
			# shellcheck disable=SC2012 # to be looked at
			printf '%s, %s: %s\n' "$data" "$(size_of "$data")" \
			    "$(ls -A "$data" | tr '\n' ' ')"
		else
			printf '%s, which is not there\n' "$data"
		fi
		printf 'will be replaced by what is in\n%s, %s\n' "$archive" \
		    "$(size_of "$archive")"
		aipm-ls --record "$archive" 2>/dev/null | describe
		case $former_to in
		archive) echo 'The former data will be archived.' ;;
		beside) echo 'The former data will stay beside.' ;;
		*) echo 'The former data will be GONE.' ;;
		esac
		printf 'Go on? [y/N] '
	} >&2
	read -r answer || answer=
	case $answer in
	[yY] | [yY][eE][sS]) ;;
	*) die 1 "nothing is done" ;;
	esac
}

# The record of an archive for a reader.
describe()
{
	awk -F '\t' -v now="$(date +%s)" '
	$1 == "start" {
		age = now - $2
		printf "  made %s ago\n", age < 7200 ? int(age / 60) " minutes" \
		    : age < 172800 ? int(age / 3600) " hours" \
		    : int(age / 86400) " days"
	}
	$1 == "proof" {
		print "  " ($2 == "quiet" ? "nobody wrote meanwhile" \
		    : "it is not proven that nobody wrote meanwhile")
	}
	$1 == "missing" && $2 > 0 { print "  " $2 " of it is missing" }
	$1 ~ /^pg-version:/ {
		print "  " substr($1, 12) " is of PostgreSQL " $2
	}'
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
	if [ -n "$start" ]; then
		: # they run, or aipm-stop has said why not
	elif [ -n "$unproven" ]; then
		say "whether services run could not be asked: see to them"
	elif [ -n "$up" ]; then
		say "the services stay stopped; to start them: $up"
	fi
	[ -z "$former" ] ||
	    say "the data as it was before: $former; to go back, restore that"
	[ -z "$kept" ] ||
	    say "the data as it was before: $kept; to go back, with the services stopped: $(tool aipm-unpack) --exchange $(quoted "$kept") $(quoted "$data")"
}

root=
quiet=
wanted=
start=
force=
recovering=
yes=
former_to=archive
options=
while [ $# -gt 0 ]; do
	case $1 in
	-C | --directory)
		[ $# -ge 2 ] || die 2 "$1 needs a directory"
		root=$2
		shift
		;;
	--directory=*) root=${1#*=} ;;
	-q | --quiet) quiet=-q ;;
	--start) start=yes ;;
	--keep-old) former_to=beside ;;
	--no-pre-restore) former_to=nowhere ;;
	--force) force=yes ;;
	--recover) recovering=yes ;;
	-y | --yes) yes=yes ;;
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
	# What is said again beneath the lock.
	case $1 in
	--start | --keep-old | --no-pre-restore | --force | --recover | -y | --yes)
		options="$options $1"
		;;
	esac
	shift
done
case $options in
*--keep-old*--no-pre-restore* | *--no-pre-restore*--keep-old*)
	die 2 "--keep-old and --no-pre-restore exclude each other"
	;;
esac
[ -z "$recovering" ] || [ -z "$wanted" ] || die 2 "--recover takes no archive"
[ -n "$wanted$recovering" ] || die 2 "which archive?  aipm-ls shows what is there; see $me --help"
find_programs
find_root
came_from=$(pwd -P)
self=$(cd -- "$(dirname -- "$0")" && pwd)/${0##*/}
cd -- "$root" || die 1 "$root: is no project folder to go to"
dir=$(pwd -P)
[ "$dir" = "$came_from" ] && shown='' || shown=$dir/

# One lock from here to the end: start over beneath it.  There the settings
# are in the environment, as aipm-stop found them.
if [ -z "${AIPM_LOCK_FD:-}" ] || [ "${AIPM_LOCKED:-}" != "$dir" ]; then
	cd "$came_from" || exit 1
	AIPM_LOCKED=$dir
	export AIPM_LOCKED
	# shellcheck disable=SC2086 # words
	exec aipm-stop $quiet -C "$root" --lock -- \
	    sh "$0" $quiet $options -C "$root" ${wanted:+"$wanted"}
fi
unset AIPM_LOCKED
backups=$AIPM_BACKUPS
data_name=${AIPM_DATA%/}
find_data
[ -n "$recovering" ] || find_archive

caught=
stopped=
child=
held=
stage=
kept=
former=
unproven=
found=
result=0
new=
old=
finish="$(quoted "$self") -C $(quoted "$dir") --recover"
trap pass_on HUP INT QUIT TERM
tmp=$(mktemp "$backups/.aipm/tmp.XXXXXX") || exit 1
trap 'rm -f "$tmp"' EXIT
recover_all
if [ -n "$recovering" ]; then
	[ -n "$found" ] || say "there is nothing to finish or to undo"
	exit "$result"
fi
ask
trap undo EXIT
stage=$(mktemp -d "$data.aipm-new-XXXXXX") || exit 1
run aipm-unpack $quiet --special -C "$stage" "$archive" || proceed
top=$(ls -A "$stage")
if [ -z "$top" ] || [ ! -d "$stage/$top" ] || [ -h "$stage/$top" ]; then
	die 4 "$archive: holds more, or other, than one directory of data; aipm-ls shows what"
fi
# From here on it has a name that no archive chose.
[ "$top" = data ] || mv -- "$stage/$top" "$stage/data" || exit 1
[ -n "$force" ] || check_likeness
check_room

# Of what is called aipm-old nothing is ever removed but by its record, which
# is on the disk before anything is stopped.
new=$(inode "$stage/data")
[ -n "$new" ] || exit 1
held_before=no
! aipm-stop -C . --status | grep -q '^held' || held_before=yes
old=$(inode "$data")
printf '%s	%s\n' new "$new" old "$old" archive "$archive" former "$former_to" \
    start "$start" held "$held_before" >"$stage/record" || exit 1
rename_stage old || exit 1
sync
[ -z "$stopped" ] || exit 143
if [ -n "$start" ]; then
	run aipm-stop $quiet -C . --data "$data" -- \
	    aipm-unpack --exchange "$stage/data" "$data"
else
	held=yes
	run aipm-stop $quiet -C . --data "$data" || {
		proceed
		unproven=yes
	}
	[ -n "$unproven" ] || printf 'proven	yes\n' >>"$stage/record"
	[ -z "$stopped" ] || exit 143
	run aipm-unpack --exchange "$stage/data" "$data"
fi
settle
if ! is_new "$data"; then
	! is_unchanged || exit "$((status ? status : 1))"
	trap - EXIT
	halfway "the exchange of $stage/data and $data was cut short; nothing is lost, the services are stopped; to finish: $finish"
fi
trap - EXIT
case $status in
0) ;;
122) result=122 ;;
*)
	result=3
	unproven=yes
	;;
esac
keep_former
rm -f "$tmp"
advise
exit "$result"
