//! Every published flaw of a WebSocket client that could concern wskt, as a
//! test under the name of who had it. The programs `tests/c/cve_*.c` tell what
//! each flaw was; `docs/RELIABILITY.md` lists them all, with those that have no
//! test and why.
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
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Longest run of one case.
const LIMIT: Duration = Duration::from_secs(120);

fn harness() -> &'static Harness {
    static HARNESS: OnceLock<Harness> = OnceLock::new();
    HARNESS.get_or_init(|| Harness::new("security"))
}

/// The program, built once.
fn program(name: &'static str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<&str, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    built.entry(name).or_insert_with(|| harness().build(name)).clone()
}

fn run(name: &'static str, case: &str) {
    let path = program(name);
    tools::run(harness().command(&path, &[]).arg(case), "", LIMIT).exited(0);
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

        const CASES: &[(&str, &[&str])] =
            &[$((stringify!($program), &[$(stringify!($case)),*])),*];
    };
}

cases! {
    cve_frames {
        websocket_cve_2022_35922_declared_length
        ws_rs_rustsec_2020_0043_slow_large_frame
        undici_cve_2026_1528_long_lengths
        gorilla_cve_2020_27813_lengths_overflow
        mongoose_c8af7cdd_length_and_header_overflow
        libsoup_cve_2026_15711_large_control_frames
        libsoup_cve_2026_0716_truncated_frames
        libsoup_cve_2025_32049_sum_of_fragments
        undici_cve_2026_9675_many_fragments
        bandit_ghsa_frh3_6pv6_rc8j_text_fragments
        qt_cve_2018_21035_limit_by_default
        undici_cve_2026_12151_empty_fragments
        ws_cve_2026_48779_tiny_fragments
        ws_cve_2026_45736_reasons_of_every_length
    }
    cve_floods {
        curl_cve_2025_5399_ping_while_send_is_stuck
        curl_cve_2026_11586_million_pings
        tungstenite_cve_2023_43669_dripping_head
        ws_cve_2024_37890_ten_thousand_headers
        ws_cve_2021_32640_long_header_values
        ws_3_3_1_extension_parser
    }
    cve_deflate {
        libsoup_cve_2026_15709_bomb_in_fragments
        undici_cve_2026_1526_bomb_in_a_frame
        websockets_cve_2018_1000518_many_messages
        undici_cve_2026_2229_window_sizes
        undici_ghsa_3wwx_pv8p_q78v_error_after_error
        lws_cve_2025_1866_streams_that_lie
    }
    cve_masks {
        curl_cve_2025_10148_fresh_for_each_frame
        ixwebsocket_mask_is_the_clock
        dart_http_1676_statistics
        openssl_cve_2019_1549_keys_after_a_fork
    }
    cve_requests {
        undici_cve_2026_1527_crlf_injection
        undici_cve_2026_1527_crlf_in_user_info
        ws_2022_redirect_to_another_host
        ixwebsocket_redirect_from_wss_to_ws
        mongoose_cdc439bc_accept_is_checked
        lws_cve_2025_11677_abort_inside_the_upgrade
        lws_746d77f31_freed_in_each_callback
    }
    cve_tls {
        faye_cve_2020_15133_every_bad_certificate
        java_websocket_cve_2020_11050_wrong_name
        ixwebsocket_581_addresses_are_names_too
        curl_cve_2026_11564_trust_does_not_leak
    }
}

#[test]
fn every_case_is_listed() {
    for (name, cases) in CASES {
        let path = program(name);
        let listed = tools::run(harness().command(&path, &[]).arg("--list"), "", LIMIT).exited(0);
        let listed: Vec<&str> = listed.stdout.lines().collect();
        assert_eq!(&listed, cases, "{name}");
    }
}
