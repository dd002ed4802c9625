#!/bin/sh
# probe.sh: which libraries are here?  Prints make variables; names the
# package for each library that is missing.  Called by GNUmakefile.
set -u
: "${CC:=cc}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
missing=
cflags=
libs=

engines=

# compiles HEADER EXPRESSION FLAGS...: does a program using it link?
compiles()
{
	printf '#include <stddef.h>\n#include <sys/types.h>\n#include <%s>\nint main(void) { return (%s) == 0; }\n' \
	    "$1" "$2" >"$tmp/t.c"
	shift 2
	$CC -o "$tmp/t" "$tmp/t.c" "$@" 2>"$tmp/log"
}

# have PKGCONFIG HEADER SYMBOL LINKFLAG: its flags are taken if it is there.
have()
{
	c=$(pkg-config --cflags "$1" 2>/dev/null) || c=
	l=$(pkg-config --libs "$1" 2>/dev/null) || l=$4
	# shellcheck disable=SC2086 # flags are words
	compiles "$2" "$3" $c $l || return
	cflags="$cflags $c"
	libs="$libs $l"
}

# need NAME PKGCONFIG HEADER SYMBOL LINKFLAG DEBIAN FEDORA
need()
{
	have "$2" "$3" "$4" "$5" && return
	missing="$missing $1"
	echo "probe: $1 is missing: install $6 (Debian, Ubuntu) or $7 (Fedora)" >&2
}

# engine NAME NEED'S-ARGUMENTS: what does zlib's work faster.  One that CODECS
# names has to be there.
engine()
{
	name=$1
	shift
	case " ${CODECS:-$name} " in
	*" $name "*) ;;
	*) return ;;
	esac
	if have "$2" "$3" "$4" "$5"; then
		engines="$engines $name"
	elif [ -n "${CODECS:-}" ]; then
		need "$@"
	else
		echo "probe: slower without $1: install $6 (Debian, Ubuntu) or $7 (Fedora)" >&2
	fi
}

for e in ${CODECS:-}; do
	case $e in
	isal | libdeflate | ipsec-mb | zlib) ;;
	*)
		echo "probe: CODECS: '$e' is none of isal, libdeflate, ipsec-mb, zlib" >&2
		exit 1
		;;
	esac
done

echo 'int main(void) { return 0; }' >"$tmp/t.c"
if ! $CC -o "$tmp/t" "$tmp/t.c" 2>"$tmp/log"; then
	echo "probe: the C compiler '$CC' does not work: install gcc or clang" >&2
	exit 1
fi

# The fastest first.
engine isal ISA-L libisal isa-l.h '(void *)isal_deflate_stateless' -lisal \
    libisal-dev isa-l-devel
engine libdeflate libdeflate libdeflate libdeflate.h \
    '(void *)libdeflate_crc32' -ldeflate libdeflate-dev libdeflate-devel
# SHA-256 of many messages at a time; for x86-64 only.
case $(uname -m) in
x86_64 | amd64)
	engine ipsec-mb IPSec-MB libipsec-mb intel-ipsec-mb.h \
	    '(void *)imb_get_errno' -lIPSec_MB libipsec-mb-dev \
	    intel-ipsec-mb-devel
	;;
esac
case $engines in
*' ipsec-mb')
	engines=${engines% ipsec-mb}
	cflags="$cflags -DAIPM_HAVE_IPSEC_MB"
	;;
esac
need zlib zlib zlib.h '(void *)inflate' -lz zlib1g-dev zlib-devel
need libcrypto libcrypto openssl/evp.h '(void *)EVP_sha256' -lcrypto \
    libssl-dev openssl-devel
[ -z "$missing" ] || exit 1

codec=builtin
if [ "${USTAR:-}" != builtin ] &&
    compiles libtar.h '(void *)th_crc_calc' -ltar; then
	codec=libtar
	libs="-ltar $libs"
elif [ "${USTAR:-}" = libtar ]; then
	echo 'probe: libtar is missing: install libtar-dev (Debian 12), or build with USTAR=builtin' >&2
	exit 1
fi

echo "CODEC_ENGINES =$engines zlib"
echo "USTAR_CODEC = $codec"
echo "DEP_CFLAGS =$cflags"
echo "DEP_LIBS =$libs"
