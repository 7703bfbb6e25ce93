//! Every function with every handle that is not what it takes: NULL, one of
//! another type, and in debug builds one that was freed. And every function with
//! the right handles at the wrong time: in a callback, on another thread, in an
//! exit handler, in a child after fork. The C programs are made from the header,
//! so that no function can be forgotten.
#![cfg(target_os = "linux")]
#![allow(clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
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

/// Every function once, each handle the right one, other arguments of no sense. In
/// the child nothing but `free` works with what the parent made; what only reads, and
/// close events, which are plain data, are another matter.
fn every_function(header: &str) -> String {
    let mut text = String::from("static void every_function(void) {\n");
    for function in functions(header) {
        let mut takes = function.takes.iter().enumerate();
        let Some((at, takes, kind)) =
            takes.find_map(|(at, takes)| Some((at, takes, kind_of(takes)?)))
        else {
            continue;
        };
        // It takes its pattern, which others use.
        if function.name.ends_with("_free") || function.name == "wskt_reconnector_new" {
            continue;
        }
        let call = call(&function, at, &format!("live[{kind}]"));
        match function.result {
            "wskt_result" => {
                let changes = !takes.starts_with("const ") && !takes.contains("wskt_close_event");
                writeln!(text, "    result({call:?}, {call}, {});", u8::from(changes))
            }
            _ => writeln!(text, "    (void){call}; calls++;"),
        }
        .expect("memory");
    }
    text + "}\n"
}

/// What surrounds it.
const TIMES: &str = r#"
#include "wskt.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static union { void *pointer; unsigned char bytes[1024]; } scratch;
static void *live[5];
static int calls, wrong, in_child;

static void expect(const char *call, int good) {
    calls++;
    if (!good) {
        wrong++;
        printf("%s\n", call);
    }
}

static wskt_socket *pattern(void) {
    wskt_socket *made = NULL;
    wskt_socket_new(NULL, "ws://127.0.0.1:1/", NULL, &made);
    return made;
}

static void result(const char *call, wskt_result result, int changes) {
    expect(call, strcmp(wskt_result_name(result), "") != 0 && result != WSKT_ERR_PANIC);
    if (in_child && changes && result != WSKT_ERR_FORKED) {
        printf("%s\n", wskt_result_name(result));
        expect(call, 0);
    }
}
"#;

const MAIN: &str = r#"
static void free_all(void) {
    wskt_reconnector_free(live[4]);
    wskt_close_event_free(live[3]);
    wskt_socket_free(live[2]);
    wskt_loop_free(live[1]);
    wskt_config_free(live[0]);
}

static void done(void) {
    printf("%d calls\n", calls);
    fflush(NULL);
    _exit(wrong != 0);
}

static void at_exit(void) {
    every_function();
    free_all();
    done();
}

static void *on_thread(void *unused) {
    every_function();
    return unused;
}

static void on_error(wskt_socket *socket, const wskt_error_event *event, void *user_data) {
    (void)socket; (void)event; (void)user_data;
    every_function();
}

static void on_close(wskt_socket *socket, const wskt_close_event *event, void *user_data) {
    (void)socket; (void)event; (void)user_data;
    every_function();
}

int main(int argc, char **argv) {
    const char *when = argc > 1 ? argv[1] : "";
    make_all();
    if (strcmp(when, "exit") == 0) {
        expect("atexit", atexit(at_exit) == 0);
        exit(0);
    } else if (strcmp(when, "thread") == 0) {
        pthread_t thread;
        expect("pthread_create", pthread_create(&thread, NULL, on_thread, NULL) == 0);
        pthread_join(thread, NULL);
    } else if (strcmp(when, "callback") == 0) {
        wskt_socket *socket = NULL;
        wskt_loop *loop = NULL;
        expect("wskt_loop_new", wskt_loop_new(&loop) == WSKT_OK);
        expect("wskt_socket_new",
               wskt_socket_new(loop, "ws://127.0.0.1:1/", NULL, &socket) == WSKT_OK);
        expect("on_error", wskt_socket_set_on_error(socket, on_error) == WSKT_OK);
        expect("on_close", wskt_socket_set_on_close(socket, on_close) == WSKT_OK);
        expect("wskt_socket_open", wskt_socket_open(socket) == WSKT_OK);
        expect("wskt_loop_run", wskt_loop_run(loop) == WSKT_OK);
        wskt_socket_free(socket);
        wskt_loop_free(loop);
    } else if (strcmp(when, "fork") == 0) {
        int status = 1;
        pid_t pid = fork();
        in_child = pid == 0;
        if (in_child) {
            every_function();
            free_all();
            expect("handles left", wskt_handle_count() == 0);
            done();
        }
        expect("the child", waitpid(pid, &status, 0) == pid && status == 0);
        every_function();
    }
    free_all();
    expect("handles left", wskt_handle_count() == 0);
    done();
}
"#;

fn times_program(header: &str) -> String {
    let mut text = format!("{TIMES}\nstatic void make_all(void) {{\n");
    for (kind, (name, made)) in KINDS.iter().enumerate() {
        let made = made.replace("{}", "handle");
        writeln!(
            text,
            "    {{ {name} *handle; expect(\"{name}\", {made} == WSKT_OK); live[{kind}] = handle; }}"
        )
        .expect("memory");
    }
    text.push_str("}\n");
    text + &every_function(header) + MAIN
}

/// Builds the program against the library in `from` and runs it.
fn check(name: &str, from: &Path, arguments: &[&str]) {
    let program = build(name, from, program);
    let calls = calls_of(Command::new(&program).args(arguments));
    assert!(calls > 400, "{calls}");
}

/// Runs a program that ends with the number of calls it has made.
fn calls_of(program: &mut Command) -> u32 {
    let dir = Path::new(program.get_program()).parent().expect("its directory").to_owned();
    let done = run(program.env("LD_LIBRARY_PATH", dir), "", SHORT).exited(0);
    let last = done.stdout.lines().last().and_then(|line| line.split_whitespace().next());
    last.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{done:#?}"))
}

fn build(name: &str, from: &Path, program: fn(&str) -> String) -> PathBuf {
    let dir = fresh_dir(name);
    for link in ["libwskt.so.0.1", "libwskt.so"] {
        std::os::unix::fs::symlink(from.join("libwskt.so"), dir.join(link)).expect("a link");
    }
    let header = fs::read_to_string(root().join("include/wskt.h")).expect("include/wskt.h");
    fs::write(dir.join("handles.c"), program(&header)).expect("a source");
    let mut cc = Command::new("cc");
    cc.current_dir(&dir)
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread", "-I"])
        .arg(root().join("include"))
        .args(std::env::var("WSKT_CFLAGS").unwrap_or_default().split_whitespace())
        .args(["handles.c", "-o", "handles", "-L.", "-lwskt"]);
    run(&mut cc, "", LONG).exited(0);
    dir.join("handles")
}

/// Beside the test itself, or one directory up.
fn place() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test");
    let mut places = test.ancestors().skip(1).take(2);
    places.find(|dir| dir.join("libwskt.so").exists()).expect("libwskt.so was built").to_owned()
}

#[cfg(debug_assertions)]
#[test]
fn in_this_build() {
    check("handles-debug", &place(), &["freed ones too"]);
}

/// Every function in callbacks, on another thread, in an exit handler, after fork.
fn at_any_time(name: &str, from: &Path) {
    let program = build(name, from, times_program);
    for (when, least) in [("callback", 200), ("thread", 100), ("exit", 100), ("fork", 100)] {
        let calls = calls_of(Command::new(&program).arg(when));
        assert!(calls > least, "{when}: {calls} calls");
    }
}

#[test]
fn at_any_time_in_this_build() {
    at_any_time("handles-times-debug", &place());
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
    at_any_time("handles-times-release", &target.join("release"));
}
