//! The C API as a C program sees it: every `tests/c/*.c` compiled against the
//! shared library and run, the quick ones under valgrind too.
//!
//! `WSKT_RUN="tool and arguments"` puts a tool in front of each program:
//! `make valgrind` runs them all so.
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
use std::sync::OnceLock;
use std::time::Duration;

/// Longest run of one program.
const LIMIT: Duration = Duration::from_secs(180);
/// The same under valgrind, and with sanitizers in it.
const SLOW_LIMIT: Duration = Duration::from_secs(1500);

fn plain() -> &'static Harness {
    static HARNESS: OnceLock<Harness> = OnceLock::new();
    HARNESS.get_or_init(|| Harness::new("c_api"))
}

fn run(name: &str) {
    let tool = std::env::var("WSKT_RUN").unwrap_or_default();
    let prefix: Vec<&str> = tool.split_whitespace().collect();
    if prefix.is_empty() {
        let limit = if std::env::var_os("WSKT_CFLAGS").is_some() { SLOW_LIMIT } else { LIMIT };
        plain().run(name, &[], limit).exited(0);
    } else {
        run_with(&prefix, name);
    }
}

/// A server of its own for each: one lives for a quarter of an hour.
fn run_with(prefix: &[&str], name: &str) {
    let harness = Harness::new(&format!("c_api-tool-{name}"));
    harness.run(name, prefix, SLOW_LIMIT).exited(0);
}

fn run_under_valgrind(name: &str) {
    let suppressions =
        format!("--suppressions={}", tools::root().join("tests/c/valgrind.supp").display());
    let valgrind = [
        "valgrind",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,possible",
        "--fair-sched=yes",
        "-q",
        &suppressions,
    ];
    run_with(&valgrind, name);
}

macro_rules! programs {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        const PROGRAMS: &[&str] = &[$(stringify!($name)),*];
    };
}

macro_rules! under_valgrind {
    ($($name:ident)*) => {
        mod valgrind {
            $(
                #[test]
                fn $name() {
                    super::run_under_valgrind(stringify!($name));
                }
            )*
        }
    };
}

// The whole list takes the better part of an hour.
under_valgrind! {
    bad_input
    blocked_calls
    callbacks_reenter
    close_codes
    close_event_interface
}

programs! {
    addresses
    backpressure
    bad_input
    blocked_calls
    broken_frames
    callbacks_reenter
    cancel
    close_behind_data
    close_codes
    close_event_interface
    close_frames
    close_races
    close_table
    close_while_connecting
    config_sharing
    deadlines
    deflate
    destructor
    dialed
    echo_sizes
    endings
    failed_upgrades
    fairness
    fork
    fork_first
    free_anywhere
    free_beside
    free_phases
    headers
    heartbeat
    lifecycle
    log
    met_deadlines
    mixed_sizes
    no_message_after_close
    null_everywhere
    proxies
    pulled_sends
    races
    read_buffer
    receive_chunks
    reconnect
    reconnect_inherits
    reconnect_stop
    reconnect_unsent
    refused_body
    request
    results
    roots
    scenarios
    senders
    send_chunks
    send_more
    send_unchecked
    stats
    threads
    timeouts
    tls_clients
    tls_settings
    tls_trust
    two_sockets
}

/// Programs that other tests run.
const ELSEWHERE: &[&str] = &[
    "bad_endings",
    "real_proxies",
    "s_server",
    "layout",
    "bench_roundtrip",
    "cve_deflate",
    "cve_floods",
    "cve_frames",
    "cve_masks",
    "cve_requests",
    "cve_tls",
    "faults",
    "hostile_host",
    "memory",
    "soak",
    "unload",
    "unplugged",
    "wrong_handles",
];

#[test]
fn every_program_is_listed() {
    let files = std::fs::read_dir(tools::root().join("tests/c")).expect("tests/c");
    for file in files {
        let path = file.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        if path.extension().is_some_and(|e| e == "c") {
            assert!(PROGRAMS.contains(&name) || ELSEWHERE.contains(&name), "{name} runs nowhere");
        }
    }
}
