#!/bin/sh
# No change is ever missed by aipm-pack -r: the short version of what
# "make stress" does, and that it notices a packer that misses one.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

property=$top/tests/stress/reuse.py
mkdir disk kept fake

# On this file system, and in memory if that is another.
memory=
if [ "$(stat -f -c %T "$T")" != tmpfs ]; then
	memory=$(mktemp -d /dev/shm/aipm-test.XXXXXX 2>/dev/null)
	trap '[ -z "$memory" ] || rm -rf "$memory"; cleanup_test' EXIT
fi

# shellcheck disable=SC2086 # words
run python3 "$property" --mutations 200 --keep kept disk $memory
status_is "no change is missed" 0
[ "$status" = 0 ] || echo "$out" | grep -v '^ *[0-9]*  [a-z.]' | head -n 60
like "and there were enough" "$out" '[2-9][0-9][0-9] mutations'
like "in archives that took something out of others" "$out" \
    '[1-9]* times packed with references'
# shellcheck disable=SC2086 # words
is "nothing stays behind" "$(find disk kept $memory -mindepth 1)" ""

# caught SENTENCE 'LINE'...: a packer of these lines is found out.  $real is
# the real one, $ref the first reference, $new the archive.
caught()
{
	sentence=$1
	shift
	{
		printf '%s\n' '#!/bin/sh' "real=$BUILD/aipm-pack" \
		    'ref=$(printf "%s\n" "$*" | sed -n "s/.* -r \([^ ]*\).*/\1/p")' \
		    'new=$(printf "%s\n" "$*" | sed -n "s/.* -o \([^ ]*\).*/\1/p")'
		printf '%s\n' "$@" 'exec "$real" "$@"'
	} >fake/aipm-pack
	chmod 755 fake/aipm-pack
	run env BUILD="$T/fake" python3 "$property" --generations 4 \
	    --seed 1 --keep "$T/kept" disk
	status_is "$sentence is caught" 1
	like "with its seed" "$out" 'generation [2-4], seed 1'
	like "the changes" "$out" 'generation [2-4]*: flat/f[0-9]'
	like "and the count" "$out" '1 failed'
}
ln -s "$BUILD/aipm-unpack" fake/aipm-unpack

caught "a packer that leaves a file out" \
    '[ -z "$ref" ] || set -- -x f060-big "$@"'
like "the file is named" "$out" 'tree/flat/f060-big: is missing'
like "the archives are kept" "$(ls kept/*/)" anew.tar.gz
rm -r kept/*

caught "a packer that takes the reference for the tree" \
    '[ -z "$ref" ] || exec cp "${ref##* }" "$new"'
like "what differs is told" "$out" 'tree/flat/f0[0-9]*: content *, not '
caught "a packer that fails" '[ -z "$ref" ] || exec false'
like "its status is told" "$out" 'has status 1'

done_testing
