#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: tests of a device that goes away under a running acap-record and comes back: it says both in time, costs little meanwhile, and the
# file is whole, as long as the clock says, and accounted for.
# Run by: CTest: test_record_recovery.sh ACAP_RECORD CHECK_RECORDING FEEDER pulse_killed|source_unloaded|jackd_killed; FEEDER is
# counter_play for PulseAudio, jack_source for JACK.
set -eu
here=$(dirname "$0")
. "$here/rig_common.sh"
record=$1 check_recording=$2 feeder=$3 fault=$4 format=f32 channels=2 rate=48000 pulse_seconds=30
recorder_pid=
frame_bytes=8

# What is promised, in ms: a loss is told after 2 s without data, which are noticed within half a second; a device that is back is
# recorded within 2 s. What this script needs itself to see that, on a machine that is busy, comes on top: it looks every 20 ms, by
# processes of its own.
lost_limit_ms=2500
back_limit_ms=2000
looking_ms=500
# Percent of one core, while the device is away.
cpu_limit=5
cpu_seconds=3
# The file against the clock, in ms. The outage is measured by the recorder to a few ms; the rest is how late a busy machine runs this
# script
# between the signal that ends the recording and the time it notes.
clock_tolerance_ms=300

# ---- the device, by its kind

case $fault in
jackd_killed)
    . "$here/rig_jack.sh"
    jack_source=$feeder
    device=acap_source
    need jackd jack_wait
    [ -x "$jack_source" ] || skip "the JACK source was not built: no jack.pc"
    ;;
*)
    . "$here/rig_pulse.sh"
    counter_play=$feeder
    device=rig_monitor
    need pulseaudio pactl pacat
    ;;
esac

begin_device() {
    if [ "$fault" = jackd_killed ]; then
        jack_start "$channels" "$rate"
    else
        pulse_start "$format" "$channels" "$rate"
        pulse_play "$format" "$channels" "$rate"
    fi
}

take_device_away() {
    case $fault in
    pulse_killed) kill -KILL "$pulse_pid" ;;
    source_unloaded) pulse_unload ;;
    jackd_killed) kill -KILL "$jack_pid" ;;
    esac
}

bring_device_back() {
    case $fault in
    pulse_killed) pulse_launch "$format" "$channels" "$rate" ;;
    source_unloaded) pulse_load ;;
    jackd_killed)
        # The old source has lost its server, too, and would wait for it in vain.
        kill -KILL "$source_pid"
        jack_launch "$rate"
        jack_play "$channels"
        ;;
    esac
}

stop_servers() {
    [ -z "$recorder_pid" ] || end_process "$recorder_pid"
    if [ "$fault" = jackd_killed ]; then jack_stop; else pulse_stop; fi
}

# ---- looking

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}

# complain WORDS: fails, and shows what the recorder said
complain() {
    sed 's/^/  /' "$work/err" >&2
    fail "$fault: $1"
}

# says WORDS
says() {
    grep -q "$1" "$work/err"
}

# time_until WORDS SINCE_MS LIMIT_MS: waits until the recorder says so; the time since then is in took_ms
time_until() {
    until says "$1"; do
        [ $(($(now_ms) - $2)) -le $(($3 + looking_ms)) ] || complain "it did not say \"$1\" within $3 ms"
        is_there
        sleep 0.02
    done
    took_ms=$(($(now_ms) - $2))
}

# The ms of sound that the file has.
file_ms() {
    echo $(($(wc -c < "$work/out.wav") / frame_bytes * 1000 / rate))
}

# The clock less the file, at its best of two seconds: what is written comes in pieces, after the device's own latency.
note_lag() {
    lag_ms=
    looks=0
    until [ "$looks" -eq 40 ]; do
        length_ms=$(file_ms)
        seen_ms=$(($(now_ms) - length_ms))
        [ -n "$lag_ms" ] && [ "$lag_ms" -le "$seen_ms" ] || lag_ms=$seen_ms
        looks=$((looks + 1))
        sleep 0.05
    done
}

is_long_enough() {
    [ -f "$work/out.wav" ] && [ "$(file_ms)" -ge "$1" ]
}

is_there() {
    [ -r "/proc/$recorder_pid/stat" ] || complain "it has ended"
}

# The clock ticks, hundredths of a second, that the recorder has used on any core: the 14th and the 15th word, where the 2nd is its name.
ticks() {
    # shellcheck disable=SC2046
    set -- $(sed 's/.*) //' "/proc/$recorder_pid/stat")
    echo $((${12} + ${13}))
}

# figure WORDS: the number behind them in the report
figure() {
    sed -n "s/.*$1 \([0-9][0-9]*\).*/\1/p" "$work/err" | head -n 1
}

# equal WORDS A B
equal() {
    [ "$2" -eq "$3" ] || complain "$1: $2 is not $3"
}

# ---- the test, in order

begin_recording() {
    "$record" -d "$device" -f "$format" -c "$channels" -r "$rate" -q "$work/out.wav" 2> "$work/err" < /dev/null &
    recorder_pid=$!
    wait_for "the recording" is_long_enough 500
    note_lag
}

lose_it() {
    began_ms=$(now_ms)
    take_device_away
    time_until 'the device is gone' "$began_ms" "$lost_limit_ms"
    lost_ms=$took_ms
}

be_cheap() {
    is_there
    before=$(ticks)
    began_ms=$(now_ms)
    sleep "$cpu_seconds"
    is_there
    used=$(($(ticks) - before))
    elapsed_ms=$(($(now_ms) - began_ms))
    # Ticks of 10 ms: percent in tenths.
    cpu_permille=$((used * 10 * 1000 / elapsed_ms))
    [ "$cpu_permille" -lt $((cpu_limit * 10)) ] || complain "$used ticks in $elapsed_ms ms of waiting are more than $cpu_limit %"
    ! says 'is back' || complain "it is back before the device is"
}

have_it_back() {
    bring_device_back
    began_ms=$(now_ms)
    time_until 'is back after' "$began_ms" "$back_limit_ms"
    back_ms=$took_ms
    length_ms=$(file_ms)
    if [ "$fault" != jackd_killed ]; then pulse_play "$format" "$channels" "$rate"; fi
    wait_for "the recording after the outage" is_long_enough $((length_ms + 2000))
}

end_recording() {
    ended_after_ms=$(now_ms)
    kill -INT "$recorder_pid"
    status=0
    wait "$recorder_pid" || status=$?
    recorder_pid=
    ended_before_ms=$(now_ms)
    equal "exit status" "$status" 0
}

# The file was written to the end at some time between the two that were noted.
expect_length() {
    length_ms=$(($(figure 's,') * 1000 / rate))
    shortest_ms=$((ended_after_ms - lag_ms - clock_tolerance_ms))
    longest_ms=$((ended_before_ms - lag_ms + clock_tolerance_ms))
    [ "$length_ms" -ge "$shortest_ms" ] && [ "$length_ms" -le "$longest_ms" ] ||
        complain "the file has $length_ms ms, the clock says $shortest_ms to $longest_ms ms"
}

expect_account() {
    recorded=$(figure '= recorded') lost=$(figure '; lost') silence=$(figure 'silence written')
    equal "captured" "$(figure captured)" $((recorded + $(figure 'left out')))
    equal "lost by cause" "$lost" $(($(figure '(host') + $(figure ', pool') + $(figure ', queue')))
    equal "lost within the file" "$(figure 'within the file')" "$lost"
    equal "silence for all of it" "$silence" "$lost"
    equal "frames of the file" "$(figure 's,')" $((recorded + silence))
    equal "losses" "$(grep -c 'the device is gone' "$work/err")" 1
    equal "returns" "$(grep -c 'is back after' "$work/err")" 1
}

# The signal from before the outage and from after it, the silence between, and nothing else. A jackd that gets no core in time skips a
# cycle
# for all of its clients: that is a loss of the host's, which is in the account, and in the file as silence up to a second later.
expect_sound() {
    said=$("$check_recording" "$work/out.wav" "$format" "$channels" "$rate" "$(figure 's,')" patched) || complain "$said"
    echo "$said" > "$work/said"
    equal "frames in the file" "$(sed -n 's/.*frames \([0-9]*\).*/\1/p' "$work/said")" "$(figure 's,')"
    sound=$(sed -n 's/.*signal \([0-9]*\).*/\1/p' "$work/said")
    [ "$sound" -ge $((2 * rate)) ] || complain "only $sound frames of sound"
    [ "$sound" -le "$recorded" ] || complain "more sound than was recorded"
    [ "$(sed -n 's/.*beginnings \([0-9]*\).*/\1/p' "$work/said")" -ge 2 ] || complain "no sound after the outage"
    skipped=$(sed -n 's/.*skipped \([0-9]*\).*/\1/p' "$work/said")
    [ "$fault" = jackd_killed ] || equal "frames that the signal skipped" "$skipped" 0
}

begin_device
begin_recording
lose_it
be_cheap
have_it_back
end_recording
expect_account
expect_length
expect_sound
echo "ok: $fault: lost after $lost_ms ms, back after $back_ms ms, $((cpu_permille / 10)).$((cpu_permille % 10)) % of a core meanwhile;" \
    "the file $length_ms ms, the clock $((ended_after_ms - lag_ms)) to $((ended_before_ms - lag_ms)) ms; $said"
