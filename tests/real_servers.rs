//! wskt against servers that nobody here wrote, `tests/real_servers/`: ws and
//! faye-websocket, websockets and aiohttp, and nginx in front of one of them.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod tools;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tools::{SHORT, fresh_dir, root, run};

/// No client of this test takes longer, on a loaded machine.
const LIMIT: Duration = Duration::from_secs(180);
const LARGE: usize = 16 << 20;
const MEDIUM: usize = 1 << 20;
const SMALL: usize = 1 << 16;

/// Echo servers in one process, by name.
struct Servers {
    child: Child,
    ports: BTreeMap<String, u16>,
}

impl Servers {
    /// Starts a program that prints `NAME PORT` lines and `ready`.
    fn start(command: &mut Command) -> Servers {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}; run tests/setup.sh"));
        let mut ports = BTreeMap::new();
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        for line in lines.map_while(Result::ok) {
            match line.split_once(' ') {
                Some((name, port)) => {
                    ports.insert(name.to_owned(), port.parse().expect("a port"));
                }
                None => {
                    assert_eq!(line, "ready");
                    return Servers { child, ports };
                }
            }
        }
        panic!("{command:?} ended; run tests/setup.sh");
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn installed() -> PathBuf {
    root().join("build/real-servers")
}

fn node() -> Servers {
    let script = root().join("tests/real_servers/servers.mjs");
    Servers::start(Command::new("node").arg(script).arg(installed()))
}

fn python() -> Servers {
    let script = root().join("tests/real_servers/servers.py");
    Servers::start(Command::new(installed().join("venv/bin/python3")).arg(script))
}

/// The client, built against the library of this build.
struct Client {
    program: PathBuf,
    dir: PathBuf,
}

impl Client {
    fn build(name: &str) -> Client {
        let dir = fresh_dir(name);
        let test = std::env::current_exe().expect("the path of the test");
        let library = test.parent().expect("a directory").join("libwskt.so");
        for link in ["libwskt.so.0.1", "libwskt.so"] {
            std::os::unix::fs::symlink(&library, dir.join(link)).expect("a link");
        }
        let program = dir.join("client");
        let mut cc = Command::new("cc");
        cc.args(["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
            .arg(root().join("include"))
            .arg(root().join("tests/real_servers/client.c"))
            .arg("-o")
            .arg(&program)
            .arg("-L")
            .arg(&dir)
            .arg("-lwskt");
        run(&mut cc, "", SHORT).exited(0);
        Client { program, dir }
    }

    /// Echoes everything up to `largest`; what was agreed.
    fn echo(&self, name: &str, port: u16, largest: usize, settings: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command
            .env("LD_LIBRARY_PATH", &self.dir)
            .arg(format!("ws://127.0.0.1:{port}/"))
            .arg(name)
            .arg(largest.to_string())
            .args(settings);
        let done = run(&mut command, "", LIMIT).exited(0);
        let told = done.stdout.trim().strip_prefix(name).and_then(|t| t.strip_prefix(':'));
        told.expect("what was agreed").trim().to_owned()
    }
}

/// What the server must have said to an offer with these settings.
fn judge(name: &str, settings: &[&str], agreed: &str) {
    let told = |part: &str| assert!(agreed.contains(part), "{name} {settings:?}: {agreed:?}");
    if name.ends_with("-off") || settings.contains(&"off") {
        assert_eq!(agreed, "", "{name} {settings:?}");
        return;
    }
    assert!(agreed.starts_with("permessage-deflate"), "{name} {settings:?}: {agreed:?}");
    if name.ends_with("-fresh") || settings.contains(&"fresh") {
        told("server_no_context_takeover");
    }
    if settings.contains(&"small") {
        told("server_max_window_bits=");
    }
    match name {
        "ws-small" | "websockets-small" => told("server_max_window_bits=9"),
        "faye-small" => told("client_max_window_bits=10"),
        "ws-tiny" => told("client_max_window_bits=8"),
        _ => {}
    }
}

/// Every server with every setting, and the largest messages once each kind.
fn check(client: &Client, servers: &Servers) {
    let all: [&[&str]; 6] = [
        &["all"],
        &["fresh", "best"],
        &["small", "fast", "all"],
        &["fresh", "small"],
        &["off"],
        &[],
    ];
    assert!(servers.ports.len() > 5, "{:?}", servers.ports);
    for (name, port) in &servers.ports {
        for (at, settings) in all.iter().enumerate() {
            let largest = match at {
                0 if name.contains('-') => MEDIUM,
                0 => LARGE,
                _ => SMALL,
            };
            judge(name, settings, &client.echo(name, *port, largest, settings));
        }
    }
}

#[test]
fn ws_and_faye_websocket() {
    check(&Client::build("real_servers_node"), &node());
}

#[test]
fn websockets_and_aiohttp() {
    check(&Client::build("real_servers_python"), &python());
}

/// nginx in front of a server on `to`, on a port of its own.
fn nginx(dir: &Path, to: u16) -> (Servers, u16) {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let config = format!(
        "daemon off; master_process off; error_log stderr; pid {dir}/pid;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
            fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi;
            scgi_temp_path {dir}/scgi;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://127.0.0.1:{to};
                    proxy_http_version 1.1;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $http_connection;
                }}
            }}
        }}",
        dir = dir.display()
    );
    std::fs::write(dir.join("nginx.conf"), config).expect("a file");
    let child = Command::new("nginx")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .arg("-p")
        .arg(dir)
        .arg("-e")
        .arg("stderr")
        .arg("-c")
        .arg(dir.join("nginx.conf"))
        .spawn()
        .expect("nginx; run tests/setup.sh");
    let servers = Servers { child, ports: BTreeMap::new() };
    let deadline = Instant::now() + SHORT;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nginx does not listen");
        std::thread::yield_now();
    }
    (servers, port)
}

#[test]
fn nginx_in_front() {
    let client = Client::build("real_servers_nginx");
    let behind = node();
    for name in ["ws", "ws-off"] {
        let dir = fresh_dir(&format!("real_servers_nginx_{name}"));
        let (_nginx, port) = nginx(&dir, behind.ports[name]);
        judge(name, &["all"], &client.echo(name, port, LARGE, &["all"]));
        judge(name, &["fresh"], &client.echo(name, port, SMALL, &["fresh"]));
    }
}
