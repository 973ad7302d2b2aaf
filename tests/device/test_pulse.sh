#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: tests of capture through a private PulseAudio server.
# Run by: CTest: test_pulse.sh TEST_SERVER COUNTER_PLAY TEST FORMAT CHANNELS RATE
set -eu
here=$(dirname "$0")
. "$here/rig_common.sh"
. "$here/rig_pulse.sh"
test_server=$1 counter_play=$2 test=$3 format=$4 channels=$5 rate=$6

stop_servers() {
    pulse_stop
}

need pulseaudio pactl pacat
pulse_start "$format" "$channels" "$rate"
pulse_play "$format" "$channels" "$rate"
export RIG_DEVICE=rig_monitor RIG_FORMAT="$format" RIG_CHANNELS="$channels" RIG_RATE_HZ="$rate" RIG_SERVER_PID="$pulse_pid"
timeout -k 1 25 "$test_server" "$test" || fail "$test: status $?"
