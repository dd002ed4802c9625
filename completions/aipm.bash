# shellcheck shell=bash
# bash completion for aipm.  It is installed as "aipm" with a link for each
# program, and whichever of them is sourced completes all of them.

# The long options of a program; "=" behind one that takes an argument.
_aipm_longs()
{
	case $1 in
	aipm-stop)
		echo --directory= --data= --timeout= --pause --deadline= \
		    --wait= --dry-run --start --recover --status --all \
		    --lock --no-wait --verbose
		;;
	aipm-pack)
		echo --directory= --output= --force --jobs= --level= \
		    --exclude= --reference= --checksum --no-clone --thin \
		    --as= --kind= --name= --verbose
		;;
	aipm-unpack)
		echo --directory= --test --jobs= --overwrite --salvage --special \
		    --sparse --exchange --verbose
		;;
	aipm-prune) echo --keep-last= --dry-run --legacy --name= --verbose ;;
	aipm-ls)
		echo --long --paths --null --latest --name= --sha256 --record \
		    --verbose
		;;
	aipm-backup) echo --directory= ;;
	aipm-restore)
		echo --directory= --start --keep-old --no-pre-restore --force \
		    --recover --yes
		;;
	esac
	echo --quiet --help --version
}

# The short options that take an argument, as the long ones that they are.
_aipm_long_of()
{
	case $1:$2 in
	*:--*) echo "$2" ;;
	aipm-prune:-? | aipm-ls:-?) ;;
	*:-C | aipm-pack:-d) echo --directory ;;
	aipm-pack:-o) echo --output ;;
	aipm-pack:-j | aipm-unpack:-j) echo --jobs ;;
	aipm-pack:-x) echo --exclude ;;
	aipm-pack:-r) echo --reference ;;
	aipm-stop:-t) echo --timeout ;;
	esac
}

# Offer what a compgen with these arguments gives.
_aipm_offer()
{
	local line

	while IFS= read -r line; do
		COMPREPLY+=("$line")
	done < <(compgen "$@" -- "$cur")
}

_aipm_files()
{
	compopt -o filenames 2>/dev/null
	_aipm_offer "$@"
}

_aipm_archives()
{
	_aipm_files -d
	_aipm_files -f -X '!*.tar.gz'
}

# What aipm-restore finds: latest, a name in the project's backups, a path.
_aipm_backups()
{
	local f i dir=

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-C | --directory)
			dir=${COMP_WORDS[i + 1]}
			[ "$dir" != = ] || dir=${COMP_WORDS[i + 2]}
			;;
		esac
	done
	_aipm_archives
	_aipm_offer -W latest
	for f in "${dir:-.}"/backups/*.tar.gz; do
		[ -z "$dir" ] && f=${f#./} || f=${f##*/}
		case $cur,$f in
		*/*,* | *'*'*) ;;
		*,"$cur"*) COMPREPLY+=("$f") ;;
		esac
	done
}

# The argument of a long option; false if it takes none that is known.
_aipm_argument()
{
	case $1:$2 in
	*:--directory | *:--data) _aipm_files -d ;;
	*:--output) _aipm_files -f ;;
	*:--kind) _aipm_offer -W 'backup partial pre-restore' ;;
	*:--level) _aipm_offer -W '1 2 3 4 5 6 7 8 9' ;;
	*:--jobs) _aipm_offer -W '1 2 4 8 16' ;;
	*:--timeout) _aipm_offer -W '30 60 120 300' ;;
	*:--keep-last) _aipm_offer -W '3 10 30' ;;
	*:--exclude | *:--as | *:--name) ;;
	*) return 1 ;;
	esac
}

# Where the command of aipm-stop stands, or nothing.
_aipm_command_at()
{
	local i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) echo $((i + 1)) && return ;;
		-C | -t) ((i++)) ;;
		--directory | --data | --timeout)
			((i++))
			[ "${COMP_WORDS[i]}" != = ] || ((i++))
			;;
		-*) ;;
		*) echo "$i" && return ;;
		esac
	done
}

_aipm_command()
{
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif [ "$COMP_CWORD" -eq "$1" ]; then
		_aipm_offer -c
	else
		_aipm_files -f
	fi
}

_aipm_operand()
{
	case $1 in
	aipm-stop) _aipm_offer -c ;;
	aipm-pack | aipm-prune) _aipm_files -d ;;
	aipm-restore) _aipm_backups ;;
	aipm-unpack | aipm-ls) _aipm_archives ;;
	esac
}

_aipm()
{
	local program=${1##*/} cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]} at i

	COMPREPLY=()
	if [ "$program" = aipm-stop ]; then
		at=$(_aipm_command_at)
		if [ -n "$at" ]; then
			_aipm_command "$at"
			return
		fi
	fi
	# "--level=3" comes as the three words --level, = and 3.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	_aipm_argument "$program" "$(_aipm_long_of "$program" "$prev")" &&
	    return
	case $cur in
	-*)
		_aipm_offer -W "$(_aipm_longs "$program")"
		case ${COMPREPLY[*]} in
		*=) compopt -o nospace 2>/dev/null ;;
		esac
		;;
	*) _aipm_operand "$program" ;;
	esac
}

complete -F _aipm aipm-stop aipm-pack aipm-unpack aipm-prune aipm-ls \
    aipm-backup aipm-restore
