# SPDX-License-Identifier: MIT
# Owns: a private PulseAudio server whose null sink plays the counting signal; what is captured from the sink's monitor is exact.
# Sourced by: test_pulse.sh, test_quiet.sh, test_recovery.sh, test_record_recovery.sh, after rig_common.sh. Needs no D-Bus, no systemd
# and no rights.

# The channel map of ALSA's pulse plug-in; with any other the server would mix, silently.
pulse_map() {
    case $1 in
    2) echo front-left,front-right ;;
    8) echo front-left,front-right,rear-left,rear-right,front-center,lfe,side-left,side-right ;;
    *) fail "no channel map for $1 channels" ;;
    esac
}

pulse_format() {
    case $1 in
    s16) echo s16le ;;
    f32) echo float32le ;;
    *) fail "no PulseAudio format for $1" ;;
    esac
}

# pulse_configure: ALSA's default and "rig_monitor" are the sink's monitor
pulse_configure() {
    cat > "$work/asound.conf" << END
pcm.rig_monitor { type pulse server "unix:$work/native" device "rig.monitor" }
pcm.!default { type pulse server "unix:$work/native" device "rig.monitor" }
ctl.!default { type pulse server "unix:$work/native" }
END
    export ALSA_CONFIG_PATH="$work/asound.conf"
    export PULSE_SERVER="unix:$work/native"
    use_no_jack
}

# pulse_start FORMAT CHANNELS RATE: its id is in pulse_pid. Without norewinds the sink stalls for its first two seconds.
pulse_start() {
    pulse_configure
    pulse_launch "$@"
}

pulse_launch() {
    mkdir -p "$work/home"
    pulse_sink="sink_name=rig norewinds=1 format=$(pulse_format "$1") channels=$2 channel_map=$(pulse_map "$2") rate=$3"
    HOME=$work/home XDG_RUNTIME_DIR=$work PULSE_RUNTIME_PATH=$work DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent \
        pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --realtime=no --high-priority=no --disable-shm=no \
        --log-target=stderr --log-level=error \
        -L "module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket=$work/native" \
        -L "module-null-sink $pulse_sink" > "$work/pulse.log" 2>&1 < /dev/null &
    pulse_pid=$!
    echo "$pulse_pid" > "$work/pulse.pid"
    wait_for "the PulseAudio server" pactl info
}

# The sink goes, and with it the source that is recorded; the server lives.
pulse_unload() {
    pactl unload-module module-null-sink
}

pulse_load() {
    # shellcheck disable=SC2086
    pactl load-module module-null-sink $pulse_sink > /dev/null
}

# pulse_play FORMAT CHANNELS RATE: plays the counting signal for pulse_seconds, well ahead: the player may be late on a busy machine
pulse_play() {
    [ -f "$work/signal.raw" ] || "$counter_play" "$1" "$2" $((${pulse_seconds:-12} * $3)) > "$work/signal.raw"
    pacat --playback --raw --format="$(pulse_format "$1")" --channels="$2" --channel-map="$(pulse_map "$2")" --rate="$3" \
        --device=rig --latency-msec=400 < "$work/signal.raw" > "$work/pacat.log" 2>&1 &
    pacat_pid=$!
    echo "$pacat_pid" > "$work/pacat.pid"
    wait_for "the signal" pulse_is_playing
}

pulse_is_playing() {
    pactl list short sinks | grep -q 'rig.*RUNNING'
}

# Also what a revived server and player are.
pulse_stop() {
    [ ! -f "$work/pulse.pid" ] || pulse_pid=$(cat "$work/pulse.pid")
    [ ! -f "$work/pacat.pid" ] || pacat_pid=$(cat "$work/pacat.pid")
    # One that stands still would make its clients wait.
    [ -z "${pulse_pid:-}" ] || kill -CONT "$pulse_pid" 2> /dev/null || :
    [ -z "${pacat_pid:-}" ] || end_process "$pacat_pid"
    [ -z "${pulse_pid:-}" ] || end_process "$pulse_pid"
}
