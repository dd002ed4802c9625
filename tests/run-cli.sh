#!/bin/sh
# run-cli.sh [FILE...]: run the black-box tests (tests/cli/*.sh), four at a
# time because most of their time is waiting, show what failed, and end with
# a line "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
export BUILD
[ $# -gt 0 ] || set -- tests/cli/*.sh
logs=$(mktemp -d) || exit 1
export logs
trap 'rm -rf "$logs"' EXIT
# shellcheck disable=SC2016 # the inner shell expands
printf '%s\n' "$@" | xargs -P 4 -I{} sh -c '
	log=$logs/$(basename "$1")
	sh "$1" >"$log" 2>&1
	status=$?
	# A test that died before it counted is a failure too.
	grep -q "^# [0-9]* passed" "$log" ||
		echo "not ok - $1 ended early with status $status" >>"$log"
' - {}
for log in "$logs"/*; do
	sed -n 's/^# \([0-9]* passed.*\)$/'"$(basename "$log")"': \1/p' "$log"
	grep -A 20 '^not ok' "$log" | grep -v '^ok'
done
passed=$(cat "$logs"/* | grep '^ok' | grep -vc '# skipped:')
failed=$(cat "$logs"/* | grep -c '^not ok')
skipped=$(cat "$logs"/* | grep -c '^ok.*# skipped:')
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
