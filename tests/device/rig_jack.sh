# SPDX-License-Identifier: MIT
# Owns: a private JACK server with the dummy driver, and a client that plays the counting signal.
# Sourced by: test_jack.sh, test_recovery_jack.sh, test_record_recovery.sh, after rig_common.sh.

# A server that was killed leaves its place in JACK's registry in shared memory, which has eight; only a server of the same name takes it
# back. Hence one name for each test directory, and jack_stop starts a killed server once more.
jack_name=${work##*/}

jack_is_running() {
    jack_wait -s "$jack_name" -c | grep -q '^running'
}

# jack_launch RATE: its id is in jack_pid. In a real-time class where that is allowed: others may be busy on this machine.
jack_launch() {
    if chrt -f 1 true 2> /dev/null; then mode=-R; else mode=-r; fi
    JACK_NO_AUDIO_RESERVATION=1 jackd -n "$jack_name" "$mode" -d dummy -r "$1" -p 1024 -C 2 -P 2 > "$work/jack.log" 2>&1 < /dev/null &
    jack_pid=$!
    echo "$jack_pid" > "$work/jack.pid"
    wait_for "the JACK server" jack_is_running
}

# jack_start CHANNELS RATE: the server and the client "acap_source"
jack_start() {
    # PortAudio needs a "default" of ALSA; this one cannot be opened.
    printf 'pcm.!default { type hw card 31 }\n' > "$work/asound.conf"
    export ALSA_CONFIG_PATH="$work/asound.conf" JACK_DEFAULT_SERVER="$jack_name" JACK_NO_START_SERVER=1
    jack_rate=$2
    jack_launch "$2"
    jack_play "$1"
}

# jack_play CHANNELS
jack_play() {
    "$jack_source" "$jack_name" "$1" > "$work/source.log" 2>&1 < /dev/null &
    source_pid=$!
    echo "$source_pid" > "$work/source.pid"
    wait_for "the JACK source" grep -q '^ready' "$work/source.log"
}

# Also what a revived server and source are.
jack_stop() {
    [ ! -f "$work/jack.pid" ] || jack_pid=$(cat "$work/jack.pid")
    [ ! -f "$work/source.pid" ] || source_pid=$(cat "$work/source.pid")
    # One that stands still would make its clients wait.
    [ -z "${jack_pid:-}" ] || kill -CONT "$jack_pid" 2> /dev/null || :
    [ -z "${source_pid:-}" ] || end_process "$source_pid"
    [ -n "${jack_pid:-}" ] || return 0
    if ! kill -0 "$jack_pid" 2> /dev/null; then
        jack_launch "$jack_rate"
    fi
    end_process "$jack_pid"
    # A client that outlived its server had to leave its semaphore behind.
    rm -f /dev/shm/jack_sem.*_"$jack_name"_*
}
