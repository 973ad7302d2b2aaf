#!/bin/sh
# SPDX-License-Identifier: MIT
# Owns: the proof that acap writes nothing to standard error, whatever ALSA, JACK and PortAudio would have said there.
# Run by: CTest: test_quiet.sh PROBE CARD_PLUGIN
set -eu
here=$(dirname "$0")
. "$here/rig_common.sh"
probe=$1 card_plugin=$2
silences_portaudio=yes

# quiet WORDS STATUSES OUTPUT ARGUMENT...: runs the probe, which must end with one of STATUSES, say OUTPUT (where it is not empty) and write
# 0 bytes to standard error
quiet() {
    what=$1 expected=$2 output=$3
    shift 3
    status=0
    timeout -k 1 20 "$probe" "$@" > "$work/out" 2> "$work/err" < /dev/null || status=$?
    [ "$silences_portaudio" = yes ] || sed -i '/^Expression .* failed in /d' "$work/err"
    bytes=$(wc -c < "$work/err")
    [ "$bytes" -eq 0 ] || { head -n 5 "$work/err" >&2; fail "$what: $bytes bytes on standard error"; }
    case " $expected " in
    *" $status "*) ;;
    *) cat "$work/out" >&2; fail "$what: status $status instead of $expected" ;;
    esac
    [ -z "$output" ] || grep -q "$output" "$work/out" || { cat "$work/out" >&2; fail "$what: no \"$output\" on standard output"; }
    echo "ok: $what"
}

# quiet_but_portaudio: the same where PortAudio itself fails: most builds of it write "Expression ... failed" past every hook
quiet_but_portaudio() {
    silences_portaudio=no
    quiet "$@"
    silences_portaudio=yes
}

# The machine as it is, with a card or without.
unset ALSA_CONFIG_PATH JACK_NO_START_SERVER JACK_DEFAULT_SERVER
quiet "machine's own configuration, list" 0 '' list
quiet "machine's own configuration, capture" '0 3' '' capture - 100
use_no_jack
quiet "machine's own configuration, wrong JACK server, list" 0 '' list
quiet "machine's own configuration, wrong JACK server, capture" '0 3' '' capture - 100

use_cards 'pcm.!default { type hw card 31 }'
quiet "no card, list" 0 '' list
quiet "no card, capture" 3 ACAP_ERROR_NO_DEVICE capture - 100
quiet "no card, named device" 3 ACAP_ERROR_NO_DEVICE capture microphone 100

use_cards 'pcm.card { type acapcard }
pcm.!default { type acapcard }'
quiet "virtual card, list" 0 '^card$' list
quiet "virtual card, capture" 0 'frames [1-9].* stop ACAP_OK' capture card 300

use_cards 'pcm.overrun { type acapcard faults "4800:xrun:100 9600:xrun:100" }
pcm.!default { type acapcard }'
quiet "card that overruns, capture" 0 'frames [1-9]' capture overrun 400

use_cards "pcm.gone { type pulse server \"unix:$work/nobody\" device \"x\" }
pcm.no_plugin { type acapcard_that_is_not_there }
pcm.bad_key { type acapcard colour red }
pcm.!default { type pulse server \"unix:$work/nobody\" }"
export PULSE_SERVER="unix:$work/nobody"
quiet "no PulseAudio server, missing plug-in, bad key, list" 0 '' list
quiet "no PulseAudio server, capture" 3 'ACAP_ERROR' capture - 100
unset PULSE_SERVER

printf 'pcm.card { this is { no configuration' > "$work/asound.conf"
quiet_but_portaudio "broken ALSA configuration, list" '0 3' '' list

use_cards 'pcm.busy { type acapcard open_error EBUSY open_errors_after 1 }
pcm.!default { type acapcard }'
quiet "card that becomes busy, capture" 3 ACAP_ERROR_DEVICE_BUSY capture busy 100
