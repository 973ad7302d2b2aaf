#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles acap for Windows, without a warning, and links somebody else's program with what was installed. Runs none of it.
#   cross_windows.sh DIRECTORY     a scratch directory for everything that is built
# CMAKE and ACAP_WINDOWS_CC may name other programs than cmake and Debian's compiler (package gcc-mingw-w64-x86-64).
# 77: there is no such compiler.
set -eu

[ $# -eq 1 ] || {
    echo "usage: cross_windows.sh DIRECTORY" >&2
    exit 2
}
source=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
cmake=${CMAKE:-cmake}
cc=${ACAP_WINDOWS_CC:-x86_64-w64-mingw32-gcc}
prefix=$work/prefix

command -v "$cc" > /dev/null || {
    echo "skipped: there is no $cc (Debian: gcc-mingw-w64-x86-64)"
    exit 77
}
objdump=$("$cc" -print-prog-name=objdump)

die() {
    echo "cross_windows.sh: $*" >&2
    exit 1
}

# loud COMMAND...: what it says is shown if it fails, and a warning of a linker is a failure
loud() {
    "$@" > "$work/log" 2>&1 && ! grep -q 'warning:' "$work/log" || {
        cat "$work/log"
        die "failed, or not without a warning: $*"
    }
}

build() {
    rm -rf "$work/build" "$prefix"
    loud "$cmake" -S "$source" -B "$work/build" -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64 -DCMAKE_C_COMPILER="$cc" \
        -DCMAKE_BUILD_TYPE="$1" -DACAP_WERROR=ON -DACAP_WITH_PORTAUDIO=OFF -DACAP_BUILD_EXAMPLES=OFF -DACAP_BUILD_TESTS=OFF
    loud "$cmake" --build "$work/build" -j2
    loud "$cmake" --install "$work/build" --prefix "$prefix"
}

# What the DLL exports is what acap.map says, and it needs nothing beside it that Windows does not bring along.
check_dll() {
    dll=$prefix/bin/libacap.dll
    "$objdump" -p "$dll" > "$work/headers"
    sed -n 's/^ *\(acap_[a-z_]*\);$/\1/p' "$source/src/acap.map" | LC_ALL=C sort > "$work/expected"
    awk '/^\[Ordinal\/Name Pointer\] Table/ { inside = 1; next } inside && NF == 0 { exit } inside { print $NF }' "$work/headers" \
        | LC_ALL=C sort > "$work/exported"
    [ -s "$work/expected" ] || die "acap.map names nothing"
    diff "$work/expected" "$work/exported" || die "the DLL exports other names than acap.map (<: expected, >: there)"
    foreign=$(sed -n 's/^.*DLL Name: //p' "$work/headers" | grep -v -i -e '^kernel32\.dll$' -e '^msvcrt\.dll$' -e '^api-ms-win-' || :)
    [ -z "$foreign" ] || die "the DLL needs $foreign"
}

# link NAME ARGUMENT...
link() {
    program=$work/$1.exe
    shift
    loud "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$prefix/include" "$source/tests/install/consumer/consumer.c" -o "$program" "$@"
    "$objdump" -p "$program" | grep -q 'DLL Name: libacap\.dll' && is_shared=yes || is_shared=no
}

build Debug
build RelWithDebInfo
check_dll
link shared "$prefix/lib/libacap.dll.a"
[ $is_shared = yes ] || die "the program does not load libacap.dll"
link static -DACAP_STATIC "$prefix/lib/libacap.a" -lsynchronization
[ $is_shared = no ] || die "the program loads libacap.dll"
echo "compiled for Windows with $cc: $(wc -l < "$work/exported") functions in the DLL; nothing of it was run"
