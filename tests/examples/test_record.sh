#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: the test of acap-record. Called by: CTest, with the programs in RECORD, CHECK and SHIM. POSIX shell.
# shellcheck source=tests/examples/common.sh
. "$(dirname "$0")/common.sh"

fast='sim:counter?pace=fast'

# ledger_adds_up: the report's equations; sets the variables captured, recorded, lost, within and silence
ledger_adds_up() {
    captured=$(figure stderr captured)
    recorded=$(figure stderr '= recorded')
    lost=$(figure stderr '; lost')
    within=$(figure stderr 'within the file')
    silence=$(figure stderr 'silence written')
    claim "captured" $((recorded + $(figure stderr 'left out'))) -eq "$captured"
    claim "lost by cause" $(($(figure stderr '(host') + $(figure stderr ', pool') + $(figure stderr ', queue'))) -eq "$lost"
    claim "lost within the file" "$within" -le "$lost"
    claim "frames of the file" "$(figure stderr 's,')" -eq $((recorded + silence))
}

# exact FORMAT CHANNELS FILE FRAMES: bit for bit the first FRAMES frames of the counter
exact() {
    "$CHECK" exact "$1" "$2" "$3" > check || fail "$3 is not what the device gave"
    claim "frames of $3" "$(figure check frames)" -eq "$4"
    claim "frames in the header of $3" "$(figure check header)" -eq "$4"
}

# begin ARGUMENTS...: a recorder in the background, its id in pid
begin() {
    "$RECORD" "$@" 2> stderr &
    pid=$!
    started="$started $pid"
}

# begin_to_pipe ARGUMENTS...: the same; what it records is to be read as 3
begin_to_pipe() {
    "$RECORD" "$@" - > pipe 2> stderr &
    pid=$!
    started="$started $pid"
    exec 3< pipe
}

# Every format, wherever it can be held, bit for bit and with a length that is exact to the frame.
test_exactness() {
    for format in s16 s24 s32 f32 u8; do
        expect 0 "$RECORD" -d "$fast" -f "$format" -c 3 -t 1.00211 out.wav
        ledger_adds_up
        exact "$format" 3 out.wav 48101
        expect 0 "$RECORD" -d "$fast" -f "$format" -c 2 -t 1.00211 -
        "$CHECK" exact "$format" 2 - < stdout > check || fail "raw $format is not what the device gave"
        claim "raw frames" "$(figure check frames)" -eq 48101
        ledger_adds_up
    done
    for format in s16 s24; do
        expect 0 "$RECORD" -d "$fast" -f "$format" -c 1 -t 1.00211 out.flac
        exact "$format" 1 out.flac 48101
    done
    expect 0 "$RECORD" -d "$fast" -r 44100 -t 0.5 out.WAV
    exact s16 2 out.WAV 22050
    claim "rate in the header" "$(figure check rate)" -eq 44100
    expect 0 "$RECORD" -d "$fast" -t 0.000001 out.wav
    exact s16 2 out.wav 1
    expect 0 "$RECORD" -d 'sim:sine?pace=fast' -t 2 out.ogg
    says stderr "out.ogg: 2.000 s, 96000 frames of 2 channels f32 at 48000 Hz"
    "$CHECK" any f32 2 out.ogg > check || fail "the Ogg file cannot be read"
    claim "frames of out.ogg" "$(figure check frames)" -eq 96000
    claim "frames in the header of out.ogg" "$(figure check header)" -eq 96000
    claim "type of out.ogg" "$(head -c 4 out.ogg)" = OggS
}

# A file of a known length is the plainest WAV that there is: RIFF, and PCM as its first format tag.
test_plain_header() {
    expect 0 "$RECORD" -d "$fast" -t 0.1 out.wav
    claim "header" "$(od -An -tx1 -N22 out.wav | tr -d ' \n')" = 52494646244b000057415645666d7420100000000100
}

# bytes FILE AT COUNT: in hexadecimal
bytes() {
    od -An -tx1 -j"$2" -N"$3" "$1" | tr -d ' \n'
}

# So is one whose length nobody knew, as long as RIFF can hold it, but for a chunk in front that gives way to RF64's, and one behind the
# format. More than two channels need more of a format.
test_plain_header_of_unknown_length() {
    for format in s16 s24 s32 u8 f32; do
        case $format in f32) tag=0300 ;; *) tag=0100 ;; esac
        begin -d sim:counter -f $format "open-$format.wav"
        grows_to "open-$format.wav" 5000
        kill -INT "$pid"
        collect 0 "$pid"
        ledger_adds_up
        exact $format 2 "open-$format.wav" "$captured"
        claim "header of $format" "$(bytes "open-$format.wav" 0 4)$(bytes "open-$format.wav" 44 12)" = "52494646666d742010000000${tag}0200"
        claim "what is left of it" "$(bytes "open-$format.wav" 68 24)" = 4a554e4b1000000000000000000000000000000000000000
        claim "data" "$(bytes "open-$format.wav" 104 4)" = 64617461
        [ $format = f32 ] || # which Python does not read
            claim "frames for Python" "$captured" -eq \
                "$(python3 -c 'import sys, wave; print(wave.open(sys.argv[1]).getnframes())' "open-$format.wav")"
    done
    begin -d sim:counter -c 3 three.wav
    grows_to three.wav 5000
    kill -INT "$pid"
    collect 0 "$pid"
    claim "header of three channels" "$(bytes three.wav 44 10)" = 666d742028000000feff
}

# In real time, to the frame, from a pipe: what was captured before the signal is all there.
test_interrupt() {
    begin_to_pipe -d sim:counter
    head -c 40000 <&3 > part
    kill -INT "$pid"
    cat <&3 >> part
    exec 3<&-
    collect 0 "$pid"
    "$CHECK" exact s16 2 - < part > check || fail "the samples are not what the device gave"
    ledger_adds_up
    claim "frames" "$(figure check frames)" -eq "$captured"
    claim "lost" "$lost" -eq 0
    grep -q "$(printf '\r')" stderr && fail "a progress line on something that is no terminal"
    for type in wav flac; do
        begin -d sim:counter "long.$type"
        grows_to "long.$type" 9000
        kill -TERM "$pid"
        collect 0 "$pid"
        ledger_adds_up
        exact s16 2 "long.$type" "$captured"
    done
    claim "type of a WAV file of unknown length" "$(head -c 4 long.wav)" = RIFF
}

# A recorder that could not complete its file leaves one that plays up to its last second.
test_kill() {
    begin -d sim:counter -t 60 known.wav
    known=$pid
    begin -d sim:counter unknown.wav
    grows_to unknown.wav 250000
    grows_to known.wav 250000
    kill -KILL "$known" "$pid"
    collect 137 "$known"
    collect 137 "$pid"
    for type in known unknown; do
        "$CHECK" exact s16 2 "$type.wav" > check || fail "the file does not play"
        claim "frames that play" "$(figure check frames)" -ge 48000
    done
    # Where the headers, a plain one and one with room to become RF64, tell the size of the data: a player that believes it must find sound.
    claim "bytes by the plain header" "$(od -An -tu4 -j40 -N4 known.wav)" -ge 192000
    claim "the data of the other header" "$(dd if=unknown.wav bs=1 skip=104 count=4 2> /dev/null)" = data
    claim "its format" "$(bytes unknown.wav 44 10)" = 666d7420100000000100
    claim "bytes by the other header" "$(od -An -tu4 -j108 -N4 unknown.wav)" -ge 192000
}

# Nobody reads the pipe, which is smaller than one buffer of so many channels: the first signal cannot end it, the second one does.
# ThreadSanitizer keeps signals that come together to itself and loses the second one: it is sent when the first has been dealt with.
test_second_signal() {
    begin_to_pipe -d "$fast" -f f32 -c 128
    head -c 4000 <&3 > part
    kill -INT "$pid"
    lets_go_of_interrupts "$pid"
    kill -TERM "$pid"
    collect 143 "$pid"
    exec 3<&-
}

# overload PAUSE ARGUMENTS...: the recorder's output is not read for a while, so that its queue overflows; result in overloaded
overload() {
    pause=$1
    shift
    begin_to_pipe "$@"
    head -c 4000 <&3 > overloaded
    sleep "$pause"
    [ -z "$end_early" ] || kill -TERM "$pid"
    cat <&3 >> overloaded
    exec 3<&-
    collect 0 "$pid"
    ledger_adds_up
}

# overflow ARGUMENTS...: overload, until it was one; only how long that takes depends on the machine
overflow() {
    for pause in 0.1 0.3 1 3; do
        overload "$pause" "$@"
        [ "$within" -eq 0 ] || return 0
    done
    fail "the queue did not overflow"
}

test_gaps() {
    end_early=
    overflow -d "$fast" -t 10
    "$CHECK" fill s16 2 - < overloaded > check || fail "what is no sound is not silence"
    claim "frames" "$(figure check frames)" -eq 480000
    claim "silence" "$(figure check silent)" -eq "$silence"
    claim "silence for all that was lost" "$silence" -eq "$within"

    overflow -d "$fast" -f u8 -t 6
    "$CHECK" fill u8 2 - < overloaded > check || fail "what is no sound is not silence"
    claim "frames" "$(figure check frames)" -eq 288000
    claim "silence" "$(figure check silent)" -eq "$silence"

    overflow -d "$fast" -f s32 --gaps=cut -t 5
    "$CHECK" cut s32 2 - < overloaded > check || fail "the frames are not in order"
    claim "frames" "$(figure check frames)" -eq 240000
    claim "jumps" "$(figure check jumps)" -gt 0
    claim "silence" "$silence" -eq 0
    claim "missing" $(($(figure check missing) % 16777216)) -eq $((within % 16777216))

    # What is lost after the last buffer is filled as well: the queue was full when the device was stopped.
    end_early=yes
    overflow -d "$fast" -t 300 # longer than what a device in such a hurry loses meanwhile
    "$CHECK" fill s16 2 - < overloaded > check || fail "what is no sound is not silence"
    claim "frames" "$(figure check frames)" -eq $((recorded + silence))
    says check "end silence"
    claim "silence" "$(figure check silent)" -eq "$silence"
}

# failure TEXT PROGRAM ARGUMENTS...: a recording that ends early: one sentence, perhaps the ledger, status 1
failure() {
    text=$1
    shift
    expect 1 "$@"
    claim "sentences" "$(grep -vc ' frames of \|: captured ' stderr)" -eq 1
    says stderr "acap-record: "
    says stderr "$text"
}

test_full_disk() {
    expect_limited 100 "$RECORD" -d "$fast" -f s24 -c 3 -t 3 lim.wav
    says stderr "acap-record: lim.wav: File too large"
    ledger_adds_up
    claim "recorded" "$recorded" -gt 1000
    exact s24 3 lim.wav "$recorded"
    # So few frames that the encoder writes them when the file is closed.
    expect_limited 20 "$RECORD" -d 'sim:noise?pace=fast' -t 0.08 lim.flac
    says stderr "acap-record: lim.flac: File too large"
    if [ ! -w /dev/full ]; then
        echo "not run: a full disk (there is no /dev/full)"
        return
    fi
    for type in wav flac ogg; do
        ln -s /dev/full "full.$type"
        # libsndfile 1.2 does not free all of an Ogg file that it could not write.
        ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" failure "full.$type: No space left on device" "$RECORD" -d sim:sine -t 1 "full.$type"
    done
    status=0
    timeout 30 "$RECORD" -d sim:sine -t 1 - > /dev/full 2> stderr || status=$?
    claim "status" "$status" -eq 1
    says stderr "acap-record: standard output: No space left on device"
}

# A reader of the pipe that goes away is an error like another, not a death by a signal.
test_broken_pipe() {
    begin_to_pipe -d "$fast" -t 60
    head -c 4000 <&3 > part
    exec 3<&-
    collect 1 "$pid"
    says stderr "acap-record: standard output: Broken pipe"
}

test_refusals() {
    echo precious > old.wav
    for arguments in '-d sim:nonsense old.wav' '-d sim:counter?pace=never old.wav'; do
        # shellcheck disable=SC2086
        expect 1 "$RECORD" $arguments
        one_sentence acap-record
    done
    claim "the old file" "$(cat old.wav)" = precious
    expect 1 "$RECORD" -d sim:sine -t 1 nowhere/out.wav
    one_sentence acap-record
    says stderr "nowhere/out.wav: No such file or directory"
    # With a device that does not exist: what a file cannot hold is said before anybody looks for the device.
    for arguments in 'out.mp3' 'out' '-f f32 a.flac' '-f s32 a.flac' '-f u8 a.flac' '-c 9 a.flac' '-f s17 a.wav' '-r 7999 a.wav' \
        '-r 1e3 a.wav' '-c 0 a.wav' '-c 129 a.wav' '-t 0 a.wav' '-t -1 a.wav' '-t nan a.wav' '-t 1s a.wav' '--gaps=sew a.wav' \
        '--nonsense a.wav' '-z a.wav' '-qz a.wav' '-t' '--rate' '' 'a.wav b.wav'; do
        # shellcheck disable=SC2086
        expect 2 "$RECORD" -d sim:nonsense $arguments
        one_sentence acap-record
    done
    claim "no file" "$(find . -name 'a.*' | wc -l)" -eq 0
    expect 0 "$RECORD" --help
    says stdout "raw interleaved samples"
    expect 0 "$RECORD" -V
    grep -q '^acap-record [0-9]*\.[0-9]*\.[0-9]*$' stdout || fail "no version"
}

test_lost_device() {
    if [ -z "$SHIM" ]; then
        echo "not run: a lost and a stalled device, a late signal (they need the shared library, Linux and no sanitizer)"
        return
    fi
    failure "the recording ends early" env LD_PRELOAD="$SHIM" ACAP_SHIM=lost "$RECORD" -d sim:counter lost.wav
    ledger_adds_up
    "$CHECK" fill s16 2 lost.wav > check || fail "the file is not complete as far as it got"
    claim "recorded" "$recorded" -eq 9120
    claim "silence" "$silence" -eq 0
    expect 0 env LD_PRELOAD="$SHIM" ACAP_SHIM=stall "$RECORD" -d sim:counter -t 0.5 out.wav
    says stderr "acap-record: the device has delivered nothing for 2 s; still waiting"
    claim "warnings" "$(grep -c 'still waiting' stderr)" -eq 1
    exact s16 2 out.wav 24000
    expect 0 env LD_PRELOAD="$SHIM" ACAP_SHIM=late "$RECORD" -d "$fast" -t 0.5 out.wav
    exact s16 2 out.wav 24000
}

test_terminal() {
    if ! command -v script > /dev/null; then
        echo "not run: the progress line (there is no script program)"
        return
    fi
    script -qec "$RECORD -d sim:sine -t 0.5 out.wav" /dev/null < /dev/null > stdout 2> stderr || fail "it fails on a terminal"
    grep -q "$(printf '\r')00:00:00.3  \[=*-* *\]  -6.0 \[=*-* *\]  -6.0" stdout || fail "no progress line"
    grep -q 'CLIP' stdout && fail "a sine of half of full scale clips"
    script -qec "$RECORD -d sim:counter -f u8 -t 0.5 out.wav" /dev/null < /dev/null > stdout || fail "it fails on a terminal"
    says stdout CLIP
    script -qec "$RECORD -q -d sim:sine -t 0.3 out.wav" /dev/null < /dev/null > stdout || fail "it fails on a terminal"
    grep -q '00:00:00' stdout && fail "a progress line in spite of -q"
    script -qec "$RECORD -d sim:sine -" /dev/null < /dev/null > stdout && fail "samples on a terminal"
    says stdout "standard output is a terminal"
}

mkfifo pipe
test_exactness
test_plain_header
test_plain_header_of_unknown_length
test_interrupt
test_kill
test_second_signal
test_gaps
test_full_disk
test_broken_pipe
test_refusals
test_lost_device
test_terminal
