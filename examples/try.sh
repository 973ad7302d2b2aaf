#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what acap needs, builds it, and records five seconds: from the default input, or from a simulated device where there is none.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${ACAP_BUILD_DIR:-$top/build}/try
out=${1:-$build/try.wav}

. "$top/tests/packages.sh"
install_packages cmake ninja-build gcc libc6-dev pkg-config portaudio19-dev libsndfile1-dev

mkdir -p "$build"
cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release > "$build/log" 2>&1 && cmake --build "$build" >> "$build/log" 2>&1 || {
    cat "$build/log" >&2
    exit 1
}

if [ -n "${ACAP_DEVICE:-}" ]; then
    echo "Recording five seconds from $ACAP_DEVICE."
elif "$build/examples/c/acap-devices" | grep -q '^\*'; then
    echo "Recording five seconds from the default input."
else
    echo "There is no input device here: recording five seconds from the simulated device sim:sine."
    ACAP_DEVICE=sim:sine
    export ACAP_DEVICE
fi
"$build/examples/c/acap-record" -t 5 "$out"
ls -l "$out"
