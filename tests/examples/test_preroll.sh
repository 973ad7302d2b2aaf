#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: tests of acap-record's pre-roll and of its patience with a device that goes away: what the file then holds, and what is said.
# Run by: CTest as example_preroll, on simulated devices in real time.
. "$(dirname "$0")/common.sh"

# begin ARGUMENTS...: a recorder in the background, its id in recorder. What the one before said must not be taken for its words: the shell
# that becomes it empties the file only when it comes to run.
begin() {
    rm -f stderr
    "$RECORD" "$@" < /dev/null > stdout 2> stderr &
    recorder=$!
    started="$started $recorder"
}

# is_listening: the recorder has said that it listens and what that costs
is_listening() {
    grep -qs "listening; a key or SIGUSR1" stderr
}

# wait_until COMMAND...: at most 10 s
wait_until() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -le 200 ] || fail "$* did not become true"
        sleep 0.05
    done
}

# The file begins before the signal: the counter's first value is that of a frame which was captured before it, and every frame follows
# from the one before, over the seam between past and present.
begin -d "sim:counter" -f s32 --preroll=1 -t 2 past.wav
wait_until is_listening
says stderr "1 s of pre-roll take 2.5 MB of memory, the recorder's queue included"
sleep 1.5 # lets there be a past; how long it is decides nothing below
kill -USR1 "$recorder"
collect 0 "$recorder"
"$CHECK" cut s32 2 past.wav > figures || fail "the file is not the counter"
claim "frames" "$(figure stderr 'acap-record: past.wav: 2.000 s,')" -eq 96000
"$CHECK" exact s32 2 past.wav > /dev/null 2>&1 && fail "the file begins with the device's first frame: there was no past"
claim "frames lost" "$(figure stderr 'lost')" -eq 0

# resident_kb PID
resident_kb() {
    sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

is_recording() {
    [ -e costs.wav ] && [ "$(wc -c < costs.wav)" -gt 100000 ]
}

# What is said is what is taken: 50.8 MB for a minute, twice the 23 MB of its samples and a queue of 4 s. What a recorder takes at all comes
# on top, some 8 MB; a sanitizer's would hide the figure.
if [ -z "$SHIM" ]; then
    echo "not run: the memory of a recorder (a sanitizer takes its own)"
else
    begin -d "sim:counter" -f s32 --preroll=60 costs.wav
    wait_until is_listening
    says stderr "60 s of pre-roll take 50.8 MB of memory"
    kill -USR1 "$recorder"
    wait_until is_recording
    resident=$(resident_kb "$recorder")
    kill -INT "$recorder"
    collect 0 "$recorder"
    echo "resident: $resident kB"
    claim "kB resident" "$resident" -ge 49600
    claim "kB resident" "$resident" -le 64000
fi

# is_ready: SIGUSR1, the tenth, has a handler
is_ready() {
    [ $((0x$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$recorder/status") & 0x200)) -ne 0 ]
}

# A signal that comes while the device is still being opened, which takes two seconds here and then two more, is not lost, and nobody dies
# of it.
begin -d "sim:counter?stuck=open:2s" -f s32 --preroll=1 -t 1 early.wav
wait_until is_ready
grep -q "of pre-roll take" stderr && fail "it is ready for the signal only once the device is open"
kill -USR1 "$recorder"
collect 0 "$recorder"
claim "frames" "$(figure stderr 'acap-record: early.wav: 1.000 s,')" -eq 48000

# An interrupt before the trigger leaves no file.
begin -d sim:counter --preroll=1 none.wav
wait_until is_listening
kill -INT "$recorder"
collect 1 "$recorder"
says stderr "nothing was written"
claim "no file" ! -e none.wav

# A device that comes back: the file is as long as the clock says, and holds silence for the outage.
expect 0 "$RECORD" -d "sim:counter?unplug=1s&replug=3500ms" -f s32 -t 6 back.wav
claim "frames" "$(figure stderr 'acap-record: back.wav: 6.000 s,')" -eq 288000
claim "silence for the outage" "$(figure stderr 'silence written')" -gt 96000

# The outage is measured by the clock, not by the device's frames: what follows it is in order, wherever it begins.
expect 0 "$RECORD" -d "sim:counter?unplug=1s&replug=3500ms" -f s32 -t 2 --gaps=cut cut.wav
"$CHECK" cut s32 2 cut.wav > figures || fail "the file is not the counter in order"

# One that does not: the file ends where it went away.
expect 1 "$RECORD" -d "sim:counter?unplug=1s" -f s32 -t 3 gone.wav
says stderr "did not come back in time"
"$CHECK" exact s32 2 gone.wav > figures || fail "the file is not the counter"

# And one that is not waited for.
expect 1 "$RECORD" -d "sim:counter?unplug=1s" --lost=end -f s32 -t 30 ends.wav
says stderr "the recording ends early"
"$CHECK" exact s32 2 ends.wav > figures || fail "the file is not the counter"

expect 2 "$RECORD" --preroll=never -d sim:counter x.wav
expect 2 "$RECORD" --lost=maybe -d sim:counter x.wav
echo "pre-roll and patience: passed"
