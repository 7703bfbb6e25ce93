#!/bin/sh
# Installs the peers that wskt is measured against, and the tools that count,
# where they are missing: Debian packages, picows from PyPI, ws from npm. The
# peers in Rust come from crates.io (benches/rust-peers).
set -eu
cd "$(dirname "$0")/.."
venv=build/bench/venv

packages=
add() { # PACKAGE, unless the command before succeeded
    echo "bench: $1 is missing"
    packages="$packages $1"
}
exists() {
    pkg-config --exists "$1" 2>/dev/null
}

for tool in cc:gcc c++:g++ pkg-config:pkg-config valgrind:valgrind strace:strace \
    python3:python3 node:nodejs npm:npm perf:linux-perf; do
    command -v "${tool%%:*}" >/dev/null 2>&1 || add "${tool#*:}"
done
exists openssl || add libssl-dev
python3 -c 'import ensurepip' 2>/dev/null || add python3-venv
exists libwebsockets || add libwebsockets-dev
exists libsoup-3.0 || add libsoup-3.0-dev
exists Qt5WebSockets || add libqt5websockets5-dev
exists zlib || add zlib1g-dev
[ -e /usr/include/wslay/wslay.h ] || add libwslay-dev
[ -e /usr/include/boost/beast.hpp ] || add libboost-dev

if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "bench: there is no apt-get; please install what is missing in this system's own way" >&2
        exit 1
    fi
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # words on purpose
    $as_root apt-get install -y -qq --no-install-recommends $packages
fi

if [ ! -x "$venv/bin/python" ]; then
    mkdir -p build/bench
    python3 -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --requirement benches/peers/requirements.txt

node=build/bench/node
if [ ! -d "$node/node_modules/ws" ]; then
    mkdir -p "$node"
    cp benches/peers/package.json benches/peers/package-lock.json "$node"
    npm ci --silent --no-audit --no-fund --prefix "$node"
fi
