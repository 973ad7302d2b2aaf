#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests the Go binding against an installed acap: gofmt, go vet, staticcheck; go test plain, with -race, cgocheck2 and -asan.
#   tests/go/run.sh PREFIX [DIRECTORY]     PREFIX has include/acap and lib; what is built and downloaded goes into DIRECTORY
# GO chooses the command; go by default. Exits 77, after saying why, where there is none that fits.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
package=$top/examples/go
go=${GO:-go}
staticcheck_version=v0.8.2

skip() {
    echo "skipped: $1"
    exit 77
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

[ $# -ge 1 ] || fail "usage: run.sh PREFIX [DIRECTORY]"
prefix=$(cd "$1" && pwd)
command -v "$go" > /dev/null || skip "there is no $go"
export GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=1
GOFLAGS="$("$go" env GOFLAGS) -buildvcs=false"
export GOFLAGS
unset GOEXPERIMENT ACAP_DEVICE ACAP_BACKEND
version=$("$go" env GOVERSION)
minor=$(echo "$version" | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
[ "${minor:-24}" -ge 24 ] || skip "$version is older than Go 1.24"

. "$top/tests/packages.sh"
command -v pkg-config > /dev/null && command -v "$("$go" env CC)" > /dev/null || install_packages gcc libc6-dev pkg-config

if [ $# -ge 2 ]; then
    mkdir -p "$2"
    work=$(cd "$2" && pwd)
else
    work=$(mktemp -d "${TMPDIR:-/tmp}/acap-go.XXXXXX")
    trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
fi
mkdir -p "$work/tmp"
export GOCACHE="$work/cache" GOPATH="$work/path" GOMODCACHE="$work/path/pkg/mod" GOTMPDIR="$work/tmp" GOBIN="$work/bin-$version"

description=$(find "$prefix"/lib* -name acap.pc 2> /dev/null | head -n 1)
library=$(find "$prefix"/lib* \( -name libacap.so.0 -o -name libacap.0.dylib \) 2> /dev/null | head -n 1)
[ -n "$description" ] && [ -n "$library" ] || fail "there is no shared acap library with an acap.pc under $prefix"
export PKG_CONFIG_PATH="$(dirname "$description")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export LD_LIBRARY_PATH="$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export DYLD_LIBRARY_PATH="$(dirname "$library")${DYLD_LIBRARY_PATH:+:$DYLD_LIBRARY_PATH}"

cd "$package"
status=0
# run WHAT COMMAND...
run() {
    what=$1
    shift
    echo "== $what"
    "$@" < /dev/null || {
        echo "FAILED: $what" >&2
        status=1
    }
}

# go vet has seen the tests by then. Those of a checker are of the packages that have C in them, and without the longest run, which
# the plain ones did. The race detector waits at each end of a program for late races: 1 s, where nothing else is said.
checked() {
    GORACE="atexit_sleep_ms=100 ${GORACE:-}" "$go" test -count=1 -vet=off -short "$@"
}

unformatted=$("$(dirname "$("$go" env GOROOT)/bin/go")/gofmt" -l .)
[ -z "$unformatted" ] || fail "gofmt would change: $unformatted"
run "go vet" "$go" vet ./...

staticcheck=$GOBIN/staticcheck-$staticcheck_version
if [ ! -x "$staticcheck" ]; then
    if "$go" install "honnef.co/go/tools/cmd/staticcheck@$staticcheck_version" > "$work/staticcheck.log" 2>&1 < /dev/null; then
        mv "$GOBIN/staticcheck" "$staticcheck"
    else
        tail -n 3 "$work/staticcheck.log"
    fi
fi
if [ -x "$staticcheck" ]; then
    run "staticcheck $staticcheck_version" "$staticcheck" ./...
else
    echo "skipped: staticcheck $staticcheck_version cannot be installed here"
fi

run "go test" "$go" test -count=1 -vet=off ./...
platform=$("$go" env GOOS)/$("$go" env GOARCH)
case $platform in
linux/amd64 | linux/arm64 | linux/ppc64le | linux/s390x | darwin/*) run "go test -race" checked -race . ./internal/exits ;;
*) echo "skipped: there is no race detector on $platform" ;;
esac
export GOEXPERIMENT=cgocheck2
run "go test, cgocheck2" checked .
unset GOEXPERIMENT
# Go 1.25 is the first that looks for lost memory at the end.
case $platform/$([ "${minor:-25}" -ge 25 ] && echo new || echo old) in
linux/amd64/new | linux/arm64/new | linux/ppc64le/new | linux/riscv64/new | linux/loong64/new) run "go test -asan" checked -asan . ./internal/exits ;;
*) echo "skipped: $version has no -asan on $platform that looks for lost memory" ;;
esac

[ "$status" = 0 ] || fail "the Go binding"
echo "the Go binding: passed with $version"
