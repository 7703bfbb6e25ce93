//! The shared library as a linker and a C compiler see it: symbols, soname
//! and the layout of every public struct.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::mem::{align_of, offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;
use wskt::ffi::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// libwskt.so of the profile this test was built in: beside the test itself,
/// or one directory up.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows its path");
    let places = test.ancestors().skip(1).take(2).map(|dir| dir.join("libwskt.so"));
    places.into_iter().find(|path| path.exists()).expect("libwskt.so was built")
}

fn run(program: &str, args: &[&str], file: &Path) -> String {
    let out = Command::new(program).args(args).arg(file).output().expect("the tool is there");
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn symbols_are_what_the_header_declares() {
    let header = std::fs::read_to_string(root().join("include/wskt.h")).expect("it is there");
    let declared: BTreeSet<&str> = header
        .split("\nWSKT_API")
        .skip(1)
        .filter_map(|text| text.split('(').next()?.rsplit([' ', '*', '\n']).next())
        .collect();
    let list = run("nm", &["-D", "--defined-only"], &library());
    let exported: BTreeSet<&str> =
        list.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let missing: Vec<_> = declared.difference(&exported).collect();
    let foreign: Vec<_> = exported.difference(&declared).collect();
    assert!(missing.is_empty(), "declared and not exported: {missing:?}");
    assert!(foreign.is_empty(), "exported and not declared: {foreign:?}");
}

#[test]
fn soname_carries_major_and_minor() {
    let dynamic = run("readelf", &["-d"], &library());
    let soname = dynamic.lines().find(|line| line.contains("SONAME")).unwrap_or("none");
    assert!(soname.contains("[libwskt.so.0.1]"), "{soname}");
}

/// Prints a struct the way tests/c/layout.c does.
macro_rules! layout {
    ($text:ident, $name:ident: $($field:ident)*) => {
        let (size, align) = (size_of::<$name>(), align_of::<$name>());
        writeln!($text, "{} size {size} align {align}", stringify!($name)).expect("memory");
        $(
            let field = stringify!($field).trim_start_matches("r#");
            writeln!($text, "{}.{field} {}", stringify!($name), offset_of!($name, $field))
                .expect("memory");
        )*
    };
}

#[test]
fn structs_have_one_layout_on_both_sides() {
    let mut rust = String::new();
    layout!(rust, wskt_event: struct_size r#type bubbles cancelable is_trusted type_name target timestamp);
    layout!(rust, wskt_open_event: head);
    layout!(rust, wskt_message_event: head kind data len);
    layout!(rust, wskt_error_event: head cause os_error http_status message message_len);
    layout!(rust, wskt_close_event: head was_clean code reason reason_len peer_code cause message message_len);
    layout!(rust, wskt_drain_event: head);
    layout!(rust, wskt_ping_event: head data len);
    layout!(rust, wskt_pong_event: head data len);
    layout!(rust, wskt_message_chunk_event: head kind first last data len);
    layout!(rust, wskt_attempt_event: head number delay_ms previous);
    layout!(rust, wskt_unsent_event: head kind data len);
    layout!(
        rust, wskt_stats: struct_size bytes_sent bytes_received frames_sent frames_received messages_sent messages_received
        payload_sent payload_received wire_payload_sent wire_payload_received dns_us connect_us tls_us upgrade_us
        proxy_us round_trip_us
    );
    for (name, size) in [
        ("wskt_result", size_of::<wskt_result>()),
        ("wskt_cause", size_of::<wskt_cause>()),
        ("wskt_close_class", size_of::<wskt_close_class>()),
        ("wskt_ready_state", size_of::<wskt_ready_state>()),
        ("wskt_event_type", size_of::<wskt_event_type>()),
        ("wskt_message_kind", size_of::<wskt_message_kind>()),
        ("wskt_log_level", size_of::<wskt_log_level>()),
        ("wskt_on_message_fn", size_of::<wskt_on_message_fn>()),
        ("wskt_destroy_fn", size_of::<wskt_destroy_fn>()),
    ] {
        writeln!(rust, "{name} size {size}").expect("memory");
    }
    for (variable, compiler, language) in [("CC", "cc", "c"), ("CXX", "c++", "c++")] {
        assert_eq!(layout_in(variable, compiler, language), rust, "in {language}");
    }
}

/// What tests/c/layout.c prints, compiled as C or as C++.
fn layout_in(variable: &str, compiler: &str, language: &str) -> String {
    let name = if language == "c" { "layout_c" } else { "layout_cpp" };
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let compiler = std::env::var(variable).unwrap_or_else(|_| compiler.to_owned());
    let include = format!("-I{}", root().join("include").display());
    let output = format!("-o{}", program.display());
    let flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", &include, &output, "-x", language];
    run(&compiler, &flags, &root().join("tests/c/layout.c"));
    let out = Command::new(&program).output().expect("it was just built");
    String::from_utf8_lossy(&out.stdout).into_owned()
}
