#!/bin/sh
# run-cli.sh [FILE...]: run the black-box tests (tests/cli/*.sh), show what
# failed, and end with a line "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
export BUILD
[ $# -gt 0 ] || set -- tests/cli/*.sh
log=$(mktemp) || exit 1
all=$(mktemp) || exit 1
trap 'rm -f "$log" "$all"' EXIT
for t in "$@"; do
	sh "$t" >"$log" 2>&1
	status=$?
	sed -n 's/^# \([0-9]* passed.*\)$/'"$(basename "$t")"': \1/p' "$log"
	# A test that died before it counted is a failure too.
	if ! grep -q '^# [0-9]* passed' "$log"; then
		echo "not ok - $t ended early with status $status" >>"$log"
	fi
	grep -A 20 '^not ok' "$log" | grep -v '^ok'
	cat "$log" >>"$all"
done
passed=$(grep '^ok' "$all" | grep -vc '# skipped:')
failed=$(grep -c '^not ok' "$all")
skipped=$(grep -c '^ok.*# skipped:' "$all")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
