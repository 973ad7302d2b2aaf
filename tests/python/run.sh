#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests the Python binding against an installed acap: pytest, mypy --strict, ruff.
#   tests/python/run.sh PREFIX [DIRECTORY]     PREFIX has include/acap and lib; what the tests need is installed in DIRECTORY
# PYTHON chooses the interpreter; python3 by default. Exits 77, after saying why, where there is none that fits.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
package=$top/examples/python
python=${PYTHON:-python3}

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
command -v "$python" > /dev/null || skip "there is no $python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skip "$python is older than Python 3.11"

if [ $# -ge 2 ]; then
    mkdir -p "$2"
    work=$(cd "$2" && pwd)
else
    work=$(mktemp -d "${TMPDIR:-/tmp}/acap-python.XXXXXX")
    trap 'rm -rf "$work"' EXIT
fi

library=$(find "$prefix"/lib* -name 'libacap.so.0' -o -name 'libacap.0.dylib' | head -n 1)
[ -n "$library" ] || fail "there is no shared acap library under $prefix"
export LD_LIBRARY_PATH="$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export ACAP_LIBRARY="$library"
export ACAP_INCLUDE_DIR="$prefix/include"
export PYTHONDONTWRITEBYTECODE=1
unset ACAP_DEVICE ACAP_BACKEND PYTHONPATH PYTHONHOME PYTHONSTARTUP

# The tools, once for each interpreter and list of what is needed.
venv=$work/venv-$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
bin=$venv/bin
if ! cmp -s "$package/pyproject.toml" "$venv/pyproject.toml"; then
    rm -rf "$venv"
    if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
        . "$top/tests/packages.sh"
        install_packages python3-venv
    fi
    "$python" -m venv "$venv"
    "$bin/python" - "$package/pyproject.toml" > "$work/requirements.txt" << 'END'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)
print(*project["build-system"]["requires"], *project["project"]["optional-dependencies"]["test"], sep="\n")
END
    "$bin/pip" install --quiet --disable-pip-version-check wheel -r "$work/requirements.txt"
    cp "$package/pyproject.toml" "$venv/"
fi

# The package as users get it, from a copy: building writes beside the sources.
rm -rf "$work/package"
mkdir "$work/package"
cp -R "$package/pyproject.toml" "$package/README.md" "$package/src" "$work/package/"
"$bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall "$work/package"
installed=$("$bin/python" -c 'import acap; print(acap.__file__)')
case $installed in
"$venv"/*) ;;
*) fail "acap was imported from $installed" ;;
esac
[ -f "$(dirname "$installed")/py.typed" ] || fail "py.typed was not installed"
for program in acap-py-devices acap-py-record acap-py-fan-out; do
    "$bin/$program" --version > /dev/null || fail "$program does not run"
done

status=0
(cd "$package" && "$bin/ruff" check --no-cache --quiet . && "$bin/ruff" format --no-cache --quiet --check .) || status=1
(cd "$package" && MYPYPATH=src "$bin/mypy" --no-error-summary --cache-dir "$work/mypy" src tests) || status=1
(cd "$work" && "$bin/python" -m pytest -c "$package/pyproject.toml" --rootdir "$package" --basetemp "$work/tmp" --quiet "$package/tests") ||
    status=1
[ "$status" = 0 ] || fail "the Python binding"
