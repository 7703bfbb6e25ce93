#!/usr/bin/env bash
# cc for tests/sanitize.sh: compiles with ThreadSanitizer and links rustc's runtime
# of it, for cc's own lacks what a newer LLVM calls. What has no -DWSKT_TSAN is none
# of its business.
set -euo pipefail
real=/usr/bin/cc
case " $* " in
*" -DWSKT_TSAN "*) ;;
*) exec "$real" "$@" ;;
esac
case " $* " in
*" -c "*) exec "$real" -fsanitize=thread "$@" ;;
esac
rest=()
source=
for word; do
    case $word in
    *.c) source=$word ;;
    *) rest+=("$word") ;;
    esac
done
object=$(mktemp --suffix=.o)
trap 'rm -f "$object"' EXIT
options=()
for word in "${rest[@]}"; do
    case $word in
    -I* | -D* | -W* | -f* | -O* | -g | -std=* | -pthread) options+=("$word") ;;
    esac
done
"$real" -fsanitize=thread "${options[@]}" -c "$source" -o "$object"
"$real" "$object" "${rest[@]}" -Wl,--export-dynamic -Wl,--whole-archive "$WSKT_TSAN_RUNTIME" \
    -Wl,--no-whole-archive -lpthread -ldl -lrt -lm -lgcc_s
