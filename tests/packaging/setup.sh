#!/bin/sh
# Gets what tests/packaging.rs needs besides tests/setup.sh. What cannot be had is
# said, and its test is skipped by name: this script does not fail.
#
# - cargo-c, in build/cargo-c.
# - A root to install the Debian packages on, in build/clean-root.tar: Debian's, with
#   apt and a C compiler and nothing else. What the packages depend on is in its apt's
#   cache, so that the test needs no network.
set -eu
cd "$(dirname "$0")/../.."

root=build/clean-root.tar

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    as_root=none
fi
export DEBIAN_FRONTEND=noninteractive

# Debian's is too old for edition 2024 where it is there at all, and newer ones than
# this want a Rust later than 1.95.
cargo_c=0.10.24+cargo-0.98.0
if ! command -v cargo-cinstall >/dev/null 2>&1 && [ ! -x build/cargo-c/bin/cargo-cinstall ]; then
    echo "setup: building cargo-c, which takes minutes"
    if ! cargo install --quiet --debug --locked --root build/cargo-c "cargo-c@$cargo_c"; then
        echo "setup: cargo-c CANNOT BE HAD; the test of it will be skipped"
    fi
fi

lacks() {
    rm -f "$root" "$root.new"
    echo "setup: A CLEAN ROOT CANNOT BE HAD ($1); the test that installs on it will be skipped"
    exit 0
}

[ -r /etc/debian_version ] || lacks "this is no Debian"
# One of this system's release: the packages are built against its libraries.
. /etc/os-release
stamp=$ID-${VERSION_CODENAME:-}-1
if [ -e "$root" ] && [ "$(cat "$root.stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
[ "$as_root" != none ] || lacks "not root, and sudo asks for a password"
if ! command -v mmdebstrap >/dev/null 2>&1; then
    echo "setup: mmdebstrap is missing"
    $as_root apt-get update -qq || true
    $as_root apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null ||
        lacks "no mmdebstrap"
fi
case $ID in
debian) mirror= ;;
ubuntu) mirror=http://archive.ubuntu.com/ubuntu ;;
*) lacks "$ID is not known here" ;;
esac
echo "setup: making $root, which takes minutes"
mkdir -p build
# shellcheck disable=SC2016,SC2086 # $1 is the hook's; words on purpose
$as_root mmdebstrap --quiet --format=tar --variant=apt --include=gcc,libc6-dev,pkg-config \
    --skip=cleanup/apt --customize-hook='chroot "$1" apt-get clean' \
    --customize-hook='chroot "$1" apt-get install -y -qq --download-only \
        --no-install-recommends libssl-dev' \
    "$VERSION_CODENAME" "$root.new" $mirror || lacks "mmdebstrap failed"
mv "$root.new" "$root"
echo "$stamp" >"$root.stamp"
