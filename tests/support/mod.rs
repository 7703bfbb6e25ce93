//! Runs the scripted server (`server/README.md`) for Rust integration tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test support: each test uses a part of it and fails by panicking"
)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Where cargo put an example of the profile this test was built with.
pub fn example_path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// When a file was last written.
fn changed_at(path: &Path) -> SystemTime {
    let data = std::fs::metadata(path)
        .unwrap_or_else(|e| panic!("there is no {} ({e}); cargo build --examples", path.display()));
    data.modified().expect("the time of a file")
}

/// A server process; it ends when this is dropped.
#[derive(Debug)]
pub struct TestServer {
    child: Child,
    line: String,
}

impl TestServer {
    /// Starts the example `wskt-server`. Cargo builds it with all tests, but not
    /// with one of them.
    pub fn start() -> TestServer {
        let path = example_path("wskt-server");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/server");
        for source in std::fs::read_dir(sources).expect("the sources of the server") {
            let source = source.expect("a source").path();
            let counts = source.extension().is_some_and(|e| e == "rs");
            assert!(
                !counts || changed_at(&path) >= changed_at(&source),
                "{} is newer than {}; cargo build --examples",
                source.display(),
                path.display()
            );
        }
        TestServer::start_at(&path)
    }

    /// Starts the server binary at `path`.
    pub fn start_at(path: &Path) -> TestServer {
        let seconds = std::env::var("WSKT_SERVER_SECONDS").ok();
        let bind = std::env::var("WSKT_SERVER_BIND").ok();
        let seconds = seconds.iter().flat_map(|seconds| ["--seconds", seconds]);
        let arguments = seconds.chain(bind.iter().flat_map(|bind| ["--bind", bind]));
        let mut child = Command::new(path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start ({e})", path.display()));
        let stdout = child.stdout.take().expect("its standard output");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("the line of ports");
        TestServer { child, line }
    }

    /// The port of `ws`, `wss`, `refused` and so on.
    pub fn port(&self, name: &str) -> u16 {
        let digits = self.value(name).split([',', '}']).next().and_then(|v| v.parse().ok());
        digits.unwrap_or_else(|| panic!("no port {name} in {}", self.line))
    }

    /// Every port with its name.
    pub fn ports(&self) -> impl Iterator<Item = (&str, u16)> {
        let pairs = self.line.trim().trim_matches(['{', '}']).split(',');
        pairs.filter_map(|pair| {
            let (name, port) = pair.split_once(':')?;
            Some((name.trim_matches('"'), port.parse().ok()?))
        })
    }

    /// The file with the CA's certificate.
    pub fn ca(&self) -> PathBuf {
        self.dir().join("ca.pem")
    }

    /// Where the server's certificates and keys are.
    pub fn dir(&self) -> PathBuf {
        let text = self.value("dir").trim_start_matches('"');
        PathBuf::from(text.split('"').next().expect("a path"))
    }

    fn value(&self, name: &str) -> &str {
        let key = format!("\"{name}\":");
        self.line.split_once(&key).unwrap_or_else(|| panic!("no {name} in {}", self.line)).1
    }

    /// The URL that runs `script` on `ws` or `wss` and reports under `id`.
    pub fn url(&self, scheme: &str, script: &str, id: &str) -> String {
        format!("{}?id={}", self.path_url(scheme, &format!("/s/{}", encode(script))), encode(id))
    }

    /// The URL of a path, such as `/echo`, on the port of `scheme`.
    pub fn path_url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://localhost:{}{path}", self.port(scheme))
    }

    /// What the server saw on the connection `id`, as JSON, once it is over.
    pub fn report(&self, id: &str) -> String {
        self.get(&format!("/report/{}?wait=20", encode(id)))
    }

    /// Lets the script that waits for `name` go on.
    pub fn signal(&self, name: &str) {
        self.get(&format!("/signal/{}", encode(name)));
    }

    /// Waits until a script has reached `mark NAME`.
    pub fn wait_mark(&self, name: &str) {
        self.get(&format!("/wait-mark/{}?wait=20", encode(name)));
    }

    /// The body of a control request that must succeed.
    pub fn get(&self, path: &str) -> String {
        let mut tcp = TcpStream::connect(("127.0.0.1", self.port("ws"))).expect("a connection");
        tcp.set_read_timeout(Some(Duration::from_secs(40))).expect("a timeout");
        write!(tcp, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        body.to_string()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(5);
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Percent-encodes all but unreserved characters.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
