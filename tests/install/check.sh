#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs acap into a scratch prefix, moves the prefix, and builds and runs programs against it in every way that README.md offers.
#   check.sh STEP         prefix first; then the others, in any order
# Told by CTest: ACAP_SOURCE, ACAP_BUILD, ACAP_SCRATCH (directories), ACAP_LIBDIR (below a prefix), ACAP_VERSION, ACAP_SOVERSION,
# ACAP_PORTAUDIO (ON or OFF), ACAP_FLAGS (what every program needs that links this build), CC, CXX, CMAKE.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
moved=$ACAP_SCRATCH/moved              # installed elsewhere, then moved here
only_static=$ACAP_SCRATCH/only-static  # the same without what belongs to the shared library
work=$ACAP_SCRATCH/$1
strict="-Wall -Wextra -Wpedantic -Werror"

die() {
    echo "check.sh: $*" >&2
    exit 1
}

# from PREFIX PKG_CONFIG_ARGUMENT...: what acap.pc there says; PortAudio's own file is found where it always is
from() {
    prefix=$1
    shift
    PKG_CONFIG_PATH="$prefix/$ACAP_LIBDIR/pkgconfig" pkg-config "$@" acap
}

# is_linked PROGRAM yes|no: does it load libacap.so?
is_linked() {
    if readelf --dynamic "$1" | grep -q "NEEDED.*\[libacap\.so\.$ACAP_SOVERSION\]"; then linked=yes; else linked=no; fi
    [ "$linked" = "$2" ] || die "$1 loads libacap.so: $linked, expected: $2"
}

# compile c|cpp PREFIX PROGRAM PKG_CONFIG_ARGUMENT...
compile() {
    language=$1 prefix=$2 program=$3
    shift 3
    case $language in
    c) compiler="$CC -std=c11" ;;
    cpp) compiler="$CXX -std=c++17" ;;
    esac
    # shellcheck disable=SC2086,SC2046
    $compiler $strict $ACAP_FLAGS $(from "$prefix" --cflags) "$here/consumer/consumer.$language" -o "$program" $(from "$prefix" "$@" --libs)
}

same_lists() {
    diff "$1" "$2" || die "the installed files are not the expected ones (<: expected, >: there)"
}

step_prefix() {
    rm -rf "$ACAP_SCRATCH"
    mkdir -p "$ACAP_SCRATCH"
    "$CMAKE" --install "$ACAP_BUILD" --prefix "$ACAP_SCRATCH/first" > "$ACAP_SCRATCH/log"
    mv "$ACAP_SCRATCH/first" "$moved"

    printf '%s\n' include/acap/acap.h include/acap/acap.hpp include/acap/version.h "$ACAP_LIBDIR/libacap.a" "$ACAP_LIBDIR/libacap.so" \
        "$ACAP_LIBDIR/libacap.so.$ACAP_SOVERSION" "$ACAP_LIBDIR/libacap.so.$ACAP_VERSION" "$ACAP_LIBDIR/pkgconfig/acap.pc" \
        "$ACAP_LIBDIR/cmake/acap/acap-config.cmake" "$ACAP_LIBDIR/cmake/acap/acap-config-version.cmake" \
        | LC_ALL=C sort > "$ACAP_SCRATCH/expected"
    # The targets files are CMake's own affair; programs and documents come and go.
    (cd "$moved" && find . ! -type d) | sed 's|^\./||' | grep -v -e '-targets' -e '^bin/' -e '^share/' | LC_ALL=C sort \
        > "$ACAP_SCRATCH/there"
    same_lists "$ACAP_SCRATCH/expected" "$ACAP_SCRATCH/there"

    [ -L "$moved/$ACAP_LIBDIR/libacap.so" ] || die "libacap.so is no link"
    [ "$(readlink -f "$moved/$ACAP_LIBDIR/libacap.so")" = "$(readlink -f "$moved/$ACAP_LIBDIR/libacap.so.$ACAP_VERSION")" ] \
        || die "libacap.so leads elsewhere"
    readelf --dynamic "$moved/$ACAP_LIBDIR/libacap.so" | grep -q "SONAME.*\[libacap\.so\.$ACAP_SOVERSION\]" || die "wrong soname"
    [ "$(from "$moved" --modversion)" = "$ACAP_VERSION" ] || die "acap.pc has another version"
    # Said by acap itself: PortAudio's own file, which happens to name it too, need not.
    grep -q '^Libs.private:.* -lm' "$moved/$ACAP_LIBDIR/pkgconfig/acap.pc" || die "acap.pc does not say that libacap.a needs libm"
    if grep -rnF -e "$ACAP_SCRATCH" -e "$ACAP_BUILD" -e "$ACAP_SOURCE/" "$moved/$ACAP_LIBDIR/pkgconfig" "$moved/$ACAP_LIBDIR/cmake"; then
        die "what was installed names directories of this build"
    fi

    cp -R "$moved" "$only_static"
    rm "$only_static/$ACAP_LIBDIR"/libacap.so* "$only_static/$ACAP_LIBDIR"/cmake/acap/acap-shared-targets*
}

step_pkg_config_shared() {
    for language in c cpp; do
        compile "$language" "$moved" "$work/$language"
        is_linked "$work/$language" yes
        LD_LIBRARY_PATH="$moved/$ACAP_LIBDIR" "$work/$language"
    done
    # A program that only uses acap need not link what acap uses.
    if from "$moved" --libs | grep -e -lportaudio; then
        die "pkg-config --libs names PortAudio"
    fi
}

step_pkg_config_static() {
    for language in c cpp; do
        compile "$language" "$only_static" "$work/$language" --static
        is_linked "$work/$language" no
        "$work/$language"
        compile "$language" "$moved" "$work/$language.both" --static
        LD_LIBRARY_PATH="$moved/$ACAP_LIBDIR" "$work/$language.both"
    done
}

# configure PREFIX NAME CMAKE_ARGUMENT...
configure() {
    prefix=$1 name=$2
    shift 2
    "$CMAKE" -S "$here/consumer" -B "$work/$name" -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCONSUMER_FLAGS="$ACAP_FLAGS" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF "$@" > "$work/$name.log" 2>&1
}

# build_and_run NAME TARGET...: both languages' programs of each target
build_and_run() {
    name=$1
    shift
    "$CMAKE" --build "$work/$name" >> "$work/$name.log" 2>&1 || {
        cat "$work/$name.log"
        die "$name does not build"
    }
    for target in "$@"; do
        for language in c cpp; do
            program=$work/$name/consumer_${target}_$language
            case $target in
            acap) is_linked "$program" yes ;;
            static) is_linked "$program" no ;;
            esac
            "$program"
        done
    done
}

expect_configured() {
    configure "$@" || {
        cat "$work/$2.log"
        die "$2 cannot be configured"
    }
}

# expect_refused REASON PREFIX NAME CMAKE_ARGUMENT...
expect_refused() {
    reason=$1
    shift
    if configure "$@"; then
        die "$2 should have been refused"
    fi
    tr -s ' \n' '  ' < "$work/$2.log" | grep -q "$reason" || {
        cat "$work/$2.log"
        die "$2 was refused for another reason than: $reason"
    }
}

step_find_package() {
    expect_configured "$moved" all -DCONSUMER_TARGETS="acap;static" -DCONSUMER_VERSION="${ACAP_VERSION%.*}"
    build_and_run all acap static
    expect_configured "$moved" shared -DCONSUMER_COMPONENTS=shared -DCONSUMER_TARGETS=acap -DCONSUMER_ABSENT=static
    expect_configured "$only_static" whatever -DCONSUMER_TARGETS=static -DCONSUMER_ABSENT=acap
    expect_configured "$only_static" static -DCONSUMER_COMPONENTS=static -DCONSUMER_TARGETS=static -DCONSUMER_ABSENT=acap
    build_and_run static static
}

step_find_package_refusals() {
    expect_refused 'compatible with requested version "99.0"' "$moved" newer -DCONSUMER_VERSION=99.0
    expect_refused 'compatible with requested version "0.0"' "$moved" older -DCONSUMER_VERSION=0.0
    expect_refused 'the fancy library: it was not installed' "$moved" unheard -DCONSUMER_COMPONENTS=fancy
    [ "$ACAP_PORTAUDIO" = ON ] || return 0
    # Without PortAudio's files only the shared library can be linked.
    export PKG_CONFIG_LIBDIR="$work"
    expect_refused 'component static lacks PortAudio' "$moved" lacking -DCONSUMER_COMPONENTS=static
    expect_refused 'component static lacks PortAudio' "$only_static" nothing
    expect_configured "$moved" without -DCONSUMER_TARGETS=acap -DCONSUMER_ABSENT=static
    unset PKG_CONFIG_LIBDIR
    build_and_run without acap
}

step_add_subdirectory() {
    expect_configured / part -DACAP_SOURCE="$ACAP_SOURCE" -DACAP_WITH_PORTAUDIO="$ACAP_PORTAUDIO" -DACAP_WERROR=ON \
        -DCONSUMER_TARGETS="acap;static"
    build_and_run part acap static
    # A guest brings nothing along: no tests, no examples, nothing of its own into the host's prefix.
    "$CMAKE" --install "$work/part" --prefix "$work/prefix" >> "$work/part.log"
    (cd "$work/prefix" && find . -type f) > "$work/there"
    [ "$(cat "$work/there")" = ./share/consumer/consumer.c ] || {
        cat "$work/there"
        die "acap installs itself with a project that contains it"
    }
}

# lists_simulated_devices PROGRAM: acap-devices does, in an environment that says nothing of libraries
lists_simulated_devices() {
    env -u LD_LIBRARY_PATH -u ACAP_DEVICE ACAP_BACKEND=sim "$1" > "$work/devices" || die "$1 does not run"
    grep -q 'sim:counter' "$work/devices" || die "$1 does not list sim:counter"
}

# The programs that are installed run where they were moved to; their source is a project of its own, to be copied.
step_examples() {
    lists_simulated_devices "$moved/bin/acap-devices"
    [ -x "$moved/bin/acap-record" ] || die "acap-record is not installed"
    cp -R "$ACAP_SOURCE/examples/c" "$work/copy"
    # shellcheck disable=SC2086
    "$CMAKE" -S "$work/copy" -B "$work/build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_PREFIX_PATH="$moved" \
        -DCMAKE_C_FLAGS="$strict $ACAP_FLAGS" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF > "$work/log" 2>&1 \
        && "$CMAKE" --build "$work/build" >> "$work/log" 2>&1 || {
        cat "$work/log"
        die "a copy of examples/c cannot be built against an installed acap"
    }
    is_linked "$work/build/acap-devices" yes
    lists_simulated_devices "$work/build/acap-devices"
}

# The first block of C in README.md that is a whole program, as a reader would copy it.
step_readme() {
    awk '/^```c$/ { inside = 1; text = ""; next }
         /^```/ && inside { inside = 0; if (text ~ /int main/) { printf "%s", text; exit } }
         inside { text = text $0 "\n" }' "$ACAP_SOURCE/README.md" > "$work/program.c"
    [ -s "$work/program.c" ] || die "README.md has no complete C program"
    # shellcheck disable=SC2046,SC2086
    "$CC" -std=c11 $strict $ACAP_FLAGS $(from "$moved" --cflags) "$work/program.c" -o "$work/program" $(from "$moved" --libs)
    env -u ACAP_DEVICE ACAP_BACKEND=sim LD_LIBRARY_PATH="$moved/$ACAP_LIBDIR" "$work/program" > "$work/printed"
    [ -s "$work/printed" ] || die "README.md's program prints nothing"
    echo "README.md's program printed $(wc -l < "$work/printed") lines, the last: $(tail -n 1 "$work/printed")"
}

case $1 in
prefix) step_prefix ;;
pkg_config_shared | pkg_config_static | find_package | find_package_refusals | add_subdirectory | examples | readme)
    [ -d "$moved" ] || die "run the step \"prefix\" first"
    rm -rf "$work"
    mkdir -p "$work"
    "step_$1"
    ;;
*) die "unknown step \"$1\"" ;;
esac
