#!/bin/sh
# run.sh: the Autobahn TestSuite against a client on wskt's C API. Prints a table
# by category with every case that is not OK; exit status 1 on any FAILED, UNCLEAN
# or WRONG CODE, 2 if a case has no report.
#
#   LIB=DIR        where libwskt.so is (target/release)
#   BUILD=DIR      where suite, client and reports go (build/autobahn)
#   CASES="7.* 9.1.1"  what to run; "all" is everything. Without it: 1 to 10. 12 and
#                  13 are compression.
#   WAY=blocking|callbacks|pulled   how the client drives its sockets (blocking)
#   LIMIT=SECONDS  for the whole run (1800)
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
  --out "$BUILD/reports" --cases "${CASES:-1.* 2.* 3.* 4.* 5.* 6.* 7.* 9.* 10.*}" \
  --way "${WAY:-blocking}" --limit "${LIMIT:-1800}"
