//! The header against the ABI that was promised: libabigail compares it with
//! `tests/abi/wskt.abi`. Additions pass, all else fails. `make abi` records the
//! ABI anew; docs/ABI.md says when that is right.
//!
//! What is compared is a library of stubs with the header's signatures, as cc
//! describes it: rustc's debug information changes from version to version. That
//! the real library has these symbols and layouts is what `tests/abi.rs` checks.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it could not do"
)]

mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tools::{SHORT, fresh_dir, root, run};

fn header() -> String {
    fs::read_to_string(root().join("include/wskt.h")).expect("include/wskt.h is there")
}

fn baseline() -> PathBuf {
    root().join("tests/abi/wskt.abi")
}

/// A library with every function of this header, and variables for what no
/// signature may mention.
fn stubs(header: &str) -> String {
    let mut text = String::from("#include <stddef.h>\n#include \"wskt.h\"\n");
    for declaration in header.split("\nWSKT_API").skip(1) {
        let signature = declaration.split(';').next().unwrap_or_default().trim();
        writeln!(text, "{signature} {{ __builtin_trap(); }}").expect("memory");
    }
    let mut within = None;
    for line in header.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), within) {
            (["enum", name], _) => writeln!(text, "enum {name} *enum_{name};").expect("memory"),
            (["typedef", "struct", name, "{"], _) => within = Some(*name),
            (["}", ..], _) => within = None,
            // That a struct has grown is no change, so each field is looked at for
            // itself: its type, and its place as the length of an array.
            ([first, .., last], Some(name)) if *first != "*" && last.ends_with(';') => {
                let field = last.trim_start_matches('*').trim_end_matches(';');
                writeln!(text, "__typeof__((({name} *)0)->{field}) *type_of_{name}_{field};")
                    .and_then(|()| {
                        let place = format!("offsetof({name}, {field}) + 1");
                        writeln!(text, "char (*place_of_{name}_{field})[{place}];")
                    })
                    .expect("memory");
            }
            _ => {}
        }
    }
    // Constants are macros, which no debug information has.
    text.push_str("enum abi_constants {\n");
    for line in header.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["#define", name, _] = words.as_slice()
            && !name.starts_with("WSKT_VERSION_")
            && !name.starts_with("WSKT_API")
        {
            writeln!(text, "    abi_{name} = {name},").expect("memory");
        }
    }
    text.push_str("} abi_of_constants;\n");
    text
}

/// Describes the ABI of a header in `dir`.
fn describe(dir: &Path, header: &str) -> PathBuf {
    let (source, library) = (dir.join("stubs.c"), dir.join("libwskt.so"));
    let described = dir.join("wskt.abi");
    fs::write(dir.join("wskt.h"), header).expect("a header");
    fs::write(&source, stubs(header)).expect("a source");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-g", "-O0", "-fPIC", "-shared", "-Wl,-soname,libwskt.so", "-w", "-o"]);
    run(cc.arg(&library).arg(&source), "", SHORT).exited(0);
    let mut abidw = Command::new("abidw");
    abidw.args(["--no-corpus-path", "--no-show-locs", "--no-comp-dir-path", "--no-elf-needed"]);
    abidw
        .args(["--no-parameter-names", "--no-write-default-sizes", "--out-file"])
        .arg(&described)
        .arg(&library);
    run(&mut abidw, "", SHORT).exited(0);
    described
}

/// What abidiff says against it; nothing if programs cannot notice a change.
fn differences(old: &Path, new: &Path) -> Option<String> {
    let mut abidiff = Command::new("abidiff");
    abidiff.arg("--no-added-syms").arg("--suppr").arg(root().join("tests/abi/additions.ini"));
    let done = run(abidiff.arg(old).arg(new), "", SHORT);
    let status = done.status.unwrap_or(1);
    // Bits 0 and 1: it could not compare. Bits 2 and 3: there are changes.
    assert_eq!(status & 3, 0, "{done:#?}");
    (status != 0).then_some(done.stdout)
}

fn is_installed() -> bool {
    let is = ["abidw", "abidiff"].iter().all(|tool| {
        let version = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    });
    if !is {
        eprintln!("abidiff: not run, for there is no libabigail (Debian: abigail-tools)");
    }
    is
}

#[test]
fn nothing_is_taken_away_or_changed() {
    if !is_installed() {
        return;
    }
    let described = describe(&fresh_dir("abidiff"), &header());
    if std::env::var_os("WSKT_ABI").is_some_and(|what| what == "record") {
        fs::copy(&described, baseline()).expect("a baseline");
        return;
    }
    if let Some(report) = differences(&baseline(), &described) {
        panic!("programs that are linked already would break:\n{report}");
    }
}

/// The header with one change.
#[track_caller]
fn with(from: &str, to: &str) -> String {
    let header = header();
    assert!(header.contains(from), "{from}");
    header.replacen(from, to, 1)
}

#[test]
fn additions_pass_and_changes_do_not() {
    if !is_installed() {
        return;
    }
    let dir = fresh_dir("abidiff-bites");
    let own = dir.join("own.abi");
    fs::rename(describe(&dir, &header()), &own).expect("a description");
    let verdict = |header: &str| differences(&own, &describe(&dir, header));
    assert_eq!(verdict(&header()), None);

    let last = "WSKT_API size_t wskt_handle_count(void);";
    let close_event_end = "} wskt_close_event;";
    for (from, to) in [
        (last, "WSKT_API size_t wskt_handle_count(void);\n\nWSKT_API int wskt_new(int x);"),
        (
            "    WSKT_ERR_WRONG_PASSWORD = -30,",
            "    WSKT_ERR_WRONG_PASSWORD = -30, WSKT_ERR_NEW = -999,",
        ),
        (close_event_end, "    uint64_t added;\n} wskt_close_event;"),
        ("#define WSKT_CLOSE_NORMAL 1000", "#define WSKT_CLOSE_NORMAL 1000\n#define WSKT_NEW 7"),
    ] {
        assert_eq!(verdict(&with(from, to)), None, "{to}");
    }
    for (from, to) in [
        (last, ""),
        (last, "WSKT_API uint32_t wskt_handle_count(void);"),
        (last, "WSKT_API size_t wskt_handle_count(int32_t kind);"),
        (
            "wskt_config_set_system_roots(wskt_config *config, bool on)",
            "wskt_config_set_system_roots(wskt_config *config, int64_t on)",
        ),
        ("    WSKT_ERR_WRONG_PASSWORD = -30,", "    WSKT_ERR_WRONG_PASSWORD = -31,"),
        ("    WSKT_ERR_WRONG_PASSWORD = -30,", ""),
        ("    double timestamp;", "    float timestamp;"),
        ("    size_t struct_size;", "    size_t added; size_t struct_size;"),
        ("    wskt_socket *target;", ""),
        ("#define WSKT_CLOSE_NORMAL 1000", "#define WSKT_CLOSE_NORMAL 1001"),
        ("#define WSKT_CLOSE_GOING_AWAY 1001", ""),
        (
            "typedef void (*wskt_destroy_fn)(void *user_data);",
            "typedef void (*wskt_destroy_fn)(void *user_data, int why);",
        ),
    ] {
        assert!(verdict(&with(from, to)).is_some(), "{to:?} instead of {from:?} was not noticed");
    }
}
