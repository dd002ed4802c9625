#!/bin/sh
# Who writes to the data of a stopped stack is found and named: a process of
# the host, a mapping that it keeps, a container of another project.
# shellcheck disable=SC1091,SC2154 # out, err and status: lib.sh sets them
. "$(dirname "$0")/../stack-lib.sh"
make_stack
put before
all='app postgres redis'

cat >"$T/hold.py" <<'E'
"""hold.py HOW FILE: have it open, or mapped, for writing."""
import ctypes, mmap, os, sys, time
how, path = sys.argv[1:]
fd = os.open(path, os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 8192)
if how == 'map':
    c = ctypes.CDLL(None)
    c.mmap.restype = ctypes.c_void_p
    c.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
                       ctypes.c_int, ctypes.c_int, ctypes.c_long]
    c.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED,
           fd, 0)
    os.close(fd)
print('held', flush=True)
time.sleep(1000)
E

for how in open map; do
	python3 "$T/hold.py" $how data/minio/held >../held &
	holder=$!
	wait_for grep -q held ../held
	run ./scripts/backup.sh
	status_is "a process of the host that has a file $how: 121" 121
	like "it is named ($how)" "$err" \
	    "data/minio/held: *by python3 (pid $holder)"
	is "the services are back ($how)" "$(running)" "$all"
	is "no archive is published ($how)" "$(find backups -name '*.tar.gz')" ''
	kill $holder
	wait $holder 2>/dev/null
	: >../held
done

# It mounts nothing of the data by a path that the engine knows: a directory
# of the host that is the data by a bind mount.
mkdir "$T/alias"
command mount --bind data "$T/alias"
must docker run -d --name "$project-other" --network none -v /usr:/usr:ro \
    -v "$T/alias:/alias" aipm-test sh -c '
    trap "exit 0" TERM; exec >>/alias/minio/held
    while :; do sleep 1; done'
other=$project-other
run aipm-stop -n
like 'a container that has the data by another path is found' "$out" \
    "$other	mounts $T/alias"
run ./scripts/backup.sh -q
status_is 'and stopped with the others' 0
like 'and started again' "$(docker ps --format '{{.Names}}')" "$other"
must docker rm -f "$other"
umount "$T/alias"

# One whose mounts tell nothing: the data came in there later.
mkdir -p "$T/shared/in"
command mount --bind "$T/shared" "$T/shared"
command mount --make-shared "$T/shared"
must docker run -d --name "$other" --network none -v /usr:/usr:ro \
    -v "$T/shared:/shared:rslave" aipm-test sh -c '
    trap "exit 0" TERM
    while [ ! -d /shared/in/minio ]; do sleep 0.1; done
    exec >>/shared/in/minio/held
    while :; do sleep 1; done'
command mount --bind data "$T/shared/in"
sleep 0.5
run aipm-stop -n
unlike 'a container that has the data by no mount of its own is not found' \
    "$out" "$other"
run ./scripts/backup.sh
status_is 'but proven to write: 121' 121
like 'it is named' "$err" \
    "data/minio/held: open for writing by sh (pid *, container $other)"
is 'and the services are back' "$(running)" "$all"
must docker rm -f "$other"
umount "$T/shared/in" && umount "$T/shared"

# A service that somebody, as restart: always, brings back in the midst of the
# copy.
name=$(docker ps -a --format '{{.Names}}' \
    --filter "label=com.docker.compose.project=$project" | grep redis)
run aipm-stop -- docker start "$name"
status_is 'a service that comes back in the midst of the copy: 121' 121
like 'it is named' "$err" "$name: runs again"
is 'and all run' "$(running)" "$all"

# Frozen instead of stopped.
pids=$(pids)
run aipm-stop --pause -- sh -c 'tar cf ../copy.tar data'
status_is '--pause: what the frozen hold open is no writer' 0
is 'the same processes go on' "$(pids)" "$pids"
ok 'postgres answers' wait_for sql 'select 1'
mkdir ../copy && tar -C ../copy -xf ../copy.tar
must docker-compose stop -t 20
rm -rf data && mv ../copy/data data
must up
is 'a stack on what was copied has everything' "$(sql 'select s from t')" before
done_testing
