# SPDX-License-Identifier: MIT
# To be sourced: install_packages NAME... brings in the Debian packages that are missing, as root or with sudo.

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    command -v dpkg-query > /dev/null || {
        echo "This is no Debian: install the equivalents of: $*" >&2
        return 0
    }
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'install ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "Installing$missing"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -q && apt-get install -y -q --no-install-recommends $missing" \
        > "${TMPDIR:-/tmp}/acap-apt.$$" 2>&1 || {
        cat "${TMPDIR:-/tmp}/acap-apt.$$" >&2
        rm -f "${TMPDIR:-/tmp}/acap-apt.$$"
        return 1
    }
    rm -f "${TMPDIR:-/tmp}/acap-apt.$$"
}
