//! The committed inputs of the fuzz targets, as ordinary tests: what `make fuzz`
//! found stays found. `fuzz/src/` has what each target does.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::field_reassign_with_default,
    unreachable_pub,
    dead_code,
    reason = "tests fail by panicking; the fuzz targets are a crate of their own"
)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

fn each(target: &str, run: impl Fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> =
        fs::read_dir(dir).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{target} has no inputs");
    for input in inputs {
        println!("{}", input.display());
        run(&fs::read(&input).expect("an input"));
    }
}

#[test]
fn api() {
    each("api", targets::api::run);
}

#[test]
fn deflate() {
    each("deflate", targets::deflate::run);
}

#[test]
fn frames() {
    each("frames", targets::frames::run);
}

#[test]
fn proxy() {
    each("proxy", targets::proxy::run);
}

#[test]
fn request() {
    each("request", targets::request::run);
}

#[test]
fn upgrade() {
    each("upgrade", targets::upgrade::run);
}
