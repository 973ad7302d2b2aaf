# SPDX-License-Identifier: MIT
# To be sourced: builds acap, the virtual card and the programs of each language in $work, with the libraries that acap is compared with.
# What cannot be built is left out, with the reason. Reads top, here, work and the names of the commands; sets has_python and the like.
# Sourced by: run.sh. POSIX shell.

numpy_version=2.4.6 sounddevice_version=0.5.6 naudiodon_version=2.3.6
go_portaudio=github.com/gordonklaus/portaudio@v0.0.0-20250206071425-98a94950218b

say() {
    echo "$*" >&2
}

left_out() {
    echo "left out: $1" >> "$work/left_out"
    say "left out: $1"
}

# quietly WORDS...: a build step; what it says is only shown when it fails
quietly() {
    "$@" > "$work/log" 2>&1 < /dev/null || {
        tail -n 15 "$work/log" >&2
        return 1
    }
}

version() {
    echo "$*" >> "$work/versions"
}

. "$top/tests/packages.sh"
install_packages cmake gcc g++ libc6-dev pkg-config libasound2-dev portaudio19-dev >&2

prefix=${ACAP_PREFIX:-}
if [ -z "$prefix" ]; then
    say "building acap"
    prefix=$work/prefix
    quietly cmake -S "$top" -B "$work/acap" -DCMAKE_BUILD_TYPE=Release -DACAP_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_PREFIX="$prefix"
    quietly cmake --build "$work/acap" --parallel 2 --target install
fi
prefix=$(cd "$prefix" && pwd)
library=$(find "$prefix"/lib* -name libacap.so.0 | head -n 1)
[ -n "$library" ] || {
    say "there is no shared acap library under $prefix"
    exit 1
}
LD_LIBRARY_PATH="$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
PKG_CONFIG_PATH="$(dirname "$library")/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export LD_LIBRARY_PATH PKG_CONFIG_PATH
export ACAP_LIBRARY="$library"
version "acap $(pkg-config --modversion acap), PortAudio $(dpkg-query -W -f '${Version}' libportaudio2 2> /dev/null || echo unknown)"

build_c() {
    device=$top/tests/device
    quietly cc -O2 -shared -fPIC -I"$top/include" "$device/card_config.c" "$device/card_control.c" "$device/card_plugin.c" \
        "$device/card_ring.c" "$device/counting.c" -o "$work/card.so" -lasound -lpthread
    quietly cc -O2 -fno-builtin -shared -fPIC "$here/count.c" -o "$work/count.so"
    # shellcheck disable=SC2046
    quietly cc -O2 "$here/c_bench.c" -o "$work/c_bench" $(pkg-config --cflags --libs acap) -lportaudio
    # shellcheck disable=SC2046
    quietly c++ -std=c++17 -O2 "$here/cpp_bench.cpp" -o "$work/cpp_bench" $(pkg-config --cflags --libs acap)
    version "C and C++: $(cc --version | head -n 1)"
}

pip_install() {
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
}

npm_install() {
    npm install --no-audit --no-fund --no-package-lock --no-update-notifier "$@"
}

build_python() {
    command -v "$python" > /dev/null || { left_out "Python: there is no $python"; return 0; }
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { left_out "Python: older than 3.11"; return 0; }
    "$python" -c 'import ensurepip, venv' 2> /dev/null || install_packages python3-venv >&2
    quietly "$python" -m venv "$work/venv"
    rm -rf "$work/python"
    cp -R "$top/examples/python" "$work/python"
    quietly pip_install --force-reinstall --no-deps "$work/python" || { left_out "Python: acap's package was not installed"; return 0; }
    quietly pip_install "numpy==$numpy_version" || { left_out "Python: NumPy $numpy_version was not installed"; return 0; }
    has_python=yes
    version "$("$work/venv/bin/python" --version), NumPy $numpy_version"
    quietly pip_install "sounddevice==$sounddevice_version" || { left_out "python-sounddevice $sounddevice_version was not installed"; return 0; }
    has_sounddevice=yes
    version "python-sounddevice $sounddevice_version"
}

# The sources beside the bindings, as in the repository, for the two languages whose tools write into them.
copy_sources() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/examples" "$work/tree/bench/languages"
    cp -R "$top/examples/rust" "$top/examples/go" "$work/tree/examples"
    cp -R "$here/rust" "$here/go" "$work/tree/bench/languages"
}

build_rust() {
    command -v "$cargo" > /dev/null || { left_out "Rust: there is no $cargo"; return 0; }
    export CARGO_TARGET_DIR="$work/target" CARGO_BUILD_JOBS=2
    rust=$work/tree/bench/languages/rust
    (cd "$rust" && quietly "$cargo" build --release) || { left_out "Rust: acap's crate was not built (Rust 1.85 or newer is needed)"; return 0; }
    has_rust=yes
    version "$("$cargo" --version)"
    (cd "$rust/cpal" && quietly "$cargo" build --release) || { left_out "cpal was not built"; return 0; }
    has_cpal=yes
    version "$(sed -n 's/^cpal = "=\(.*\)"/cpal \1/p' "$rust/cpal/Cargo.toml")"
}

build_go() {
    command -v "$go" > /dev/null || { left_out "Go: there is no $go"; return 0; }
    export GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=1 GOFLAGS="-mod=mod -p=2"
    export GOPATH="$work/gopath" GOCACHE="$work/gocache"
    mkdir -p "$work/bin"
    (cd "$work/tree/bench/languages/go" && quietly "$go" build -o "$work/bin/" ./acap_bench) ||
        { left_out "Go: acap's package was not built (Go 1.24 or newer is needed)"; return 0; }
    has_go=yes
    version "$("$go" version)"
    (cd "$work/tree/bench/languages/go" && quietly "$go" get "$go_portaudio" && quietly "$go" build -o "$work/bin/" ./portaudio_bench) ||
        { left_out "gordonklaus/portaudio was not built"; return 0; }
    has_goportaudio=yes
    version "gordonklaus/portaudio ${go_portaudio##*@}"
}

build_node() {
    command -v "$node" > /dev/null && command -v npm > /dev/null || { left_out "Node.js: there is no $node with npm"; return 0; }
    root=$(cd "$(dirname "$("$node" -p process.execPath)")/.." && pwd)
    [ ! -e "$root/include/node/node_api.h" ] || export npm_config_nodedir="$root"
    rm -rf "$work/node"
    mkdir -p "$work/node"
    cp -R "$top/examples/node" "$work/node/package"
    cp "$here/node_bench.js" "$work/node/"
    echo '{ "private": true }' > "$work/node/package.json"
    (cd "$work/node" && ACAP_PREFIX="$prefix" quietly npm_install --install-links ./package && "$node" -e 'require("acap")') ||
        { left_out "Node.js: acap's package was not built"; return 0; }
    has_node=yes
    version "Node.js $("$node" --version)"
    (cd "$work/node" && quietly npm_install "naudiodon@$naudiodon_version" && quietly "$node" -e 'require("naudiodon")') ||
        { left_out "naudiodon $naudiodon_version was not built: $(grep -m 1 'gyp ERR! stack\|npm error [^c]\|Error:' "$work/log" || echo "see above")"; return 0; }
    has_naudiodon=yes
    version "naudiodon $naudiodon_version"
}

has_python='' has_sounddevice='' has_rust='' has_cpal='' has_go='' has_goportaudio='' has_node='' has_naudiodon=''
copy_sources
for language in c python rust go node; do
    say "building $language"
    "build_$language"
done

