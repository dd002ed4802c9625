#!/bin/sh
# aipm-unpack: what an enemy wrote is refused, and nothing of it appears.
# shellcheck disable=SC1091,SC2154 # err: lib.sh sets it
. "$(dirname "$0")/../lib.sh"

mkdir outside
echo precious >outside/file
python3 - <<'EOF' || exit 1
import io, os, tarfile
here = os.getcwd()
def entry(name, kind=tarfile.REGTYPE, link='', data=b''):
    i = tarfile.TarInfo(name)
    i.type, i.linkname, i.size, i.mode = kind, link, len(data), 0o755
    return i, io.BytesIO(data)
F, L, S, D = tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE
cases = {
    'absolute': [(here + '/outside/new', F, '', b'x')],
    'absolute-dir': [(here + '/outside/new', D)],
    'dotdot': [('../outside/new', F, '', b'x')],
    'dotdot-within': [('good/../../outside/new', F, '', b'x')],
    'dotdot-last': [('good/..', D)],
    'through-symlink': [('s', S, here + '/outside'), ('s/new', F, '', b'x')],
    'through-relative': [('s', S, '../outside'), ('s/new', F, '', b'x')],
    'through-two': [('d', D), ('d/s', S, '.'), ('d/s/t', S, '../../outside'),
                    ('d/s/t/new', F, '', b'x')],
    'dir-over-symlink': [('s', S, here + '/outside'), ('s', D),
                         ('s/new', F, '', b'x')],
    'file-over-symlink': [('s', S, here + '/outside/file'),
                          ('s', F, '', b'evil')],
    'hardlink-absolute': [('h', L, here + '/outside/file')],
    'hardlink-dotdot': [('h', L, '../outside/file')],
    'hardlink-through-symlink': [('s', S, here + '/outside'),
                                 ('h', L, 's/file')],
    'hardlink-write': [('h', L, here + '/outside/file'), ('h', F, '', b'evil')],
    'hardlink-to-nothing': [('h', L, 'absent')],
    'hardlink-to-directory': [('d', D), ('h', L, 'd')],
    'twice': [('f', F, '', b'one'), ('f', F, '', b'two')],
    'file-as-directory': [('f', F, '', b'one'), ('f/g', F, '', b'two')],
    'directory-as-file': [('d/g', F, '', b'one'), ('d', F, '', b'two')],
    'symlink-to-nothing': [('s', S, '')],
}
for name, entries in cases.items():
    with tarfile.open(name + '.tgz', 'w:gz', format=tarfile.PAX_FORMAT) as t:
        t.addfile(*entry('good/first', F, '', b'good'))
        for e in entries:
            t.addfile(*entry(*e))
        t.addfile(*entry('good/last', F, '', b'good'))
open('cases', 'w').write('\n'.join(cases) + '\n')

with tarfile.open('fine.tgz', 'w:gz', format=tarfile.PAX_FORMAT) as t:
    t.addfile(*entry('./', D))
    t.addfile(*entry('./a//b/./c', F, '', b'x'))
    t.addfile(*entry('a/..b', F, '', b'x'))
    t.addfile(*entry('a/up', S, '../../outside'))
with tarfile.open('esc.tgz', 'w:gz', format=tarfile.PAX_FORMAT) as t:
    t.addfile(*entry('a\x1b[31m/../x', F, '', b'x'))
EOF

while read -r case; do
	mkdir to
	run aipm-unpack -C to --special "$case.tgz"
	status_is "$case: refused as damaged" 4
	ok "$case: with a reason" grep -Eq 'refused|damaged' "$T.err"
	is "$case: nothing appears, nothing stays" "$(ls -A to)" ""
	is "$case: nothing changes outside" \
	    "$(ls outside) $(cat outside/file) $(stat -c %h outside/file)" \
	    "file precious 1"
	rm -rf to
done <cases

for case in absolute dotdot hardlink-absolute; do
	run aipm-unpack -t "$case.tgz"
	status_is "$case: -t says so too" 4
done

mkdir to
run aipm-unpack -C to fine.tgz
status_is "dots and doubled slashes that lead nowhere do no harm" 0
is "nor does a symlink out of the tree that nothing passes through" \
    "$(cd to && find . | sort | tr '\n' ' ')" \
    ". ./a ./a/..b ./a/b ./a/b/c ./a/up "
run aipm-unpack -C to esc.tgz
status_is "a name with escape sequences is refused like any other" 4
unlike "and shown without them" "$err" "$(printf '\033')"

run aipm-unpack -C to --salvage hardlink-absolute.tgz
status_is "--salvage leaves out what is refused, and says 4" 4
is "and takes the rest" "$(cd to/good && echo *)" "first last"
not "but not that" test -e to/h

done_testing
