//! `tests/c/soak.c`: some seconds of it here; `make soak MINUTES=10` with two
//! hundred sockets.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they counted"
)]

#[path = "c/harness.rs"]
mod harness;
#[path = "support/proxy.rs"]
mod proxy;
mod support;
mod tools;

use harness::Harness;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn soak() {
    // Under sanitizers the heap is not counted.
    let setting = |name, otherwise| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (seconds, sockets) = (setting("WSKT_SOAK_SECONDS", 6u64), setting("WSKT_SOAK_SOCKETS", 40));
    let harness = Harness::new("soak");
    let program = harness.build("soak");
    let mut command = harness.command(&program, &[]);
    command
        .env("WSKT_PROXY", proxy::start().to_string())
        .env("WSKT_SOAK_SECONDS", seconds.to_string())
        .env("WSKT_SOAK_SOCKETS", sockets.to_string());
    if std::env::var_os("WSKT_SOAK_SECONDS").is_some() {
        // Whoever waits for minutes sees each round.
        let status = command.stdin(Stdio::null()).status().expect("the program");
        assert!(status.success(), "{status}");
    } else {
        let limit = Duration::from_secs(seconds + 170);
        println!("{}", tools::run(&mut command, "", limit).exited(0).stdout);
    }
}
