//! Another language without a line of glue in C: Python by ctypes, with
//! callbacks on a loop's thread and with pulled events.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "c/harness.rs"]
mod harness;
mod support;
mod tools;

use harness::Harness;
use tools::{SHORT, root, run};

fn script(name: &str) {
    let harness = Harness::new(&format!("python-{name}"));
    let path = root().join("tests/python").join(name);
    // -B: no __pycache__ in the repository.
    let mut command = harness.command(&path, &["python3", "-B"]);
    let done = run(&mut command, "", SHORT).exited(0);
    assert!(done.stdout.contains("all right"), "{done:#?}");
}

#[test]
fn callbacks_on_the_thread_of_a_loop() {
    script("callbacks.py");
}

#[test]
fn pulled_events() {
    script("pulled.py");
}
