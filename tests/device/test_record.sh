#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: tests of acap-record on a virtual card: the file holds what the card made, bit for bit, and every failure is one sentence.
# Run by: CTest: test_record.sh ACAP_RECORD CHECK_RECORDING CARD_PLUGIN
set -eu
here=$(dirname "$0")
. "$here/rig_common.sh"
record=$1 check_recording=$2 card_plugin=$3
recorder_pid=
mounted=

stop_servers() {
    [ -z "$recorder_pid" ] || end_process "$recorder_pid"
    [ -z "$mounted" ] || umount "$mounted"
}

use_cards 'pcm.counter { type acapcard }
pcm.busy { type acapcard open_error EBUSY open_errors_after 1 }
pcm.unplugged { type acapcard faults "24000:disconnect" }
pcm.!default { type acapcard }'

# run STATUS ARGUMENT...: the recorder must end so, within 20 s
run() {
    expected=$1
    shift
    status=0
    timeout -k 1 20 "$record" "$@" 2> "$work/err" < /dev/null || status=$?
    [ "$status" -eq "$expected" ] || { cat "$work/err" >&2; fail "acap-record $*: status $status instead of $expected"; }
}

rate=48000 # but where a test says otherwise

# holds FILE FORMAT CHANNELS FRAMES [raw]: the counting signal at $rate
holds() {
    said=$("$check_recording" "$1" "$2" "$3" "$rate" "$4" ${5:+"$5"}) || fail "$1: $said"
    echo "ok: $1: $2, $3 channels at $rate Hz: $said"
}

# holds_exactly FILE FORMAT CHANNELS FRAMES [raw]
holds_exactly() {
    holds "$@"
    [ "$said" = "$4 frames" ] || fail "$1: $said instead of $4"
}

# one_sentence WORDS: standard error has one line that is no report of frames, and it says WORDS
one_sentence() {
    grep -v -e 'captured [0-9]* = recorded' -e ' frames of ' "$work/err" > "$work/sentences" || fail "no sentence on standard error"
    [ "$(wc -l < "$work/sentences")" -eq 1 ] || { cat "$work/err" >&2; fail "not one sentence"; }
    grep -q "$1" "$work/sentences" || { cat "$work/err" >&2; fail "the sentence does not say \"$1\""; }
    echo "ok: $(cat "$work/sentences")"
}

exact_files() {
    for rate in 44100 48000 96000; do
        for format in s16 f32; do
            for channels in 2 8; do
                file=$work/$format-$channels-$rate.wav
                run 0 -d counter -f $format -c $channels -r $rate -t 0.5 "$file"
                holds_exactly "$file" $format $channels $((rate / 2))
                rm "$file"
            done
        done
    done
    rate=48000
    run 0 -d counter -f s24 -c 2 -r 48000 -t 0.3 "$work/s24.wav"
    holds_exactly "$work/s24.wav" s24 2 14400
    run 0 -d counter -f s16 -c 2 -r 48000 -t 0.3 --gaps=cut "$work/s16.flac"
    holds_exactly "$work/s16.flac" s16 2 14400
    run 0 -d counter -c 2 -r 48000 -t 0.3 "$work/vorbis.ogg"
    [ "$(head -c 4 "$work/vorbis.ogg")" = OggS ] || fail "vorbis.ogg is no Ogg file"
}

# The length that was asked for, to the frame.
exact_length() {
    run 0 -d counter -f s16 -c 2 -r 48000 -t 0.123 "$work/length.wav"
    holds_exactly "$work/length.wav" s16 2 5904
}

standard_output() {
    status=0
    timeout -k 1 20 "$record" -d counter -f f32 -c 2 -r 48000 -t 0.3 - > "$work/samples.raw" 2> "$work/err" || status=$?
    [ "$status" -eq 0 ] || { cat "$work/err" >&2; fail "standard output: status $status"; }
    holds_exactly "$work/samples.raw" f32 2 14400 raw
}

# is_longer FILE BYTES
is_longer() {
    [ "$(wc -c < "$1")" -gt "$2" ]
}

# ends_properly SIGNAL: what was recorded until then is a whole file
ends_properly() {
    "$record" -d counter -f s16 -c 2 -r 48000 "$work/$1.wav" 2> "$work/err" &
    recorder_pid=$!
    wait_for "the recording" is_longer "$work/$1.wav" 40000
    kill "-$1" "$recorder_pid"
    status=0
    wait "$recorder_pid" || status=$?
    recorder_pid=
    [ "$status" -eq 0 ] || { cat "$work/err" >&2; fail "$1: status $status"; }
    holds "$work/$1.wav" s16 2 9000
    grep -q 'lost 0' "$work/err" || { cat "$work/err" >&2; fail "$1: lost frames"; }
}

# The card goes while it records, and nobody is to wait for it: the file ends, and what had come is in it.
unplugged_device() {
    "$record" -d unplugged --lost=end -f s16 -c 2 -r 48000 "$work/unplugged.wav" 2> "$work/err" &
    recorder_pid=$!
    status=0
    wait "$recorder_pid" || status=$?
    recorder_pid=
    [ "$status" -eq 1 ] || { cat "$work/err" >&2; fail "unplugged: status $status"; }
    grep -q 'ends early' "$work/err" || fail "unplugged: not a word about the device"
    holds "$work/unplugged.wav" s16 2 20000
}

missing_device() {
    run 1 -d countess -t 1 "$work/none.wav"
    one_sentence counter
    [ ! -e "$work/none.wav" ] || fail "a file was made for a device that is not there"
    run 1 -d busy -r 48000 -t 1 "$work/none.wav"
    one_sentence busy
    [ ! -e "$work/none.wav" ] || fail "a file was made for a device that is busy"
}

full_device() {
    status=0
    timeout -k 1 20 "$record" -d counter -r 48000 -t 1 - > /dev/full 2> "$work/err" || status=$?
    [ "$status" -eq 1 ] || { cat "$work/err" >&2; fail "/dev/full: status $status"; }
    one_sentence 'No space left'
}

# A disk of 200 kB where mounting is allowed, else a file that may not grow beyond that: what fits is a whole file.
full_disk() {
    mkdir "$work/disk"
    if mount -t tmpfs -o size=200k tmpfs "$work/disk" 2> /dev/null; then
        mounted=$work/disk
        run 1 -d counter -f s16 -c 2 -r 48000 -t 5 "$work/disk/full.wav"
        one_sentence 'No space left'
    else
        status=0
        (ulimit -f 400 && exec timeout -k 1 20 "$record" -d counter -f s16 -c 2 -r 48000 -t 5 "$work/disk/full.wav" 2> "$work/err") ||
            status=$?
        [ "$status" -eq 1 ] || { cat "$work/err" >&2; fail "full disk: status $status"; }
        one_sentence 'File too large'
    fi
    holds "$work/disk/full.wav" s16 2 40000
}

# Without a card JACK's library has much to say when somebody looks for devices. That is for who asks for it. The last test: its cards go.
chatter() {
    use_cards 'pcm.!default { type hw card 31 }'
    run 1 -d countess -t 1 "$work/none.wav"
    one_sentence 'no capture device is called "countess"; there is none at all$'
    run 1 -v -d countess -t 1 "$work/none.wav"
    one_sentence '; there is none at all; messages: '
}

exact_files
exact_length
standard_output
ends_properly INT
ends_properly TERM
unplugged_device
missing_device
full_device
full_disk
chatter
