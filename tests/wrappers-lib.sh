# shellcheck shell=sh disable=SC1091,SC2154
# wrappers-lib.sh: a project folder in the documented layout, with services of
# the fake engine, for the tests of backup.sh and restore.sh.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
. "$here/../fake/project.sh"
unset AIPM_LOCKED

# make_project [SERVICES]: some data, the two scripts, and the service db, or
# those that another function of project.sh makes.
make_project()
{
	"${1:-db_alone}"
	mkdir "$P/scripts"
	cp "$top/scripts/backup.sh" "$top/scripts/restore.sh" "$P/scripts/"
	echo first >"$P/data/db/table"
	head -c 300000 /dev/urandom >"$P/data/db/heap"
	ln -s table "$P/data/db/link"
	chmod 640 "$P/data/db/table"
	chmod 2750 "$P/data/cache"
	touch -d '2020-02-02 02:02:02.123456789' "$P/data/db/heap" "$P/data"
}

db_alone()
{
	new_project
	mkdir -p "$P/data/db" "$P/data/cache"
	service db
	mount db bind true "$P/data/db"
}

# in_place_of PROGRAM 'SHELL': a stand-in for one of the programs, which can
# call the real one as $real; undone by as_they_are.
in_place_of()
{
	mkdir -p "$T/bin"
	printf '#!/bin/sh\nreal=%s\n%s\n' "$BUILD/$1" "$2" >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}
as_they_are()
{
	rm -rf "${T:?}/bin"
}
PATH=$T/bin:$PATH

# tree DIR: what is in it: type, mode, owner, time, link, content.
tree()
{
	(cd "$1" && find . -printf '%p %y %m %U %G %T@ %l\n' | sort &&
	    find . -type f -exec sha256sum {} + | sort)
}

# How many archives there are.
archives()
{
	find "$P/backups" -name '*.tar.gz' | wc -l
}

# beside: what lies beside data/ that should not.
beside()
{
	(cd "$P" && ls -d data?* 2>/dev/null)
}
