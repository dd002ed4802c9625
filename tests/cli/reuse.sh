#!/bin/sh
# aipm-pack -r: an archive that takes what it can out of earlier ones is the
# same tar as one that does not, whatever has become of tree and references.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"
# Past what only finds the interpreter, which takes longer than it.
python="$(python3 -c 'import sys; print(sys.executable)') -S"
TESTS=$top/tests
export TESTS

cat >quiet.py <<'EOF'
"""quiet.py COMMAND...: is its aipm-stop, and knows that all was quiet."""
import os, socket, sys
ours, its = socket.socketpair()
pid = os.fork()
if pid == 0:
    ours.close()
    its.set_inheritable(True)
    os.environ.update(AIPM_RELEASE_FD=str(its.fileno()),
                      AIPM_ROOT=os.getcwd(), AIPM_DATA=".")
    os.execvp(sys.argv[1], sys.argv[1:])
its.close()
if ours.recv(1):
    ours.sendall(b"proof\tquiet\nservices\tstopped\ndowntime\t0.100\nend\n")
ours.close()
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
EOF

cat >look.py <<'EOF'
"""look.py WHAT ARCHIVE [ARGUMENT]...: into an archive of ours.

  run         NAME=VALUE of its run pairs
  of PATH     size and CRC32 of the members with that chunked file's content
  new REF     how many members of entries and chunks REF has not
  own         how many of them are in a thin one itself
  at WHERE    offset in the file: header, chunk, group (the last of each that
              another archive may take), chunk-end and so on (its last byte),
              index, page (the first one's type), missing (the type of the
              page of what is not sound), footer, end
  flip OUT OFFSET [MASK]
"""
import os, sys
sys.path.insert(0, os.environ["TESTS"])
from archive import Bytes, read_footer, read_index, read_pages

MEMBER, ENTRY, CHUNK, ZEROS, ELSEWHERE = 1, 2, 3, 4, 9
what, name = sys.argv[1:3]


class Item:
    def __init__(self, tag, offset, record, path):
        self.tag, self.offset, self.path = tag, offset, path
        self.count = record.varint() if tag == ZEROS else 1
        self.size = record.varint()
        self.crc = record.take(4)
        self.elsewhere = False
        self.entries = 0


def load(name):
    with open(name, "rb") as f:
        where, size = read_footer(f)[:2]
        return where, list(read_pages(read_index(f, where, size)))


def items(name):
    """The members that another archive may take."""
    found, path, elsewhere = [], b"", False
    for kind, _, _, data in load(name)[1]:
        if kind != 1:
            continue
        page = Bytes(data)
        offset = page.varint()
        before = b""
        path = page.counted() or path
        page.varint(), page.varint()
        while page.more():
            tag = page.take(1)[0]
            record = Bytes(page.counted())
            if tag == ELSEWHERE:
                elsewhere = True
            elif tag == ENTRY:
                record.take(2)
                shared = record.varint()
                before = path = before[:shared] + record.counted()
                found[-1].path = path
                found[-1].entries += 1
            else:
                it = Item(tag, offset, record, path)
                it.elsewhere, elsewhere = elsewhere, False
                if not it.elsewhere:
                    offset += it.count * it.size
                found.append(it)
    return [it for it in found[1:] if it.tag in (MEMBER, CHUNK)]


def place(where):
    index, pages = load(name)
    size = os.path.getsize(name)
    last = {}
    for it in items(name):
        kind = "chunk" if it.tag == CHUNK else \
            "group" if it.entries > 1 else "header"
        last[kind] = it
    for kind, it in last.items():
        if where == kind:
            return it.offset + it.size // 2
        if where == kind + "-end":
            return it.offset + it.size - 1
    if where == "missing":
        return index + 17 + next(p[1] for p in pages if p[0] == 2)
    return {"index": index + 40, "page": index + 17,
            "footer": size - 50, "end": size - 1}[where]


if what == "run":
    for kind, _, _, data in load(name)[1]:
        page = Bytes(data)
        while kind == 3 and page.more():
            print("%s=%s" % (page.counted().decode(), page.counted().decode()))
elif what == "of":
    for it in items(name):
        if it.tag == CHUNK and it.path == sys.argv[3].encode():
            print(it.size, it.crc.hex())
elif what == "new":
    known = {(it.size, it.crc) for it in items(sys.argv[3])}
    print(sum((it.size, it.crc) not in known for it in items(name)))
elif what == "own":
    print(sum(not it.elsewhere for it in items(name)))
elif what == "at":
    print(place(sys.argv[3]))
else:
    b = bytearray(open(name, "rb").read())
    b[int(sys.argv[4])] ^= int(sys.argv[5]) if sys.argv[5:] else 16
    open(sys.argv[3], "wb").write(b)
EOF

cat >tree.py <<'EOF'
"""The tree: the first group has nothing but the directory itself."""
import os, random
r = random.Random(1)
os.makedirs("data/group")
os.makedirs("data/postgres/base/1")
for i in range(300):
    with open("data/group/f%03d" % i, "wb") as f:
        f.write(b"%d " % r.randrange(1 << 60) * (i * 7 % 300))
for n in ("", "base/1/"):
    with open("data/postgres/%sPG_VERSION" % n, "w") as f:
        f.write("16\n")
for n in ("dir/in", "dir-x", "dir.y/in", "new\nline"):
    os.makedirs(os.path.dirname("data/" + n), exist_ok=True)
    with open("data/" + n, "w") as f:
        f.write(n * 50)
with open("data/a-large", "wb") as f:
    f.write(r.randbytes(3 << 20))
with open("data/p-sparse", "wb") as f:
    f.truncate(1 << 20)
    f.seek(600000)
    f.write(r.randbytes(9000))
os.symlink("group/f001", "data/link")
os.link("data/group/f002", "data/group/f002-too")
os.link("data/group/f003", "data/zz")
EOF
$python tree.py
seq 1 30000 >data/b-text # one chunk
xattrs=yes
setfattr -n user.colour -v blue data/b-text 2>/dev/null || xattrs=
[ -z "$xattrs" ] || setfattr -n user.colour -v red data/group/f007

believed=
case $(stat -f -c %T .) in
ext2/ext3 | xfs | btrfs) believed=yes ;;
esac

# tar_of FILE: which tar it is.
tar_of()
{
	gzip -dc "$1" 2>/dev/null | sha256sum
}

# settle: what is the tree's archive from now on.
settle()
{
	aipm-pack -o fresh.tar.gz --force data >/dev/null
	fresh=$(tar_of fresh.tar.gz)
}

# reference FILE [OPTION]...: one whose run knows that nobody wrote.
reference()
{
	sleep 0.03 # more than the clock's grain
	$python quiet.py aipm-pack --force -o "$@" data >/dev/null
}

# figure WORD: that number of bytes in what -v has said last.
figure()
{
	sed -n "s/.*[;,] \([0-9]*\) $1.*/\1/p" "$T.err"
}

# pack [OPTION]...: new.tar.gz.
pack()
{
	rm -f new.tar.gz
	run aipm-pack -v -o new.tar.gz "$@" data
}

# whole SENTENCE: the last is the tar that a run without references makes, and
# sound.
whole()
{
	if [ "$(tar_of new.tar.gz)" != "$fresh" ]; then
		fail "$1: the archive is another" "status $status" "$err"
	elif ! aipm-unpack -q -t new.tar.gz >"$T.ok" 2>&1; then
		fail "$1: the archive is not sound" "$(cat "$T.ok")"
	else
		pass "$1: the archive is that of a run without"
	fi
}

# taken SENTENCE BYTES: no more than that were made anew by the last run.
taken()
{
	made=$(figure 'made anew')
	ok "$1" test "${made:-999999999}" -le "$2"
}

# What is always made anew: the first member, which is marked as such, the end,
# and blocks of holes.  Three more files, for later, are getting old meanwhile.
mkdir -p old/data
cp data/a-large data/p-sparse data/link old/data
born=$(date +%s)
settle
pack -r fresh.tar.gz
whole "a reference that is younger than 10 s more than its files"
ok "whose times are not believed: all is read" \
    test "$(figure read)" -gt 4000000
reference ref.tar.gz
size=$(stat -c %s ref.tar.gz)
rest=3000

# Nothing has changed.
pack -r ref.tar.gz
status_is "a backup with a reference succeeds" 0
whole "nothing changed"
taken "and all is taken" $rest
ok "which it says" test "$(figure taken)" -gt $((size - 30000))
is "no other member is in it" "$($python look.py new new.tar.gz ref.tar.gz)" 0
if [ -n "$believed" ]; then
	ok "nothing is read but what stands beside PG_VERSION" \
	    test "$(figure read)" -lt 30000
else
	skip "nothing is read but what stands beside PG_VERSION" \
	    "no times to believe"
fi
# But for those with more names, which the walk opens.
opened='"(a-large|b-text|p-sparse|f[0-9]+)", O_RDONLY'
if ! strace -qq -o /dev/null true 2>/dev/null; then
	skip "files that are unchanged are not opened" "no strace"
elif [ -z "$believed" ]; then
	skip "files that are unchanged are not opened" "no times to believe"
else
	# A leak check cannot run below strace.
	leaks=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	run env ASAN_OPTIONS="$leaks" strace -f -qq -o opens \
	    -e trace=openat,open aipm-pack -o new.tar.gz --force data
	ok "without a reference files are opened" \
	    test "$(grep -Ec "$opened" opens)" -ge 300
	run env ASAN_OPTIONS="$leaks" strace -f -qq -o opens \
	    -e trace=openat,open \
	    aipm-pack -r ref.tar.gz -o new.tar.gz --force data
	is "files that are unchanged are not opened" \
	    "$(grep -E "$opened" opens | grep -Ev '"f00[23]"')" ""
	whole "under strace too"
fi
is "the record still says PostgreSQL's version" \
    "$($python look.py run new.tar.gz | grep ^pg-version)" \
    "pg-version:data/postgres=16"

pack -r ref.tar.gz --checksum
status_is "--checksum succeeds" 0
whole "--checksum"
ok "it reads all" test "$(figure read)" -gt 4000000
taken "and takes all" $rest
run_sh 'aipm-pack -r ref.tar.gz data | cat >new.tar.gz'
whole "to a pipe"
run_sh 'aipm-pack -r ref.tar.gz data >new.tar.gz'
whole "to standard output"
pack -r ref.tar.gz --no-clone
whole "--no-clone"
taken "which takes as much" $rest
run aipm-pack -v -d shelf -r ref.tar.gz data
cp "$out" new.tar.gz
whole "as a backup"
taken "which takes all too" $rest

# Other options of the run, and of the reference.
pack -r ref.tar.gz -x f150 -x data/dir -x data/link
aipm-pack -o x.tar.gz -x f150 -x data/dir -x data/link data >/dev/null
is "what is excluded is not taken either" "$(tar_of new.tar.gz)" \
    "$(tar_of x.tar.gz)"
pack -r x.tar.gz
whole "a reference in which something was excluded"
aipm-pack -o one.tar.gz -1 data >/dev/null
aipm-pack -o nine.tar.gz -9 data >/dev/null
pack -r nine.tar.gz -1
whole "a reference of another level"
taken "all is taken out of it" $rest
is "as it is" "$($python look.py of new.tar.gz data/b-text)" \
    "$($python look.py of nine.tar.gz data/b-text)"
is "and the record has the new level" \
    "$($python look.py run new.tar.gz | grep ^level)" level=1
pack -r one.tar.gz -r nine.tar.gz
whole "two references"
is "the first one that has it wins" \
    "$($python look.py of new.tar.gz data/b-text)" \
    "$($python look.py of one.tar.gz data/b-text)"
reference some.tar.gz -1 -x b-text -x a-large -x 'f1*'
pack -r some.tar.gz -r nine.tar.gz
whole "a first one that has not all"
taken "the second fills in" $rest
is "what the first has not" "$($python look.py of new.tar.gz data/b-text)" \
    "$($python look.py of nine.tar.gz data/b-text)"
is "and no more" "$($python look.py new new.tar.gz some.tar.gz)" \
    "$(($($python look.py new nine.tar.gz some.tar.gz) - \
    $($python look.py new nine.tar.gz new.tar.gz)))"
cp -r data other
reference other.tar.gz --as other
pack -r other.tar.gz
status_is "a reference with another top is no failure" 0
whole "a reference with another top"
is "nothing is taken out of it" "$(figure taken)" 0
run aipm-pack -v -o new.tar.gz --force --as data -r ref.tar.gz other
status_is "nor is another tree of the same name" 0
taken "whose content is taken" 20000000
rm -r other

set --
for i in 1 2 3 4 5 6 7 8; do
	set -- "$@" -r ref.tar.gz
done
pack "$@"
whole "eight references"
pack "$@" -r ref.tar.gz
status_is "nine are a wrong call" 2
cp ref.tar.gz self.tar.gz
run aipm-pack -v -o self.tar.gz -r self.tar.gz data
status_is "a reference is not replaced" 1
run aipm-pack -v -o self.tar.gz --force -r self.tar.gz data
status_is "but with --force" 0
taken "out of itself" $rest
cp self.tar.gz new.tar.gz
whole "a reference that is the output"

# Thin ones.
run aipm-pack -d shelf --thin -r ref.tar.gz data
status_is "a thin archive is no backup" 2
run aipm-pack -v -o thin.tar.gz --thin -r ref.tar.gz data
status_is "--thin publishes an archive" 0
ok "of hardly any bytes" test "$(stat -c %s thin.tar.gz)" -lt 40000
is "with no member that the reference has" \
    "$($python look.py own thin.tar.gz)" 0
run aipm-unpack -t thin.tar.gz
status_is "which aipm-unpack refuses" 4
like "and says why" "$err" "thin.tar.gz*thin"
run aipm-ls thin.tar.gz
status_is "and aipm-ls" 4
is "with not a name" "$out" ""
pack -r thin.tar.gz -r ref.tar.gz
status_is "as a reference it is good" 0
whole "a thin reference"
taken "all is taken out of its own" $rest
pack -r ref.tar.gz -r thin.tar.gz
whole "a thin reference behind its own"
pack -r thin.tar.gz
status_is "without its own it is of no use" 3
like "which is said" "$err" "thin.tar.gz: is a thin archive"
whole "a thin reference without its own"
pack -r thin.tar.gz -r one.tar.gz
status_is "nor with another one" 3
whole "a thin reference with another's"
taken "which is used" $rest

# changed SENTENCE BYTES [OPTION]...: the tree is another now; its archive is
# right, and no more than that is made anew.
changed()
{
	sentence=$1
	bytes=$2
	shift 2
	settle
	pack -r ref.tar.gz "$@"
	whole "$sentence"
	taken "$sentence: no more than $bytes bytes are made anew" "$bytes"
}

# One change behind another, each from a reference of what was before.
dd if=/dev/urandom of=data/a-large bs=8k count=1 seek=200 conv=notrunc \
    status=none
changed "a page of a large file" $((262144 + 1000 + rest))
is "it is one chunk, and the file's header" \
    "$($python look.py new new.tar.gz ref.tar.gz)" 2
reference warm.tar.gz --thin -r ref.tar.gz
is "as it is in a thin archive" "$($python look.py own warm.tar.gz)" 2
pack -r warm.tar.gz -r ref.tar.gz
whole "a thin reference with something new"
taken "nothing is made anew" $rest
echo more >>data/b-text
settle
reference warm2.tar.gz --thin -r warm.tar.gz -r ref.tar.gz
pack -r warm2.tar.gz -r warm.tar.gz -r ref.tar.gz
status_is "a thin one out of a thin one is good with all of its own" 0
whole "a thin reference with a thin one of its own"
taken "and is used" $rest
reference ref.tar.gz

touch -r data/a-large times
dd if=/dev/urandom of=data/a-large bs=8k count=1 seek=300 conv=notrunc \
    status=none
touch -r times data/a-large
touch -r data/group/f011 times
tr 0-9 1-90 <data/group/f011 >f011
cat f011 >data/group/f011
touch -r times data/group/f011
changed "files with the old size and time" 350000
reference ref.tar.gz

echo new >data/group/nn
changed "a new small file" 200000
is "it is its group, and the one with its directory" \
    "$($python look.py new new.tar.gz ref.tar.gz)" 2
reference ref.tar.gz
rm data/group/nn
changed "a file that is gone" 200000
reference ref.tar.gz

chmod 600 data/a-large
chmod 600 data/group/f050
changed "another mode alone" 150000
like "it is in the archive" "$(tar tvzf new.tar.gz)" \
    "-rw------- * data/a-large"
chown 1:1 data/b-text 2>/dev/null
touch data/p-sparse
changed "an owner, a time" 150000
reference ref.tar.gz

if [ -n "$xattrs" ]; then
	setfattr -n user.shape -v round data/a-large
	setfattr -n user.shape -v flat data/group/f060
	setfattr -x user.colour data/b-text
	changed "attributes alone" 150000
	reference ref.tar.gz
else
	skip "attributes alone" "no extended attributes here"
fi

ln data/a-large data/group/large
ln data/group/f030 data/group/a
ln data/group/f040 data/group/z
changed "hard links" 300000
reference ref.tar.gz
ln data/b-text data/B-text # which is now where the content is
rm data/group/large data/group/f030
changed "more of them, and less" 300000
pack -r ref.tar.gz -x group/a -x data/group/a
aipm-pack -o x.tar.gz --force -x group/a -x data/group/a data >/dev/null
is "and with a name excluded" "$(tar_of new.tar.gz)" "$(tar_of x.tar.gz)"
reference ref.tar.gz

rm data/b-text data/group/f070 data/group/f080 data/link
mkdir data/b-text data/group/f070
echo in | tee data/b-text/in >data/group/f070/in
ln -s f081 data/group/f080
seq 1 30000 >data/link
changed "files that are something else now" 400000
reference dirs.tar.gz
rm -r data/b-text data/group/f070 data/group/f080 data/link
echo file >data/group/f070
mkfifo data/group/f080
ln -s b-text data/link
seq 1 30000 >data/b-text
changed "and files again" 400000
pack -r dirs.tar.gz
whole "out of what they were meanwhile"
taken "nearly all is taken" 400000
pack -r dirs.tar.gz -r ref.tar.gz
whole "out of both"
reference ref.tar.gz

seq 1 29999 >shorter
cat shorter >data/b-text
truncate -s 3000000 data/a-large
truncate -s 130000 data/group/f090
seq 1 20000 >data/group/f091
changed "files that grow and shrink" 500000
truncate -s 1000 data/b-text
truncate -s 300000 data/group/f090
truncate -s 900000 data/p-sparse
changed "over the border of what is chunked" 500000
reference ref.tar.gz

mv data/group/f100 x
cp -p x data/group/f100
mv data/a-large x
cp -p x data/a-large
changed "copies in their place" 10000
mv data/group data/Group
changed "a directory of another name" 2000000
mv data/Group data/group
rm -f x
changed "and back" 200000

# Generations.
settle
reference gen.tar.gz
bad=
for i in 1 2 3 4 5; do
	echo "$i" >>data/group/f12$i
	echo "$i" >data/group/new$i
	rm data/group/f13$i
	mkdir data/dir/$i
	printf %s "$i" | dd of=data/a-large bs=1 seek=$((i * 500000)) \
	    conv=notrunc status=none
	settle
	sleep 0.03
	$python quiet.py aipm-pack -v --force -o gen.tar.gz -r gen.tar.gz \
	    data >/dev/null 2>"$T.err" || bad="$bad status:$i"
	[ "$(figure taken)" -gt 1000000 ] || bad="$bad taken:$i"
	[ "$(tar_of gen.tar.gz)" = "$fresh" ] || bad="$bad tar:$i"
	aipm-unpack -q -t gen.tar.gz 2>/dev/null || bad="$bad sound:$i"
done
is "five generations are each as if made anew" "$bad" ""
is "and counted in the record" \
    "$($python look.py run gen.tar.gz | grep ^gen)" generation=5
reference ref.tar.gz

# References that are not what they should be.
# useless SENTENCE FILE: it is named, and the archive is complete.
useless()
{
	pack -r "$2"
	[ "$status" = 3 ] || bad="$bad $1:status:$status"
	case $err in
	*"${2##*/}"*) ;;
	*) bad="$bad $1:said:$err" ;;
	esac
	[ "$(tar_of new.tar.gz)" = "$fresh" ] || bad="$bad $1:tar"
}

bad=
useless missing nothing.tar.gz
: >bad.tar.gz
useless empty bad.tar.gz
seq 1 1000 >bad.tar.gz
useless text bad.tar.gz
useless directory data
useless device /dev/null
size=$(stat -c %s ref.tar.gz)
index=$($python look.py at ref.tar.gz page)
for n in 100 $((size / 2)) $((index - 17)) $((index + 100)) \
    $((size - 107)) $((size - 1)); do
	head -c "$n" ref.tar.gz >bad.tar.gz
	useless "cut:$n" bad.tar.gz
done
{
	cat ref.tar.gz
	echo
} >bad.tar.gz
useless behind bad.tar.gz
is "whatever is wrong with a reference, the archive is complete" "$bad" ""
tar cf - data | gzip -1 >bad.tar.gz
pack -r bad.tar.gz
status_is "one of another tool is not even a warning" 0
like "but is named" "$err" "bad.tar.gz: was not made by aipm-pack"
whole "a reference of another tool"
mkfifo fifo.tar.gz
run timeout 1 aipm-pack --force -o new.tar.gz -r fifo.tar.gz data
status_is "even if it is a FIFO" 3

bad=
for where in header chunk chunk-end group group-end index page \
    footer end; do
	$python look.py flip ref.tar.gz bad.tar.gz \
	    "$($python look.py at ref.tar.gz $where)"
	useless $where bad.tar.gz
done
is "nor is a flipped bit taken out of one" "$bad" ""
is "nor with --checksum" "$(
	$python look.py flip ref.tar.gz bad.tar.gz \
	    "$($python look.py at ref.tar.gz chunk)"
	aipm-pack --checksum -r bad.tar.gz data 2>/dev/null >new.tar.gz
	echo $?
	tar_of new.tar.gz
)" "3
$fresh"
bad=
for i in 1 2 3 4 5 6; do
	$python look.py flip ref.tar.gz bad.tar.gz \
	    $((index + i * (size - 124 - index) / 7))
	useless "index:$i" bad.tar.gz
done
is "in the index wherever it is" "$bad" ""
$python look.py flip ref.tar.gz bad.tar.gz \
    "$($python look.py at ref.tar.gz chunk)"
$python look.py flip bad.tar.gz bad.tar.gz \
    "$($python look.py at ref.tar.gz group)"
pack -r bad.tar.gz
is "a reference is blamed once" "$(grep -c 'is damaged' "$T.err")" 1
red=$(printf 'red\033[31m.tar.gz')
pack -r "$red"
like "its name is escaped when it is missing" "$err" 'red\\033\[31m.tar.gz: '
cp bad.tar.gz "$red"
pack -r "$red"
like "and when it is damaged" "$err" 'red\\033\[31m.tar.gz: is damaged'
pack -r bad.tar.gz -r ref.tar.gz
status_is "with another one it is blamed too" 3
whole "a damaged reference and a sound one"
taken "what is damaged is taken out of that one" $rest
pack --thin -r bad.tar.gz
cp new.tar.gz thin.tar.gz
pack -r thin.tar.gz -r bad.tar.gz
whole "a thin one of a damaged one"

# What could not be read is not taken for what is there.
if strace -qq -o /dev/null true 2>/dev/null; then
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	export ASAN_OPTIONS
	strace="strace -f -qq -o /dev/null -e trace=pread64"
	sleep 0.03
	# shellcheck disable=SC2086 # words
	run $python quiet.py $strace -P "$T/data/group/f150" \
	    -P "$T/data/a-large" -e inject=pread64:error=EIO \
	    aipm-pack --force -o partial.tar.gz data
	status_is "files that cannot be read are no failure" 3
	not "but the archive is not what it should be" \
	    test "$(tar_of partial.tar.gz)" = "$fresh"
	pack -r partial.tar.gz
	status_is "as a reference it is good" 0
	whole "a reference in which files are not sound"
	$python look.py flip partial.tar.gz bad.tar.gz \
	    "$($python look.py at partial.tar.gz missing)" 1
	pack -r bad.tar.gz
	whole "and one that does not tell any more which"
	run $strace -P "$T/data/group/f150" -e inject=pread64:error=EIO \
	    aipm-pack --force -o new.tar.gz --checksum -r ref.tar.gz data
	status_is "a file that cannot be read beside a reference: 3" 3
	like "it is named" "$err" "data/group/f150: *cannot be read"
	pack -r new.tar.gz -r ref.tar.gz
	whole "out of that and a sound one"
	# Each thread's reads are counted by themselves.
	for n in 1 2 3 4; do
		rm new.tar.gz
		run $strace -P "$T/ref.tar.gz" \
		    -e inject=pread64:error=EIO:when=$n+ \
		    aipm-pack -o new.tar.gz -r ref.tar.gz data
		like "a reference that cannot be read is named ($n)" \
		    "$err" "ref.tar.gz: "
		if [ "$status" = 4 ]; then
			# It was good when it was looked at.
			not "nothing is published ($n)" test -e new.tar.gz
			: >new.tar.gz
		else
			status_is "and the archive published ($n)" 3
			whole "a reference that cannot be read ($n)"
		fi
	done
else
	skip "what could not be read is not taken" "no strace"
fi

# No space for what is new, nor for what is taken.
if [ "$(id -u)" = 0 ] && mkdir small &&
    mount -t tmpfs -o size=1m none small; then
	run aipm-pack -d small -r ref.tar.gz data
	status_is "a full disk is status 5" 5
	is "and nothing is left there" "$(ls -A small)" ""
	head -c 2000000 /dev/urandom >data/new
	run_sh 'TMPDIR=$PWD/small aipm-pack -r ref.tar.gz data >/dev/null'
	status_is "a full TMPDIR too" 5
	like "which is what is named" "$err" "small"
	rm data/new
	umount small
else
	skip "a full disk is status 5" "not root"
fi

# Killed.
mkdir big killed
head -c 9000000 /dev/urandom >big/random
$python quiet.py aipm-pack -o big.tar.gz big >/dev/null
seq 1 600000 >big/text
# start LEVEL [COMMAND]...: a run, until it has a temporary file.
start()
{
	level=$1
	shift
	"$@" aipm-pack -j 1 "$level" -r big.tar.gz -d killed big \
	    >/dev/null 2>&1 &
	pid=$!
	while [ -z "$(ls -A killed)" ] && kill -0 $pid 2>/dev/null; do :; done
}
start -9
kill -KILL $pid
wait $pid 2>/dev/null
start -9
sleep 0.1
kill -KILL $pid
wait $pid 2>/dev/null
if strace -qq -o /dev/null true 2>/dev/null; then
	for call in fsync renameat2; do
		start -1 strace -f -qq -o /dev/null -e inject=$call:signal=KILL
		wait $pid 2>/dev/null
		is "KILL at $call ends it" $? 137
	done
fi
is "KILL leaves no backup" "$(ls killed)" ""
ok "but temporaries" test -n "$(leftovers killed)"
start -9
sleep 0.1
kill -TERM $pid
wait $pid 2>/dev/null
is "TERM ends it by that signal" $? 143
is "and leaves no backup" "$(ls killed)" ""
run aipm-pack -v -1 -r big.tar.gz -d killed big
status_is "the next run succeeds" 0
is "and removes what they left" "$(leftovers killed)" ""
ok "and takes what is there" test "$(figure taken)" -gt 8900000

# What every slot of the ring has digested before is not what a hole is.
mkdir hollow
head -c 262144 /dev/urandom >block
for _ in $(seq 40); do cat block; done >hollow/a
for _ in $(seq 4); do cat block; done >hollow/b
aipm-pack -o full.tar.gz hollow >/dev/null
truncate -s 0 hollow/b && truncate -s 1048576 hollow/b
run aipm-pack -q -j 1 --checksum -o hollow.tar.gz -r full.tar.gz hollow
status_is "a file that has become a hole is packed" 0
aipm-pack -o solid.tar.gz hollow >/dev/null
is "and is what it is without a reference" "$(tar_of hollow.tar.gz)" \
    "$(tar_of solid.tar.gz)"
sleep 0.1
$python quiet.py aipm-pack -q -o hollow.tar.gz --force hollow >/dev/null
run $python quiet.py aipm-pack -q -j 1 -o both.tar.gz -r hollow.tar.gz \
    -r full.tar.gz hollow
status_is "so is one that was a hole in one reference, and not in another" 0
is "and is what it is" "$(tar_of both.tar.gz)" "$(tar_of solid.tar.gz)"

# Times that are old enough are believed of a run that was not quiet, too.
if [ -n "$believed" ]; then
	while [ $(($(date +%s) - born)) -lt 11 ]; do sleep 0.1; done
	aipm-pack -o old.tar.gz old/data >/dev/null
	run aipm-pack -v -o new.tar.gz --force -r old.tar.gz old/data
	ok "files that were 10 s old then are not read" \
	    test "$(figure read)" -lt 30000
	is "but are in the archive" "$(tar_of new.tar.gz)" \
	    "$(tar_of old.tar.gz)"
else
	skip "files that were 10 s old then are not read" "no times to believe"
fi

done_testing
