//! What real browsers did, against wskt in browser mode.
//!
//! `browsers/scenarios.json` says what the page and the scripted server do,
//! `browsers/chromium.json` and `browsers/firefox.json` what came of it in the
//! browsers (`make browsers` records them). Here each scenario runs once more,
//! with wskt in the browser's place, in every way of driving, through
//! `browsers/replay.c`.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "browsers/json.rs"]
mod json;
mod support;
mod tools;

use json::Json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use support::TestServer;
use tools::{SHORT, fresh_dir, root, run};

/// How many scenarios run at a time: most of their time is waiting.
const AT_ONCE: usize = 24;
/// The ways of driving, as `replay.c` names them. In the last two a program
/// makes its calls outside callbacks.
const WAYS: [&str; 6] = ["loop-run", "thread", "embedded", "socket-run", "pulled", "blocking"];
const WITHOUT_CALLBACKS: [&str; 2] = ["pulled", "blocking"];
/// The longest payload that is shown, in bytes.
const SHOWN: usize = 200;

type Log = Vec<String>;

fn read(name: &str) -> Json {
    let path = root().join("tests/browsers").join(name);
    Json::parse(
        &std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
    )
}

/// The logs of a browser, and its name and version.
fn recorded(name: &str) -> (String, Json) {
    let file = read(name);
    let browser = file.text("browser").expect("a version").to_owned();
    (browser, file.get("logs").expect("logs").clone())
}

/// Builds the replayer against the library this test was built with.
fn replayer() -> PathBuf {
    let dir = fresh_dir("browsers");
    let program = dir.join("replay");
    let deps = std::env::current_exe().expect("the path of the test");
    let deps = deps.parent().expect("target/<profile>/deps");
    // The name the program asks for is the soname, whatever it is.
    let soname = soname(&deps.join("libwskt.so"));
    std::os::unix::fs::symlink(deps.join("libwskt.so"), dir.join(soname)).expect("a link");
    let mut cc = Command::new(std::env::var("CC").unwrap_or("cc".into()));
    cc.args(["-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg(format!("-I{}", root().join("include").display()))
        .arg(root().join("tests/browsers/replay.c"))
        .arg("-o")
        .arg(&program)
        .arg(format!("-L{}", deps.display()))
        .args(["-lwskt", "-pthread"])
        .arg(format!("-Wl,-rpath,{}", dir.display()));
    run(&mut cc, "", SHORT).exited(0);
    program
}

fn soname(library: &Path) -> String {
    let dump = run(Command::new("objdump").arg("-p").arg(library), "", SHORT).exited(0);
    let line = dump.stdout.lines().find_map(|line| line.trim().strip_prefix("SONAME"));
    line.map_or("libwskt.so".to_owned(), |name| name.trim().to_owned())
}

/// `encodeURIComponent`
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A scenario as the replayer reads it.
fn input(scenario: &Json, server: &TestServer, way: &str, id: &str) -> String {
    let mut lines = format!("way {way}\nca {}\n", server.ca().display());
    if scenario.get("wait").is_some() {
        lines += "open_timeout 5000\nsend_timeout 1000\nclose_timeout 1000\n";
    }
    for protocol in scenario.get("protocols").map_or(&[][..], Json::items) {
        let _ = writeln!(lines, "protocol ={}", encoded(protocol.as_text()));
    }
    for (event, actions) in scenario.get("on").expect("on").entries() {
        for action in actions.items() {
            let _ = write!(lines, "on {}", event.replace(' ', ""));
            for (at, word) in action.items().iter().enumerate() {
                let _ = match word {
                    Json::Text(verb) if at == 0 => write!(lines, " {verb}"),
                    Json::Text(text) => write!(lines, " ={}", encoded(text)),
                    Json::Number(number) => write!(lines, " {number}"),
                    Json::Bool(value) => write!(lines, " {value}"),
                    _ => write!(lines, " -"),
                };
            }
            lines.push('\n');
        }
    }
    let port = server.port(scenario.text("port").unwrap_or("ws"));
    let url = match scenario.text("url") {
        Some(url) => url.replace("PORT", &port.to_string()),
        None => {
            let script = encoded(scenario.text("script").expect("script or url"));
            let scheme = scenario.text("scheme").unwrap_or("ws");
            format!("{scheme}://127.0.0.1:{port}/s/{script}?id={}", encoded(id))
        }
    };
    let _ = writeln!(lines, "open ={}", encoded(&url));
    lines
}

/// What the server saw, as lines; `serverLines` of runner.js in Rust.
fn server_lines(report: &Json) -> Log {
    let mut lines = Vec::new();
    let (mut kind, mut length, mut shown, mut compressed) = ("", 0, String::new(), false);
    for frame in report.get("frames").expect("frames").items() {
        let text = |key| frame.text(key).unwrap_or_default();
        let len: usize = text("len").parse().expect("len");
        match text("opcode") {
            "close" if len == 0 => lines.push("server close=empty".to_owned()),
            "close" if frame.get("code").is_none() => {
                lines.push(format!("server close=raw {}", text("hex")))
            }
            "close" => {
                lines.push(format!("server close={} {}", text("code"), encoded(text("reason"))))
            }
            control @ ("ping" | "pong") => lines.push(format!("server {control}={}", text("hex"))),
            opcode => {
                if opcode == "text" || opcode == "binary" {
                    (kind, length) = (opcode, 0);
                    compressed = frame.text("rsv") == Some("4");
                    shown = if opcode == "text" {
                        encoded(text("text"))
                    } else {
                        text("hex").to_owned()
                    };
                }
                length += len;
                if frame.get("fin") == Some(&Json::Bool(false)) {
                    continue;
                }
                lines.push(if compressed {
                    format!("server {kind} compressed")
                } else if length > SHOWN {
                    format!("server {kind}[{length}]")
                } else {
                    format!("server {kind}={shown}")
                });
            }
        }
    }
    if lines.is_empty() {
        lines.push("server nothing".to_owned());
    }
    lines
}

/// Runs a scenario with wskt.
fn replay(program: &Path, scenario: &Json, server: &TestServer, way: &str) -> Log {
    let id = &format!("{way}-{}", scenario.text("id").expect("id"));
    let done = run(&mut Command::new(program), &input(scenario, server, way, id), SHORT);
    let mut log: Log = done.stdout.lines().map(str::to_owned).collect();
    if done.status != Some(0) {
        log.push(format!("replay ended with {:?}: {}", done.status, done.stderr.trim()));
        return log;
    }
    let unseen = scenario.get("server") == Some(&Json::Bool(false));
    let connected = !log.iter().any(|line| line.starts_with("new "));
    if scenario.get("script").is_some() && connected && !unseen {
        log.extend(server_lines(&Json::parse(&server.report(id))));
    }
    log
}

/// The logs of all scenarios, in order, for each way.
fn replay_all(scenarios: &[Json]) -> Vec<Vec<Log>> {
    let (program, server) = (replayer(), TestServer::start());
    let next =
        Mutex::new((0..scenarios.len()).flat_map(|at| (0..WAYS.len()).map(move |w| (at, w))));
    let logs = Mutex::new(vec![vec![Log::new(); scenarios.len()]; WAYS.len()]);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((at, way)) = next.lock().unwrap().next() else {
                        return;
                    };
                    let name = WAYS.get(way).unwrap();
                    let log = replay(&program, scenarios.get(at).unwrap(), &server, name);
                    *logs.lock().unwrap().get_mut(way).unwrap().get_mut(at).unwrap() = log;
                }
            });
        }
    });
    logs.into_inner().unwrap()
}

/// How many scenarios agree with whom.
#[derive(Default)]
struct Count {
    both: usize,
    chromium: usize,
    firefox: usize,
    neither: usize,
    /// One browser, or both, did not come to an end; the other one agrees, or
    /// there is none.
    without_end: usize,
}

impl Count {
    fn add(&mut self, wskt: &[&String], chromium: Option<&Log>, firefox: Option<&Log>, of: Part) {
        let agrees = |log: Option<&Log>| log.map(|log| wskt == of(log));
        *match (agrees(chromium), agrees(firefox)) {
            (Some(true), Some(true)) => &mut self.both,
            (Some(true), Some(false)) => &mut self.chromium,
            (Some(false), Some(true)) => &mut self.firefox,
            (None, None | Some(true)) | (Some(true), None) => &mut self.without_end,
            _ => &mut self.neither,
        } += 1;
    }
}

/// What of a log is compared.
type Part = fn(&Log) -> Vec<&String>;

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { both, chromium, firefox, neither, without_end } = self;
        write!(
            f,
            "{both} agree with both, {} with one ({chromium} Chromium, {firefox} Firefox), \
             {neither} with neither; {without_end} without an end in a browser",
            chromium + firefox
        )
    }
}

/// A log as it can be compared. What a program sends outside callbacks leaves
/// at once; a page's bytes stay in its bufferedAmount until its handler ends.
fn comparable(mut log: Log, way: &str) -> Log {
    if WITHOUT_CALLBACKS.contains(&way) {
        log.retain(|line| !line.starts_with("buffered="));
    }
    log
}

/// A browser that was still busy when its time was over: nothing to compare.
fn ended(log: &Log) -> Option<&Log> {
    (!log.iter().any(|line| line.starts_with("still "))).then_some(log)
}

fn whole(log: &Log) -> Vec<&String> {
    log.iter().collect()
}

/// A log without what the server saw.
fn seen_by_page(log: &Log) -> Vec<&String> {
    log.iter().filter(|line| !line.starts_with("server ")).collect()
}

fn complaint(scenario: &Json, way: &str, why: &str, logs: [(&str, &[String]); 4]) -> String {
    let what = scenario.text("script").or(scenario.text("url")).unwrap_or_default();
    let id = scenario.text("id").unwrap_or_default();
    let mut text = format!("{id}, {way}: {why}\n  {what}\n");
    for (name, log) in logs {
        for line in log {
            let _ = writeln!(text, "  {name:>8} {line}");
        }
    }
    text
}

#[test]
fn wskt_does_what_browsers_do() {
    let (chromium_name, chromium) = recorded("chromium.json");
    let (firefox_name, firefox) = recorded("firefox.json");
    let file = read("scenarios.json");
    let scenarios = file.get("scenarios").expect("scenarios").items();
    let mut complaints = Vec::new();
    let mut counts = String::new();
    for (way, replayed) in WAYS.iter().zip(replay_all(scenarios)) {
        let browsers = [&chromium, &firefox];
        let (events, all) = compare(way, scenarios, &replayed, browsers, &mut complaints);
        let _ = write!(
            counts,
            "  {way}: in what a page sees {events};\n    in that and on the wire {all}\n"
        );
    }
    // Not by println!, which only shows when a test fails.
    let _ = write!(
        std::io::stdout(),
        "{} scenarios in browser mode, compared with {chromium_name} and {firefox_name}:\n{counts}",
        scenarios.len()
    );
    assert!(scenarios.len() >= 80, "{} scenarios", scenarios.len());
    assert!(
        complaints.is_empty(),
        "{} not as expected:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// Compares one way's logs with both browsers and the standard.
fn compare(
    way: &str,
    scenarios: &[Json],
    replayed: &[Log],
    browsers: [&Json; 2],
    complaints: &mut Vec<String>,
) -> (Count, Count) {
    let (mut events, mut all) = (Count::default(), Count::default());
    for (scenario, wskt) in scenarios.iter().zip(replayed) {
        let id = scenario.text("id").expect("id");
        let of = |lines: Option<Log>| {
            let lines = lines.unwrap_or_else(|| vec!["not recorded".to_owned()]);
            comparable(lines, way)
        };
        let [chromium, firefox] = browsers.map(|logs| of(logs.get(id).map(Json::lines)));
        let wskt = &comparable(wskt.clone(), way);
        let standard = scenario.get("standard");
        let expected = standard.map(|s| comparable(s.get("log").expect("log").lines(), way));
        events.add(&seen_by_page(wskt), ended(&chromium), ended(&firefox), seen_by_page);
        all.add(&whole(wskt), ended(&chromium), ended(&firefox), whole);
        let told: Vec<&Log> = [&chromium, &firefox].into_iter().filter_map(ended).collect();
        let one = told.first().filter(|first| told.iter().all(|log| log == *first));
        let why = match (&expected, one) {
            (Some(expected), Some(one))
                if expected == *one && !WITHOUT_CALLBACKS.contains(&way) =>
            {
                Some("the browsers follow the standard; the field is not needed")
            }
            (Some(expected), _) => {
                (wskt != expected).then_some("wskt does not follow the standard")
            }
            (None, None) => Some("the browsers differ and the scenario does not say what is right"),
            (None, Some(one)) => (wskt != *one).then_some("wskt differs from the browsers"),
        };
        if let Some(why) = why {
            let logs: [(&str, &[String]); 4] = [
                ("wskt", wskt),
                ("chromium", &chromium),
                ("firefox", &firefox),
                ("standard", expected.as_deref().unwrap_or_default()),
            ];
            complaints.push(complaint(scenario, way, why, logs));
        }
    }
    (events, all)
}

#[test]
fn every_exception_has_its_reason() {
    let file = read("scenarios.json");
    for scenario in file.get("scenarios").expect("scenarios").items() {
        let id = scenario.text("id").expect("id");
        assert!(scenario.text("row").is_some_and(|row| !row.is_empty()), "{id}: no row");
        if let Some(standard) = scenario.get("standard") {
            for key in ["clause", "why"] {
                assert!(standard.text(key).is_some_and(|text| !text.is_empty()), "{id}: no {key}");
            }
        }
    }
}
