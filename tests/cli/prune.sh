#!/bin/sh
# What aipm-prune removes, and what it never does.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../lib.sh"

mkdir tree
echo content >tree/file
aipm-pack -o complete.tar.gz tree || exit 1
tar czf unknown.tar.gz tree

# shelf FILE-KIND-DAY...: a directory with these backups, made of FILE.tar.gz.
shelf()
{
	rm -rf shelf
	mkdir shelf
	for b in "$@"; do
		what=${b%%-*}
		day=${b##*-}
		kind=${b#*-}
		kind=${kind%-*}
		cp "$what.tar.gz" "shelf/$(name "$kind" "$day")"
	done
}

name()
{
	echo "ai-pm-$1-202611$2T120000Z.tar.gz"
}

# names KIND-DAY...: what a listing of these looks like.
names()
{
	for b in "$@"; do
		name "${b%-*}" "${b##*-}"
	done
}

left()
{
	find shelf -type f ! -name '*.pin' | sed 's,.*/,,' | sort
}

shelf complete-backup-01 complete-backup-02 complete-backup-03 \
    complete-pre-restore-01
run aipm-prune --keep-last 2 shelf
status_is 'pruning a directory succeeds' 0
is 'it prints the path of what it removed' "$out" \
    "shelf/$(name backup 01)"
is 'it says nothing else' "$err" ''
is 'the newest ones and what a restore saved stay' "$(left)" \
    "$(names backup-02 backup-03 pre-restore-01)"

run aipm-prune --keep-last 2 shelf
is 'a second run finds nothing to do' "$status:$out" '0:'

shelf complete-backup-01 complete-backup-02
run aipm-prune -n --keep-last 1 shelf/
is 'a dry run prints what would go' "$out" "shelf/$(name backup 01)"
is 'and removes nothing' "$(left)" "$(names backup-01 backup-02)"

shelf complete-backup-01 complete-backup-02 complete-backup-03 \
    complete-backup-04
: >"shelf/$(name backup 01).pin"
run aipm-prune --keep-last 1 shelf
is 'a pinned backup stays' "$(left)" "$(names backup-01 backup-04)"

shelf complete-backup-01 complete-backup-02 complete-partial-03 \
    complete-partial-04 complete-partial-05 complete-partial-06
run aipm-prune --keep-last 2 shelf
is 'partial ones push out no complete one, and three of them stay' \
    "$(left)" "$(names backup-01 backup-02 partial-04 partial-05 partial-06)"

shelf complete-backup-01 complete-backup-02 unknown-backup-03 \
    unknown-backup-04 unknown-backup-05
run aipm-prune --keep-last 1 shelf
is 'archives of other tools push out no complete one' \
    "$(left)" "$(names backup-02 backup-05)"

shelf complete-backup-01 complete-backup-02
: >"shelf/$(name backup 03)"
head -c 40 complete.tar.gz >"shelf/$(name backup 04)"
run aipm-prune --keep-last 1 shelf
status_is 'damaged backups are a warning' 3
like 'the warning names them' "$err" "shelf/$(name backup 03): damaged"
like 'each of them' "$err" "shelf/$(name backup 04): damaged"
is 'they are not removed and take the place of no sound one' "$(left)" \
    "$(names backup-02 backup-03 backup-04)"

shelf complete-backup-01 complete-backup-02
touch "shelf/x$(name backup 01)" "shelf/$(name backup 01).part" \
    shelf/notes.txt shelf/other-backup-20261101T120000Z.tar.gz
run aipm-prune --keep-last 1 shelf
is 'files of other names stay' "$(find shelf -type f | wc -l | tr -d ' ')" 5

shelf complete-backup-01
cp unknown.tar.gz shelf/ai-pm-backup-20240131_120000.tar.gz
cp unknown.tar.gz shelf/ai-pm-backup-20240201_120000.tar.gz
run aipm-prune --keep-last 1 shelf
is 'names of older scripts are not touched' "$status:$out" '0:'
run aipm-prune --keep-last 2 --legacy shelf
is 'they are with --legacy' "$out" \
    shelf/ai-pm-backup-20240131_120000.tar.gz

mkdir many
i=10
while [ $i -lt 22 ]; do
	cp complete.tar.gz "many/$(name backup $i)"
	i=$((i + 1))
done
run aipm-prune -n many
is 'ten are kept if nothing else is said' "$out" \
    "many/$(name backup 10)
many/$(name backup 11)"
run env AIPM_KEEP_LAST=11 aipm-prune -n many
is 'AIPM_KEEP_LAST says how many' "$out" "many/$(name backup 10)"
run env AIPM_KEEP_LAST=11 aipm-prune -n --keep-last 12 many
is 'the option outranks it' "$status:$out" '0:'
run env AIPM_NAME=other aipm-prune -n --keep-last 1 many
is 'another prefix has other backups' "$status:$out" '0:'
run aipm-prune -n --keep-last 11 --name ai-pm many
is '--name gives the prefix' "$out" "many/$(name backup 10)"

for wrong in 0 -1 x '' 1x 99999999999999999999; do
	run aipm-prune --keep-last "$wrong" many
	status_is "to keep '$wrong' is a usage error" 2
done
run env AIPM_KEEP_LAST=0 aipm-prune many
status_is 'so it is in the settings' 2
like 'which the message names' "$err" AIPM_KEEP_LAST
run aipm-prune --name ../x many
status_is 'a prefix that is a path is a usage error' 2
run aipm-prune
status_is 'no directory is a usage error' 2
run aipm-prune many many
status_is 'so are two' 2
run aipm-prune none
status_is 'a directory that is not there is said by its status' 10
like 'and by name' "$err" 'none: '
run aipm-prune complete.tar.gz
status_is 'a file is no directory' 1
is 'nothing was removed by all that' "$(find many -type f | wc -l |
    tr -d ' ')" 12

# A list instead of a directory.
(cd many && ls) >list
run_sh 'aipm-prune --keep-last 11 - <list'
is 'a list of names gives the names to remove' "$out" "$(name backup 10)"
is 'and removes nothing' "$(find many -type f | wc -l | tr -d ' ')" 12
sed 's,^,remote:a/,' list >remote
run_sh 'aipm-prune -n --keep-last 11 - <remote'
is 'the paths come back as they were' "$out" "remote:a/$(name backup 10)"
run_sh 'aipm-prune - </dev/null'
is 'an empty list is nothing to do' "$status:$out$err" '0:'
run_sh 'aipm-prune - <many'
status_is 'a list that cannot be read is a failure' 1
run_sh 'aipm-prune --keep-last 1 - <list >/dev/full'
status_is 'a result that cannot be written is a failure' 5

# A removal that fails: by then one is gone.
shelf complete-backup-01 complete-backup-02 complete-backup-03
stuck="shelf/$(name backup 02)"
if chattr +i "$stuck" 2>/dev/null; then
	run aipm-prune --keep-last 1 shelf
	status_is 'stopping half-way has a status of its own' 9
	is 'what was removed is printed' "$out" "shelf/$(name backup 01)"
	like 'the message names the file' "$err" "$stuck: cannot remove"
	run aipm-prune --keep-last 1 shelf
	status_is 'failing before anything is removed is a plain failure' 1
	chattr -i "$stuck"
	run aipm-prune --keep-last 1 shelf
	is 'the same command finishes it' "$status:$(left)" \
	    "0:$(name backup 03)"
else
	skip 'a removal that fails stops the run' 'no immutable files here'
fi
done_testing
