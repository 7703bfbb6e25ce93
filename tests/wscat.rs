//! `examples-c/wscat`, the command-line client, built as a user would build it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod support;
mod tools;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::TestServer;
use tools::{Done, LONG, Running, SHORT, fresh_dir, install, make, root, run, with_prefix};

/// The prefix with the library, and with wscat in its `bin`.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = fresh_dir("wscat-prefix");
        install(&prefix);
        install_wscat(&prefix, &prefix, &[]);
        prefix
    })
}

/// `make -C examples-c install-wscat` with the library that is installed in
/// `library`.
fn install_wscat(library: &Path, prefix: &Path, options: &[&str]) {
    let out = fresh_dir(&format!("{}-build", prefix.file_name().unwrap().to_str().unwrap()));
    let mut make = make(&["-C", "examples-c", "install-wscat"]);
    make.arg(format!("OUT={}", out.display()))
        .arg(format!("PREFIX={}", prefix.display()))
        .args(options);
    run(with_prefix(&mut make, library), "", LONG).exited(0);
}

fn wscat() -> Command {
    let mut command = Command::new(prefix().join("bin/wscat"));
    with_prefix(&mut command, prefix()).env_remove("NO_COLOR");
    command
}

fn try_wscat(args: &[&str], input: &str) -> Done {
    run(wscat().args(args), input, SHORT)
}

/// The report of a connection that has to be without fault.
fn good_report(server: &TestServer, id: &str) -> String {
    let report = server.report(id);
    assert!(report.contains(r#""errors":[]"#), "{report}");
    report
}

#[test]
fn lines_go_out_and_come_back() {
    let server = TestServer::start();
    let ca = server.ca().display().to_string();
    for scheme in ["ws", "wss"] {
        let id = format!("cat-{scheme}");
        let url = server.url(scheme, "echo 4;close 1000 'that is all';expect-close;fin", &id);
        let args = ["--ca", &ca, "--wait=-1", &url];
        // An empty line is a message; the last line needs no line end.
        let done = try_wscat(&args, "one\n\ndrei äöü\nlast").exited(0);
        assert_eq!(done.stdout, "one\n\ndrei äöü\nlast\n");
        assert_eq!(done.stderr, "closed: 1000 CLOSE_NORMAL \"that is all\"\n");
        good_report(&server, &id);
    }
}

#[test]
fn end_of_input_closes_with_1000() {
    let server = TestServer::start();
    let url = server.url("ws", "expect-text hi;expect-close 1000;close 1000;fin", "end");
    let done = try_wscat(&[&url], "hi\n").exited(0);
    assert_eq!(done.stderr, "closed: 1000 CLOSE_NORMAL\n");
    good_report(&server, "end");
}

#[test]
fn headers_and_subprotocols_reach_the_server() {
    let server = TestServer::start();
    let script = "accept first-protocol header=X-Seen:yes;close 1000;expect-close;fin";
    let url = server.url("ws", script, "headers");
    let args = [
        "-H",
        "X-One: 1",
        "-HX-Two:2",
        "--header",
        "X-Three: a:b",
        "--header=X-One: again",
        "-s",
        "chat.v2",
        "--subprotocol=chat.v1",
        "--",
        &url,
    ];
    try_wscat(&args, "").exited(0);
    let report = good_report(&server, "headers");
    for header in [
        r#"["X-One","1"]"#,
        r#"["X-Two","2"]"#,
        r#"["X-Three","a:b"]"#,
        r#"["X-One","again"]"#,
        r#"["Sec-WebSocket-Protocol","chat.v2, chat.v1"]"#,
    ] {
        assert!(report.contains(header), "{header} is not in {report}");
    }
}

#[test]
fn interrupt_closes_with_1000() {
    let server = TestServer::start();
    let script = "expect-text ready;mark up;expect-close 1000;close 1000;fin";
    let url = server.url("ws", script, "interrupt");
    let mut running = Running::start(wscat().arg(&url), SHORT);
    running.write("ready\n");
    server.wait_mark("up");
    running.signal("INT");
    let done = running.wait().exited(0);
    assert_eq!(done.stderr, "closed: 1000 CLOSE_NORMAL\n");
    good_report(&server, "interrupt");
}

#[test]
fn binary_messages_are_written_as_they_are() {
    let server = TestServer::start();
    let script = "bin 68690a;bin 21;text t;close 4000 enough;expect-close;fin";
    let url = server.url("ws", script, "binary");
    let done = try_wscat(&["-w", "-1", &url], "").exited(5);
    assert_eq!(done.stdout, "hi\n!t\n");
    assert_eq!(done.stderr, "closed: 4000 CLOSE_APPLICATION \"enough\"\n");
}

#[test]
fn more_input_than_the_queue_takes_is_not_lost() {
    let server = TestServer::start();
    let line = "x".repeat(50_000);
    let input = format!("{line}\n").repeat(400);
    // The server is slow to begin: most of 20 MB has to wait in the pipe.
    let script = "stop-reading;mark stopped;wait go;resume-reading;recvn 400;\
                  answer-close;fin";
    let url = server.url("ws", script, "slow");
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            server.wait_mark("stopped");
            server.signal("go");
        });
        try_wscat(&[&url], &input)
    });
    assert_eq!(done.exited(0).stderr, "closed: 1000 CLOSE_NORMAL\n");
    let report = good_report(&server, "slow");
    assert!(report.contains(r#""frame_count":401"#), "{report}");
}

#[test]
fn text_that_is_not_utf8_is_refused_and_the_rest_goes_on() {
    let server = TestServer::start();
    let url = server.url("ws", "expect-text good;answer-close;fin", "utf8");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!(
        "printf 'bad\\377\\ngood\\n' | '{}' '{url}'",
        prefix().join("bin/wscat").display()
    ));
    let done = run(with_prefix(&mut shell, prefix()), "", SHORT).exited(0);
    assert!(done.stderr.contains("a line was not sent: "), "{done:?}");
    good_report(&server, "utf8");
}

#[test]
fn the_exit_status_tells_how_it_ended() {
    let server = TestServer::start();
    for (code, status) in [("", 0), ("1000", 0), ("1001", 3), ("1011", 3), ("3000", 4), ("4999", 5)]
    {
        let script = format!("close {code};expect-close;fin");
        let url = server.url("ws", &script, &format!("status-{code}"));
        try_wscat(&["-w", "-1", &url], "").exited(status);
    }
    let lost = server.url("ws", "accept;fin", "lost");
    let done = try_wscat(&["-w", "-1", &lost], "").exited(1);
    assert!(done.stderr.starts_with("closed: 1006 CLOSE_ABNORMAL (lost: "), "{done:?}");

    let denied = server.url("ws", "http 403", "denied");
    let done = try_wscat(&[&denied], "").exited(1);
    assert!(done.stderr.contains("(http: ") && done.stderr.contains("403"), "{done:?}");

    let untrusted = server.url("wss", "accept", "untrusted");
    let done = try_wscat(&[&untrusted], "").exited(1);
    assert!(done.stderr.starts_with("closed: 1015 CLOSE_TLS_HANDSHAKE (tls: "), "{done:?}");
}

#[test]
fn the_command_line_is_checked() {
    let help = try_wscat(&["--help"], "").exited(0);
    assert!(help.stdout.starts_with("usage: wscat ") && help.stderr.is_empty());
    assert_eq!(try_wscat(&["-h"], "").exited(0).stdout, help.stdout);
    let version = try_wscat(&["--version"], "").exited(0);
    assert_eq!(version.stdout, concat!("wscat (wskt ", env!("CARGO_PKG_VERSION"), ")\n"));

    let bad: [&[&str]; 15] = [
        &[],
        &["ws://a", "ws://b"],
        &["--unknown", "ws://a"],
        &["-H"],
        &["-H", "no colon", "ws://a"],
        &["-H", "Host: other", "ws://a"],
        &["-s", "not a token", "ws://a"],
        &["--ca", "/nonexistent", "ws://a"],
        &["-w", "soon", "ws://a"],
        &["ftp://a"],
        &["-p", "0", "ws://a"],
        &["--color", "sometimes", "ws://a"],
        &["--color=", "ws://a"],
        &["--binary=yes", "ws://a"],
        &["-f"],
    ];
    for args in bad {
        let done = try_wscat(args, "").exited(2);
        assert!(!done.stderr.is_empty() && done.stdout.is_empty(), "{args:?}: {done:?}");
    }
}

#[test]
fn json_is_printed_with_a_line_for_each_value() {
    let server = TestServer::start();
    let script = r#"text {"a":[1,-2.5e3,{"b":null}],"c%C3%BC":"x\n","e":{},"f":[ ]};text [1,;text true false;text "%C2%9B";close;expect-close;fin"#;
    let url = server.url("ws", script, "json");
    let done = try_wscat(&["-j", "-w", "-1", &url], "").exited(0);
    let expected = [
        "{",
        "  \"a\": [",
        "    1,",
        "    -2.5e3,",
        "    {",
        "      \"b\": null",
        "    }",
        "  ],",
        "  \"cü\": \"x\\n\",",
        "  \"e\": {},",
        "  \"f\": []",
        "}",
        "[1,",
        "true false",
        "\"\\u009b\"",
    ];
    assert_eq!(done.stdout.lines().collect::<Vec<_>>(), expected);

    let coloured = try_wscat(&["--json", "--color=always", "-w", "-1", &url], "").exited(0);
    assert!(coloured.stdout.contains("\u{1b}[34;1m\"a\"\u{1b}[0m: ["), "{coloured:?}");
    let plain = coloured.stdout.replace("\u{1b}[0m", "");
    let plain = ["34;1", "32", "33", "36"]
        .iter()
        .fold(plain, |text, colour| text.replace(&format!("\u{1b}[{colour}m"), ""));
    assert_eq!(plain, done.stdout);
}

#[test]
fn deep_json_does_not_eat_the_stack() {
    let server = TestServer::start();
    let url = server.url("ws", "text fill:5b:1000000;close;expect-close;fin", "deep");
    let done = try_wscat(&["-j", "-w", "-1", &url], "").exited(0);
    assert_eq!(done.stdout.len(), 1_000_001);
}

#[test]
fn a_file_goes_out_as_one_message_and_is_counted() {
    let server = TestServer::start();
    let file = fresh_dir("wscat-file").join("data");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    std::fs::write(&file, bytes).unwrap();
    let file = file.to_str().unwrap();
    let url = server.url("ws", "expect-bin pat:3000000;recv;answer-close;fin", "file");
    let done = try_wscat(&["-b", "-f", file, "--progress", &url], "more\n").exited(0);
    let summary = "sent 2 messages, 3000004 bytes; received 0 messages, 0 bytes; ";
    assert!(done.stderr.contains(summary), "{done:?}");
    let report = good_report(&server, "file");
    assert!(report.contains(r#""opcode":"binary","fin":true,"masked":true,"rsv":0"#), "{report}");

    let url = server.url("ws", "expect-text 'a%0Ab%0A';answer-close;fin", "stdin");
    try_wscat(&["--file=-", &url], "a\nb\n").exited(0);
    good_report(&server, "stdin");
    let done =
        try_wscat(&["-f", "/nonexistent", &server.url("ws", "drain", "nofile")], "").exited(2);
    assert!(done.stderr.contains("/nonexistent: "), "{done:?}");
}

/// The phases of a `--timing` line that was printed, with their milliseconds.
fn phases(stderr: &str) -> Vec<(String, f64)> {
    let line = stderr.lines().find_map(|line| line.strip_prefix("timing: ")).unwrap_or_default();
    line.split(", ")
        .filter_map(|part| part.strip_suffix(" ms")?.rsplit_once(' '))
        .map(|(name, ms)| (name.to_owned(), ms.parse().unwrap()))
        .collect()
}

#[test]
fn the_phases_are_timed() {
    let server = TestServer::start();
    let ca = server.ca().display().to_string();
    for (scheme, names) in [
        ("ws", &["DNS", "connect", "upgrade", "in all"][..]),
        ("wss", &["DNS", "connect", "TLS", "upgrade", "in all"]),
    ] {
        let url = server.url(scheme, "sleep 20;close;expect-close;fin", &format!("time-{scheme}"));
        let done = try_wscat(&["--ca", &ca, "--timing", "-w", "-1", &url], "").exited(0);
        let phases = phases(&done.stderr);
        assert_eq!(phases.iter().map(|(name, _)| name).collect::<Vec<_>>(), names, "{done:?}");
        let ((_, all), parts) = phases.split_last().expect("phases");
        let sum: f64 = parts.iter().map(|(_, ms)| ms).sum();
        assert!(*all >= 20.0 && sum <= all + 0.5, "{done:?}");
    }
    // Nothing was established.
    let refused = format!("ws://127.0.0.1:{}/", server.port("refused"));
    let done = try_wscat(&["--timing", &refused], "").exited(1);
    let last = phases(&done.stderr).pop().map(|(name, _)| name);
    assert_eq!(last.as_deref(), Some("in all"), "{done:?}");
}

#[test]
fn pings_go_out() {
    let server = TestServer::start();
    let url = server.url("ws", "expect-ping;expect-ping;close;expect-close;fin", "ping");
    try_wscat(&["--ping", "1", "-w", "-1", &url], "").exited(0);
    good_report(&server, "ping");
}

/// Plays a dialogue on a terminal: see tests/python/terminal.py.
fn on_a_terminal(program: &Path, steps: &str, args: &[&str], history: &Path) -> Done {
    let mut command = Command::new("python3");
    command
        .arg("-B")
        .arg(root().join("tests/python/terminal.py"))
        .arg(steps)
        .arg(program)
        .args(args)
        .env("TERM", "xterm")
        .env("WSCAT_HISTORY", history)
        .env_remove("NO_COLOR");
    run(with_prefix(&mut command, prefix()), "", SHORT)
}

#[test]
fn on_a_terminal_lines_are_edited_and_remembered() {
    let server = TestServer::start();
    let history = fresh_dir("wscat-history").join("history");
    let program = prefix().join("bin/wscat");
    let steps = r#"[["see", "connected"], ["type", "helo\u001b[Dl\r"], ["see", "first"],
                    ["type", "\u001b[A!\r"], ["see", "second"], ["type", "\u0004"], ["see", "closed: 1000"]]"#;
    let script =
        "expect-text hello;text first;expect-text hello!;text second%1B[2J;answer-close;fin";
    let url = server.url("ws", script, "edit");
    let done = on_a_terminal(&program, steps, &[&url], &history).exited(0);
    good_report(&server, "edit");
    // In colours, but not in those of the server.
    assert!(done.stdout.contains("\u{1b}[36mfirst\u{1b}[0m"), "{done:?}");
    assert!(done.stdout.contains("second\\x1b[2J"), "{done:?}");
    assert_eq!(std::fs::read_to_string(&history).unwrap(), "hello\nhello!\n");

    // The next one begins with what this one has left, and Ctrl-C closes.
    let steps = r#"[["see", "connected"], ["type", "\u001b[A\r"], ["see", "again"], ["type", "\u0003"], ["see", "closed: 1000"]]"#;
    let url = server.url("ws", "expect-text hello!;text again;answer-close;fin", "recall");
    on_a_terminal(&program, steps, &[&url], &history).exited(0);
    good_report(&server, "recall");
}

#[test]
fn without_readline_lines_are_sent_all_the_same() {
    let server = TestServer::start();
    let plain = fresh_dir("wscat-plain");
    install_wscat(prefix(), &plain, &["READLINE="]);
    let steps = r#"[["see", "connected"], ["type", "hello\n"], ["see", "first"], ["type", "\u0004"], ["see", "closed: 1000"]]"#;
    let url = server.url("ws", "expect-text hello;text first;answer-close;fin", "plain");
    on_a_terminal(&plain.join("bin/wscat"), steps, &[&url], Path::new("")).exited(0);
    good_report(&server, "plain");
}

#[test]
fn a_terminal_shows_how_far_a_large_file_is() {
    let server = TestServer::start();
    let dir = fresh_dir("wscat-large");
    let file = dir.join("large");
    std::fs::write(&file, vec![b'x'; 32 << 20]).unwrap();
    let go = format!("http://127.0.0.1:{}/signal/go", server.port("ws"));
    let steps = format!(
        r#"[["input", "none"], ["see", "sending: "], ["see", " of 33.6 MB, "], ["get", "{go}"], ["see", "closed: 1000"]]"#
    );
    let url =
        server.url("ws", "stop-reading;wait go;resume-reading;recv;answer-close;fin", "large");
    let args = ["-f", file.to_str().unwrap(), &url];
    on_a_terminal(&prefix().join("bin/wscat"), &steps, &args, Path::new("")).exited(0);
    good_report(&server, "large");
}

#[test]
fn a_terminal_shows_how_much_has_come_of_a_large_message() {
    let server = TestServer::start();
    let go = format!("http://127.0.0.1:{}/signal/rest", server.port("ws"));
    // Half of a message, and no more until that was seen.
    let script = "frame opcode=bin fin=0 payload=fill:61:16000000;wait rest;\
                  frame opcode=cont payload=fill:61:16000000;answer-close;fin";
    let steps = format!(
        r#"[["input", "none"], ["see", "received: 16.0 MB"], ["get", "{go}"], ["see", "closed: 1000"]]"#
    );
    let args = ["--progress", "-w", "5", &server.url("ws", script, "incoming")];
    let done = on_a_terminal(&prefix().join("bin/wscat"), &steps, &args, Path::new("")).exited(0);
    assert!(done.stdout.contains("received 1 message, 32000000 bytes; "), "{done:?}");
    good_report(&server, "incoming");
}

#[test]
fn the_man_page_has_every_option() {
    let page = prefix().join("share/man/man1/wscat.1");
    let mut lint = Command::new("mandoc");
    let done = run(lint.args(["-Tlint", "-Wwarning"]).arg(&page), "", SHORT);
    assert_eq!((done.status, done.stdout.as_str()), (Some(0), ""), "{done:#?}");
    let text = std::fs::read_to_string(page).unwrap().replace('\\', "");
    let help = try_wscat(&["--help"], "").exited(0).stdout;
    let words = help.split_whitespace().map(|word| word.trim_end_matches(','));
    let options: Vec<&str> = words.filter(|word| word.starts_with('-') && *word != "-:").collect();
    assert!(options.len() > 15, "{options:?}");
    for option in options {
        assert!(
            text.contains(option.trim_end_matches([':', ';'])),
            "{option} is not in the man page"
        );
    }
}
