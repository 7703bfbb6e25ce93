#!/bin/sh
# setup.sh DIR: puts the Autobahn TestSuite 25.10.1 (a Python 2 program) under
# DIR and changes nothing else: CPython 2.7 of Debian 11, fetched and checked by
# apt with a private configuration and unpacked there, and the pinned packages
# of requirements-py2.txt from PyPI. Afterwards DIR/wstest runs it. Does nothing
# when that is there already. Needs: Debian or Ubuntu on x86-64 or arm64, root
# or not, and python3-pip, python3-venv or ensurepip, cc.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"; DIR=$(cd "$1" && pwd)
if [ -x "$DIR/wstest" ] && "$DIR/wstest" --autobahnversion >/dev/null 2>&1; then exit 0; fi
fail() { echo "setup.sh: $*" >&2; exit 1; }
for tool in apt-get dpkg python3 cc; do
  command -v $tool >/dev/null || fail "$tool is missing"
done

# A pip of our own where python3 has none.
PIP="python3 -m pip"
if ! $PIP --version >/dev/null 2>&1; then
  python3 -m venv "$DIR/venv" >/dev/null 2>&1 || {
    [ "$(id -u)" = 0 ] || fail "python3 has neither pip nor venv"
    apt-get -q update && apt-get -q install -y --no-install-recommends python3-venv
    python3 -m venv "$DIR/venv"
  }
  PIP="$DIR/venv/bin/python3 -m pip"
fi

mkdir -p "$DIR/apt/lists/partial" "$DIR/apt/cache/archives/partial" "$DIR/debs" "$DIR/root" "$DIR/site"
: > "$DIR/apt/status"
# The mirror this machine uses, if it is a Debian, with the suites of Debian 11.
MIRROR=$(sed -n 's/^URIs: *\(http[^ ]*debian\/*\) *$/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
[ -n "$MIRROR" ] || MIRROR=$(sed -n 's/^deb \(\[.*\] \)\?\(http[^ ]*debian\/*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e $KEYS ] || fail "$KEYS is missing: install debian-archive-keyring"
sources() { echo "deb [signed-by=$KEYS] $1 bullseye main" > "$DIR/apt/sources.list"; }
sources "${MIRROR:-http://deb.debian.org/debian}"
cat > "$DIR/apt/apt.conf" <<X
Dir::State::lists "$DIR/apt/lists";
Dir::State::status "$DIR/apt/status";
Dir::Cache "$DIR/apt/cache";
Dir::Etc::sourcelist "$DIR/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Acquire::Check-Valid-Until "false";
APT::Update::Error-Mode "any";
X
export APT_CONFIG="$DIR/apt/apt.conf"
# Debian 11 is leaving the mirrors for the archive.
apt-get -q update || { sources http://archive.debian.org/debian; apt-get -q update; }
(cd "$DIR/debs" && apt-get -q download python2.7 python2.7-minimal libpython2.7 \
  libpython2.7-stdlib libpython2.7-minimal libpython2.7-dev libssl1.1 libffi7)
unset APT_CONFIG
for deb in "$DIR"/debs/*.deb; do dpkg -x "$deb" "$DIR/root"; done
LIB=$(echo "$DIR"/root/usr/lib/*-linux-gnu*)
cat > "$DIR/python2" <<X
#!/bin/sh
export LD_LIBRARY_PATH=$LIB PYTHONHOME=$DIR/root/usr PYTHONPATH=$DIR/site
exec $DIR/root/usr/bin/python2.7 "\$@"
X
chmod +x "$DIR/python2"

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_PYTHON_VERSION_WARNING=1
unset PIP_FIND_LINKS || true
# The last pip for Python 2 is fetched by python3's and run from its wheel.
$PIP download -q --no-deps -d "$DIR/debs" --python-version 27 --only-binary=:all: pip==20.3.4
"$DIR/python2" "$DIR/debs/pip-20.3.4-py2.py3-none-any.whl/pip" install -q --no-cache-dir \
  --target "$DIR/site" pip==20.3.4 setuptools==44.0.0 wheel==0.36.2 incremental==16.10.1
export CFLAGS="-I$DIR/root/usr/include -I$DIR/root/usr/include/python2.7"
"$DIR/python2" -m pip install -q --no-cache-dir --no-build-isolation --no-deps \
  --only-binary=cryptography,cffi --target "$DIR/site" -r "$HERE/requirements-py2.txt" 2>&1 |
  grep -v "already exists" || true
: > "$DIR/site/zope/__init__.py" # --target keeps no namespace-package hook
cp "$HERE/wstest_loopback.py" "$DIR/"
cat > "$DIR/wstest" <<X
#!/bin/sh
exec $DIR/python2 -u $DIR/wstest_loopback.py --webport 0 "\$@"
X
chmod +x "$DIR/wstest"
"$DIR/wstest" --autobahnversion
