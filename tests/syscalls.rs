//! What a round trip costs: two system calls for a blocking socket, as for a
//! raw one, and three in a loop. Counted by strace over the difference of two
//! runs, so that what begins and ends a program drops out.
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
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use tools::{SHORT, run};

const ROUND_TRIPS: i64 = 1000;
/// Calls that do not depend on the number of round trips may differ by a few:
/// the allocator asks for memory, a scheduler makes a futex wait.
const STRAY: i64 = 10;

/// Calls by name; those that failed count too.
type Calls = BTreeMap<String, i64>;

struct Bench {
    harness: Harness,
    program: PathBuf,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let harness = Harness::new("syscalls");
        let program = harness.build("bench_roundtrip");
        Bench { harness, program }
    })
}

/// One at a time: a busy machine makes a blocking read end its slice idle.
static ALONE: Mutex<()> = Mutex::new(());

/// The table of `strace -c`: the calls of all threads.
fn parse(table: &str) -> Calls {
    let mut calls = Calls::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(&first), Some(&count), Some(&name)) = (words.first(), words.get(3), words.last())
        else {
            continue;
        };
        if first.parse::<f64>().is_ok() && name != "total" {
            calls.insert(name.to_owned(), count.parse().expect("a count"));
        }
    }
    assert!(calls.contains_key("sendto"), "{table}");
    calls
}

fn count(file: &Path, port: &str, round_trips: i64, looped: bool) -> Calls {
    let Bench { harness, program } = bench();
    let out = file.display().to_string();
    let mut command = harness.command(program, &["strace", "-f", "-c", "-o", &out]);
    command.arg(port).arg(round_trips.to_string());
    if looped {
        command.arg("loop");
    }
    run(&mut command, "", SHORT).exited(0);
    parse(&std::fs::read_to_string(file).expect("strace wrote its table"))
}

/// Checks that each round trip takes exactly `want`, and nothing else grows.
fn each_takes(port: &str, looped: bool, want: &[&str]) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("strace-{port}-{looped}");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let less = count(&file, port, ROUND_TRIPS, looped);
    let more = count(&file, port, 2 * ROUND_TRIPS, looped);
    let of = |calls: &Calls, name: &str| calls.get(name).copied().unwrap_or(0);
    let mut report = String::new();
    let mut names: Vec<&String> = less.keys().chain(more.keys()).collect();
    names.sort();
    names.dedup();
    let mut bad = false;
    for name in names {
        let grown = of(&more, name) - of(&less, name);
        let due = if want.contains(&name.as_str()) { ROUND_TRIPS } else { 0 };
        bad |= (grown - due).abs() > STRAY;
        let _ = writeln!(report, "{name}: {grown} more, {due} due");
    }
    assert!(!bad, "{ROUND_TRIPS} more round trips over {port}:\n{report}");
    let total = |calls: &Calls| calls.values().sum::<i64>();
    let each = (total(&more) - total(&less)) as f64 / ROUND_TRIPS as f64;
    assert_eq!(each.round() as usize, want.len(), "{report}");
}

#[test]
fn two_for_a_blocking_socket() {
    each_takes("ws", false, &["sendto", "recvfrom"]);
}

#[test]
fn two_for_a_blocking_socket_over_tls() {
    each_takes("wss", false, &["sendto", "recvfrom"]);
}

#[test]
fn three_in_a_loop() {
    each_takes("ws", true, &["sendto", "recvfrom", "epoll_wait"]);
}

#[test]
fn three_in_a_loop_over_tls() {
    each_takes("wss", true, &["sendto", "recvfrom", "epoll_wait"]);
}
