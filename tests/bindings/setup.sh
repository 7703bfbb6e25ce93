#!/bin/sh
# Gets the languages of bindings/ from Debian, PyPI and npm. One that cannot be
# had is named, and tests/bindings.rs skips it: this script does not fail.
set -eu
cd "$(dirname "$0")/../.."

lacks() { # LANGUAGE
    echo "setup: $1 CANNOT BE HAD; the test of its binding will be skipped"
}

updated=
debian() { # LANGUAGE PACKAGE...
    language=$1
    shift
    echo "setup: $language needs: $*"
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    export DEBIAN_FRONTEND=noninteractive
    if [ -z "$updated" ]; then
        $as_root apt-get update -qq || true
        updated=yes
    fi
    $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null || lacks "$language"
}

has() { # COMMAND...
    for command in "$@"; do
        command -v "$command" >/dev/null 2>&1 || return 1
    done
}

python3 -c 'import venv, pip' 2>/dev/null || debian Python python3-venv python3-pip
wheels=bindings/python/requirements-test.txt
if ! cmp -s "$wheels" build/wheels/requirements.txt; then
    rm -rf build/wheels
    mkdir -p build/wheels
    if python3 -m pip download -q --disable-pip-version-check -d build/wheels -r "$wheels"; then
        cp "$wheels" build/wheels/requirements.txt
    else
        rm -rf build/wheels
        lacks Python
    fi
fi

has node npm || debian Node.js nodejs npm
lock=bindings/node/package-lock.json
modules=bindings/node/node_modules
if has npm && ! cmp -s "$lock" "$modules/package-lock.json"; then
    # koffi's binary is a package of its own; its script would only look for it.
    if npm ci --silent --ignore-scripts --no-audit --no-fund --prefix bindings/node; then
        cp "$lock" "$modules/"
    else
        rm -rf "$modules"
        lacks Node.js
    fi
fi

has luajit || debian Lua luajit
has go || debian Go golang-go
ruby -e 'require "ffi"; require "minitest"' 2>/dev/null || debian Ruby ruby ruby-ffi ruby-minitest
has javac || debian Java default-jdk-headless
[ -e /usr/share/java/jna.jar ] || debian Java libjna-java
