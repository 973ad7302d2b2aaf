#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: the test of acap-fan-out. Called by: CTest, with the programs in FAN_OUT, RECORD, CHECK and SHIM. POSIX shell.
# shellcheck source=tests/examples/common.sh
. "$(dirname "$0")/common.sh"

# raw_crc SECONDS: of the same samples, by another program
raw_crc() {
    "$RECORD" -d 'sim:counter?pace=fast' -t "$1" - 2> /dev/null | gzip -c | tail -c 8 | od -An -tx4 -N4 | tr -d ' '
}

# ledgers_add_up: in each of the three lines from + delivered + lost + queued = end, and lost = stream + queue
ledgers_add_up() {
    claim "ledgers" "$(grep -c '^ledger of ' stdout)" -eq 3
    grep '^ledger of ' stdout | tr -c '0-9\n' ' ' > numbers
    while read -r from delivered lost stream queue queued end; do
        claim "ledger" $((from + delivered + lost + queued)) -eq "$end"
        claim "losses" $((stream + queue)) -eq "$lost"
    done < numbers
}

# The three readers of a fixed length agree with each other, with another program and with the next run.
expect 0 "$FAN_OUT" -d 'sim:counter?pace=fast' -t 2.0025 out.wav
"$CHECK" exact s16 2 out.wav > check || fail "the file is not what the device gave"
claim "frames" "$(figure check frames)" -eq 96120
says stdout "crc32 $(raw_crc 2.0025) of 96120 frames"
says stdout "file: out.wav, 96120 frames, 0 of them silence"
grep -q '^meter: channel 1 peak 0.0 dB rms -[0-9.]* dB, channel 2 peak 0.0 dB' stdout || fail "no levels"
ledgers_add_up
sed 3q stdout > first
expect 0 "$FAN_OUT" -d 'sim:counter?pace=fast' --time=2.0025 out.wav
sed 3q stdout | cmp -s - first || fail "another run has other results"

# A known level: a sine of half of full scale has a peak of -6.0 dB and an rms of -9.0 dB.
expect 0 "$FAN_OUT" -d 'sim:sine?pace=fast' -t 1 out.flac
says stdout "meter: channel 1 peak -6.0 dB rms -9.0 dB, channel 2 peak -6.0 dB rms -9.0 dB, 0 clipped samples"

# A signal ends all three at the same frame.
rm -f out.wav
"$FAN_OUT" -d sim:counter out.wav > stdout 2> stderr &
pid=$!
started=" $pid"
grows_to out.wav 20000
kill -TERM "$pid"
collect 0 "$pid"
"$CHECK" exact s16 2 out.wav > check || fail "the file is not what the device gave"
frames=$(figure check frames)
says stdout "file: out.wav, $frames frames, 0 of them silence"
says stdout "of $frames frames"
ledgers_add_up
says stdout "crc32 $(raw_crc "$(awk "BEGIN { printf \"%.9f\", $frames / 48000 }")") of $frames frames"

# A reader that fails ends the others, and the program says so.
expect_limited 100 "$FAN_OUT" -d sim:counter lim.wav
one_sentence acap-fan-out
"$CHECK" exact s16 2 lim.wav > check || fail "the file is not complete as far as it got"
claim "frames of the short file" "$(figure check frames)" -gt 1000
ledgers_add_up
if [ -n "$SHIM" ]; then
    expect 1 env LD_PRELOAD="$SHIM" ACAP_SHIM=lost "$FAN_OUT" -d sim:counter lost.wav
    says stderr "acap-fan-out: "
    "$CHECK" exact s16 2 lost.wav > check || fail "the file is not complete as far as it got"
else
    echo "not run: a lost device (it needs the shared library, Linux and no sanitizer)"
fi
expect 1 "$FAN_OUT" -d sim:nonsense never.wav
one_sentence acap-fan-out
claim "no file without a device" ! -e never.wav
expect 2 "$FAN_OUT" -d sim:sine
one_sentence acap-fan-out
expect 2 "$FAN_OUT" -d sim:sine -t 0 out.wav
one_sentence acap-fan-out
expect 0 "$FAN_OUT" --help
