#!/bin/sh
# aipm-pack's side of the release: it lets the services go when it has read
# all, and publishes nothing that was not proven quiet.
# The libraries set more; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2153,SC2154,SC2016
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
cd "$T" || exit 1
# Past what only finds the interpreter, which takes longer than it.
python="$(python3 -c 'import sys; print(sys.executable)') -S"
TESTS=$top/tests
export TESTS

cat >"$T/stop.py" <<'EOF'
"""stop.py HOW COMMAND...: plays aipm-stop for it.

How many bytes it sent is in the file asked; was it never asked, then 0.
"""
import os, signal, socket, sys, time
how = sys.argv[1]
QUIET = "proof\tquiet\nservices\tstopped\ndowntime\t1.250\n"
ANSWERS = {
    "close": "",
    "cut": QUIET,
    "half": QUIET + "en",
    "none": "proof\tnone\nservices\tpaused\ndowntime\t0.500\n"
            "why\tno engine\nend\n",
    "failed": "proof\tfailed\nservices\tstopped\ndowntime\t2.000\n"
              "why\tdata/db: open for writing by ed\033[31m (7)\nend\n",
    "odd": "proof\tperhaps\nend\n",
    "later": "colour\tblue\n" + QUIET + "hours\t7\nend\n",
}


def change():
    """The services write again."""
    with open("data/large", "r+b") as f:
        f.write(b"changed")
    with open("data/sub/7", "w") as f:
        f.write("changed")
    with open("data/new", "w") as f:
        f.write("new")
    os.rename("data/sub/8", "data/sub/moved")
    os.unlink("data/sub/9")


ours, its = socket.socketpair()
pid = os.fork()
if pid == 0:
    ours.close()
    its.set_inheritable(True)
    os.environ.update(AIPM_RELEASE_FD=str(its.fileno()),
                      AIPM_ROOT=os.getcwd(), AIPM_DATA=".")
    os.execvp(sys.argv[2], sys.argv[2:])
its.close()
if how == "gone":
    ours.shutdown(socket.SHUT_RDWR)
asked = len(ours.recv(1))
if asked and how == "change":
    change()
if asked and how == "signal":
    time.sleep(0.1)                     # it waits for the answer now
    os.kill(pid, signal.SIGTERM)
elif asked and how == "slow":
    for c in QUIET + "end\n":
        ours.sendall(c.encode())
        time.sleep(0.001)
elif asked:
    ours.sendall(ANSWERS.get(how, QUIET + "end\n").encode())
if how != "gone":
    ours.shutdown(socket.SHUT_WR)
while part := ours.recv(100):
    asked += len(part)
ours.close()
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
with open("asked", "w") as f:
    print(asked, file=f)
sys.exit(status if status >= 0 else 128 - status)
EOF

cat >"$T/look.py" <<'EOF'
"""look.py run ARCHIVE			NAME=VALUE of its run pairs
look.py flip IN OUT [index]	a bit in its last chunk, or in its index"""
import os, sys
sys.path.insert(0, os.environ["TESTS"])
from archive import Bytes, read_footer, read_index, read_pages
with open(sys.argv[2], "rb") as f:
    where, size = read_footer(f)[:2]
    pages = list(read_pages(read_index(f, where, size)))
    f.seek(0)
    whole = bytearray(f.read())
if sys.argv[1] == "run":
    for kind, _, _, data in pages:
        page = Bytes(data)
        while kind == 3 and page.more():
            print("%s=%s" % (page.counted().decode(), page.counted().decode()))
else:
    whole[where + 100 if sys.argv[4:] else where // 2] ^= 16
    with open(sys.argv[3], "wb") as f:
        f.write(whole)
EOF
stop="$python $T/stop.py"
look="$python $T/look.py"

# tree: data, as it always is, with old times.
tree()
{
	rm -rf data
	mkdir -p data/sub
	seq 1 100000 >data/large
	setfattr -n user.colour -v blue data/large 2>/dev/null
	truncate -s 2M data/sparse
	echo "in it" | dd of=data/sparse bs=1k seek=700 conv=notrunc \
	    status=none
	for i in 1 2 3 4 5 6 7 8 9; do
		echo "file $i" >data/sub/$i
	done
	find data -exec touch -d @1700000000 {} +
}

tar_of()
{
	gzip -dc "$1" 2>/dev/null | sha256sum
}

tree
sleep 0.03
aipm-pack -o want.tar.gz data >/dev/null
want=$(tar_of want.tar.gz)
$stop quiet aipm-pack -o ref.tar.gz data >/dev/null

# What is read is released, once and behind the last read.
for how in quiet slow later; do
	run $stop $how aipm-pack -o "$how.tar.gz" data
	status_is "an answer ($how) that all was quiet: published" 0
	is "it asks once ($how)" "$(cat asked)" 1
	is "the archive ($how) is as without a release" \
	    "$(tar_of "$how.tar.gz")" "$want"
done
for ref in '' '-r ref.tar.gz' '-r ref.tar.gz --checksum'; do
	tree
	# shellcheck disable=SC2086 # words
	aipm-pack -o now.tar.gz --force $ref data >/dev/null
	# shellcheck disable=SC2086
	run $stop change aipm-pack --force -o change.tar.gz $ref data
	status_is "services that write behind it are no failure ($ref)" 0
	ok "they have written ($ref)" test -e data/sub/moved
	is "and are not in the archive ($ref)" "$(tar_of change.tar.gz)" \
	    "$(tar_of now.tar.gz)"
	run aipm-unpack -t change.tar.gz
	status_is "which is sound ($ref)" 0
	tree
	# shellcheck disable=SC2086
	run_sh "$stop change aipm-pack $ref data >change.tar.gz"
	is "nor if it is a stream ($ref)" "$(tar_of change.tar.gz)" "$want"
done
tree
run $stop change aipm-pack -d shelf data
status_is "nor if it is a backup" 0
is "of all there was" "$(tar_of "$out")" "$want"
tree
run $stop quiet aipm-pack -o out/a.tar.gz nothing-here
status_is "a failure before all is read asks for nothing" 1
is "not a byte" "$(cat asked)" 0

# Answers that are none.
for how in gone close cut half; do
	for ref in '' '-r ref.tar.gz'; do
		rm -rf out
		mkdir out
		# shellcheck disable=SC2086 # words
		run $stop $how aipm-pack -o out/a.tar.gz $ref data
		status_is "no whole answer ($how $ref) is a failure" 1
		is "of which nothing is published ($how $ref)" \
		    "$(ls -A out)" ""
		like "and it says why ($how $ref)" "$err" \
		    "aipm-stop did not say whether the data was quiet"
	done
done

# What was not proven.
for ref in '' '-r ref.tar.gz'; do
	rm -rf shelf
	# shellcheck disable=SC2086 # words
	run $stop failed aipm-pack -d shelf $ref data
	status_is "data that was not quiet ($ref): 121" 121
	is "nothing is published ($ref)" "$(ls -A shelf)" ""
	is "nor printed ($ref)" "$out" ""
	like "it says why, with no escapes ($ref)" "$err" \
	    'data/db: open for writing by ed\\033\[31m (7)'
	# shellcheck disable=SC2086
	run $stop odd aipm-pack -d shelf $ref data
	is "a proof that nobody knows is none ($ref)" "$(ls -A shelf)" ""
	run_sh "$stop failed aipm-pack $ref data >s.tar.gz"
	status_is "data that was not quiet, as a stream ($ref): 121" 121
	not "which nobody takes for whole ($ref)" gzip -t s.tar.gz
	run aipm-unpack -t s.tar.gz
	status_is "nor do we ($ref)" 4
done
run $stop none aipm-pack -v -o none.tar.gz data
status_is "where nothing can be proven it is published" 0

# The record.
of_release='^(proof|services|downtime|why)='
is "the record has the answer" \
    "$($look run quiet.tar.gz | grep -E "$of_release")" "proof=quiet
services=stopped
downtime=1.250"
is "and what kept it from being proven" \
    "$($look run none.tar.gz | grep -E "$of_release")" "proof=none
services=paused
downtime=0.500
why=no engine"
run $stop quiet aipm-pack -o out/r.tar.gz -r ref.tar.gz data
is "with a reference it is the new run's" \
    "$($look run out/r.tar.gz | grep -E "$of_release" | sort -u)" \
    "downtime=1.250
proof=quiet
services=stopped"
is "without a release there is none" \
    "$($look run want.tar.gz | grep -E "$of_release")" ""

# A signal while it waits.
for ref in '' '-r ref.tar.gz'; do
	rm -rf out
	mkdir out
	# shellcheck disable=SC2086 # words
	run $stop signal aipm-pack -o out/a.tar.gz $ref data
	status_is "TERM while it waits ends it by that signal ($ref)" 143
	is "and leaves nothing ($ref)" "$(ls -A out)" ""
done

# Nobody waits.
exec 8>not-a-socket
run env AIPM_RELEASE_FD= aipm-pack --force -o out/a.tar.gz data
status_is "nothing is no release, and no failure" 0
is "nor another archive" "$(tar_of out/a.tar.gz)" "$want"
for fd in x -1 8 99 9999999999999 0x3; do
	run env AIPM_RELEASE_FD="$fd" aipm-pack -o out/b.tar.gz data
	status_is "where nobody could hear us nothing is packed ('$fd')" 1
	like "which is said ('$fd')" "$err" "$fd is no socket"
	not "and nothing is published ('$fd')" test -e out/b.tar.gz
done
exec 8>&-
is "nothing is written to it" "$(cat not-a-socket)" ""

# A reference that is damaged: it is too late to read anew.
$look flip ref.tar.gz bad.tar.gz
rm -rf out
mkdir out
for more in '' '--checksum'; do
	# shellcheck disable=SC2086 # words
	run $stop quiet aipm-pack -o out/a.tar.gz -r bad.tar.gz $more data
	status_is "damage in a reference behind the release: 4 $more" 4
	is "nothing is published $more" "$(ls -A out)" ""
	like "the reference is named $more" "$err" "bad.tar.gz: "
	like "and the way out $more" "$err" "try without this reference"
done
$look flip ref.tar.gz bad.tar.gz index
run $stop quiet aipm-pack -o out/a.tar.gz -r bad.tar.gz data
status_is "one whose index is damaged is read anew" 3
is "and all is there" "$(tar_of out/a.tar.gz)" "$want"

# With the real one.
fake=$AIPM_ENGINE
cat >"$T/engine" <<'EOF'
#!/bin/sh
# Notes what is there before a start.
if [ "$1" = start ]; then
	echo "shelf: $(ls "$SHELF" 2>/dev/null)" >>"$FAKE/log"
fi
exec "$REAL" "$@"
EOF
chmod 755 "$T/engine"
AIPM_ENGINE=$T/engine
REAL=$fake
SHELF=$P/backups
export REAL SHELF
all_up=db:running

# project: one service, with something in data.
project()
{
	new_project
	mkdir data/db data/cache
	service db
	mount db bind true "$P/data/db"
	seq 1 100000 >data/db/table
	head -c 3000000 /dev/urandom >data/cache/dump
	for i in 1 2 3 4 5 6 7 8 9; do
		echo "file $i" >data/db/$i
	done
}

project
run aipm-stop -- aipm-pack -d backups data
status_is "aipm-stop -- aipm-pack makes a backup" 0
backup=$out
ok "which is there" test -f "$backup"
is "the services are started once" "$(grep -c ^start "$FAKE/log")" 1
like "before it is" "$(calls)" "shelf: ;start"
like "the downtime is printed" "$err" "started after *.* s: "
is "and they run" "$(states)" "$all_up"
like "the record has it" "$($look run "$backup" | tr '\n' ' ')" \
    "proof=quiet services=stopped downtime=*.* "

: >"$FAKE/log"
run aipm-stop -- aipm-pack -v -d backups -r "$backup" data
status_is "and a second one out of the first" 0
is "which is the same" "$(tar_of "$out")" "$(tar_of "$backup")"
like "before which they are started too" "$(calls)" \
    "shelf: ${backup##*/};start"
case $(stat -f -c %T .) in
ext2/ext3 | xfs | btrfs)
	read=$(sed -n 's/.*; \([0-9]*\) read.*/\1/p' "$T.err")
	ok "hardly anything was read for it" \
	    test "${read:-9999999}" -lt 30000
	;;
*)
	skip "hardly anything was read for it" "no times to believe"
	;;
esac

# What has changed meanwhile, large and small, old and new.
seq 1 50000 >data/cache/index
echo more >>data/db/table
setfattr -n user.colour -v blue data/db/table 2>/dev/null
dd if=/dev/urandom of=data/cache/dump bs=8k count=1 seek=100 conv=notrunc \
    status=none
echo more >>data/db/5
run aipm-stop -- aipm-pack -d backups -r "$backup" data
status_is "and one of what has changed" 0
aipm-pack -o "$T/now.tar.gz" --force data >/dev/null
is "which is as without a reference" "$(tar_of "$out")" \
    "$(tar_of "$T/now.tar.gz")"
run aipm-unpack -t "$out"
status_is "and sound" 0

rm -r backups
run aipm-stop -- sh -c 'sleep 1000 >>data/db/table &
	echo $! >writer
	exec aipm-pack -d backups data'
kill "$(cat writer)" 2>/dev/null
status_is "with a writer it is 121" 121
is "nothing is published" "$(ls backups)" ""
like "and both say why" "$err" "nothing is published: *data/db/table*"
is "and all run" "$(states)" "$all_up"

rm -rf backups
$stop quiet aipm-pack --force -o "$T/ref.tar.gz" data >/dev/null
if [ "$(id -u)" = 0 ] && mkdir "$T/small" &&
    command mount -t tmpfs -o size=1m none "$T/small"; then
	SHELF=$T/small
	: >"$FAKE/log"
	run aipm-stop -- aipm-pack -d "$T/small" -r "$T/ref.tar.gz" data
	status_is "a disk that is full behind the release: 5" 5
	like "it is said" "$err" "No space left"
	is "nothing is left there" "$(ls -A "$T/small")" ""
	is "and the services run" "$(states)" "$all_up"
	like "the downtime is printed" "$err" "started after *.* s: "
	umount "$T/small"
else
	skip "a disk that is full behind the release: 5" "not root"
fi

done_testing
