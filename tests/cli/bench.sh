#!/bin/sh
# The bench on little data: that its tables come, and that a program which
# gives a wrong result ends it.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

# In memory if there is any, because the bench waits for the whole disk.
memory=$(mktemp -d /dev/shm/aipm-test.XXXXXX 2>/dev/null) || memory=$T
trap 'rm -rf "$memory"; cleanup_test' EXIT
BENCH_SIZE=4
BENCH_ROUNDS=1
BENCH_SLOW_ROUNDS=1
BENCH_POSTGRES=no
BENCH_REDIS=no
BENCH_DIR=$memory/disk
BENCH_TMPFS=$memory/memory
BENCH_PROGRAMS='tar gzip pigz'
export BENCH_SIZE BENCH_ROUNDS BENCH_SLOW_ROUNDS BENCH_POSTGRES BENCH_REDIS \
    BENCH_DIR BENCH_TMPFS BENCH_PROGRAMS
mkdir "$BENCH_DIR" "$BENCH_TMPFS"
bench=$top/tests/bench/bench.py

# row OPERATION PROGRAM: that row is in the table.
row()
{
	grep -F "| $1 | $2 | " "$T.out"
}

# fake NAME 'LINE'...: a program that stands before the real one.
fake()
{
	mkdir -p fake
	{
		printf '%s\n' '#!/bin/sh'
		printf 'real=%s\n' "$(command -v "$1")"
		shift
		printf '%s\n' "$@"
	} >"fake/$fake"
	chmod 755 "fake/$fake"
}

# caught SENTENCE OPERATION PROGRAM 'LINE'...: the bench names the wrong one.
caught()
{
	sentence=$1
	operation=$2
	fake=$3
	shift 3
	fake "$fake" "$@"
	run env PATH="$T/fake:$PATH" BENCH_ONLY="$operation" "$bench"
	status_is "$sentence is caught" 1
	like "and named" "$err" "WRONG: $operation, $fake"
	rm -r fake
}

run "$bench"
status_is "the bench runs" 0
for o in pack pack-random pack-one unpack-mem unpack-disk list last verify; do
	like "$o is in the table" "$out" "| $o | "
done
ok "with the level that is asked for" row pack 'aipm-pack -6'
ok "beside gzip" row pack 'tar \| gzip -6'
if command -v pigz >/dev/null; then
	like "a bar is in the second table" "$out" \
	    '| full pack, level 6 / pigz | pack |'
fi
unlike "programs that are not wanted do not run" "$out" restic
is "every measurement is in a file" \
    "$(cat "$BENCH_DIR"/results-*.csv | grep -c '^verify,gzip -t,1,')" 1
is "nothing else stays on the disk" \
    "$(cd "$BENCH_DIR" && find . ! -name . -prune ! -name 'results-*')" \
    ./data-4
is "nor in memory" "$(ls -A "$BENCH_TMPFS")" ""

caught "a packer that leaves a file out" pack aipm-pack \
    'exec "$real" -x "*.css" "$@"'
caught "an unpacker that loses a file" unpack-mem aipm-unpack \
    '"$real" "$@" && rm "$3/data/minio/.minio.sys/format.json"'
caught "an unpacker that changes a time" unpack-disk aipm-unpack \
    '"$real" "$@" && touch "$3/data/redis/appendonly.aof"'
caught "a list without a name" list aipm-ls '"$real" "$@" | sed 5d'
caught "a check that fails" verify aipm-unpack 'exit 4'
run env BENCH_ONLY=nonsense "$bench"
status_is "an operation that is not known is refused" 2
like "and those that are, named" "$err" unpack-mem

SCALE=1000
SCALE_DIR=$BENCH_TMPFS
export SCALE SCALE_DIR
scale=$top/tests/bench/scale.py
run "$scale" many hole links
status_is "the programs keep their bars on big trees" 0
for t in '10,000 files' many hole links; do
	like "$t are in the table" "$out" "| $t | aipm-unpack -C | "
done
mkdir fake
fake=aipm-ls
fake aipm-ls 'python3 -c "b\"x\" * (90 << 20)"; "$real" "$@"'
run env PATH="$T/fake:$PATH" "$scale" many
status_is "a program that takes too much memory breaks its bar" 1
like "and the table says so" "$out" '| FAIL |'
is "nothing stays behind" "$(ls -A "$BENCH_TMPFS")" ""

done_testing
