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
export RIG_DEVICE=acap_source RIG_FORMAT=f32 RIG_CHANNELS="$channels" RIG_RATE_HZ="$rate"

# A client that gets no core in time misses a cycle, and the server says so: then the signal itself has a hole, of which this test knows
# nothing. What goes wrong without such a word is a failure at once.
status=1
for attempt in 1 2 3; do
    jack_start "$channels" "$rate"
    status=0
    RIG_SERVER_PID="$jack_pid" timeout -k 1 25 "$test_server" "$test" || status=$?
    [ "$status" -ne 0 ] && grep -i xrun "$work/jack.log" || break
    echo "attempt $attempt: the server missed a cycle; once more"
    jack_stop
    jack_pid= source_pid=
done
[ "$status" -eq 0 ] || fail "$test: status $status"
