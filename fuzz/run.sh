#!/usr/bin/env bash
# Builds the fuzz targets with coverage and AddressSanitizer, and runs each for
# SECONDS, at low priority, one after the other.
#
#     fuzz/run.sh SECONDS [TARGET...]
#
# What is found goes to build/fuzz/TARGET/found; inputs that reach new code are
# kept in build/fuzz/TARGET/corpus, beside the committed ones in fuzz/corpus.
# `cargo fuzz run TARGET` works too, where cargo-fuzz is installed. The stable
# compiler does: RUSTC_BOOTSTRAP allows the flags.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:?how many seconds for each target}
shift
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\([a-z]*\)"$/\1/p' fuzz/Cargo.toml)

host=$(rustc -vV | sed -n 's/^host: //p')
out=$PWD/build/fuzz
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR=$out/target
# With --target, build scripts and procedural macros stay as they are.
export RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cforce-frame-pointers \
-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host"

for target; do
    program=$CARGO_TARGET_DIR/$host/release/$target
    # A build that lost its instruments would find nothing.
    for symbol in __asan_init __sanitizer_cov_trace_cmp8; do
        grep -aq "$symbol" "$program" || { echo "fuzz: $target has no $symbol" >&2; exit 1; }
    done
    mkdir -p "$out/$target/corpus" "$out/$target/found"
    echo "fuzz: $target for $seconds s"
    # The peer of `api` has threads of its own that may just be ending.
    leaks=$([ "$target" = api ] && echo 0 || echo 1)
    nice -n 19 "$program" -detect_leaks="$leaks" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$out/$target/found/" \
        -max_len=8192 $([ -f fuzz/dictionaries/$target ] && echo "-dict=fuzz/dictionaries/$target") \
        "$out/$target/corpus" "fuzz/corpus/$target" >"$out/$target/log" 2>&1 ||
        { tail -n 60 "$out/$target/log"; exit 1; }
    grep -E '^stat::number_of_executed_units' "$out/$target/log" | sed "s/^stat::/fuzz: $target /"
done
