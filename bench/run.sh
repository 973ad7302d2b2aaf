#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the benchmarks (Release) and runs them all, one after the other; writes one Markdown table to stdout.
# Usage: bench/run.sh [build directory]      without one, builds in a directory of its own and removes it.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -ge 1 ]; then
    build=$1
else
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
fi

{
    cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DACAP_BUILD_BENCH=ON -DACAP_BUILD_EXAMPLES=OFF -DACAP_WITH_PORTAUDIO=OFF
    cmake --build "$build" --parallel 2
} >&2

# The first one writes the machine line and the head of the table.
head=
for name in pool_bench copy_bench fanout_bench callback_bench steady_bench pool_geometry_bench; do
    "$build/bench/$name" $head
    head=--rows
done
"$source/bench/instructions.sh" "$build/bench/callback_bench"
"$source/bench/syscalls.sh" "$build/bench/steady_bench"
if [ -x "$build/bench/convert_bench" ]; then
    echo
    echo '```text'
    "$build/bench/convert_bench"
    echo '```'
fi
