#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs acap at 100 packets of 3,840 bytes a second, in real time, in every language at once, and judges what came of it.
#   tests/stability.sh 30s|5min|1h [DIRECTORY [c|python|node]...]     all languages that are there by default
# What is built and written goes into DIRECTORY, build/stability by default: figures once a second (CSV), a table and a picture in
# DIRECTORY/stability-DURATION. ACAP_PREFIX names an installed acap; without it the library is built first. PYTHON and NODE choose the
# interpreters. The exit status is not 0 when a program, or its memory, or one packet is not as it has to be: docs/stability.md.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
here=$top/tests/stability

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

usage="usage: stability.sh 30s|5min|1h [DIRECTORY [c|python|node]...]"
[ $# -ge 1 ] || fail "$usage"
duration=$1
case $duration in
*min) seconds=$((${duration%min} * 60)) ;;
*h) seconds=$((${duration%h} * 3600)) ;;
*s) seconds=${duration%s} ;;
esac
case ${seconds:-} in
'' | *[!0-9]*) fail "$usage" ;;
esac
shift
directory=${ACAP_BUILD_DIR:-$top/build}/stability
if [ $# -ge 1 ]; then
    directory=$1
    shift
fi
wanted=${*:-}
mkdir -p "$directory/stability-$duration"
work=$(cd "$directory" && pwd)
out=$work/stability-$duration
rm -f "$out"/*.csv "$out"/*.counts "$out"/*.svg "$out"/*.md

. "$top/tests/packages.sh"
[ "$(uname -s)" = Linux ] || fail "the heap is counted in a way that only Linux has"
install_packages gcc libc6-dev pkg-config python3

build_library() {
    install_packages cmake ninja-build
    {
        cmake -S "$top" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DACAP_BUILD_EXAMPLES=OFF -DACAP_WITH_PORTAUDIO=OFF \
            -DCMAKE_INSTALL_PREFIX="$work/prefix" -DCMAKE_INSTALL_LIBDIR=lib && cmake --build "$work/build" --parallel 2 \
            && cmake --install "$work/build"
    } > "$work/build.log" 2>&1 || {
        cat "$work/build.log" >&2
        fail "the library does not build"
    }
}

if [ -z "${ACAP_PREFIX:-}" ]; then
    build_library
    ACAP_PREFIX=$work/prefix
fi
prefix=$(cd "$ACAP_PREFIX" && pwd)
library=$(find "$prefix"/lib* -name 'libacap.so.0' | head -n 1)
[ -n "$library" ] || fail "there is no shared acap library under $prefix"
library_directory=$(dirname "$library")
unset ACAP_DEVICE ACAP_BACKEND PYTHONPATH PYTHONHOME PYTHONSTARTUP NODE_OPTIONS

strict="-std=c11 -O2 -Wall -Wextra -Wpedantic"
cc=${CC:-cc}
# shellcheck disable=SC2086
$cc $strict -fPIC -shared -fvisibility=hidden "$here/count.c" -o "$work/count.so" -ldl
judge_python=${PYTHON:-python3}
"$judge_python" -B "$here/test_judge.py" 2> "$work/test_judge.log" || {
    cat "$work/test_judge.log" >&2
    fail "the verdict cannot be trusted"
}

# ---- The languages: each says why it cannot take part, or nothing ----

prepare_c() {
    # shellcheck disable=SC2086,SC2046
    $cc $strict -I "$top/tests/support" "$here/run.c" "$top/tests/support/conservation.c" -o "$work/run" \
        $(PKG_CONFIG_PATH="$library_directory/pkgconfig" pkg-config --cflags --libs acap) || fail "the C program does not build"
}

# The interpreter itself: what stands before it on the path may be a script, and the counts would be its.
python=
prepare_python() {
    python=$("$judge_python" -c 'import sys; print(sys.executable)') || fail "there is no Python"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || echo "$python is older than Python 3.11"
}

# Whoever distributes Node puts its headers beside it, but for Debian.
find_node_headers() {
    for root in "$(dirname "$("$node" -p process.execPath)")/.." /usr /usr/local; do
        [ ! -f "$root/include/node/node_api.h" ] || return 0
    done
    install_packages libnode-dev
}

# The package from a copy, since building writes beside the sources.
node=${NODE:-node}
prepare_node() {
    command -v "$node" > /dev/null || {
        echo "there is no $node"
        return 0
    }
    find_node_headers >&2
    rm -rf "$work/node_modules"
    mkdir -p "$work/node_modules/acap"
    (cd "$top/examples/node" && cp -R package.json build.js native lib "$work/node_modules/acap/") || return 1
    (cd "$work/node_modules/acap" && ACAP_PREFIX=$prefix "$node" build.js) > "$work/node.log" 2>&1 || {
        cat "$work/node.log" >&2
        return 1
    }
}

# ---- The runs ----

pids=
names=
end_programs() {
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill $pids 2> /dev/null || true
}
trap end_programs EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# launch NAME [VARIABLE=VALUE]... COMMAND...: only the program itself may be counted, and so env sets what preloads
launch() {
    name=$1
    shift
    env STABILITY_COUNTS="$out/$name.counts" LD_PRELOAD="$work/count.so" \
        LD_LIBRARY_PATH="$library_directory${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@" > "$out/$name.csv" < /dev/null &
    pids="$pids $!"
    names="$names $name"
}

launch_c() {
    launch c "$work/run" "$seconds" "$out/c.counts"
}

launch_python() {
    for variant in zero-copy copying; do
        launch "python-$variant" PYTHONPATH="$top/examples/python/src" PYTHONDONTWRITEBYTECODE=1 ACAP_LIBRARY="$library" \
            "$python" "$here/run.py" "$seconds" "$variant" "$out/python-$variant.counts"
    done
}

launch_node() {
    for variant in zero-copy copying; do
        launch "node-$variant" NODE_PATH="$work/node_modules" \
            "$node" --expose-gc "$here/run.js" "$seconds" "$variant" "$out/node-$variant.counts"
    done
}

languages=
for language in ${wanted:-c python node}; do
    case $language in
    c | python | node) ;;
    *) fail "$usage" ;;
    esac
    why=
    "prepare_$language" > "$work/why" || fail "$language cannot be prepared"
    why=$(cat "$work/why")
    if [ -z "$why" ]; then
        languages="$languages $language"
    else
        echo "left out: $language: $why"
        [ -z "$wanted" ] || fail "$language was asked for"
    fi
done

echo "$duration:$languages, from $(date -u '+%Y-%m-%d %H:%M:%S') UTC on, and 5 s and the warming up before"
for language in $languages; do
    "launch_$language"
done

# The status behind the figures, so that a file tells by itself how its program ended.
files=
for name in $names; do
    pid=${pids# }
    pid=${pid%% *}
    status=0
    wait "$pid" || status=$?
    pids=${pids# }
    pids=${pids#"$pid"}
    echo "# exit $status" >> "$out/$name.csv"
    files="$files $name.csv"
done

status=0
cd "$out"
# shellcheck disable=SC2086
"$judge_python" -B "$here/judge.py" "$seconds" table.md $files || status=1
# shellcheck disable=SC2086
"$judge_python" -B "$here/plot.py" "acap, $duration at 100 packets a second, $(date -u '+%Y-%m-%d')" plot.svg $files
echo "figures, table and picture: $out"
exit "$status"
