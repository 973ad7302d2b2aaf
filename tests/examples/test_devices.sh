#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: the test of acap-devices. Called by: CTest, with the programs in DEVICES, RECORD and SHIM. POSIX shell.
# shellcheck source=tests/examples/common.sh
. "$(dirname "$0")/common.sh"

export ACAP_BACKEND=sim
expect 0 "$DEVICES"
says stdout "CHANNELS"
grep -q '^\* sim:counter .* 128   48000$' stdout || fail "sim:counter is not the default one"
claim "lines of the table" "$(wc -l < stdout)" -eq 5
cp stdout table
expect 0 "$RECORD" -l
cmp -s stdout table || fail "acap-record -l prints another table"

expect 0 "$DEVICES" --json
claim "objects" "$(grep -c '^  { "id": "sim:' stdout)" -eq 4
says stdout '"max_channel_count": 128, "default_sample_rate_hz": 48000, "default": true, "loopback": false, "stale": false'

expect 0 "$DEVICES" --help
says stdout "Usage: acap-devices"
expect 0 "$DEVICES" --version
grep -q '^acap-devices [0-9]*\.[0-9]*\.[0-9]*$' stdout || fail "no version"
expect 2 "$DEVICES" --nonsense
one_sentence acap-devices
says stderr "unknown option --nonsense"
expect 2 "$DEVICES" extra
one_sentence acap-devices
ACAP_BACKEND=nonsense
expect 1 "$DEVICES"
one_sentence acap-devices
ACAP_BACKEND=sim
if [ -w /dev/full ]; then
    "$DEVICES" > /dev/full 2> stderr && fail "a full disk goes unnoticed"
    one_sentence acap-devices
fi

if [ -z "$SHIM" ]; then
    echo "not run: no device and strange names (they need the shared library, Linux and no sanitizer)"
    exit 0
fi
expect 0 env LD_PRELOAD="$SHIM" ACAP_SHIM=none "$DEVICES"
claim "lines without a device" "$(wc -l < stdout)" -eq 1
says stdout "sim:sine"
expect 0 env LD_PRELOAD="$SHIM" ACAP_SHIM=none "$DEVICES" -j
claim "JSON without a device" "$(tr -d '\n' < stdout)" = "[]"
expect 0 env LD_PRELOAD="$SHIM" ACAP_SHIM=evil "$DEVICES"
says stdout '  evil:1  a?[2J "b\?  ALSA             1   44100  loopback, stale'
expect 0 env LD_PRELOAD="$SHIM" ACAP_SHIM=evil "$DEVICES" -j
says stdout '"name": "a\u001b[2J \"b\\\u000a", "host_api": "ALSA"'
