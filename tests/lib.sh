# shellcheck shell=sh
# lib.sh: what the black-box tests share.  A test file sources it, runs real
# programs with run, says what it expects with is, like, status_is and ok,
# and ends with done_testing.  Each expectation is one sentence.
#
#	$T	a scratch directory of this test, removed at the end
#	$out	$err	$status	of the last run (also in $T.out, $T.err)

set -u
: "${BUILD:?the directory with the programs}"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # for the tests
top=$(cd "$here/../.." && pwd)
PATH="$BUILD:$PATH"
export PATH
LC_ALL=C
export LC_ALL
unset AIPM_ROOT AIPM_NAME AIPM_ENGINE AIPM_DATA AIPM_BACKUPS AIPM_KEEP_LAST
unset AIPM_RELEASE_FD
passed=0
failed=0
skipped=0
T=$(mktemp -d "${TMPDIR:-/tmp}/aipm-test.XXXXXX") || exit 1
AIPM_REGISTRY=$T/registry # not this machine's own
export AIPM_REGISTRY

cleanup_test()
{
	cd / && chmod -R u+rwx "$T" 2>/dev/null
	rm -rf "$T" "$T.out" "$T.err"
}
trap cleanup_test EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$T" || exit 1

pass()
{
	passed=$((passed + 1))
	echo "ok - $1"
}

fail()
{
	failed=$((failed + 1))
	echo "not ok - $1"
	shift
	for l in "$@"; do
		printf '%s\n' "$l" | head -n 20 | sed 's/^/#   /'
	done
}

# run COMMAND...: standard output, error and status, each by itself.
run()
{
	"$@" >"$T.out" 2>"$T.err" </dev/null
	status=$?
	# shellcheck disable=SC2034 # for the tests
	out=$(cat "$T.out")
	# shellcheck disable=SC2034 # for the tests
	err=$(cat "$T.err")
}

# run_sh 'PIPELINE': the same for a line of shell.
run_sh()
{
	run sh -c "$1"
}

# ok SENTENCE COMMAND...: the command succeeds.
ok()
{
	sentence=$1
	shift
	if "$@" >"$T.ok" 2>&1; then
		pass "$sentence"
	else
		fail "$sentence" "failed: $*" "$(cat "$T.ok")"
	fi
	rm -f "$T.ok"
}

# not SENTENCE COMMAND...: the command fails.
not()
{
	sentence=$1
	shift
	if "$@" >/dev/null 2>&1; then
		fail "$sentence" "succeeded: $*"
	else
		pass "$sentence"
	fi
}

# is SENTENCE GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:    $2" "wanted: $3"
	fi
}

# like SENTENCE GOT PATTERN: a shell pattern, anywhere in it.
like()
{
	# shellcheck disable=SC2254 # it is a pattern
	case $2 in
	*$3*) pass "$1" ;;
	*) fail "$1" "got:    $2" "wanted: *$3*" ;;
	esac
}

unlike()
{
	# shellcheck disable=SC2254 # it is a pattern
	case $2 in
	*$3*) fail "$1" "got:    $2" "not wanted: *$3*" ;;
	*) pass "$1" ;;
	esac
}

# status_is SENTENCE STATUS: of the last run.
status_is()
{
	if [ "$status" = "$2" ]; then
		pass "$1"
	else
		fail "$1" "status $status, wanted $2" "stderr: $(cat "$T.err")"
	fi
}

skip()
{
	skipped=$((skipped + 1))
	echo "ok - $1 # skipped: $2"
}

# leftovers DIR: temporaries of ours below it.
leftovers()
{
	find "$1" -name '.aipm-*' ! -name .aipm -print
}

done_testing()
{
	echo "# $passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}
