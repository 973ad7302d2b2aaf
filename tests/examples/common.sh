# SPDX-License-Identifier: MIT
# Owns: what the test scripts of the examples share: a directory that goes with them, claims, background processes that cannot outlive
# them, and waiting for something to become true.
# Sourced by: test_record.sh, test_devices.sh, test_fan_out.sh. POSIX shell.
set -u

work=$(mktemp -d)
started= # the background processes that have not been collected yet
trap 'for left in $started; do kill -KILL "$left"; done; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1

fail() {
    echo "FAILED: $*" >&2
    for shown in stdout stderr; do
        [ -f "$work/$shown" ] && sed "s/^/  $shown: /" "$work/$shown" >&2
    done
    exit 1
}

# claim WORDS TEST-ARGUMENTS...: the test(1) holds
claim() {
    words=$1
    shift
    [ "$@" ] || fail "$words: [ $* ] does not hold"
}

# expect STATUS PROGRAM ARGUMENTS...: its exit status; leaves its output in stdout and stderr
expect() {
    expected=$1
    shift
    status=0
    timeout 30 "$@" > stdout 2> stderr || status=$?
    [ "$status" -eq "$expected" ] || fail "$* ended with $status instead of $expected"
}

# expect_limited BLOCKS PROGRAM ARGUMENTS...: fails with 1 because no file may be larger than BLOCKS times 512 bytes
expect_limited() {
    # shellcheck disable=SC2016
    expect 1 sh -c 'ulimit -f "$1" && shift && exec "$@"' sh "$@"
}

# says FILE TEXT: the text occurs in it
says() {
    grep -qF -e "$2" "$1" || fail "'$2' is not in $1"
}

# one_sentence PROGRAM: a single line on standard error, which begins with the program's name
one_sentence() {
    claim "lines of the message" "$(wc -l < stderr)" -eq 1
    grep -q "^$1: " stderr || fail "the message does not begin with $1"
}

# figure FILE WORDS: the number behind the words
figure() {
    sed -n "s/.*$2 \([0-9][0-9]*\).*/\1/p" "$1" | head -n 1
}

# is_over PID: it has ended, whether it was waited for or not
is_over() {
    case $(ps -o stat= -p "$1") in
        '' | Z*) return 0 ;;
    esac
    return 1
}

# collect STATUS PID: the background process ends by itself, with this status, within 20 s
collect() {
    tries=0
    until is_over "$2"; do
        tries=$((tries + 1))
        [ "$tries" -le 400 ] || fail "process $2 does not end: $(ps -o stat=,args= -p "$2")"
        sleep 0.05
    done
    status=0
    wait "$2" 2> /dev/null || status=$?
    started=$(echo "$started " | sed "s/ $2 / /")
    [ "$status" -eq "$1" ] || fail "process $2 ended with $status instead of $1"
}

# lets_go_of_interrupts PID: waits until it has no handler for SIGINT any more, at most 20 s
lets_go_of_interrupts() {
    tries=0
    while [ $((0x$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") & 2)) -ne 0 ]; do
        tries=$((tries + 1))
        [ "$tries" -le 400 ] || fail "process $1 still catches SIGINT"
        sleep 0.05
    done
}

# grows_to FILE BYTES: waits until the file is so large, at most 20 s
grows_to() {
    tries=0
    until [ -f "$1" ] && [ "$(wc -c < "$1")" -ge "$2" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 400 ] || fail "$1 did not grow to $2 bytes"
        sleep 0.05
    done
}
