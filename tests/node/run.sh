#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests the Node.js binding against an installed acap: node:test, tsc --strict.
#   tests/node/run.sh PREFIX [DIRECTORY]     PREFIX has include/acap and lib; what the tests need is installed in DIRECTORY
# NODE chooses the runtime; node by default. Exits 77, after saying why, where there is none that fits.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
package=$top/examples/node
node=${NODE:-node}

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
command -v "$node" > /dev/null || skip "there is no $node"
"$node" -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 18 || (major === 18 && minor >= 17) ? 0 : 1)' ||
    skip "$node is older than Node.js 18.17"

if [ $# -ge 2 ]; then
    mkdir -p "$2"
    work=$(cd "$2" && pwd)
else
    work=$(mktemp -d "${TMPDIR:-/tmp}/acap-node.XXXXXX")
    trap 'rm -rf "$work"' EXIT
fi

library=$(find "$prefix"/lib* -name 'libacap.so.0' -o -name 'libacap.0.dylib' | head -n 1)
[ -n "$library" ] || fail "there is no shared acap library under $prefix"
export ACAP_PREFIX="$prefix"
export ACAP_INCLUDE_DIR="$prefix/include"
ACAP_LIBRARY_DIR=$(dirname "$library")
export ACAP_LIBRARY_DIR
# A finding of the loader's own path, and not of what this shell happens to have.
unset ACAP_DEVICE ACAP_BACKEND ACAP_NODE_NO_EXTERNAL NODE_OPTIONS NODE_PATH LD_LIBRARY_PATH

# npm and everything that it starts find the chosen runtime first.
mkdir -p "$work/bin"
ln -sf "$(command -v "$node")" "$work/bin/node"
PATH=$work/bin:$PATH
export PATH

has_headers() {
    node -e '
        const { existsSync } = require("node:fs");
        const { dirname, join, resolve } = require("node:path");
        const roots = [process.env.npm_config_nodedir, resolve(dirname(process.execPath), ".."), process.config.variables.prefix, "/usr", "/usr/local"];
        const has = (root) => root && ["node_api.h", "uv.h"].every((name) => existsSync(join(root, "include", "node", name)));
        process.exit(roots.some(has) ? 0 : 1);'
}

# Debian's own Node.js comes in parts; others have all of them.
needed=
command -v npm > /dev/null || needed="$needed npm"
command -v "${CC:-cc}" > /dev/null || needed="$needed gcc libc6-dev"
has_headers || needed="$needed libnode-dev"
if [ -n "$needed" ]; then
    . "$top/tests/packages.sh"
    # shellcheck disable=SC2086
    install_packages $needed
fi

quiet="--no-audit --no-fund --no-package-lock --no-update-notifier --loglevel=error"

# The tools, once for each list of what is needed.
tools=$work/tools
if ! cmp -s "$package/package.json" "$tools/needed.json"; then
    rm -rf "$tools"
    mkdir -p "$tools"
    echo '{ "private": true }' > "$tools/package.json"
    versions=$(node -p 'Object.entries(require(process.argv[1]).devDependencies).map((pair) => pair.join("@")).join(" ")' "$package/package.json")
    # shellcheck disable=SC2086
    (cd "$tools" && npm install $quiet $versions)
    cp "$package/package.json" "$tools/needed.json"
fi

# The package as users get it: packed, and installed into a program of its own, which compiles the addon.
consumer=$work/consumer
rm -rf "$work/pack" "$consumer"
mkdir -p "$work/pack" "$consumer"
cp -R "$package/." "$work/pack/"
rm -rf "$work/pack/build" "$work/pack/node_modules"
# shellcheck disable=SC2086
archive=$(cd "$work/pack" && npm pack $quiet --pack-destination "$consumer" | tail -n 1)
echo '{ "private": true }' > "$consumer/package.json"
# shellcheck disable=SC2086
(cd "$consumer" && CFLAGS="${CFLAGS:-} -Werror" npm install $quiet --offline "./$archive")
installed=$consumer/node_modules/acap
[ -f "$installed/build/acap.node" ] || fail "the addon was not built"
[ -f "$installed/lib/index.d.ts" ] || fail "the types were not packed"
[ ! -e "$installed/test" ] || fail "the tests were packed"
for program in acap-node-devices acap-node-record acap-node-fan-out; do
    "$consumer/node_modules/.bin/$program" --version > /dev/null || fail "$program does not run"
done

cp -R "$package/test" "$consumer/test"
for name in @types undici-types typescript; do
    [ ! -e "$tools/node_modules/$name" ] || ln -s "$tools/node_modules/$name" "$consumer/node_modules/$name"
done

status=0
(cd "$consumer" && node "$tools/node_modules/typescript/bin/tsc" --project test/types) || status=1
[ "$status" != 0 ] || echo "tsc --strict: the types hold"
(cd "$consumer" && node --expose-gc --test --test-reporter=spec test/*.test.js) || status=1
[ "$status" = 0 ] || fail "the Node.js binding"
