#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: tests of a PulseAudio server that dies and comes back, and of a recording process that stands still.
# Run by: CTest: test_recovery.sh TEST_RECOVERY COUNTER_PLAY TEST; by the test itself, with "revive" in place of TEST.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$3" = revive ]; then rig_work=$RIG_WORK; fi
. "$here/rig_common.sh"
. "$here/rig_pulse.sh"
test_recovery=$1 counter_play=$2 test=$3 format=f32 channels=2 rate=48000 pulse_seconds=60

if [ "$test" = revive ]; then
    pulse_launch "$format" "$channels" "$rate"
    pulse_play "$format" "$channels" "$rate"
    exit 0
fi

stop_servers() {
    pulse_stop
}

need pulseaudio pactl pacat
pulse_start "$format" "$channels" "$rate"
pulse_play "$format" "$channels" "$rate"
export RIG_DEVICE=rig_monitor RIG_FORMAT="$format" RIG_CHANNELS="$channels" RIG_RATE_HZ="$rate" RIG_SERVER_PID_FILE="$work/pulse.pid"
export RIG_WORK="$work" RIG_REVIVE="sh '$here/test_recovery.sh' '$test_recovery' '$counter_play' revive"
timeout -k 1 60 "$test_recovery" "$test" || fail "$test: status $?"
