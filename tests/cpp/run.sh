#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests acap.hpp against an installed acap: GoogleTest by GCC (C++17, and under valgrind), by Clang (C++20), and by GCC with
# AddressSanitizer and UndefinedBehaviorSanitizer (C++23); the header's warnings; the programs and the README's examples.
#   tests/cpp/run.sh PREFIX [DIRECTORY]     PREFIX has include/acap and lib; what is built goes into DIRECTORY
# Exits 77, after saying why, where there is no C++ compiler that knows C++17.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
tests=$top/tests/cpp
examples=$top/examples/cpp

skip() {
    echo "skipped: $1"
    exit 77
}

fail() {
    echo "FAILED: $1" >&2
    wait # for tests that run in the background
    exit 1
}

[ $# -ge 1 ] || fail "usage: run.sh PREFIX [DIRECTORY]"
prefix=$(cd "$1" && pwd)
if [ $# -ge 2 ]; then
    mkdir -p "$2"
    work=$(cd "$2" && pwd)
else
    work=$(mktemp -d "${TMPDIR:-/tmp}/acap-cpp.XXXXXX")
    trap 'rm -rf "$work"' EXIT
fi

. "$top/tests/packages.sh"
install_packages g++ clang cmake ninja-build pkg-config libgtest-dev valgrind
command -v g++ > /dev/null || skip "there is no g++"
echo 'int main() { if (int x = 0; x) return x; }' > "$work/probe.cpp"
g++ -std=c++17 -fsyntax-only "$work/probe.cpp" 2> /dev/null || skip "g++ does not know C++17"

library=$(find "$prefix"/lib* -name 'libacap.so.0' -o -name 'libacap.0.dylib' | head -n 1)
[ -n "$library" ] || fail "there is no shared acap library under $prefix"
pkg_config_file=$(find "$prefix"/lib* -name acap.pc | head -n 1)
export LD_LIBRARY_PATH="$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PKG_CONFIG_PATH="$(dirname "$pkg_config_file")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export ACAP_INCLUDE_DIR="$prefix/include"
unset ACAP_DEVICE ACAP_BACKEND

strict="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Wundef -Weffc++ -Werror"

# Every dialect, with every warning, on a program that uses the header.
check_warnings() {
    for compiler in g++ clang++; do
        for dialect in c++17 c++20 c++2b; do
            # shellcheck disable=SC2086
            "$compiler" -std=$dialect $strict -I"$prefix/include" -fsyntax-only "$tests/warnings.cpp" ||
                fail "$compiler -std=$dialect finds fault with acap.hpp"
        done
    done
    if echo '#include <acap/acap.hpp>' | g++ -std=c++17 -fno-exceptions -I"$prefix/include" -x c++ -fsyntax-only - 2> "$work/errors"; then
        fail "acap.hpp compiles without exceptions, which it does not support"
    fi
    grep -q 'without them use acap.h' "$work/errors" || fail "without exceptions acap.hpp does not say what to do"
}

# build NAME COMPILER DIALECT FLAGS
build() {
    if cmake -S "$tests" -B "$work/$1" -G Ninja -DCMAKE_CXX_COMPILER="$2" -DCMAKE_CXX_STANDARD="$3" -DCMAKE_CXX_FLAGS="$4" \
        -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF -DACAP_EXAMPLES_DIR="$examples" > "$work/$1.log" 2>&1 &&
        cmake --build "$work/$1" -j 2 >> "$work/$1.log" 2>&1; then
        return 0
    fi
    cat "$work/$1.log" >&2
    fail "the tests cannot be built by $2 -std=c++$3 $4"
}

# start NAME FILTER: in the background, since some tests wait for a device in real time
start() {
    mkdir -p "$work/$1/programs"
    cp "$work/$1/held_at_exit" "$work/$1/examples/list_devices" "$work/$1/examples/record" "$work/$1/examples/fan_out" "$work/$1/programs/"
    ACAP_CPP_PROGRAMS="$work/$1/programs" "$work/$1/acap_cpp_tests" --gtest_brief=1 --gtest_filter="$2" \
        < /dev/null > "$work/$1.out" 2>&1 &
}

# finish PID NAME TITLE: GoogleTest's own words
finish() {
    wait "$1" || status=1
    echo "acap.hpp, $3:"
    cat "$work/$2.out"
}

# Each ```cpp block of the README is a whole program, which prints something without a sound card.
check_readme() {
    rm -rf "$work/readme"
    mkdir "$work/readme"
    awk -v out="$work/readme/" '/^```cpp$/ { inside = 1; count++; file = out count ".cpp"; next }
        /^```/ { inside = 0 }
        inside { print > file }' "$examples/README.md"
    for program in "$work"/readme/*.cpp; do
        # shellcheck disable=SC2046
        g++ -std=c++17 -Wall -Wextra -Werror "$program" -o "${program%.cpp}" $(pkg-config --cflags --libs acap) -pthread ||
            fail "the README's example $(basename "$program") cannot be built"
        ACAP_BACKEND=sim "${program%.cpp}" > "${program%.cpp}.out" < /dev/null || fail "the README's example $(basename "$program") fails"
        [ -s "${program%.cpp}.out" ] || fail "the README's example $(basename "$program") prints nothing"
    done
    echo "README: $(find "$work/readme" -name '*.out' | wc -l) examples run"
}

# A copy of the programs is a project of its own.
check_examples() {
    rm -rf "$work/copy"
    cp -R "$examples" "$work/copy"
    cmake -S "$work/copy" -B "$work/copy/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF \
        > "$work/copy.log" 2>&1 && cmake --build "$work/copy/build" -j 2 >> "$work/copy.log" 2>&1 || {
        cat "$work/copy.log" >&2
        fail "a copy of examples/cpp cannot be built against an installed acap"
    }
    ACAP_BACKEND=sim "$work/copy/build/list_devices" > /dev/null || fail "list_devices does not run"
}

status=0
check_warnings
build gcc g++ 17 ""
start gcc '*'
gcc=$!
build clang clang++ 20 ""
start clang '-*valgrind*' # once is enough
clang=$!
build sanitized g++ 23 "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
start sanitized '-*valgrind*'
sanitized=$!
check_readme
check_examples
finish $gcc gcc "$(g++ --version | head -n 1), C++17"
finish $clang clang "$(clang++ --version | head -n 1), C++20"
finish $sanitized sanitized "GCC with AddressSanitizer and UndefinedBehaviorSanitizer, C++23"
[ "$status" = 0 ] || fail "acap.hpp"
