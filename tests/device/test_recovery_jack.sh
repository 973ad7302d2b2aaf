#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: tests of a JACK server that dies and comes back under its name.
# Run by: CTest: test_recovery_jack.sh TEST_RECOVERY JACK_SOURCE TEST [PRELOADED]; by the test itself, with "revive" in place of TEST.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$3" = revive ]; then rig_work=$RIG_WORK; fi
. "$here/rig_common.sh"
. "$here/rig_jack.sh"
test_recovery=$1 jack_source=$2 test=$3 channels=2 rate=48000

if [ "$test" = revive ]; then
    # The old source has lost its server, too, and would wait for it in vain.
    kill -KILL "$(cat "$work/source.pid")"
    jack_launch "$rate"
    jack_play "$channels"
    exit 0
fi

stop_servers() {
    jack_stop
}

need jackd jack_wait
[ -x "$jack_source" ] || skip "the JACK source was not built: no jack.pc"
jack_start "$channels" "$rate"
export RIG_DEVICE=acap_source RIG_FORMAT=f32 RIG_CHANNELS="$channels" RIG_RATE_HZ="$rate" RIG_SERVER_PID_FILE="$work/jack.pid"
export RIG_WORK="$work" RIG_REVIVE="sh '$here/test_recovery_jack.sh' '$test_recovery' '$jack_source' revive"
timeout -k 1 60 env ${4:+LD_PRELOAD="$4"} "$test_recovery" "$test" || fail "$test: status $?"
