#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: tests of capture through a private JACK server.
# Run by: CTest: test_jack.sh TEST_SERVER JACK_SOURCE TEST CHANNELS RATE
set -eu
here=$(dirname "$0")
. "$here/rig_common.sh"
. "$here/rig_jack.sh"
test_server=$1 jack_source=$2 test=$3 channels=$4 rate=$5

stop_servers() {
    jack_stop
}

need jackd jack_wait
[ -x "$jack_source" ] || skip "the JACK source was not built: no jack.pc"
jack_start "$channels" "$rate"
export RIG_DEVICE=acap_source RIG_FORMAT=f32 RIG_CHANNELS="$channels" RIG_RATE_HZ="$rate" RIG_SERVER_PID="$jack_pid"
timeout -k 1 25 "$test_server" "$test" || fail "$test: status $?"
