#!/bin/sh
# SPDX-License-Identifier: MIT
# All of acap's tests on a bare Debian 12, as root or with sudo: installs what they need, builds three times and runs everything.
#   tests/run.sh [plain|asan|tsan]...     all three by default
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${ACAP_BUILD_DIR:-$top/build}
[ $# -gt 0 ] || set -- plain asan tsan

. "$top/tests/packages.sh"
install_packages cmake ninja-build gcc g++ libc6-dev pkg-config git python3 clang libclang-rt-14-dev clang-22 libclang-rt-22-dev \
    portaudio19-dev libasound2-dev libasound2-plugins alsa-utils pulseaudio pulseaudio-utils jackd2 libjack-jackd2-dev \
    libsndfile1-dev libcmocka-dev relacy-dev gcc-mingw-w64-x86-64 doxygen graphviz valgrind util-linux binutils procps libavutil-dev strace
# For the bindings, all at once: their tests run side by side, and only one of them could call the package manager. A machine's own toolchains
# come first. Debian 12 has no Go that is new enough.
languages="libgtest-dev python3-venv"
command -v node > /dev/null || languages="$languages nodejs npm libnode-dev"
command -v cargo > /dev/null || languages="$languages cargo-web rustfmt-web"
# shellcheck disable=SC2086
install_packages $languages

# configure NAME CMAKE_ARGUMENT...
configure() {
    name=$1
    shift
    cmake -S "$top" -B "$build/$name" -G Ninja -DACAP_BUILD_TESTS=ON -DACAP_WERROR=ON "$@"
    cmake --build "$build/$name"
}

# CTest keeps the output of what passes to itself: what was left out and why, and how the languages' own runners closed.
tell() {
    log=$build/$1/Testing/Temporary/LastTest.log
    [ -f "$log" ] || return 0
    grep -E '^(skipped|not run|left out): ' "$log" | sort -u || :
    grep -E '^[0-9]+ passed.* in |^\[  PASSED  \] [0-9]+ tests?\.|^(ℹ|#) (pass|fail|skipped) [0-9]+$|binding: passed|: passed with ' "$log" || :
}

failed=
# check NAME CTEST_ARGUMENT...
check() {
    name=$1
    shift
    echo "== $name"
    (cd "$build/$name" && setarch "$(uname -m)" -R ctest -j2 --output-on-failure --no-tests=error "$@") || failed="$failed $name"
    tell "$name"
}

for part in "$@"; do
    case $part in
    plain)
        configure plain -DCMAKE_BUILD_TYPE=RelWithDebInfo -DACAP_BUILD_BENCH=ON
        check plain
        ;;
    asan)
        configure asan -DCMAKE_BUILD_TYPE=Debug -DACAP_DEBUG_CHECKS=ON -DACAP_SANITIZE=address,undefined
        check asan -LE 'once' -E 'recovery|yardsticks'
        ;;
    tsan)
        # libportaudio is not instrumented: the device tests stay with the other two builds.
        configure tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DACAP_DEBUG_CHECKS=ON -DACAP_SANITIZE=thread
        check tsan -LE 'once|device'
        ;;
    *)
        echo "run.sh: unknown part \"$part\": plain, asan or tsan" >&2
        exit 2
        ;;
    esac
done
[ -z "$failed" ] || {
    echo "Failed:$failed" >&2
    exit 1
}
