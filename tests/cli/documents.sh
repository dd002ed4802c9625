#!/bin/sh
# That the programs, their --help, their manual pages and the completions of
# three shells say the same.
# lib.sh sets out, err and status; inner shells expand for themselves.
# shellcheck disable=SC1091,SC2154,SC2016
. "$(dirname "$0")/../lib.sh"

touch "$T/complaints"
programs='aipm-stop aipm-pack aipm-unpack aipm-prune aipm-ls'
commands='aipm-backup aipm-restore'
man=$top/man
completions=$top/completions
# No engine of this machine is asked for anything, no dot file read.
AIPM_ENGINE=$T/no-engine
HOME=$T
TERM=dumb
export AIPM_ENGINE HOME TERM

# call PROGRAM ARGUMENT...: run it, the two commands from their scripts.
call()
{
	p=$1
	shift
	case $p in
	aipm-backup | aipm-restore)
		run sh "$top/scripts/${p#aipm-}.sh" "$@"
		;;
	*) run "$p" "$@" ;;
	esac
}

# Sets are words in order, on one line.
set_of()
{
	sort -u | tr '\n' ' '
}

has()
{
	command -v "$1" >/dev/null
}

# help_longs, help_shorts, help_arguments: of the --help in $out; the last
# are the long options that take an argument.
help_longs()
{
	echo "$out" | sed -n 's/^  [- ][^ ][, ] --\([a-z0-9-]*\).*/\1/p
	    s/^      --\([a-z0-9-]*\).*/\1/p'
}

help_shorts()
{
	echo "$out" | sed -n 's/^  -\(.\), --.*/\1/p'
}

help_arguments()
{
	echo "$out" | sed -n 's/^  .*--\([a-z0-9-]*\)=[A-Z].*/\1/p'
}

# Of a page: the options that it has an item for, and all that it mentions.
man_items()
{
	sed -n 's/^\.It .*Fl -\([a-z0-9-]*\).*/\1/p' "$man/$1.1"
}

man_shorts()
{
	sed -n 's/^\.It Fl \(.\) , Fl -.*/\1/p' "$man/$1.1"
}

man_mentions()
{
	grep -o 'Fl -[a-z0-9][a-z0-9-]*' "$man/$1.1" | sed 's/Fl -//'
}

# The option tables in the source, hidden options too.
table_longs()
{
	sed -n 's/^	{ [^,]*, "\([a-z0-9-][a-z0-9-]*\)",.*/\1/p' \
	    "$top/cmd/$1.c" "$top/cmd/cli.c"
}

# What the completions offer: bash_offers WORD..., fish_offers LINE.
cat >"$T/offer.bash" <<'END'
. "$1" || exit 1
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_aipm "$1"
printf '%s\n' "${COMPREPLY[@]}"
END

bash_offers()
{
	bash --norc "$T/offer.bash" "$completions/aipm.bash" "$@" \
	    2>>"$T/complaints"
}

fish_offers()
{
	fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
	    "$completions/aipm.fish" "$1" 2>>"$T/complaints" | cut -f 1
}

# What zsh's own _arguments is told of a program's options: its long ones,
# without what stands before and behind them.
zsh_longs()
{
	zsh -f -c '_arguments() { print -rl -- "$@" }
	    compadd() { : }
	    service=$2
	    . $1' zsh "$completions/_aipm" "$1" 2>>"$T/complaints" |
	    sed -n 's/^\*//; s/^([^)]*)//; s/^--\([a-z0-9-]*\).*/\1/p'
}

names_only()
{
	sed -n 's/^--//; s/=$//; /./p'
}

check_help()
{
	call "$1" --help
	status_is "$1 --help succeeds" 0
	is "$1 --help says nothing on standard error" "$err" ''
	longs=$(help_longs | set_of)
	shorts=$(help_shorts | set_of)
	with=$(help_arguments)
	like "$1 --help shows --help and --version" "$longs" 'help*version'
}

check_version()
{
	call "$1" --version
	status_is "$1 --version succeeds" 0
	is "$1 --version says nothing on standard error" "$err" ''
	like "$1 --version names the suite" "$out" ' (aipm) [0-9]'
	[ "$1" != aipm-pack ] ||
		like "$1 --version names what compresses" "$out" \
		    'codecs: *(levels 1-*zlib [0-9]'
}

check_man()
{
	is "$1(1) has an item for each long option" \
	    "$(man_items "$1" | set_of)" "$longs"
	is "$1(1) has an item for each short option" \
	    "$(man_shorts "$1" | set_of)" "$shorts"
	is "$1(1) mentions no other option" \
	    "$( (man_mentions "$1"; man_items "$1") | set_of)" "$longs"
}

check_completions()
{
	if has bash; then
		is "bash completes the long options of $1" \
		    "$(bash_offers "$1" -- | names_only | set_of)" "$longs"
	else
		skip "bash completes the long options of $1" 'no bash here'
	fi
	if has fish; then
		is "fish completes the long options of $1" \
		    "$(fish_offers "$1 --" | names_only | set_of)" "$longs"
		is "fish completes the short options of $1" \
		    "$(fish_offers "$1 -" | sed -n 's/^-\([^-]\)$/\1/p' |
		        grep -v "$(levels "$1")" | set_of)" "$shorts"
	else
		skip "fish completes the options of $1" 'no fish here'
	fi
	if has zsh; then
		is "zsh completes the long options of $1" \
		    "$(zsh_longs "$1" | set_of)" "$longs"
	else
		skip "zsh completes the long options of $1" 'no zsh here'
	fi
}

# The short options that --help does not list each by itself.
levels()
{
	[ "$1" = aipm-pack ] && echo '[1-9]' || echo '^$'
}

# getopt_long() objects to a missing or unwanted argument only of an option
# that it knows, and then the program does nothing.
check_accepted()
{
	refused=
	for l in $longs; do
		case " $(echo "$with" | tr '\n' ' ') " in
		*" $l "*) call "$1" "--$l" ;;
		*) call "$1" "--$l=x" ;;
		esac
		case $status:$err in
		2:*"--$l"*argument* | 2:*argument*"$l"*) ;;
		*) refused="$refused $l" ;;
		esac
	done
	is "$1 knows each long option, with and without an argument" \
	    "$refused" ''
}

# The commands parse by hand.
check_accepted_by_command()
{
	for l in directory C; do
		[ "$l" = C ] && o=-C || o=--$l
		call "$1" "$o"
		status_is "$1 $o without an argument is wrong usage" 2
		like "$1 $o says what it needs" "$err" "$o needs"
	done
	call "$1" -q --no-such-option
	unlike "$1 knows -q" "$err" "'-q'"
	call "$1" --quiet --no-such-option
	unlike "$1 knows --quiet" "$err" "'--quiet'"
}

check_refused()
{
	for o in --no-such-option --json -Z; do
		call "$1" "$o"
		status_is "$1 $o is wrong usage" 2
		is "$1 $o prints nothing" "$out" ''
		like "$1 $o is named" "$err" "${o#-}"
	done
}

for p in $programs $commands; do
	check_version "$p"
	check_refused "$p"
	check_help "$p"
	check_man "$p"
	check_completions "$p"
	case $p in
	aipm-backup | aipm-restore) check_accepted_by_command "$p" ;;
	*)
		is "$p --help shows every option of its table" \
		    "$(table_longs "$p" | set_of)" "$longs"
		check_accepted "$p"
		;;
	esac
done

mkdir -p project/backups project/data/redis project/data/postgres
cd project || exit 1
echo key >data/redis/dump.rdb
seq 9999 >data/postgres/16384
for l in 1 2 3 4 5 6 7 8 9; do
	run aipm-pack -$l -o "level$l.tar.gz" data
	status_is "aipm-pack -$l is known" 0
done
rm -f level*
run aipm-pack -d backups data
backup=${out#backups/}

# The pages.
for p in $programs; do
	is "$p(1) has its sections in the order of all" \
	    "$(sed -n 's/^\.Sh //p' "$man/$p.1" |
	        grep -v SECURITY | tr '\n' ,)" \
	    'NAME,SYNOPSIS,DESCRIPTION,ENVIRONMENT,FILES,EXIT STATUS,'\
'EXAMPLES,SEE ALSO,'
done
for p in aipm-unpack aipm-ls aipm-prune aipm-restore; do
	ok "$p(1) tells how it takes hostile bytes" \
	    grep -q '^\.Sh SECURITY CONSIDERATIONS' "$man/$p.1"
done
is 'aipm(7) has every status of the library' \
    "$(sed -n '/^\.Sh EXIT/,/^\.Sh EXAM/s/^\.It \([0-9].*\)/\1/p' \
        "$man/aipm.7" | tr ',' '\n' | tr -d ' ' | sed 's/128+N/128/' |
        sort -n | tr '\n' ' ')" \
    "$(sed -n 's/^	AIPM_[A-Z]* = \([0-9]*\).*/\1/p' \
        "$top/include/aipm/err.h" | sort -n | tr '\n' ' ')"
is 'aipm.conf(5) has every setting that is read' \
    "$(sed -n 's/^\.It Ev //p' "$man/aipm.conf.5" | set_of)" \
    "$( (cat "$top"/cmd/*.c | tr -d '\n' |
        grep -o 'cli_setting([^"]*"AIPM_[A-Z_]*' | sed 's/.*"//'
        echo AIPM_ROOT) | set_of)"
sed -n 's/^\.Xr \(aipm[a-z.-]*\) \([1-8]\).*/\1.\2/p' "$man"/* |
    sort -u >"$T/references"
missing=$(while read -r x; do
	[ -e "$man/$x" ] || echo "$x"
done <"$T/references")
ok 'the pages refer to each other' test -s "$T/references"
is 'the pages refer to pages that are there' "$missing" ''
if has mandoc; then
	run mandoc -Tlint -Wwarning "$man"/*.[1-8]
	status_is 'mandoc finds nothing wrong with the pages' 0
	is 'and warns of nothing' "$out$err" ''
else
	skip 'mandoc finds nothing wrong with the pages' 'no mandoc here'
fi

# The pipes of aipm(7).
mkdir "$T/look" "$T/look2"
n=0
sed -n '/^\.\\" documents.sh runs/,/^\.Ed/s/^\$ //p' "$man/aipm.7" |
    sed "s,/tmp/look,$T/look,g" >"$T/pipes"
while IFS= read -r line; do
	n=$((n + 1))
	if has bash; then
		run bash -o pipefail -c "$line"
	else
		run_sh "$line"
	fi
	status_is "as in aipm(7): $line" 0
done <"$T/pipes"
ok 'there are such pipes' [ "$n" -ge 10 ]
ok 'tar restored the data' cmp data/redis/dump.rdb "$T/look/data/redis/dump.rdb"
not 'aipm-unpack restored only the path' test -e "$T/look2/data/postgres"

# Arguments.
mkdir other other/backups
cp "backups/$backup" other/backups/old.tar.gz
cp "backups/$backup" here.tar.gz
echo no archive >here.txt
if has bash; then
	is 'bash completes a kind' \
	    "$(bash_offers aipm-pack --kind = pa)" partial
	is 'bash completes a kind behind a blank' \
	    "$(bash_offers aipm-pack --kind pre)" pre-restore
	is 'bash completes a directory' "$(bash_offers aipm-pack da)" data
	is 'bash completes an archive and no other file' \
	    "$(bash_offers aipm-unpack '' | grep -v -x -e data -e backups \
	        -e other)" here.tar.gz
	is 'bash completes latest' "$(bash_offers aipm-restore la)" latest
	is 'bash completes a backup' \
	    "$(bash_offers aipm-restore backups/a)" "backups/$backup"
	is "bash completes another project's backup" \
	    "$(bash_offers aipm-restore -C other o | grep -v '^other$')" \
	    old.tar.gz
	is 'bash completes a command behind --' \
	    "$(bash_offers aipm-stop -t 3 -- aipm-pac | sort -u)" aipm-pack
	is 'bash completes a command without --' \
	    "$(bash_offers aipm-stop -C . aipm-pac | sort -u)" aipm-pack
	is "bash leaves the command's options to the command" \
	    "$(bash_offers aipm-stop -- aipm-pack --no)" ''
	for p in $programs $commands; do
		ln -s "$completions/aipm.bash" "$T/$p"
		# shellcheck disable=SC2086 # words
		ok "bash's file completes all when it is sourced as $p" \
		    bash --norc -c '. "$0" && complete -p "$@"' "$T/$p" \
		    $programs $commands
	done
else
	skip 'bash completes arguments' 'no bash here'
fi
if has fish; then
	is 'fish completes a kind' "$(fish_offers 'aipm-pack --kind pa')" \
	    partial
	is 'fish completes a directory' "$(fish_offers 'aipm-pack da')" data/
	is 'fish completes an archive and no other file' \
	    "$(fish_offers 'aipm-unpack ' | grep -v '/$')" here.tar.gz
	is 'fish completes latest' "$(fish_offers 'aipm-restore la')" latest
	is 'fish completes a backup' \
	    "$(fish_offers 'aipm-restore backups/a')" "backups/$backup"
	is "fish completes another project's backup" \
	    "$(fish_offers 'aipm-restore -C other o')" old.tar.gz
	is 'fish completes a command behind --' \
	    "$(fish_offers 'aipm-stop -t 3 -- aipm-pac')" aipm-pack
	is "fish completes the command's own options" \
	    "$(fish_offers 'aipm-stop -C . aipm-pack --fo')" --force
else
	skip 'fish completes arguments' 'no fish here'
fi

# A real zsh on a pseudo-terminal: each line becomes what a tab makes of it.
cat >"$T/lines.zsh" <<'END'
zmodload zsh/zpty || exit 1
zpty z zsh -f -i
zpty -w z 'PS1= PS2= RPS1=; unset zle_bracketed_paste
fpath=('${(q)1}' $fpath); autoload -Uz compinit; compinit -u -D
show() { zle complete-word; print -r -- "<$BUFFER>"; BUFFER=; zle -I }
zle -N show; bindkey "^T" show; print REA""DY'
zpty -r z seen '*READY*'
for line in "${@:2}"; do
	zpty -n -w z "$line"$'\x14'
	zpty -r z seen '*<*>*'
	print -r -- "${${seen##*<}%%>*}"
done
zpty -d z
END
if has zsh && zsh -f -c 'zmodload zsh/zpty' 2>/dev/null; then
	run zsh -f -n "$completions/_aipm"
	status_is 'zsh can read its completions' 0
	run timeout 300 zsh -f "$T/lines.zsh" "$completions" \
	    'aipm-pack --for' 'aipm-pack --lev' 'aipm-pack --kind=pa' \
	    'aipm-pack da' 'aipm-unpack he' 'aipm-restore la' \
	    'aipm-restore backups/' 'aipm-restore -C other ol' \
	    'aipm-stop -t 3 -- aipm-pac' 'aipm-stop aipm-pack --for' \
	    'aipm-prune --keep-last=1' 'aipm-ls --la' 'aipm-backup --dir'
	is 'zsh completes options, arguments and commands' \
	    "$(echo "$out" | sed 's/ *$//')" "aipm-pack --force
aipm-pack --level=
aipm-pack --kind=partial
aipm-pack data/
aipm-unpack here.tar.gz
aipm-restore latest
aipm-restore backups/$backup
aipm-restore -C other old.tar.gz
aipm-stop -t 3 -- aipm-pack
aipm-stop aipm-pack --force
aipm-prune --keep-last=10
aipm-ls --latest
aipm-backup --directory="
else
	skip 'zsh completes options, arguments and commands' 'no zsh here'
fi
is 'no completion complains' "$(cat "$T/complaints")" ''
done_testing
