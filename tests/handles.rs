//! Every function with every handle that is not what it takes: NULL, one of
//! another type, and in debug builds one that was freed. The C program is made
//! from the header, so that no function can be forgotten.
#![cfg(target_os = "linux")]
#![allow(clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use tools::{LONG, SHORT, fresh_dir, make, root, run};

/// The types of handles, and how each is made.
const KINDS: [(&str, &str); 5] = [
    ("wskt_config", "wskt_config_new(&{})"),
    ("wskt_loop", "wskt_loop_new(&{})"),
    ("wskt_socket", "wskt_socket_new(NULL, \"ws://127.0.0.1:1/\", NULL, &{})"),
    ("wskt_close_event", "wskt_close_event_new(\"close\", false, 0, NULL, 0, &{})"),
    ("wskt_reconnector", "wskt_reconnector_new(pattern(), &{})"),
];

struct Function<'a> {
    result: &'a str,
    name: &'a str,
    /// The types of its parameters.
    takes: Vec<&'a str>,
}

fn functions(header: &str) -> Vec<Function<'_>> {
    let parse = |declaration| {
        let (signature, _) = str::split_once(declaration, ';')?;
        let (head, rest) = signature.trim().split_once('(')?;
        let result = head.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let takes = rest.trim_end_matches(')').split(',').map(|parameter| {
            let parameter = parameter.trim();
            parameter.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').trim()
        });
        let name = head.strip_prefix(result)?;
        Some(Function { result: result.trim(), name, takes: takes.collect() })
    };
    header.split("\nWSKT_API").skip(1).map(|text| parse(text).expect("a declaration")).collect()
}

/// The handle that a parameter of this type takes.
fn kind_of(parameter: &str) -> Option<usize> {
    let name = parameter.trim_start_matches("const ").strip_suffix('*')?.trim();
    KINDS.iter().position(|(kind, _)| *kind == name)
}

/// What a wrong handle gets from a function that returns results.
fn verdict(function: &str, wrong: &str) -> Option<&'static str> {
    match (function, wrong) {
        ("wskt_loop_free", "NULL") => Some("WSKT_OK"),
        // A socket may have neither.
        ("wskt_socket_new", "NULL") => None,
        (_, "NULL") => Some("WSKT_ERR_NULL"),
        _ => Some("WSKT_ERR_INVALID_ARGUMENT"),
    }
}

/// A call with `wrong` in place of the handle at `at`.
fn call(function: &Function<'_>, at: usize, wrong: &str) -> String {
    let arguments = function.takes.iter().enumerate().map(|(other, parameter)| {
        if other == at {
            return format!("(void *){wrong}");
        }
        match kind_of(parameter) {
            Some(kind) => format!("live[{kind}]"),
            None if parameter.ends_with("_fn") => "NULL".to_owned(),
            None if parameter.starts_with("const char *") && !parameter.contains("**") => {
                "\"x\"".to_owned()
            }
            None if parameter.ends_with('*') => "(void *)&scratch".to_owned(),
            None => "1".to_owned(),
        }
    });
    format!("{}({})", function.name, arguments.collect::<Vec<_>>().join(", "))
}

fn program(header: &str) -> String {
    let mut text = String::from(
        "#include \"wskt.h\"\n#include <stdio.h>\n\
         static union { void *pointer; unsigned char bytes[1024]; } scratch;\n\
         static void *live[5], *freed[5];\n\
         static int calls, wrong;\n\
         static void is(const char *call, double got, double want) {\n\
         \x20   calls++;\n\
         \x20   if (got != want) { wrong++; printf(\"%s: %g, not %g\\n\", call, got, want); }\n\
         }\n\
         static wskt_socket *pattern(void) {\n\
         \x20   wskt_socket *made = NULL;\n\
         \x20   wskt_socket_new(NULL, \"ws://127.0.0.1:1/\", NULL, &made);\n\
         \x20   return made;\n\
         }\n\
         int main(int argc, char **argv) {\n\
         \x20   size_t handles;\n\
         \x20   (void)argv;\n",
    );
    for (kind, (name, made)) in KINDS.iter().enumerate() {
        for list in ["freed", "live"] {
            let made = made.replace("{}", "handle");
            writeln!(
                text,
                "    {{ {name} *handle; is(\"{name}\", {made}, WSKT_OK); {list}[{kind}] = handle; }}"
            )
            .expect("memory");
        }
    }
    for (kind, (name, _)) in KINDS.iter().enumerate() {
        writeln!(text, "    {name}_free(freed[{kind}]);").expect("memory");
    }
    text.push_str("    handles = wskt_handle_count();\n");
    for function in functions(header) {
        for (at, parameter) in function.takes.iter().enumerate() {
            let Some(right) = kind_of(parameter) else { continue };
            for wrong in wrong_handles(right) {
                let call = call(&function, at, &wrong);
                let told = format!("{:?}", format!("{call}, parameter {at}"));
                let guard = if wrong.starts_with("freed") { "if (argc > 1) " } else { "" };
                let check = match function.result {
                    "wskt_result" => match verdict(function.name, &wrong) {
                        Some(want) => format!("is({told}, {call}, {want});"),
                        None => continue,
                    },
                    "void" => format!("{call};"),
                    pointer if pointer.ends_with('*') => format!("is({told}, {call} == NULL, 1);"),
                    // What NULL gives.
                    _ => format!("is({told}, {call}, {});", self::call(&function, at, "NULL")),
                };
                writeln!(text, "    {guard}{check}").expect("memory");
            }
        }
    }
    text.push_str("    is(\"handles left\", wskt_handle_count(), handles);\n");
    for (kind, (name, _)) in KINDS.iter().enumerate() {
        writeln!(text, "    {name}_free(live[{kind}]);").expect("memory");
    }
    text.push_str("    is(\"handles left\", wskt_handle_count(), 0);\n");
    text.push_str("    printf(\"%d calls\\n\", calls);\n    return wrong != 0;\n}\n");
    text
}

fn wrong_handles(right: usize) -> Vec<String> {
    let others = (0..KINDS.len()).filter(|kind| *kind != right);
    let freed = (0..KINDS.len()).map(|kind| format!("freed[{kind}]"));
    std::iter::once("NULL".to_owned())
        .chain(others.map(|kind| format!("live[{kind}]")))
        .chain(freed)
        .collect()
}

/// Builds the program against the library in `from` and runs it.
fn check(name: &str, from: &Path, arguments: &[&str]) {
    let dir = fresh_dir(name);
    for link in ["libwskt.so.0.1", "libwskt.so"] {
        std::os::unix::fs::symlink(from.join("libwskt.so"), dir.join(link)).expect("a link");
    }
    let header = fs::read_to_string(root().join("include/wskt.h")).expect("include/wskt.h");
    fs::write(dir.join("handles.c"), program(&header)).expect("a source");
    let mut cc = Command::new("cc");
    cc.current_dir(&dir)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-I"])
        .arg(root().join("include"))
        .args(std::env::var("WSKT_CFLAGS").unwrap_or_default().split_whitespace())
        .args(["handles.c", "-o", "handles", "-L.", "-lwskt"]);
    run(&mut cc, "", LONG).exited(0);
    let mut handles = Command::new(dir.join("handles"));
    let done = run(handles.args(arguments).env("LD_LIBRARY_PATH", &dir), "", SHORT).exited(0);
    let calls = done.stdout.split_whitespace().next().and_then(|count| count.parse().ok());
    assert!(calls.is_some_and(|calls: u32| calls > 400), "{}", done.stdout);
}

/// Beside the test itself, or one directory up.
#[cfg(debug_assertions)]
#[test]
fn in_this_build() {
    let test = std::env::current_exe().expect("the path of the test");
    let mut places = test.ancestors().skip(1).take(2);
    let place = places.find(|dir| dir.join("libwskt.so").exists()).expect("libwskt.so was built");
    check("handles-debug", place, &["freed ones too"]);
}

/// A release build tells types apart; it reads the memory of freed handles.
#[test]
fn in_a_release() {
    // Under sanitizers there is no release.
    if std::env::var_os("WSKT_CFLAGS").is_some() {
        return;
    }
    run(&mut make(&["all"]), "", LONG).exited(0);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    check("handles-release", &target.join("release"), &[]);
}
