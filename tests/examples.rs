//! The programs in `examples-c`, built as a user would build them, and run.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod support;
mod tools;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use support::TestServer;
use tools::{Done, LONG, Running, SHORT, fresh_dir, install, root, run, with_prefix};

/// The prefix with the library, and the directory with the programs: built
/// once, by `examples-c/Makefile`, that is by pkg-config.
fn built() -> &'static (PathBuf, PathBuf) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let prefix = fresh_dir("examples-prefix");
        let programs = fresh_dir("examples-c");
        install(&prefix);
        for goal in ["all", "loops"] {
            let mut make = Command::new("make");
            make.current_dir(root().join("examples-c"))
                .args([goal, &format!("OUT={}", programs.display())])
                .env_remove("MAKEFLAGS");
            run(with_prefix(&mut make, &prefix), "", LONG).exited(0);
        }
        (prefix, programs)
    })
}

fn program(name: &str) -> Command {
    let (prefix, programs) = built();
    let mut command = Command::new(programs.join(name));
    with_prefix(&mut command, prefix);
    command
}

/// Runs a program with arguments and input.
fn try_program(name: &str, args: &[&str], input: &str) -> Done {
    run(program(name).args(args), input, SHORT)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// The report of a connection that has to be without fault.
fn good_report(server: &TestServer, id: &str) -> String {
    let report = server.report(id);
    assert!(report.contains(r#""errors":[]"#), "{report}");
    report
}

#[test]
fn behind_a_proxy_reaches_a_server_with_a_private_ca() {
    let server = TestServer::start();
    let url = server.path_url("wss", "/echo");
    let ca = server.ca().display().to_string();
    let ask = |who: &str| {
        let proxy = format!("http://{who}@127.0.0.1:{}", server.port("ws"));
        run(program("behind_a_proxy").args([&url, &proxy, &ca]), "", SHORT).exited(0)
    };
    assert_eq!(ask("through:").stdout, "hello\n1000 \n");
    assert!(server.report("through").contains(r#""target":"localhost:"#));
    // The password is a script for the test's proxy.
    let refused = ask("refused:http%20403%20No");
    assert_eq!(refused.stdout, "1006 the proxy answered HTTP 403 No\n");
    let source = std::fs::read_to_string(root().join("examples-c/behind_a_proxy.c"));
    assert!(source.expect("the program").lines().count() < 40, "it should stay short");
}

#[test]
fn reconnect_tries_again_and_knows_when_not_to() {
    let server = TestServer::start();
    let tries = |port: &str, script: &str| {
        let url = server.url(port, script, "reconnect");
        try_program("reconnect", &[&url, "one", "two"], "").exited(0).stdout
    };
    let done =
        tries("ws", "expect-text one; expect-text two; text thanks; answer-close; half-close");
    assert_eq!(done, "attempt 1\nthanks\nclosed: 1000 , for good\n");
    let done = tries("ws", "close 1001; expect-close; half-close");
    assert_eq!(
        done,
        "attempt 1\nclosed: 1001 \nattempt 2 after 1001\nclosed: 1001 \n\
         attempt 3 after 1001\nclosed: 1001 , for good\n"
    );
    let done = tries("ws", "http 403 No");
    assert!(done.starts_with("attempt 1\nclosed: 1006 "), "{done}");
    assert!(done.ends_with(", for good\n") && done.contains("403 No"), "{done}");
}

#[test]
fn close_event_finds_every_row_right() {
    let server = TestServer::start();
    let ports = |wrong: Option<&str>| {
        let names =
            ["ws", "wss", "wss_untrusted", "wss_expired", "wss_wrong_host", "refused", "blackhole"];
        let port =
            |name: &str| if wrong == Some(name) { server.port("ws") } else { server.port(name) };
        let mut args: Vec<String> =
            names.iter().map(|name| format!("{name}={}", port(name))).collect();
        args.push(format!("ca={}", server.ca().display()));
        args
    };
    let done = run(program("close_event").args(ports(None)), "", SHORT).exited(0);
    let rows = lines(&done.stdout);
    assert!(rows.len() > 35, "{done:#?}");
    assert!(done.stdout.ends_with("every row as it has to be.\n"), "{done:#?}");
    assert!(!done.stdout.contains("WRONG"), "{done:#?}");
    let columns: Vec<usize> = ["over", "code", "name", "reason", "clean", "error", "cause"]
        .iter()
        .filter_map(|title| rows.first()?.find(&format!("  {title} ")))
        .collect();
    assert_eq!(columns.len(), 7, "{done:#?}");
    for row in rows.iter().skip(1).take(rows.len() - 3) {
        let text: Vec<char> = row.chars().collect();
        for &at in &columns {
            let border = text.get(at..at + 2).map(|two| two.iter().all(|c| *c == ' '));
            assert_eq!(border, Some(true), "out of line: {row}");
        }
    }

    // It also says so when a row is not what it has to be.
    let done = run(program("close_event").args(ports(Some("refused"))), "", SHORT).exited(1);
    assert_eq!(done.stdout.matches("  WRONG: ").count(), 1, "{done:#?}");
    assert!(done.stdout.ends_with("1 of them WRONG.\n"), "{done:#?}");
    assert!(
        try_program("close_event", &["ws=1"], "").exited(2).stderr.contains("ca=... is missing")
    );
}

/// As the bindings' examples do: tests/bindings.rs.
#[test]
fn the_program_of_six_languages_in_c_and_cpp() {
    let server = TestServer::start();
    for name in ["echo", "echo_cpp"] {
        for scheme in ["ws", "wss"] {
            let mut command = program(name);
            command.arg(server.path_url(scheme, "/echo")).env("SSL_CERT_FILE", server.ca());
            let done = run(&mut command, "", SHORT).exited(0);
            assert_eq!(done.stdout, "hello\nclosed: 1000 \"thanks\" (local)\n", "{name}");
        }
    }
}

#[test]
fn blocking_over_ws_and_wss() {
    let server = TestServer::start();
    let script = "expect-text hello;text 'hello yourself';answer-close;fin";
    for scheme in ["ws", "wss"] {
        let id = format!("blocking-{scheme}");
        let mut command = program("blocking");
        command.arg(server.url(scheme, script, &id)).env("SSL_CERT_FILE", server.ca());
        let done = run(&mut command, "", SHORT).exited(0);
        assert_eq!(done.stdout, "hello yourself\n");
        assert_eq!(done.stderr.trim_end(), "closed: 1000 \"thanks\"");
        let report = good_report(&server, &id);
        assert!(report.contains(r#""code":1000,"reason":"thanks""#), "{report}");
    }
}

#[test]
fn blocking_tells_what_failed() {
    let server = TestServer::start();
    let refused = format!("ws://127.0.0.1:{}/", server.port("refused"));
    let done = try_program("blocking", &[&refused], "").exited(1);
    assert!(done.stderr.starts_with("closed: 1006 \"\" "), "{done:?}");
    let done = try_program("blocking", &["gopher://localhost/"], "").exited(1);
    assert!(done.stderr.starts_with("gopher://localhost/: "), "{done:?}");
}

#[test]
fn callbacks_on_their_own_thread() {
    let server = TestServer::start();
    let url = server.url("ws", "echo 3;answer-close;fin", "callbacks");
    let done = try_program("callbacks", &[&url, "one", "two", "grüße"], "").exited(0);
    assert_eq!(lines(&done.stdout), ["one", "two", "grüße"]);
    assert_eq!(done.stderr.trim_end(), "closed: 1000 \"\"");
    good_report(&server, "callbacks");

    let done = try_program("callbacks", &[&server.url("ws", "http 503", "down")], "").exited(1);
    assert!(done.stderr.contains("1006") && done.stderr.contains("503"), "{done:?}");
}

#[test]
fn poll_loop_beside_standard_input() {
    let server = TestServer::start();
    let script =
        "expect-text one;expect-text two;text 'thank you';close 1001 enough;expect-close;fin";
    let url = server.url("ws", script, "poll");
    let mut running = Running::start(program("poll_loop").arg(url), SHORT);
    running.write("one\ntw");
    running.write("o\n");
    let done = running.wait().exited(0);
    assert_eq!(done.stdout, "thank you\n");
    assert_eq!(done.stderr.trim_end(), "closed: 1001 \"enough\"");
    good_report(&server, "poll");

    let url = server.url("ws", "expect-text last;answer-close;fin", "poll-end");
    let done = try_program("poll_loop", &[&url], "last\n").exited(0);
    assert_eq!(done.stderr.trim_end(), "closed: 1000 \"\"");
    good_report(&server, "poll-end");
}

#[test]
fn pulled_from_two_sockets() {
    let server = TestServer::start();
    let polite = server.url("ws", "expect-text hello;text 'and you';answer-close;fin", "pulled");
    let refused = format!("ws://127.0.0.1:{}/", server.port("refused"));
    let done = try_program("pulled", &[&polite, &refused], "").exited(0);
    let of = |url: &str| -> Vec<String> {
        let mine = done.stdout.lines().filter_map(|line| line.strip_prefix(url));
        mine.map(String::from).collect()
    };
    assert_eq!(of(&polite), [": open", ": \"and you\"", ": closed: 1000 \"\", clean"]);
    let failed = of(&refused);
    assert_eq!(failed.len(), 2, "{done:?}");
    assert!(failed.first().is_some_and(|line| line.starts_with(": error: ")), "{done:?}");
    assert_eq!(failed.get(1).map(String::as_str), Some(": closed: 1006 \"\", not clean"));
    good_report(&server, "pulled");
}

/// In a loop that knows nothing of wskt but a descriptor, that of epoll included.
#[test]
fn inside_the_loops_of_others() {
    let server = TestServer::start();
    for host in ["epoll", "libuv", "glib", "libevent"] {
        let name = format!("loop_{host}");
        let source = std::fs::read_to_string(root().join(format!("examples-c/{name}.c")));
        assert!(source.expect("a program").lines().count() <= 60, "{name} should stay short");
        let script = "expect-text hello;text 'hello yourself';answer-close;fin";
        let done = try_program(&name, &[&server.url("ws", script, &name)], "").exited(0);
        assert_eq!(done.stdout, "hello yourself\n", "{name}");
        assert_eq!(done.stderr.trim_end(), "closed: 1000", "{name}");
        good_report(&server, &name);

        // Deadlines come through the descriptor, too: the peer never says FIN,
        // and nobody asks wskt_loop_timeout_ms.
        let silent = server.url("ws", "text x;answer-close;drain", &format!("{name}-silent"));
        let done = try_program(&name, &[&silent], "").exited(0);
        assert_eq!(done.stderr.trim_end(), "closed: 1000", "{name}");
    }
}
