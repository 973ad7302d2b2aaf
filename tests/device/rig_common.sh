# SPDX-License-Identifier: MIT
# Owns: what the scripts of the device tests share: a temporary directory that goes with them, waiting, and ending processes by their ids.
# Sourced by: rig_pulse.sh, rig_jack.sh and the test scripts. POSIX shell.

skip() {
    echo "skipped: $1"
    exit 77
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

# need PROGRAM...: skips the test when one of them is missing
need() {
    for program in "$@"; do
        command -v "$program" > /dev/null || skip "$program is not installed"
    done
}

# wait_for WORDS COMMAND...: until COMMAND succeeds, at most 10 s
wait_for() {
    what=$1
    shift
    tries=0
    until "$@" > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -le 200 ] || fail "$what did not come within 10 s"
        sleep 0.05
    done
}

# end_process PID: asks it to go, and makes it go after 3 s; PID is a child of this shell
end_process() {
    kill -CONT "$1" 2> /dev/null || return 0
    kill -TERM "$1" 2> /dev/null || return 0
    tries=0
    while kill -0 "$1" 2> /dev/null; do
        tries=$((tries + 1))
        [ "$tries" -le 60 ] || kill -KILL "$1" 2> /dev/null
        sleep 0.05
    done
}

# The test's own directory. cleanup is run however the script ends; a script that starts servers defines stop_servers.
stop_servers() {
    :
}

cleanup() {
    stop_servers
    rm -rf "$work"
}

# A script that a test runs in the middle works in that test's directory, and leaves it alone.
if [ -n "${rig_work:-}" ]; then
    work=$rig_work
else
    work=$(mktemp -d "${TMPDIR:-/tmp}/acap-device.XXXXXX") || exit 1
    trap cleanup EXIT
    trap 'exit 1' HUP INT TERM
fi

# use_cards DEFINITIONS: writes a configuration with virtual cards (card.h) and points ALSA at it; card_plugin is the plug-in's path
use_cards() {
    printf 'pcm_type.acapcard { lib "%s" }\n%s\n' "$card_plugin" "$1" > "$work/asound.conf"
    export ALSA_CONFIG_PATH="$work/asound.conf"
    use_no_jack
}

# No JACK server, not even one that somebody has.
use_no_jack() {
    export JACK_NO_START_SERVER=1
    export JACK_DEFAULT_SERVER=acap_no_such_server
}

unset ACAP_DEVICE ACAP_BACKEND
