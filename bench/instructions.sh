#!/bin/sh
# SPDX-License-Identifier: MIT
# Instructions of one audio callback of 3,840 bytes, counted by callgrind: exact and repeatable on one machine and build.
# Usage: instructions.sh path/to/callback_bench      prints table rows; without valgrind says so on stderr and prints none.
set -eu

program=$1
calls=2000
if ! command -v valgrind >/dev/null 2>&1; then
    echo "valgrind is not installed: instructions are not counted" >&2
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count() { # name function readers
    valgrind -q --tool=callgrind --collect-atstart=no --toggle-collect="$2" --callgrind-out-file="$work/out" \
        "$program" --instructions "$3" "$calls" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
    awk -v name="$1" -v calls="$calls" '
        /^(totals|summary):/ { total = $2 }
        END {
            if (total + 0 == 0) { print "broken: callgrind counted nothing" > "/dev/stderr"; exit 1 }
            printf "| callback | %s | instructions a call | %.0f | | | | | %d | | |\n", name, total / calls, calls
        }' "$work/out"
}

count "bare memcpy of 3,840 bytes" bench_copy 0
count "acap__feed_deliver, no reader" acap__feed_deliver 0
count "acap__feed_deliver, 1 reader" acap__feed_deliver 1
count "acap__feed_deliver, 8 readers" acap__feed_deliver 8
