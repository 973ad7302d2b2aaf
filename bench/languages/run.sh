#!/bin/sh
# SPDX-License-Identifier: MIT
# What a packet costs in each language, through acap and through the libraries that its programs usually capture with: prints one
# Markdown table. Linux, half an hour at most; docs/benchmarks-languages.md says how it is measured and what the figures say.
#   bench/languages/run.sh [DIRECTORY]      what is built and downloaded goes into DIRECTORY, and stays for the next time
# ACAP_PREFIX: an installed acap; without it the library is built. ACAP_BENCH_ROUNDS: 3. PYTHON, CARGO, GO, NODE choose the commands.
# Each program has the same modes: cost (virtual time), and card WAY PACKETS PAUSE_MS (on tests/device's virtual sound card).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
rounds=${ACAP_BENCH_ROUNDS:-3}
python=${PYTHON:-python3} cargo=${CARGO:-cargo} go=${GO:-go} node=${NODE:-node}
timed_packets=300 pause_ms=2000 # a run on the card: 50 packets, then these, then the pause, then 100 more
count_from=100 count_to=400     # counts are the difference of two runs, which start and end in the same way

if [ $# -ge 1 ]; then
    mkdir -p "$1"
    work=$(cd "$1" && pwd)
else
    work=$(mktemp -d "${TMPDIR:-/tmp}/acap-languages.XXXXXX")
    trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
fi
case $work in
*[[:space:]:]*)
    echo "ALSA and the loader take no path with a space or a colon: $work" >&2
    exit 1
    ;;
esac
: > "$work/left_out"
: > "$work/results"
: > "$work/versions"
unset ACAP_DEVICE ACAP_BACKEND PYTHONPATH PYTHONHOME NODE_OPTIONS NODE_PATH RUSTFLAGS

. "$here/build.sh"

# ---- Measuring ----

cd "$work" # where naudiodon would leave its crash.log

# PortAudio needs a default card, which is also the one that cpal opens.
cat > "$work/asound.conf" << END
pcm_type.acapcard { lib "$work/card.so" }
pcm.acap_bench_card { type acapcard channels 2 rates 48000 formats "FLOAT_LE" }
pcm.!default { type acapcard channels 2 rates 48000 formats "FLOAT_LE" }
END
export ALSA_CONFIG_PATH="$work/asound.conf" JACK_NO_START_SERVER=1 JACK_DEFAULT_SERVER=acap_no_such_server

# is_there KEY: whether it was built
is_there() {
    case $1 in
    c:* | cpp:*) true ;;
    python:view | python:array | python:copy) [ -n "$has_python" ] ;;
    python:*) [ -n "$has_sounddevice" ] ;;
    rust:*) [ -n "$has_rust" ] ;;
    cpal:*) [ -n "$has_cpal" ] ;;
    go:*) [ -n "$has_go" ] ;;
    goportaudio:*) [ -n "$has_goportaudio" ] ;;
    node:stream) [ -n "$has_naudiodon" ] ;;
    node:*) [ -n "$has_node" ] ;;
    esac
}

# measure KEY ARGUMENT...: within a minute; the figures are in $work/figures. do_count: what it allocates and copies is in $work/counts,
# and neither Python's own allocator nor a collection in Node.js hides anything.
measure() {
    key=$1
    shift
    case $key in
    c:*) set -- "$work/c_bench" "$@" ;;
    cpp:*) set -- "$work/cpp_bench" "$@" ;;
    python:*) set -- "$work/venv/bin/python" "$here/python_bench.py" "$@" ;;
    rust:*) set -- "$work/target/release/acap-bench" "$@" ;;
    cpal:*) set -- "$work/target/release/cpal-bench" "$@" ;;
    go:*) set -- "$work/bin/acap_bench" "$@" ;;
    goportaudio:*) set -- "$work/bin/portaudio_bench" "$@" ;;
    node:*) set -- "$node" ${do_count:+--min-semi-space-size=64 --max-semi-space-size=64} "$work/node/node_bench.js" "$@" ;;
    esac
    [ -z "$do_count" ] || set -- env PYTHONMALLOC=malloc "ACAP_BENCH_COUNTS=$work/counts" "LD_PRELOAD=$work/count.so" "$@"
    timeout 60 "$@" > "$work/figures" 2> "$work/errors" < /dev/null || {
        cat "$work/figures" "$work/errors" >&2
        left_out "a run of $key, which failed"
        return 1
    }
}

# virtual_time ROUND: every language in turn, so that what disturbs the machine meets all of them
virtual_time() {
    do_count=
    for key in c:view cpp:view python:view rust:view go:view node:view; do
        if is_there "$key" && measure "$key" cost; then
            sed -n "s/^ns \([a-z]*\) \([0-9.]*\)$/$1 ${key%:*}:\1 ns \2/p" "$work/figures" >> "$work/results"
        fi
    done
}

keys=$(sed -n 's/^\([a-z]*:[a-z]*\)|.*/\1/p' "$here/rows.txt")

# on_card ROUND
on_card() {
    do_count=
    for key in $keys; do
        is_there "$key" && measure "$key" card "${key#*:}" $timed_packets $pause_ms || continue
        # naudiodon tells in words, on standard output
        [ "$key" != node:stream ] || echo "flags $(grep -c 'input overflow' "$work/figures" || true)" >> "$work/figures"
        sed -n "/^heap_bytes\|^objects/d; s/^\([a-z_]*\) \(-\{0,1\}[0-9.]*\)$/$1 $key \1 \2/p" "$work/figures" >> "$work/results"
    done
}

# counted KEY PACKETS: allocations and bytes, into $counts
counted() {
    measure "$1" card "${1#*:}" "$2" 0 || return 1
    counts=$(od -A n -t d8 -w16 -N 16 "$work/counts")
}

counts_of_each() {
    do_count=yes
    for key in $keys; do
        is_there "$key" && counted "$key" $count_from || continue
        before=$counts
        counted "$key" $count_to || continue
        echo "$before $counts" | awk -v key="$key" -v packets=$((count_to - count_from)) \
            '{ print 0, key, "allocations", ($3 - $1) / packets; print 0, key, "copied_bytes", ($4 - $2) / packets }' >> "$work/results"
        sed -n "s/^\(heap_bytes\|objects\) \([0-9.]*\)$/0 $key \1 \2/p" "$work/figures" >> "$work/results"
    done
}

say "counting"
counts_of_each
round=1
while [ "$round" -le "$rounds" ]; do
    say "round $round of $rounds"
    virtual_time "$round"
    on_card "$round"
    round=$((round + 1))
done

echo "Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, $(uname -sm), $rounds rounds"
echo
sed 's/^/- /' "$work/versions"
echo
awk -v rows="$here/rows.txt" -f "$here/table.awk" "$here/rows.txt" "$work/results"
if [ -s "$work/left_out" ]; then
    echo
    sort -u "$work/left_out" | sed 's/^/- /'
fi
