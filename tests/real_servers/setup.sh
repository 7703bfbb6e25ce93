#!/bin/sh
# Installs the servers that nobody here wrote into build/real-servers: from npm
# by package-lock.json, from PyPI by requirements.txt. Does nothing if they are
# there already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$here/../../build/real-servers
mkdir -p "$dir"
stamp=$(cat "$here/package-lock.json" "$here/requirements.txt" | cksum)
if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
echo "setup: installing servers into build/real-servers"
cp "$here/package.json" "$here/package-lock.json" "$dir/"
(cd "$dir" && npm ci --silent --no-audit --no-fund --ignore-scripts)
python3 -m venv --clear "$dir/venv"
"$dir/venv/bin/python3" -m pip install -q --disable-pip-version-check --only-binary=:all: \
    -r "$here/requirements.txt"
echo "$stamp" >"$dir/stamp"
