//! The committed header: it is what the sources make, it compiles alone, and
//! it says all it must.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../build.rs"]
#[expect(dead_code, reason = "main is for cargo; the tests want `header`")]
mod build;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn committed() -> String {
    fs::read_to_string(root().join("include/wskt.h")).expect("include/wskt.h is there")
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn is_what_the_sources_make() {
    let made = build::header(root()).expect("cbindgen runs").expect("the sources parse");
    let path = scratch("wskt.h");
    fs::write(&path, &made).expect("the target directory can be written to");
    assert!(
        made == committed(),
        "include/wskt.h is stale: diff it with {} and commit",
        path.display()
    );
}

/// The header twice, and nothing before it.
const TWICE: &str = "#include <wskt.h>\n#include <wskt.h>\nint main(void) { return 0; }\n";

fn compiles(variable: &str, compiler: &str, standard: &str, name: &str, text: &str) {
    let source = scratch(name);
    fs::write(&source, text).expect("the target directory can be written to");
    let compiler = std::env::var(variable).unwrap_or_else(|_| compiler.to_owned());
    let out = Command::new(&compiler)
        .args([standard, "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion"])
        .args(["-Werror", "-I"])
        .arg(root().join("include"))
        .arg(&source)
        .output()
        .expect("there is a compiler");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn compiles_as_c99() {
    compiles("CC", "cc", "-std=c99", "twice_c99.c", TWICE);
}

#[test]
fn compiles_as_c11() {
    compiles("CC", "cc", "-std=c11", "twice_c11.c", TWICE);
}

#[test]
fn compiles_as_cpp17() {
    compiles("CXX", "c++", "-std=c++17", "twice_cpp17.cc", TWICE);
}

#[test]
fn its_shortest_program_compiles() {
    let header = committed();
    let (_, text) = header.split_once("THE SHORTEST PROGRAM\n").expect("it has one");
    let (text, _) = text.split_once("WHAT HOLDS").expect("it ends");
    let program: String =
        text.lines().map(|line| format!("{}\n", line.trim_start_matches(" *"))).collect();
    assert!(program.contains("int main(void) {"));
    compiles("CC", "cc", "-std=c99", "shortest.c", &program);
}

#[test]
fn version_is_that_of_cargo_toml() {
    let header = committed();
    let macro_of = |name: &str| {
        let define = format!("#define WSKT_VERSION_{name} ");
        let line = header.lines().find_map(|line| line.strip_prefix(&define));
        line.expect("the macro is there").to_owned()
    };
    let parts = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    assert_eq!([macro_of("MAJOR"), macro_of("MINOR"), macro_of("PATCH")], parts);
    assert_eq!(macro_of("STRING"), format!("{:?}", env!("CARGO_PKG_VERSION")));
    let combined = parts.iter().fold(0, |sum, part| {
        sum << 8 | part.parse::<u32>().expect("the version is made of numbers")
    });
    let number = macro_of("NUMBER");
    let digits = number.strip_prefix("0x").expect("the number is hexadecimal");
    assert_eq!(u32::from_str_radix(digits, 16), Ok(combined));
    assert_eq!(wskt::ffi::wskt_version_number(), combined);
}

/// Each function with the comment above it.
fn functions(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in header.match_indices("\nWSKT_API") {
        let (before, rest) = header.split_at(at + 1);
        let declaration = rest.split(';').next().unwrap_or(rest);
        let name = declaration.split('(').next().unwrap_or("");
        let name = name.rsplit([' ', '*', '\n']).next().unwrap_or("");
        let comment = before.strip_suffix(" */\n").map(|text| {
            let start = text.rfind("/**").unwrap_or(text.len());
            text.split_at(start).1.to_owned()
        });
        found.push((name.to_owned(), comment.unwrap_or_default()));
    }
    found
}

#[test]
fn every_function_has_its_manual() {
    let header = committed();
    let functions = functions(&header);
    assert!(functions.len() > 60, "only {} functions were found", functions.len());
    for (name, comment) in functions {
        assert!(name.starts_with("wskt_"), "{name}");
        assert!(comment.contains("Since: "), "{name} does not say since when it is there");
        // The others neither take a thread nor mind a callback.
        let says_where = ["thread", "callback"].iter().all(|word| comment.contains(word));
        assert!(says_where, "{name} does not say on which thread and where it is legal");
    }
}

#[test]
fn every_result_a_manual_names_exists() {
    let header = committed();
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    for word in header.split(|c: char| !is_name(c)).filter(|word| word.starts_with("WSKT_ERR_")) {
        assert!(header.contains(&format!("    {word} = -")), "{word} is named and not defined");
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    for word in header.split(|c: char| !is_name(c)).filter(|word| word.starts_with("wskt_")) {
        let defined = [
            format!("{word}("),
            format!("struct {word}"),
            format!("enum {word}"),
            format!("(*{word})("),
        ];
        assert!(
            defined.iter().any(|text| header.contains(text)),
            "{word} is named and not declared"
        );
    }
}

#[test]
fn every_type_lists_its_functions() {
    let header = committed();
    for (name, _) in functions(&header) {
        for noun in ["wskt_config_", "wskt_loop_", "wskt_socket_"] {
            if name.starts_with(noun) {
                let listed = [format!(" {name},"), format!(" {name}.")];
                assert!(listed.iter().any(|text| header.contains(text)), "no list has {name}");
            }
        }
    }
}
