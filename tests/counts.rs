//! What the hot paths of the release library cost: user instructions, counted
//! by valgrind, and system calls, counted by strace, of one message through the
//! C API. A count that rises by more than a tenth over the baseline fails.
//!
//! The baseline is kept for each compiler and CPU in `benches/baselines`, and of
//! what goes over TLS for each OpenSSL; where none fits, the counts are only
//! reported. `WSKT_COUNTS=record` writes it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they measured"
)]

mod tools;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tools::{LONG, SHORT, root, run};

/// Counts of a work: instructions, and system calls where they do not depend
/// on how the kernel cuts what it delivers.
struct Work {
    name: &'static str,
    way: &'static str,
    program: &'static str,
    size: u64,
    kind: &'static str,
    messages: u64,
    calls: bool,
    tls: bool,
}

/// The same over TLS.
const fn over_tls(work: Work) -> Work {
    Work { tls: true, ..work }
}

const fn work(
    (name, way, program): (&'static str, &'static str, &'static str),
    (size, kind): (u64, &'static str),
    messages: u64,
    calls: bool,
) -> Work {
    Work { name, way, program, size, kind, messages, calls, tls: false }
}

const WORKS: [Work; 17] = [
    work(("round trip, blocking", "blocking", "pingpong"), (32, "binary"), 500, true),
    work(("round trip, loop", "loop", "pingpong"), (32, "binary"), 500, true),
    work(("round trip, pulled", "pulled", "pingpong"), (32, "binary"), 500, true),
    work(("send one by one", "blocking", "send"), (32, "binary"), 2_000, true),
    work(("send joined", "loop", "send-joined"), (32, "binary"), 60_000, false),
    work(("send joined, blocking", "blocking", "send-joined"), (32, "binary"), 20_000, true),
    work(("send 64 KiB", "blocking", "send"), (65_536, "binary"), 100, false),
    work(("send 64 KiB of text, unchecked", "unchecked", "send"), (65_536, "utf8"), 100, false),
    work(("receive 32 B", "loop", "receive"), (32, "binary"), 60_000, false),
    work(("receive 32 B, pulled", "pulled", "receive"), (32, "binary"), 60_000, false),
    work(("receive 32 B of text", "loop", "receive"), (32, "text"), 60_000, false),
    work(("receive 1 KiB", "loop", "receive"), (1024, "binary"), 5_000, false),
    work(("receive 64 KiB of text", "loop", "receive"), (65_536, "utf8"), 400, false),
    work(("open and close, blocking", "blocking", "openclose"), (32, "binary"), 300, true),
    work(("open and close, loop", "loop", "openclose"), (32, "binary"), 300, true),
    over_tls(work(("round trip, blocking", "blocking", "pingpong"), (32, "binary"), 500, true)),
    over_tls(work(("round trip, loop", "loop", "pingpong"), (32, "binary"), 500, true)),
];

/// A count may be a tenth over the baseline; a busy machine adds a stray call.
fn limit(baseline: f64) -> f64 {
    baseline * 1.1 + 0.05
}

// -- the programs -----------------------------------------------------------

struct Bench {
    dir: PathBuf,
    server: Child,
    ports: [u16; 2],
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

fn compile(dir: &Path, name: &str, sources: &[&str], flags: &[String]) {
    let mut cc = Command::new("cc");
    cc.current_dir(root().join("benches"))
        .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(sources)
        .arg("-o")
        .arg(dir.join(name))
        .args(flags);
    run(&mut cc, "", LONG).exited(0);
}

fn start() -> Bench {
    run(&mut tools::make(&["all"]), "", LONG).exited(0);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    let release = target.join("release").display().to_string();
    let dir = tools::fresh_dir("counts");
    let server = [
        "server/main.c",
        "server/http.c",
        "server/frames.c",
        "server/flood.c",
        "server/system.c",
        "server/tls.c",
    ];
    compile(&dir, "server", &server, &["-lssl".into(), "-lcrypto".into()]);
    let client = ["clients/wskt.c", "clients/wskt_blocking.c", "clients/wskt_loop.c"];
    let flags = [
        format!("-I{}", root().join("include").display()),
        format!("-L{release}"),
        "-lwskt".into(),
        // A path that comes before the LD_LIBRARY_PATH of cargo, which has a
        // library for debugging.
        format!("-Wl,--disable-new-dtags,-rpath,{release}"),
        "-pthread".into(),
    ];
    compile(&dir, "client", &client, &flags);
    let mut server = Command::new(dir.join("server"))
        .arg(dir.join("ca.pem"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("its standard output");
    BufReader::new(stdout).read_line(&mut line).expect("its ports");
    let ports = ["\"ws\":", "\"wss\":"].map(|name| {
        let rest = line.split(name).nth(1).expect("it is named").trim_start();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a port")
    });
    Bench { dir, server, ports }
}

impl Bench {
    /// Runs the client behind a tool that writes to the file it returns.
    fn under(&self, tool: &[&str], work: &Work, messages: u64) -> String {
        let out = self.dir.join("out");
        let query = format!("?n={messages}&size={}&kind={}", work.size, work.kind);
        let path = match work.program {
            "receive" => format!("/flood{query}"),
            "send" | "send-joined" => format!("/sink{query}"),
            _ => "/echo".to_owned(),
        };
        let [ws, wss] = self.ports;
        let (scheme, port) = if work.tls { ("wss", wss) } else { ("ws", ws) };
        let words: Vec<String> =
            tool.iter().map(|word| word.replace("OUT", &out.display().to_string())).collect();
        let (first, rest) = words.split_first().expect("a tool");
        let mut command = Command::new(first);
        command
            .args(rest)
            .arg(self.dir.join("client"))
            .arg(work.program)
            .arg(format!("{scheme}://127.0.0.1:{port}{path}"))
            .args([messages.to_string(), work.size.to_string(), work.kind.to_owned()])
            .env("WSKT_WAY", work.way)
            .env("BENCH_CA", self.dir.join("ca.pem"))
            // The system's certificates would take longer than the work.
            .env("SSL_CERT_FILE", "/dev/null")
            .env("SSL_CERT_DIR", "/dev/null");
        run(&mut command, "", LONG).exited(0);
        std::fs::read_to_string(&out).expect("the tool wrote")
    }

    fn instructions(&self, work: &Work, messages: u64) -> f64 {
        let tool = [
            "valgrind",
            "--tool=cachegrind",
            "--cache-sim=no",
            "--branch-sim=no",
            "--cachegrind-out-file=/dev/null",
            "--log-file=OUT",
        ];
        let text = self.under(&tool, work, messages);
        let line = text.lines().rev().find(|line| line.contains("refs:")).expect("a sum");
        let digits: String = line.rsplit("refs:").next().expect("it").replace([',', ' '], "");
        digits.parse().expect("a number")
    }

    fn calls(&self, work: &Work, messages: u64) -> f64 {
        let text = self.under(&["strace", "-f", "-c", "-o", "OUT"], work, messages);
        let counts = text.lines().filter(|line| !line.ends_with("total")).filter_map(|line| {
            let mut words = line.split_whitespace();
            words.next()?.parse::<f64>().ok()?;
            words.nth(2)?.parse::<f64>().ok()
        });
        counts.sum()
    }

    /// The same at two numbers of messages: start and end drop out.
    fn each(&self, work: &Work, count: impl Fn(&Bench, &Work, u64) -> f64) -> f64 {
        let less = count(self, work, work.messages);
        let more = count(self, work, 2 * work.messages);
        (more - less) / work.messages as f64
    }
}

// -- the baseline -----------------------------------------------------------

/// Compiler and CPU: with others, the same source costs something else.
fn fingerprint() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = run(Command::new(rustc).arg("--version"), "", SHORT).exited(0).stdout;
    let version = version.split_whitespace().nth(1).expect("a version");
    #[cfg(target_arch = "x86_64")]
    let features = if std::is_x86_feature_detected!("avx2") { "-avx2" } else { "" };
    #[cfg(not(target_arch = "x86_64"))]
    let features = "";
    format!("rustc-{version}-{}{features}", std::env::consts::ARCH)
}

/// What it is behind the name of a count over TLS: most of it is OpenSSL's.
fn openssl() -> String {
    let version = run(Command::new("openssl").arg("version"), "", SHORT).exited(0).stdout;
    let number = version.split_whitespace().nth(1).expect("a version");
    format!(" over TLS (OpenSSL {number})")
}

fn baseline_path() -> PathBuf {
    root().join("benches/baselines").join(format!("{}.tsv", fingerprint()))
}

/// Counts by name, from lines of name, tab, count.
fn read_baseline(path: &Path) -> Option<BTreeMap<String, f64>> {
    let text = std::fs::read_to_string(path).ok()?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once('\t').expect("a tab"));
    Some(pairs.map(|(name, count)| (name.to_owned(), count.parse().expect("a count"))).collect())
}

#[test]
fn no_count_rises_by_more_than_a_tenth() {
    let bench = start();
    let path = baseline_path();
    let record = std::env::var("WSKT_COUNTS").is_ok_and(|word| word == "record");
    let baseline = if record { None } else { read_baseline(&path) };
    let mut lines = String::from("# made by: WSKT_COUNTS=record cargo test --test counts\n");
    let mut report = String::new();
    let mut risen = false;
    let openssl = openssl();
    for work in &WORKS {
        let mut check = |what: &str, count: &dyn Fn() -> f64| {
            let tls = if work.tls { &*openssl } else { "" };
            let name = format!("{}{tls}, {what}", work.name);
            let mut now = count();
            let due = baseline.as_ref().and_then(|all| all.get(&name).copied());
            assert!(due.is_some() || work.tls || baseline.is_none(), "no line for {name}");
            // Load can only add: a second look tells load from a change.
            if due.is_some_and(|due| now > limit(due)) {
                now = now.min(count());
            }
            let bad = due.is_some_and(|due| now > limit(due));
            risen |= bad;
            let _ = writeln!(lines, "{name}\t{now:.2}");
            let due = due.map_or_else(String::new, |due| format!(" (baseline {due:.2})"));
            let _ = writeln!(report, "{name}: {now:.2}{due}{}", if bad { "  RISEN" } else { "" });
        };
        check("instructions", &|| bench.each(work, Bench::instructions));
        if work.calls {
            check("system calls", &|| bench.each(work, Bench::calls));
        }
    }
    eprintln!("{report}");
    if record {
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("it can be made");
        std::fs::write(&path, lines).expect("it can be written");
        eprintln!("counts: written to {}", path.display());
    } else if baseline.is_none() {
        eprintln!("counts: no baseline for {}: nothing was compared", fingerprint());
    }
    assert!(!risen, "more than a tenth over {}:\n{report}", path.display());
}
