#!/usr/bin/env bash
# The library, its C tests and its examples under sanitizers.
#
#     tests/sanitize.sh [FILTER]
#
# AddressSanitizer and LeakSanitizer in Rust and C, UndefinedBehaviorSanitizer in
# C. The stable compiler does: RUSTC_BOOTSTRAP allows the flag.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

filter=${1:-}
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR=$PWD/build/sanitize
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
export RUSTFLAGS="-Zsanitizer=address -Cforce-frame-pointers"
export WSKT_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all \
-fno-omit-frame-pointer -Wno-format-truncation"

cargo build --quiet --target "$host" --lib --examples
library=$CARGO_TARGET_DIR/$host/debug/libwskt.so
# A build that lost its instruments would find nothing.
nm -D --undefined-only "$library" | grep -q __asan_report ||
    { echo "sanitize: $library has no AddressSanitizer" >&2; exit 1; }
probe=$CARGO_TARGET_DIR/probe
printf 'int main(int n, char **v) { (void)v; return 1 << (n + 30); }\n' |
    cc $WSKT_CFLAGS -x c - -o "$probe"
if "$probe" one 2>/dev/null; then
    echo "sanitize: cc has no UndefinedBehaviorSanitizer" >&2
    exit 1
fi

run() {
    cargo test --quiet --no-fail-fast --target "$host" "$@"
}
if [ -z "$filter" ]; then
    run --lib
    run --test corpora --test protocol_judge
fi
# Valgrind and a sanitizer do not go together; valgrind has `fork`, whose child
# finds the sanitizer's allocator locked. Two programs are built without it.
run --test c_api --test security --test misuse -- --skip valgrind --skip fork \
    --skip unloaded --skip exceptions $filter
