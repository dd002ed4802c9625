#!/bin/sh
# What aipm-ls says of a directory of backups and of an archive.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../lib.sh"

mkdir -p data/sub kinds
echo content >data/file
: >data/empty
seq 60000 >data/numbers
ln data/file data/sub/link
ln -s ../file data/sub/symlink
mkfifo data/fifo
chmod 1770 data/sub
chmod 4755 data/file
truncate -s 300000 data/holes
printf 'tail' >>data/holes
odd=$(printf 'data/a\nb\033[2J\\\377')
echo odd >"$odd"
aipm-pack -o own.tar.gz data || exit 1
tar czf foreign.tar.gz data
aipm-pack --kind partial -d kinds data >/dev/null || exit 1

day()
{
	echo "ai-pm-$1-202611$2T120000Z.tar.gz"
}

column()
{
	echo "$out" | awk -v n="$1" '{ print $n }' | tr '\n' ' '
}

mkdir backups
cp own.tar.gz "backups/$(day backup 03)"
cp foreign.tar.gz "backups/$(day backup 02)"
head -c 40 own.tar.gz >"backups/$(day backup 04)"
: >"backups/$(day backup 05)"
cp own.tar.gz "backups/$(day pre-restore 06)"
cp own.tar.gz "backups/$(day partial 07)"
cp foreign.tar.gz backups/ai-pm-backup-20240131_120000.tar.gz
touch backups/notes "backups/$(day backup 01).pin"

run aipm-ls
status_is 'the backups in ./backups are listed' 0
is 'nothing else is said' "$err" ''
is 'oldest first, by the time in the name' "$(column 1)" \
    "$(TZ=UTC0 date -u -d 2024-01-31T12:00:00Z +%FT%TZ) \
2026-11-02T12:00:00Z 2026-11-03T12:00:00Z 2026-11-04T12:00:00Z \
2026-11-05T12:00:00Z 2026-11-06T12:00:00Z 2026-11-07T12:00:00Z "
is 'each with its state' "$(column 5)" \
    'unknown unknown complete damaged damaged complete complete '
is 'each with its kind' "$(column 6)" \
    'backup backup backup backup backup pre-restore partial '
is 'complete ones with their entries' "$(echo "$out" |
    awk '$5 == "complete" { print $4 }' | sort -u)" \
    "$(find data -exec echo x \; | wc -l | tr -d ' ')"
is 'others without' "$(echo "$out" |
    awk '$5 == "unknown" { print $4 }' | sort -u)" -
is 'the path comes last' "$(column 7 | cut -d ' ' -f 3)" \
    "./backups/$(day backup 03)"
run aipm-ls -l backups
is '-l adds the exact size' "$(echo "$out" |
    awk '$6 == "complete" { print $4 }' | sort -u)" \
    "$(wc -c <own.tar.gz | tr -d ' ')"

run aipm-ls -1 backups/
is '-1 gives the paths only' "$(echo "$out" | sed -n 3p)" \
    "backups/$(day backup 03)"
run_sh 'aipm-ls -0 backups | tr "\000\n" "\n?"'
is '-0 ends each with a NUL' "$(echo "$out" | sed -n 3p)" \
    "backups/$(day backup 03)"
run aipm-ls -1 kinds
like 'what aipm-pack publishes is found by its kind' "$out" \
    'kinds/ai-pm-partial-2'
run env AIPM_BACKUPS=kinds aipm-ls -1
like 'AIPM_BACKUPS names the directory' "$out" 'kinds/'
run env AIPM_NAME=other aipm-ls backups
is 'another prefix has other backups' "$status:$out" '0:'
run aipm-ls -1 --name ai-pm kinds
like '--name gives the prefix' "$out" 'kinds/ai-pm-partial-2'

run aipm-ls --latest backups
is '--latest is the newest complete backup' "$out" \
    "backups/$(day backup 03)"
rm "backups/$(day backup 03)"
run aipm-ls --latest backups
is 'without one, the newest that another tool made' "$status:$out" \
    "0:backups/$(day backup 02)"
like 'with a note' "$err" 'another tool'
mkdir empty
run aipm-ls empty
is 'an empty directory is an empty list' "$status:$out$err" '0:'
run aipm-ls --latest empty
status_is 'it has no latest backup' 10
like 'as the message says' "$err" 'empty: no complete backup'
run aipm-ls none
status_is 'a directory that is not there is said by its status' 10
like 'and what to do' "$err" 'none: no backups there; make one'
run aipm-ls --sha256 none
like 'so is an archive that is not there' "$status:$err" '10:*none: cannot'

# Archives.
for a in own foreign; do
	run aipm-ls $a.tar.gz
	status_is "the entries of an archive are listed ($a)" 0
	is "all of them, escaped ($a)" "$(printf '%s\n' "$out" | sort)" \
	    "$(printf '%s\n' data/ 'data/a\nb\033[2J\\\377' data/empty \
	    data/fifo data/file data/holes data/numbers data/sub/ \
	    data/sub/link data/sub/symlink | sort)"
	run aipm-ls -1 $a.tar.gz
	one=$out
	run_sh "aipm-ls - <$a.tar.gz"
	is "a file on standard input is the same ($a)" "$out" "$one"
	run_sh "cat $a.tar.gz | aipm-ls -"
	is "and a pipe ($a)" "$out" "$one"
	run_sh "aipm-ls -0 $a.tar.gz | tr -d -c '\000' | wc -c"
	is "-0 ends each name with a NUL ($a)" "$(echo "$out" | tr -d ' ')" 10
	run_sh "aipm-ls -0 $a.tar.gz | grep -a -c '^b.\\[2J'"
	is "and leaves it raw ($a)" "$out" 1

	# tar writes the odd name in another way.
	TZ=UTC0 tar tvzf $a.tar.gz --numeric-owner | grep -v '2J' >tar.list
	run_sh "aipm-ls -l $a.tar.gz | grep -v 2J"
	is "-l is what tar tv says ($a)" "$out" "$(cat tar.list)"

	run_sh "aipm-ls --sha256 $a.tar.gz >manifest"
	status_is "a manifest can be made ($a)" 0
	ok "sha256sum -c accepts it ($a)" sha256sum -c --strict manifest
	is "it has one line for each file ($a)" \
	    "$(wc -l <manifest | tr -d ' ')" 5
	run_sh "cat $a.tar.gz | aipm-ls --sha256 - | cmp - manifest"
	status_is "from a pipe it is the same ($a)" 0
	run_sh "aipm-ls --sha256 $a.tar.gz >/dev/full"
	status_is "a listing that cannot be written is a failure ($a)" 5
	is "said once ($a)" "$(wc -l <"$T.err" | tr -d ' ')" 1

	size=$(wc -c <$a.tar.gz)
	head -c $((size - 30)) $a.tar.gz >cut.tar.gz
	run aipm-ls cut.tar.gz
	status_is "an archive that is cut off is said to be damaged ($a)" 4
	like "by name ($a)" "$err" cut.tar.gz
	run_sh 'cat cut.tar.gz | aipm-ls -'
	status_is "in a pipe too ($a)" 4
	like "what is sound before is listed ($a)" "$out" data/
done
: >nothing
run aipm-ls nothing
status_is 'an empty file is no archive' 4
echo 'not at all' >text
run aipm-ls text
status_is 'nor is a text' 4

run aipm-ls --latest own.tar.gz
status_is '--latest wants a directory' 2
run aipm-ls --sha256 backups
status_is '--sha256 wants an archive' 2
run aipm-ls own.tar.gz foreign.tar.gz
status_is 'two archives at a time are too many' 2
run aipm-ls --name a/b backups
status_is 'a prefix that is a path is a usage error' 2
done_testing
