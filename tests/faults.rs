//! What a broken network, a full table of descriptors and a lack of memory do:
//! `tests/c/faults.c` and its neighbours, with the proxy of `tests/support/`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "c/harness.rs"]
mod harness;
#[path = "support/proxy.rs"]
mod proxy;
mod support;
mod tools;

use harness::Harness;
use std::sync::OnceLock;
use std::time::Duration;

/// Longest run of one case.
const LIMIT: Duration = Duration::from_secs(180);

fn harness() -> &'static (Harness, u16) {
    static HARNESS: OnceLock<(Harness, u16)> = OnceLock::new();
    HARNESS.get_or_init(|| (Harness::new("faults"), proxy::start()))
}

fn run(name: &str, case: &str) {
    let (harness, proxy) = harness();
    static BUILDING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let program = {
        let _one = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let program = harness.place(name);
        if program.exists() { program } else { harness.build(name) }
    };
    let mut command = harness.command(&program, &[]);
    command.env("WSKT_PROXY", proxy.to_string()).arg(case);
    tools::run(&mut command, "", LIMIT).exited(0);
}

macro_rules! cases {
    ($($program:ident { $($case:ident)* })*) => {
        $(
            mod $program {
                $(
                    #[test]
                    fn $case() {
                        super::run(stringify!($program), stringify!($case));
                    }
                )*
            }
        )*
    };
}

cases! {
    faults {
        blocking_ws
        blocking_wss
        thread_ws
        thread_wss
        fin_behind_half_a_record
        connecting
    }
    bad_endings {
        never_answers
        answers_after_the_deadline
        sends_data_for_ever
        closes_tcp_before_its_close
        sends_close_twice
        keeps_tcp_open
        half_closes
    }
    memory {
        send_without_memory
        receive_without_memory
        compress_without_memory
        inflate_without_memory
        a_compressed_connection
    }
}
