//! `include/wskt.hpp`: it has all that `wskt.h` has, it compiles alone in C++17
//! and C++20, and its test runs under AddressSanitizer with gcc and clang.
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
use std::time::Duration;
use tools::{SHORT, fresh_dir, root, run};

/// Longest run of the program; it talks to a server on this machine.
const LIMIT: Duration = Duration::from_secs(180);

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Functions of `wskt.h` that C++ has no use for, and why.
const ABSENT: [(&str, &str); 1] = [("wskt_socket_user_data", "lambdas capture what they need")];

/// The words that begin with `prefix`, in order of their first appearance.
fn words<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        if word.starts_with(prefix) && !all.contains(&word) {
            all.push(word);
        }
    }
    all
}

/// `text` without its comments, which mention what is not there.
fn code(text: &str) -> String {
    let parts = text.split("/*").enumerate();
    parts.map(|(i, part)| if i == 0 { part } else { part.split_once("*/").unwrap().1 }).collect()
}

#[test]
fn every_function_has_its_counterpart() {
    let (c, cpp) = (code(&read("include/wskt.h")), code(&read("include/wskt.hpp")));
    let used = words(&cpp, "wskt_");
    let mut count = 0;
    for part in c.split("WSKT_API").filter(|part| part.contains("wskt_")) {
        let Some(name) = part.split('(').next().and_then(|head| words(head, "wskt_").pop()) else {
            continue;
        };
        if !part.contains(&format!("{name}(")) {
            continue;
        }
        count += 1;
        let absent = ABSENT.iter().any(|(absent, _)| *absent == name);
        assert_ne!(
            used.contains(&name),
            absent,
            "{name}: give it a counterpart in include/wskt.hpp, or a line in ABSENT here"
        );
    }
    assert!(count > 70, "{count}");
}

#[test]
fn every_enumerator_has_its_counterpart() {
    let (c, cpp) = (code(&read("include/wskt.h")), code(&read("include/wskt.hpp")));
    let used = words(&cpp, "WSKT_");
    let plumbing = ["WSKT_API", "WSKT_H", "WSKT_STATIC"];
    for name in words(&c, "WSKT_") {
        let ours = plumbing.contains(&name) || name.starts_with("WSKT_VERSION_");
        assert!(ours || used.contains(&name), "{name} is missing in include/wskt.hpp");
    }
}

const COMPILERS: [&str; 2] = ["g++", "clang++"];
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

/// Both are installed by tests/setup.sh.
fn compiler(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).args(WARNINGS).args(["-pthread", "-Iinclude"]);
    command
}

#[test]
fn it_compiles_alone_and_twice() {
    let source = fresh_dir("cpp-alone").join("twice.cpp");
    std::fs::write(&source, "#include <wskt.hpp>\n#include <wskt.hpp>\nint main() {}\n").unwrap();
    for name in COMPILERS {
        for standard in ["-std=c++17", "-std=c++20"] {
            let mut command = compiler(name);
            run(command.args([standard, "-fsyntax-only"]).arg(&source), "", SHORT).exited(0);
        }
    }
}

#[test]
fn the_program_of_its_first_lines_compiles() {
    let header = read("include/wskt.hpp");
    let program: String = header
        .lines()
        .skip_while(|line| !line.contains("#include <iostream>"))
        .map_while(|line| line.strip_prefix(" *     ").or((line == " *").then_some("")))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(program.contains("int main() {"), "{program}");
    let source = fresh_dir("cpp-first").join("first.cpp");
    std::fs::write(&source, program).unwrap();
    run(compiler("g++").args(["-std=c++17", "-fsyntax-only"]).arg(source), "", SHORT).exited(0);
}

/// The test program under AddressSanitizer.
fn built(harness: &Harness, name: &str) -> PathBuf {
    let program = harness.place(&format!("wskt_hpp-{name}"));
    let mut command = compiler(name);
    // The Rust library is not instrumented, and need not be: what the header
    // does with memory is.
    command.args(["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined"]);
    command.arg("-fno-sanitize-recover=all");
    harness.link(&mut command, &root().join("tests/cpp/wskt_hpp.cpp"), &program);
    program
}

fn under_asan(name: &str) {
    let harness = Harness::new(&format!("cpp-{name}"));
    let program = built(&harness, name);
    run(&mut harness.command(&program, &[]), "", LIMIT).exited(0);
    // An exception that nobody can catch ends the process, not in silence.
    run(harness.command(&program, &[]).arg("terminate"), "", LIMIT).exited(77);
}

#[test]
fn under_asan_with_gcc() {
    under_asan("g++");
}

#[test]
fn under_asan_with_clang() {
    under_asan("clang++");
}
