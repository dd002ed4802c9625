#!/bin/sh
# aipm-unpack: what an archive holds is what is restored.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../lib.sh"

# Everything that is to come back, a line a file; directories' sizes and the
# link count of directories belong to the file system.
manifest()
{
	(cd "$1" && find . ! -type d -printf '%P|%y|%m|%U|%G|%T@|%n|%s|%l\n' \
	    -o -printf '%P|%y|%m|%U|%G|%T@\n' | sort
	getfattr -Rhd -m '^user\.' . | sort
	getfacl -RPn . | grep -v '^$')
}

# One file's allocated bytes in units of 512.
blocks()
{
	stat -c %b "$1"
}

mkdir -p src/data/sub/deep src/data/ro
echo hello >src/data/hello
: >src/data/empty
head -c 700000 /dev/urandom >src/data/big
ln src/data/hello src/data/sub/hard
ln -s ../hello src/data/sub/soft
ln -s /nowhere src/data/dangling
mkfifo src/data/pipe
printf x >"src/data/sub/two
lines"
printf x >src/data/ro/file
chmod 0640 src/data/hello
chmod 0555 src/data/ro
chmod 1777 src/data/sub
touch -d '1999-12-31 23:59:59.123456789 UTC' src/data/hello
touch -d '1960-01-02 03:04:05.000000001 UTC' src/data/empty
touch -h -d '2001-01-01 00:00:00.5 UTC' src/data/dangling
root=false
[ "$(id -u)" -eq 0 ] && root=true
if $root; then
	chown 3000000:1234 src/data/hello
	chown -h 70:70 src/data/sub/soft
fi
setfattr -n user.note -v 'a value' src/data/big 2>/dev/null &&
    setfattr -n user.dir -v d src/data/sub &&
    setfacl -m u:4321:rw src/data/big &&
    setfacl -d -m g:55:rx src/data/sub || echo "# no xattrs or ACLs here"
touch -d '2010-10-10 10:10:10.101010101 UTC' src/data/ro src/data/sub/deep \
    src/data/sub
touch -d '2011-11-11 11:11:11.111111111 UTC' src/data
manifest src/data >want

aipm-pack -q -o ours.tgz src/data >/dev/null
(cd src && tar --format=pax --xattrs --acls -cf - data) | gzip >foreign.tgz

for how in 'ours.tgz' '- <ours.tgz' 'foreign.tgz' '- <foreign.tgz'; do
	mkdir to
	run_sh "aipm-unpack -C to $how"
	status_is "$how: unpacks with status 0" 0
	manifest to/data >got
	ok "$how: restores content's size, type, mode, owner, times, links, attributes and ACLs" \
	    diff want got
	ok "$how: restores the content" diff -r --no-dereference \
	    -x pipe src/data to/data
	is "$how: prints nothing" "$out" ""
	is "$how: leaves no temporary" "$(leftovers to)" ""
	chmod -R u+rwx to
	rm -rf to
done

mkdir to
run aipm-unpack -C to -v ours.tgz
is "-v prints the names, escaped, one a line" "$out" "data
data/big
data/dangling
data/empty
data/hello
data/pipe
data/ro
data/ro/file
data/sub
data/sub/deep
data/sub/hard
data/sub/soft
data/sub/two\\nlines"

run aipm-unpack -C to ours.tgz
status_is "a name that exists is refused" 1
like "the message says how to go on" "$err" "to/data: exists already: --overwrite"
echo mine >to/data/hello
echo mine >to/data/extra
run aipm-unpack -C to --overwrite ours.tgz
status_is "--overwrite replaces it" 0
is "with the archive's content" "$(cat to/data/hello)" hello
not "and nothing of the old one stays" test -e to/data/extra
is "nor a temporary" "$(leftovers to)" ""
run aipm-unpack -C to --overwrite ours.tgz data/hello
status_is "--overwrite with a path below a top-level name is a usage error" 2
like "because it would take away the rest" "$err" "whole"
run aipm-unpack -C to --overwrite ours.tgz data/
status_is "--overwrite with a top-level name is none" 0
chmod -R u+rwx to
rm -rf to

run aipm-unpack -C absent ours.tgz
status_is "the target directory must exist" 1
like "and is named if it does not" "$err" "absent: cannot open the directory"

mkdir to
run aipm-unpack -C to -v ours.tgz ./data/sub/deep/ data/big
status_is "paths select, with ./ before and / behind" 0
is "only what they name is printed" "$out" "data/big
data/sub/deep"
is "only that and what is above is made" "$(cd to && find . | sort | tr '\n' ' ')" \
    ". ./data ./data/big ./data/sub ./data/sub/deep "
is "the directories above have their mode" "$(stat -c %a to/data/sub)" 1777
is "and their time" "$(stat -c %y to/data)" "$(stat -c %y src/data)"
rm -rf to
mkdir to
run aipm-unpack -C to ours.tgz data/big data/absent
status_is "a path that is not in the archive: 10" 10
like "and is named" "$err" "data/absent: is not in the archive"
is "and nothing is published" "$(ls -A to)" ""
run aipm-unpack -C to ours.tgz data/bi
status_is "a path names whole components" 10
run aipm-unpack -C to ours.tgz data/sub/hard
status_is "a hard link without the file it repeats cannot be made" 1
like "and the message says what to name" "$err" "name that one too"
is "nothing is published then" "$(ls -A to)" ""
run aipm-unpack -C to ours.tgz data/sub/hard data/hello
status_is "with both it can" 0
is "and they are one file" "$(stat -c %h to/data/hello)" 2
rm -rf to

mkdir to
chmod 555 to
for a in ours.tgz foreign.tgz; do
	run aipm-unpack -C to -t $a
	status_is "-t of a sound archive is 0 ($a)" 0
	run aipm-unpack -t $a data/sub
	status_is "-t of a part of it too ($a)" 0
done
is "-t writes nothing" "$(ls -A to)" ""
chmod 755 to

# Holes.
truncate -s 8M holes
printf x | dd of=holes bs=1 seek=4194304 conv=notrunc 2>/dev/null
head -c 4M /dev/zero >zeros
if [ "$(blocks holes)" -lt 100 ]; then
	mkdir h
	cp --sparse=always holes h/holes
	cp --sparse=never zeros h/zeros
	aipm-pack -q -o h.tgz h >/dev/null
	run aipm-unpack -C to h.tgz
	ok "a file with holes comes back byte for byte" cmp holes to/h/holes
	ok "with its holes" test "$(blocks to/h/holes)" -lt 100
	ok "zeros that were allocated stay so" test "$(blocks to/h/zeros)" -ge 8192
	rm -rf to/h
	run_sh 'aipm-unpack -C to - <h.tgz'
	ok "from a pipe too the file is whole" cmp holes to/h/holes
	rm -rf to/h
	run_sh 'aipm-unpack -C to --sparse - <h.tgz'
	ok "--sparse makes holes from a pipe" test "$(blocks to/h/holes)" -lt 100
	ok "of all zeros" test "$(blocks to/h/zeros)" -lt 100
	ok "and the file is the same" cmp holes to/h/holes
	rm -rf to/h
	tar --sparse -cf - h | gzip >gnu-sparse.tgz
	run aipm-unpack -C to gnu-sparse.tgz
	ok "a sparse file of GNU tar is the same" cmp holes to/h/holes
	ok "and has holes" test "$(blocks to/h/holes)" -lt 100
	rm -rf to/h
else
	skip "holes come back" "this file system makes none"
fi

# Entries in an order that no tree has, and a path that no system call takes.
python3 - <<'EOF' || exit 1
import io, tarfile
def add(t, name, kind=tarfile.REGTYPE, mode=0o644, data=b'', mtime=86400):
    i = tarfile.TarInfo(name)
    i.type, i.mode, i.mtime, i.size = kind, mode, mtime, len(data)
    t.addfile(i, io.BytesIO(data))
with tarfile.open('order.tgz', 'w:gz', format=tarfile.PAX_FORMAT) as t:
    add(t, 'b/x/1')
    add(t, 'a', tarfile.DIRTYPE, 0o500)
    add(t, 'b', tarfile.DIRTYPE, 0o710)
    add(t, 'a/late', data=b'late')
    add(t, 'b/x/2')
    add(t, 'a/d/e')
with tarfile.open('deep.tgz', 'w:gz', format=tarfile.PAX_FORMAT) as t:
    for i in (700, 701):
        add(t, '/'.join(['directory%d' % (k % 7) for k in range(i)] + ['f']),
            data=b'deep')
EOF
run aipm-unpack -C to order.tgz
status_is "entries may come in any order" 0
is "a directory keeps its mode and time when it is entered again" \
    "$(stat -c '%a %Y' to/a to/b)" "500 86400
710 86400"
run aipm-unpack -C to deep.tgz
status_is "a path beyond 4096 bytes is restored" 0
mkdir again
run_sh 'aipm-pack to | aipm-unpack -C again -'
status_is "and packed and restored again" 0
is "with its content" "$(aipm-pack to | tar xzOf - --wildcards '*/f' | head -c 8)" \
    deepdeep
chmod -R u+rwx to again
rm -rf to again

# What the target directory would pass on.
mkdir to
chmod 2777 to
if setfacl -d -m u:4321:rwx to 2>/dev/null; then
	run aipm-unpack -C to ours.tgz
	manifest to/data >got
	ok "nothing is inherited from the target directory" diff want got
fi
chmod -R u+rwx to
rm -rf to

if $root && command -v setpriv >/dev/null; then
	mkdir to
	chown 65534:65534 to
	chmod 755 "$T"
	chmod 644 ours.tgz foreign.tgz order.tgz
	cp "$(command -v aipm-unpack)" .
	nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
	run_sh "$nobody ./aipm-unpack -C to - <foreign.tgz"
	status_is "a user who is not root can unpack" 0
	is "is told once that files will be his" "$err" \
	    "aipm-unpack: not root: files will belong to you"
	is "and they are" "$(find to/data ! -user 65534)" ""
	is "modes come back" "$(stat -c %a to/data/ro to/data/hello)" "555
640"
	run_sh "$nobody ./aipm-unpack -C to - <order.tgz"
	status_is "directories closed to their owner are opened up in between" 0
	is "and closed again" "$(stat -c '%a %Y' to/a)" "500 86400"
	python3 - <<'EOF' || exit 1
import tarfile
with tarfile.open('reach.tgz', 'w:gz') as t:
    for path, kind, mode, link in (
            ('l', tarfile.DIRTYPE, 0o755, ''),
            ('l/blind', tarfile.DIRTYPE, 0o300, ''),
            ('l/blind/one', tarfile.REGTYPE, 0o644, ''),
            ('l/x', tarfile.LNKTYPE, 0o644, 'l/blind/one')):
        i = tarfile.TarInfo(path)
        i.type, i.mode, i.linkname = kind, mode, link
        t.addfile(i)
with tarfile.open('shut.tgz', 'w:gz') as t:
    for path, kind, mode, link in (
            ('l', tarfile.DIRTYPE, 0o755, ''),
            ('l/shut', tarfile.DIRTYPE, 0o600, ''),
            ('l/shut/one', tarfile.REGTYPE, 0o644, ''),
            ('l/x', tarfile.LNKTYPE, 0o644, 'l/shut/one')):
        i = tarfile.TarInfo(path)
        i.type, i.mode, i.linkname = kind, mode, link
        t.addfile(i)
EOF
	run_sh "$nobody ./aipm-unpack -C to - <reach.tgz"
	status_is "a link reaches into a directory that cannot be listed" 0
	is "and shares its file" "$(stat -c %h to/l/x)" 2
	rm -rf to/l
	run_sh "$nobody ./aipm-unpack -C to - <shut.tgz"
	status_is "one that cannot be entered is a failure, not damage" 1
	like "and said so" "$err" "l/x: cannot reach what it is a link to"
	run_sh "cd to && $nobody ../aipm-unpack -C / - <../order.tgz"
	status_is "where he may not write, it fails" 1
	rm -rf to
	mkdir to
	python3 - <<'EOF' || exit 1
import tarfile
with tarfile.open('special.tgz', 'w:gz') as t:
    for name, kind, mode in (('sticky', tarfile.DIRTYPE, 0o755),
                             ('sticky/null', tarfile.CHRTYPE, 0o644),
                             ('sticky/su', tarfile.REGTYPE, 0o4755),
                             ('sticky/zero', tarfile.LNKTYPE, 0)):
        i = tarfile.TarInfo(name)
        i.type, i.mode, i.linkname = kind, mode, 'sticky/null'
        i.devmajor, i.devminor = 1, 3
        t.addfile(i)
EOF
	run aipm-unpack -C to special.tgz
	status_is "devices and set-id bits are left out, with status 3" 3
	is "and a warning each" "$err" \
	    "aipm-unpack: sticky/null: a device: left out (without --special)
aipm-unpack: sticky/su: set-id bit left out (without --special)
aipm-unpack: sticky/zero: a link to what is left out: left out"
	is "the rest is there" "$(cd to/sticky && stat -c '%n %a' -- *)" "su 755"
	rm -rf to/sticky
	run aipm-unpack -C to --special special.tgz
	status_is "--special makes them" 0
	is "as they were" "$(cd to/sticky && stat -c '%n %a %F %h' -- *)" \
	    "null 644 character special file 2
su 4755 regular empty file 1
zero 644 character special file 2"
	rm -rf to
else
	skip "unpacking as another user; devices" "not root"
fi

done_testing
