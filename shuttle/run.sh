#!/bin/sh
# Runs the library's threads in ORDERS random orders of each test of tests/orders.rs.
#
#     shuttle/run.sh ORDERS
set -eu
cd "$(dirname "$0")"
unset RUSTC_BOOTSTRAP
export WSKT_ORDERS="${1:?how many orders}" CARGO_TARGET_DIR=../build/shuttle
export RUSTFLAGS="--cfg wskt_shuttle"
exec cargo test --quiet --test orders
