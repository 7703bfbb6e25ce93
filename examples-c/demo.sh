#!/bin/sh
# Runs a program against the test server: demo.sh SERVER PROGRAM
#
# The server prints one line of JSON with its ports and lives as long as its
# standard input is open. This shell holds the other end of that pipe, so the
# server ends with it, however it ends.
set -eu
server=$1
program=$2

pipes=$(mktemp -d)
trap 'rm -rf "$pipes"' EXIT
mkfifo "$pipes/in" "$pipes/out"
"$server" <"$pipes/in" >"$pipes/out" &
exec 3>"$pipes/in" 4<"$pipes/out"
rm -rf "$pipes"

if ! IFS= read -r line <&4; then
    echo "demo.sh: $server did not start" >&2
    exit 1
fi

# {"ws":1234,…,"ca":"/tmp/…/ca.pem"} becomes the arguments ws=1234 … ca=/tmp/…
value() {
    printf '%s\n' "$line" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/$1=\1/p"
}
set --
for name in ws wss wss_untrusted wss_expired wss_wrong_host refused blackhole ca; do
    set -- "$@" "$(value "$name")"
done

# In the background, so that a signal ends it at once and not after it.
"$program" "$@" 3>&- 4<&- &
running=$!
trap 'kill "$running" 2>/dev/null; exit 130' INT
trap 'kill "$running" 2>/dev/null; exit 143' TERM
status=0
wait "$running" || status=$?
exec 3>&-
wait
exit "$status"
