#!/usr/bin/env bash
# The library, its C tests and its examples under sanitizers.
#
#     tests/sanitize.sh [FILTER]
#
# AddressSanitizer and LeakSanitizer in Rust and C, UndefinedBehaviorSanitizer in
# C; then shuttle; then ThreadSanitizer in C, Rust and Rust's standard library. The
# stable compiler does: RUSTC_BOOTSTRAP allows the flags.
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
nm -D --undefined-only "$library" | grep __asan_report >/dev/null ||
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

# -- shuttle: the library with its locks and atomics, threads in random orders

if [ -z "$filter" ]; then
    shuttle/run.sh 2000
fi

# -- ThreadSanitizer: C and Rust, the standard library included, which needs its source

source=$(rustc --print sysroot)/lib/rustlib/src/rust/library
if [ ! -d "$source" ]; then
    rustup component add rust-src || true
fi
if [ ! -d "$source" ]; then
    echo "sanitize: ThreadSanitizer did not run: there is no rust-src, and rustup does not bring it" >&2
    exit 0
fi
threads=$PWD/build/tsan
CARGO_TARGET_DIR=$threads RUSTFLAGS="-Zsanitizer=thread -Cforce-frame-pointers" \
    cargo build --quiet -Zbuild-std=std,panic_unwind --target "$host" --lib
library=$threads/$host/debug/libwskt.so
nm -D --undefined-only "$library" | grep __tsan_read8 >/dev/null ||
    { echo "sanitize: $library has no ThreadSanitizer" >&2; exit 1; }
# Tests and server are the ordinary ones; the programs and the library are not.
unset RUSTFLAGS RUSTC_BOOTSTRAP CARGO_TARGET_DIR
mkdir -p "$threads/bin"
ln -sf "$PWD/tests/tsan_cc.sh" "$threads/bin/cc"
export WSKT_TSAN_RUNTIME=$(rustc --print sysroot)/lib/rustlib/$host/lib/librustc-stable_rt.tsan.a
export WSKT_CFLAGS="-DWSKT_TSAN -fno-omit-frame-pointer"
export WSKT_SLOW=1
probe=$threads/probe
cat >"$threads/probe.c" <<'PROBE'
#include <pthread.h>
static int shared;
static void *add(void *unused) { shared++; return unused; }
int main(void) {
    pthread_t one;
    pthread_create(&one, NULL, add, NULL);
    add(NULL);
    return pthread_join(one, NULL);
}
PROBE
tests/tsan_cc.sh $WSKT_CFLAGS -pthread "$threads/probe.c" -o "$probe"
if "$probe" 2>/dev/null; then
    echo "sanitize: cc has no ThreadSanitizer" >&2
    exit 1
fi
cargo build --quiet --examples
TSAN_OPTIONS="suppressions=$PWD/tests/c/tsan.supp halt_on_error=1 second_deadlock_stack=1" \
    PATH=$threads/bin:$PATH WSKT_TEST_LIBRARY=$library \
    cargo test --quiet --no-fail-fast --test c_api -- --skip valgrind --skip fork $filter
