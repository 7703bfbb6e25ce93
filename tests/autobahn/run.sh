#!/bin/sh
# run.sh: the Autobahn TestSuite against a client on wskt's C API. Prints a table
# by category with every case that is not OK; exit status 1 if a case is not, other
# than the three that are INFORMATIONAL for every client, 2 if a case has no report.
#
#   LIB=DIR        where libwskt.so is (target/release)
#   BUILD=DIR      where suite, client and reports go (build/autobahn)
#   CASES="7.* 9.1.1"  what to run; without it everything. 12 and 13, compression,
#                  take most of the time: the server is slow at it.
#   WAY=blocking|callbacks|pulled|chunks   how the client drives its sockets (blocking);
#                  chunks: and each message is received and echoed in chunks
#   LIMIT=SECONDS  for the whole run (7200)
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
LIB=$(cd "${LIB:-$ROOT/target/release}" && pwd)
BUILD=${BUILD:-$ROOT/build/autobahn}
mkdir -p "$BUILD"; BUILD=$(cd "$BUILD" && pwd)

sh "$HERE/setup.sh" "$BUILD/suite" > "$BUILD/setup.log" 2>&1 || {
  tail -n 20 "$BUILD/setup.log" >&2
  exit 1
}
# The name the program is linked to must be found beside it.
SONAME=$(readelf -d "$LIB/libwskt.so" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
ln -sf "$LIB/libwskt.so" "$BUILD/${SONAME:-libwskt.so}"
${CC:-cc} -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -I"$ROOT/include" \
  "$HERE/client.c" -o "$BUILD/client" -L"$LIB" -lwskt -Wl,-rpath,"$BUILD"

exec python3 "$HERE/suite.py" --wstest "$BUILD/suite/wstest" --client "$BUILD/client" \
  --out "$BUILD/reports" --cases "${CASES:-*}" \
  --way "${WAY:-blocking}" --limit "${LIMIT:-7200}"
