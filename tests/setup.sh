#!/bin/sh
# Installs what the tests need and this machine does not have. Says what it
# does, and fails if something cannot be had.
set -eu

packages=
tool() { # COMMAND PACKAGE
    if command -v "$1" >/dev/null 2>&1; then
        have="$have $1"
    else
        echo "setup: $1 is missing (package $2)"
        packages="$packages $2"
    fi
}

have=
tool cc gcc
tool g++ g++
# Its sanitizers are in a package that has the version in its name.
clang=
if echo 'int main() {}' | clang++ -fsanitize=address -x c++ -o /dev/null - 2>/dev/null; then
    have="$have clang++"
else
    echo "setup: clang++ with AddressSanitizer is missing (packages clang, libclang-rt-dev)"
    clang=wanted
fi
tool make make
tool perl perl
tool openssl openssl
tool objdump binutils
tool abidiff abigail-tools
tool ip iproute2
tool pkg-config pkg-config
tool valgrind valgrind
tool strace strace
tool python3 python3
tool node nodejs
tool npm npm
tool /usr/sbin/nginx nginx-light
tool cmake cmake
tool meson meson
tool dpkg-shlibdeps dpkg-dev
tool lintian lintian
tool mandoc mandoc
tool squid squid-openssl
tool danted dante-server
tool microsocks microsocks
tool openssl openssl
tool chromium chromium
package() { # PKG-CONFIG-NAME PACKAGE
    if pkg-config --exists "$1" 2>/dev/null; then
        have="$have $1"
    else
        echo "setup: the headers of $1 are missing (package $2)"
        packages="$packages $2"
    fi
}
package libuv libuv1-dev
package glib-2.0 libglib2.0-dev
package libevent libevent-dev
package readline libreadline-dev
if pkg-config --exists openssl 2>/dev/null; then
    have="$have openssl-headers"
elif [ -n "${OPENSSL_DIR:-}" ]; then
    have="$have OPENSSL_DIR"
else
    echo "setup: the headers of OpenSSL are missing (package libssl-dev)"
    packages="$packages libssl-dev"
fi
echo "setup: here already:$have"
# Debian has these two in packages of their own.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "setup: python3 has no venv (package python3-venv)"
    packages="$packages python3-venv"
fi
if [ -z "$packages$clang" ]; then
    exec "$(dirname "$0")/real_servers/setup.sh"
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: there is no apt-get; please install what is missing in this system's own way" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "setup: not root, and sudo asks for a password; please run:" >&2
    echo "    sudo apt-get install --no-install-recommends$packages${clang:+ clang libclang-rt-dev}" >&2
    exit 1
fi

echo "setup: installing$packages"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
if [ -n "$clang" ]; then
    version=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
    packages="$packages clang libclang-rt-$version-dev"
fi
# shellcheck disable=SC2086 # words on purpose
$as_root apt-get install -y -qq --no-install-recommends $packages
exec "$(dirname "$0")/real_servers/setup.sh"
