//! Programs that misuse the library or live dangerously: `tests/c/hostile_host.c`,
//! `tests/c/unload.c`, `tests/cpp/throws.cpp`. What a wrong call gets in return
//! is in `tests/c_api.rs`.
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
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Longest run of one case.
const LIMIT: Duration = Duration::from_secs(120);

fn harness() -> &'static Harness {
    static HARNESS: OnceLock<Harness> = OnceLock::new();
    HARNESS.get_or_init(|| Harness::new("misuse"))
}

fn hostile_host(case: &str) {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| harness().build("hostile_host"));
    tools::run(harness().command(program, &[]).arg(case), "", LIMIT).exited(0);
}

macro_rules! hostile_host {
    ($($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                hostile_host(stringify!($case));
            }
        )*
    };
}

hostile_host! {
    signals_all_the_time
    signals_in_every_way
    descriptors_over_1024
    no_descriptor_left
    fifty_sockets_in_a_callback
    callback_that_does_not_return
    no_sigpipe
    exit_handlers
}

/// Only debug builds know their handles.
#[cfg(debug_assertions)]
#[test]
fn wrong_handles() {
    let program = harness().build("wrong_handles");
    tools::run(&mut harness().command(&program, &[]), "", LIMIT).exited(0);
}

#[test]
fn unloaded_while_threads_run() {
    let program = harness().place("unload");
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-g"])
        .arg("-Iinclude")
        .arg("tests/c/unload.c")
        .args(["-ldl", "-pthread"])
        .arg("-o")
        .arg(&program)
        .current_dir(tools::root());
    tools::run(&mut cc, "", LIMIT).exited(0);
    tools::run(&mut harness().command(&program, &[]), "", LIMIT).exited(0);
}

/// A C++ exception that leaves a callback ends the process with a message.
#[test]
fn exceptions_end_the_process() {
    let program = harness().place("throws");
    let mut cxx = Command::new("c++");
    cxx.args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-Iinclude"])
        .current_dir(tools::root());
    harness().link(&mut cxx, &tools::root().join("tests/cpp/throws.cpp"), &program);
    for way in ["loop-run", "thread", "dispatch", "socket-run", "destroy"] {
        let done = tools::run(harness().command(&program, &[]).arg(way), "", LIMIT);
        assert_eq!(done.status, None, "{way}: not ended by a signal: {done:?}");
        assert!(!done.stderr.is_empty(), "{way}: no message");
    }
}
