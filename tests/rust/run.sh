#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests the Rust binding against an installed acap: rustfmt, clippy, cargo test, cargo doc, valgrind, Miri where there is one.
#   tests/rust/run.sh PREFIX [DIRECTORY]     PREFIX has include/acap and lib; what is built goes into DIRECTORY
# CARGO chooses the cargo; cargo by default. Exits 77, after saying why, where there is none that fits.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
workspace=$top/examples/rust
cargo=${CARGO:-cargo}
oldest=85 # as rust-version in Cargo.toml: 1.85

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
command -v "$cargo" > /dev/null || skip "there is no $cargo"
version=$("$cargo" --version 2> /dev/null) || skip "$cargo does not run"
minor=$(echo "$version" | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
[ "${minor:-0}" -ge "$oldest" ] || skip "$version is older than Rust 1.$oldest"

if [ $# -ge 2 ]; then
    mkdir -p "$2"
    work=$(cd "$2" && pwd)
else
    work=$(mktemp -d "${TMPDIR:-/tmp}/acap-rust.XXXXXX")
    trap 'rm -rf "$work"' EXIT
fi

. "$top/tests/packages.sh"
command -v cc > /dev/null || install_packages gcc libc6-dev
command -v pkg-config > /dev/null || install_packages pkg-config
command -v valgrind > /dev/null || install_packages valgrind || echo "not run: valgrind, which cannot be installed"

library=$(find "$prefix"/lib* -name 'libacap.so.0' -o -name 'libacap.0.dylib' | head -n 1)
[ -n "$library" ] || fail "there is no shared acap library under $prefix"
library_dir=$(dirname "$library")
export LD_LIBRARY_PATH="$library_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PKG_CONFIG_PATH="$library_dir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export CARGO_TARGET_DIR="$work/target"
export CARGO_BUILD_JOBS="${CARGO_BUILD_JOBS:-2}"
export CARGO_TERM_COLOR=never
unset ACAP_DEVICE ACAP_BACKEND ACAP_DIR ACAP_LIB_DIR ACAP_INCLUDE_DIR RUSTFLAGS RUSTDOCFLAGS RUST_BACKTRACE

# A copy, since cargo writes Cargo.lock beside the sources. Only what differs is copied, so that the rest is not built again.
copy=$work/workspace
mkdir -p "$copy"
list_sources() {
    (cd "$1" && find Cargo.toml README.md acap-sys acap programs -type f 2> /dev/null | sort)
}
list_sources "$workspace" > "$work/sources"
list_sources "$copy" | grep -vxFf "$work/sources" | while read -r name; do
    rm -f "$copy/$name"
done
while read -r name; do
    cmp -s "$workspace/$name" "$copy/$name" || {
        mkdir -p "$(dirname "$copy/$name")"
        cp "$workspace/$name" "$copy/$name"
    }
done < "$work/sources"
cd "$copy"

status=0
# step WORDS...: a command that should succeed
step() {
    echo "== $*"
    "$@" < /dev/null || status=1
}

if "$cargo" fmt --version > /dev/null 2>&1; then
    step "$cargo" fmt --all --check
else
    echo "not run: rustfmt, which this toolchain does not have"
fi
if "$cargo" clippy --version > /dev/null 2>&1; then
    step "$cargo" clippy --quiet --all-targets -- -D warnings
else
    echo "not run: clippy, which this toolchain does not have"
fi

# All but the documentation's examples, of which the README's first one opens the default input.
step "$cargo" test --quiet --all-targets --no-fail-fast
step env ACAP_BACKEND=sim "$cargo" test --quiet --doc
step env RUSTDOCFLAGS="-D warnings" "$cargo" doc --quiet --no-deps

# The other ways to find and link the library.
step env -u PKG_CONFIG_PATH ACAP_DIR="$prefix" CARGO_TARGET_DIR="$work/target-static" \
    "$cargo" test --quiet --package acap --features static --test buffers
if [ -e "$work/target-static" ]; then
    linked=$(ldd "$work"/target-static/debug/deps/buffers-* 2> /dev/null | grep 'libacap\.' || true)
    [ -z "$linked" ] || fail "the static feature links the shared library: $linked"
fi

if miri=$("$cargo" +nightly miri --version 2> /dev/null); then
    echo "$miri"
    step env CARGO_TARGET_DIR="$work/target-miri" "$cargo" +nightly miri test --quiet --package acap --lib
else
    echo "not run: Miri, which the nightly toolchain here does not have"
fi

[ "$status" = 0 ] || fail "the Rust binding"
echo "the Rust binding: passed with $version"
