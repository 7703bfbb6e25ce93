//! `tests/c/unplugged.c`: a network that is unplugged and one that loses packets,
//! in a namespace of its own, where that is permitted.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they could not do"
)]

#[path = "c/harness.rs"]
mod harness;
mod support;
mod tools;

use harness::Harness;
use std::process::Command;
use std::time::Duration;

/// Longest run of one case, with its build.
const LIMIT: Duration = Duration::from_secs(300);
/// Tells a test that it is in the network of its own.
const INSIDE: &str = "WSKT_TEST_NETWORK";

/// Whether a shell in a new network can do this.
fn permitted(what: &str) -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["-rn", "sh", "-c", &format!("ip link set lo up && {what}")]);
    unshare.output().is_ok_and(|out| out.status.success())
}

/// Runs this very test once more in a network of its own, and there the case.
fn run(case: &str, needs: &str) {
    if std::env::var_os(INSIDE).is_some() {
        let harness = Harness::new(&format!("unplugged-{case}"));
        let program = harness.build("unplugged");
        let done = tools::run(harness.command(&program, &[]).arg(case), "", LIMIT).exited(0);
        println!("{}", done.stdout);
        return;
    }
    if !permitted(needs) {
        eprintln!("unplugged: {case} did not run, for this machine does not permit `{needs}`");
        return;
    }
    let test = std::env::current_exe().expect("the path of the test");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-rn", "sh", "-c", "ip link set lo up && exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(test)
        .arg(case)
        .env("WSKT_SERVER_BIND", "0.0.0.0")
        .env(INSIDE, "1");
    let done = tools::run(&mut unshare, "", LIMIT).exited(0);
    assert!(done.stdout.contains("1 passed"), "{done:#?}");
    println!("{}", done.stdout);
}

#[test]
fn for_a_while() {
    run("for_a_while", "ip link set lo down");
}

#[test]
fn for_good() {
    run("for_good", "ip link set lo down");
}

#[test]
fn before_it_connects() {
    run("before_it_connects", "ip link set lo down");
}

#[test]
fn over_a_lossy_road() {
    const TUN: &str = "ip tuntap add lossy mode tun";
    const NETEM: &str = "tc qdisc add dev lo root netem loss 10%";
    run("over_a_lossy_road", &format!("{{ {TUN} || {NETEM}; }}"));
}
