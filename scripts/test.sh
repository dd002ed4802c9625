#!/bin/sh
# test.sh: install what is missing, build, and run every test there is.  Its
# last line is "N passed, N failed", of all of them.
set -u
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp) || exit 1
all=$(mktemp) || exit 1
trap 'rm -f "$log" "$all"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# part NAME COMMAND...: its counts go into $all; a part that fails without
# any, or that counts nothing, counts as one itself.
part()
{
	echo "== $1"
	shift
	"$@" >"$log" 2>&1
	status=$?
	grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" >>"$all"
	if [ "$status" -eq 0 ]; then
		grep -E '[0-9]+ passed, [0-9]+ failed|skipped' "$log" ||
		    echo '1 passed, 0 failed' | tee -a "$all"
		return
	fi
	tail -n 200 "$log"
	grep -Eq '^[0-9]+ passed, [1-9][0-9]* failed' "$log" ||
	    echo '0 passed, 1 failed' | tee -a "$all"
}

# All but what tries the benchmark's own programs.
sanitized()
{
	make -s -j2 CC=clang SAN=1 check \
	    CLI_TESTS="$(find tests/cli -name '*.sh' ! -name bench.sh -exec echo {} +)"
}

# With the tar codec of our own, and nothing but zlib to compress: what makes
# and reads archives.
least_libraries()
{
	make -s -j2 USTAR=builtin CODECS=zlib all check-unit \
	    build/builtin-zlib/helper/tar-headers &&
	    BUILD=$PWD/build/builtin-zlib tests/run-cli.sh tests/cli/pack.sh \
	        tests/cli/changing.sh tests/cli/readers.sh \
	        tests/cli/tar-headers.sh tests/cli/ls.sh \
	        tests/cli/damage.sh tests/cli/forged.sh \
	        tests/cli/unpack.sh tests/cli/unpack-refuse.sh
}

part packages scripts/deps.sh test
part build make -s -j2 all
part lint make -s lint
part tests make -s -j2 check
part 'tests under the sanitizers' sanitized
part 'tests with the fewest libraries' least_libraries
part 'tests for data races' make -s -j2 CC=clang TSAN=1 check-threads
part 'tests on a real stack' make -s check-stack

awk '{ passed += $1; failed += $3; skipped += $5 }
END {
	printf "%d passed, %d failed", passed, failed
	print (skipped > 0 ? ", " skipped " skipped" : "")
	exit failed > 0 || passed == 0
}' "$all"
