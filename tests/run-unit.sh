#!/bin/sh
# run-unit.sh BINARY: run the Criterion tests.  Criterion reports PASS and
# exits 0 even if a test's process said that it leaked, so its log is read
# for sanitizer reports.  Ends with "N passed, N failed".
set -u
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
"$1" --jobs 2 >"$log" 2>&1
status=$?
grep -v '^$' "$log" | tail -n 40
bad=$(grep -cE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$log")
line=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep 'Synthesis:' | tail -n 1)
tested=$(echo "$line" | sed -n 's/.*Tested: *\([0-9]*\).*/\1/p')
good=$(echo "$line" | sed -n 's/.*Passing: *\([0-9]*\).*/\1/p')
: "${tested:=0}" "${good:=0}"
failed=$((tested - good))
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
[ "$bad" -eq 0 ] || failed=$((failed + bad))
echo "$good passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$good" -gt 0 ]
