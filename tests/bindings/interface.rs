//! wskt.h as JSON, for bindings that write its structs, constants and functions
//! down once more: what the C compiler says, not what a parser guesses.
//!
//! {"structs": {"wskt_event": {"size": 48, "fields": {"type": [8, 4], ...}}},
//!  "constants": {"WSKT_CLOSE_NORMAL": 1000, ...},
//!  "functions": {"wskt_loop_new": ["wskt_result", "wskt_loop **"], ...}}
//!
//! A field is offset and size, a function its result and its parameters.

use crate::tools::{SHORT, root, run};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes `interface.json` into `dir`.
pub(crate) fn write(dir: &Path) -> PathBuf {
    let header = std::fs::read_to_string(root().join("include/wskt.h")).expect("wskt.h");
    let plain = without_comments(&header);
    let (source, program) = (dir.join("interface.c"), dir.join("interface"));
    std::fs::write(&source, program_of(&plain)).expect("a file");
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-I"]).arg(root().join("include"));
    run(cc.arg(&source).arg("-o").arg(&program), "", SHORT).exited(0);
    let done = run(&mut Command::new(&program), "", SHORT).exited(0);
    let json = dir.join("interface.json");
    std::fs::write(&json, done.stdout).expect("a file");
    json
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    let code = parts.filter_map(|part| part.split_once("*/")).map(|(_, code)| code);
    let code = std::iter::once(first.as_str()).chain(code).collect::<String>();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).fold(
        String::new(),
        |mut all, line| {
            let _ = writeln!(all, "{line}");
            all
        },
    )
}

/// A C program that prints everything.
fn program_of(header: &str) -> String {
    let mut body = String::from("printf(\"{\\\"structs\\\": {\");\n");
    let mut between = "";
    for (name, fields) in structs(header) {
        let _ = writeln!(
            body,
            "printf(\"{between}\\n\\\"{name}\\\": {{\\\"size\\\": %zu, \\\"fields\\\": {{\", \
             sizeof({name}));"
        );
        let mut between_fields = "";
        for field in &fields {
            let _ = writeln!(
                body,
                "printf(\"{between_fields}\\\"{field}\\\": [%zu, %zu]\", \
                 offsetof({name}, {field}), sizeof((({name} *)0)->{field}));"
            );
            between_fields = ", ";
        }
        assert!(!fields.is_empty(), "{name}");
        body += "printf(\"}}\");\n";
        between = ",";
    }
    body += "printf(\"},\\n\\\"constants\\\": {\");\n";
    between = "";
    for name in constants(header) {
        let _ =
            writeln!(body, "printf(\"{between}\\n\\\"{name}\\\": %lld\", (long long)({name}));");
        between = ",";
    }
    body += "printf(\"},\\n\\\"functions\\\": {\");\n";
    between = "";
    for (name, types) in functions(header) {
        let list: Vec<String> = types.iter().map(|t| format!("\\\"{t}\\\"")).collect();
        let _ = writeln!(body, "printf(\"{between}\\n\\\"{name}\\\": [{}]\");", list.join(", "));
        between = ",";
    }
    body += "printf(\"}}\\n\");\nreturn 0;\n";
    format!("#include <stdio.h>\n#include <wskt.h>\nint main(void) {{\n{body}}}\n")
}

fn structs(header: &str) -> Vec<(&str, Vec<&str>)> {
    let mut all = Vec::new();
    for part in header.split("typedef struct ").skip(1) {
        let Some((name, rest)) = part.split_once(" {") else { continue };
        let Some((body, _)) = rest.split_once('}') else { continue };
        if name.contains(';') {
            continue; // an opaque one, and then something else
        }
        let fields = body.split(';').filter_map(|field| field.trim().rsplit([' ', '*']).next());
        all.push((name, fields.filter(|field| !field.is_empty()).collect()));
    }
    assert!(all.len() >= 6, "{all:?}");
    all
}

fn constants(header: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for line in header.lines().map(str::trim) {
        let name = match line.strip_prefix("#define ") {
            Some(rest) => rest.split_once(' ').filter(|(_, value)| is_number(value)),
            None => line.trim_end_matches(',').split_once(" = ").filter(|(_, v)| is_number(v)),
        };
        all.extend(name.map(|(name, _)| name).filter(|name| name.starts_with("WSKT_")));
    }
    assert!(all.len() > 80, "{all:?}");
    all
}

fn is_number(text: &str) -> bool {
    text.trim().starts_with(|c: char| c.is_ascii_digit() || c == '-')
}

/// Every function: its name, then the types of its result and parameters.
fn functions(header: &str) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for part in header.split("\nWSKT_API").skip(1) {
        let (prototype, _) = part.split_once(';').expect("a prototype");
        let (before, parameters) = prototype.split_once('(').expect("parameters");
        let (result, name) = split_name(before);
        let mut types = vec![result];
        let parameters = parameters.trim_end().trim_end_matches(')');
        types.extend(parameters.split(',').filter(|p| *p != "void").map(|p| split_name(p).0));
        all.push((name, types));
    }
    assert!(all.len() > 70, "{all:?}");
    all
}

/// `const char *url` as its type, without `struct`, and its name.
fn split_name(declaration: &str) -> (String, String) {
    let words = declaration.split_whitespace().filter(|word| *word != "struct");
    let line = words.collect::<Vec<_>>().join(" ");
    let at = line.rfind([' ', '*']).map_or(0, |at| at + 1);
    let (kind, name) = line.split_at(at);
    (kind.trim().to_owned(), name.to_owned())
}
