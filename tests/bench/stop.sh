#!/bin/sh
# What aipm-stop needs for itself: aipm-stop -- true around five containers,
# against the same docker stop and docker start calls by hand, in turn.  Run by
# make bench-stop.
#
#	STOP_ROUNDS=7 STOP_FIGURES=FILE
#
# shellcheck disable=SC1091,SC2154
here=$(cd "$(dirname "$0")/../stack" && pwd)
. "$here/../lib.sh"
: "${STOP_ROUNDS:=7}" "${DOCKER_HOST:?tests/run-stack.sh starts an engine}"
mkdir -p "$T/ai-pm/data" && cd "$T/ai-pm" || exit 1
cleanup_stop()
{
	# shellcheck disable=SC2086 # names
	docker rm -f $names >/dev/null 2>&1
	cleanup_test
}
trap cleanup_stop EXIT
names=
for i in 1 2 3 4 5; do
	mkdir "data/$i"
	docker run -d --name "aipm-stop-$i" --network none -v /usr:/usr:ro \
	    -v "$PWD/data/$i:/data" aipm-test \
	    sh -c 'trap "exit 0" TERM; sleep 1000 & wait' >/dev/null || exit 1
	names="aipm-stop-$i $names"
done

now()
{
	date +%s%N
}

by_hand()
{
	back=
	for c in $names; do
		docker stop -t 120 "$c" >/dev/null || exit 1
		back="$c $back"
	done
	for c in $back; do
		docker start "$c" >/dev/null || exit 1
	done
}

round=0
while [ $round -lt "$STOP_ROUNDS" ]; do
	round=$((round + 1))
	t=$(now)
	by_hand
	a=$(now)
	aipm-stop -q -- true || exit 1
	b=$(now)
	echo "$(((a - t) / 1000000)) $(((b - a) / 1000000))"
done >"$T/ms"
{
	sort -n "$T/ms" | awk '{ v[NR] = $1 }
	END { print "by hand, median ms: " v[int((NR + 1) / 2)] }'
	sort -n -k2 "$T/ms" | awk '{ v[NR] = $2 }
	END { print "aipm-stop -- true, median ms: " v[int((NR + 1) / 2)] }'
} >"${STOP_FIGURES:-/dev/stdout}"
pass 'aipm-stop was measured'
done_testing
