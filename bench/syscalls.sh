#!/bin/sh
# SPDX-License-Identifier: MIT
# System calls a packet and reader in the steady state, counted by strace between two marks: on the audio thread, which is also the consumer
# where readers never sleep; on the consumers' threads where they do, packets 10 ms apart; and on the library's own threads, which watch the
# stream by the clock.
# Usage: syscalls.sh path/to/steady_bench      prints table rows; without strace says so on stderr and prints none.
set -eu

program=$1
if ! command -v strace >/dev/null 2>&1; then
    echo "strace is not installed: system calls are not counted" >&2
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count() { # asleep|awake readers
    packets=$(strace -f -qq -o "$work/trace" "$program" --system-calls "$1" "$2")
    awk -v packets="$packets" -v readers="$2" -v kind="$1" '
        function row(name, value, goal, is_reached) {
            printf "| system calls, readers that %s: %d | %s | a packet and reader | %.3f | | | | | %d | | ",
                   kind == "asleep" ? "sleep" : "never sleep", readers, name, value, packets
            print goal == "" ? "|" : "goal: " goal ", reached: " (is_reached ? "yes" : "no") " |"
        }
        /resumed>/ { next }
        /"consumer"/ { is_consumer[$1] = 1; next }
        /steady state begins/ { producer = $1; inside = 1; next }
        /steady state ends/ { inside = 0 }
        inside && $1 == producer { produced++; next }
        inside && is_consumer[$1] { consumed++; next }
        inside { own++ }
        END {
            if (producer == "") { print "broken: no mark in the trace" > "/dev/stderr"; exit 1 }
            share = packets * readers
            if (kind == "asleep") {
                row("on the audio thread", produced / share, "<= 1", produced <= share)
                row("on the consumers", consumed / share, "<= 1", consumed <= share)
            } else {
                row("on the audio thread, which also consumes", produced / share, "0", produced == 0)
            }
            row("on the library\047s own threads", own / share, "")
        }' "$work/trace"
}

count awake 1
count awake 8
count asleep 1
count asleep 8
