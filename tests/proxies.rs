//! Tunnels through proxies that others wrote: squid (HTTP CONNECT in the clear
//! and inside TLS, with authorization), dante (SOCKS 5) and microsocks (SOCKS 5
//! with user and password). `tests/setup.sh` installs them; here each runs with
//! a configuration of its own on 127.0.0.1, for as long as the test does.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "c/harness.rs"]
mod harness;
mod support;
mod tools;

use harness::Harness;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tools::{LONG, SHORT, fresh_dir, run};

/// A proxy's process; it ends when this is dropped.
struct Proxy {
    child: Child,
    port: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Politely first: they have children of their own.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", "--", &id]).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its number").port()
}

/// Starts a proxy and waits until it listens.
fn start(program: &str, args: &[&str], port: u16, log: &Path) -> Proxy {
    let out = fs::File::create(log).expect("a log");
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a log"))
        .stderr(out)
        .spawn()
        .unwrap_or_else(|e| panic!("{program} does not start ({e}): tests/setup.sh"));
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let over = child.try_wait().expect("its state");
        let said = fs::read_to_string(log).unwrap_or_default();
        assert!(over.is_none(), "{program} ended: {said}");
        assert!(Instant::now() < deadline, "{program} does not listen: {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Proxy { child, port }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// squid with one user, `me` with the password `pass word`; the second port
/// speaks TLS.
fn squid(dir: &Path) -> (Proxy, u16) {
    let (plain, tls) = (free_port(), free_port());
    let (cert, key) = (dir.join("proxy.pem"), dir.join("proxy.key"));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext"])
        .args(["subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", text(&key)])
        .args(["-out", text(&cert)]);
    run(&mut make, "", SHORT).exited(0);
    let hash = run(Command::new("openssl").args(["passwd", "-apr1", "pass word"]), "", SHORT);
    let hash = hash.exited(0).stdout;
    fs::write(dir.join("users"), format!("me:{hash}")).expect("a file");
    // Started by root, it works as another user.
    fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).expect("permissions");
    let d = text(dir);
    let config = format!(
        "http_port 127.0.0.1:{plain}\n\
         https_port 127.0.0.1:{tls} tls-cert={d}/proxy.pem tls-key={d}/proxy.key\n\
         auth_param basic program /usr/lib/squid/basic_ncsa_auth {d}/users\n\
         auth_param basic children 1\n\
         acl known proxy_auth REQUIRED\n\
         http_access allow known\n\
         http_access deny all\n\
         cache deny all\n\
         cache_mem 1 MB\n\
         access_log none\n\
         cache_log {d}/cache.log\n\
         cache_store_log none\n\
         pid_filename none\n\
         netdb_filename none\n\
         pinger_enable off\n\
         max_filedescriptors 1024\n\
         coredump_dir {d}\n\
         visible_hostname localhost\n\
         shutdown_lifetime 0 seconds\n"
    );
    let file = dir.join("squid.conf");
    fs::write(&file, config).expect("a file");
    let proxy = start("squid", &["-N", "-f", text(&file)], plain, &dir.join("squid.log"));
    (proxy, tls)
}

/// dante without authorization.
fn dante(dir: &Path) -> Proxy {
    let port = free_port();
    let d = text(dir);
    let config = format!(
        "logoutput: {d}/danted.out\n\
         internal: 127.0.0.1 port = {port}\n\
         external: lo\n\
         clientmethod: none\n\
         socksmethod: none\n\
         client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
         socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n"
    );
    let file = dir.join("danted.conf");
    fs::write(&file, config).expect("a file");
    let pid = dir.join("danted.pid");
    let args = ["-f", text(&file), "-p", text(&pid)];
    start("danted", &args, port, &dir.join("danted.log"))
}

/// microsocks with one user.
fn microsocks(dir: &Path) -> Proxy {
    let port = free_port();
    let number = port.to_string();
    let args = ["-i", "127.0.0.1", "-p", &number, "-u", "me", "-P", "pass word"];
    start("microsocks", &args, port, &dir.join("microsocks.log"))
}

#[test]
fn every_way_through_every_proxy() {
    let dir = fresh_dir("proxies");
    let (squid, tls) = squid(&dir);
    let (dante, microsocks) = (dante(&dir), microsocks(&dir));
    let (http, socks, login) = (squid.port, dante.port, microsocks.port);
    let proxies = format!(
        "yes http://me:pass%20word@127.0.0.1:{http}\n\
         HTTP 407 http://127.0.0.1:{http}\n\
         HTTP 407 http://me:wrong@127.0.0.1:{http}\n\
         yes https://me:pass%20word@localhost:{tls}\n\
         HTTP 407 https://me:wrong@localhost:{tls}\n\
         yes socks5h://127.0.0.1:{socks}\n\
         yes socks5://127.0.0.1:{socks}\n\
         yes socks5h://me:pass%20word@127.0.0.1:{login}\n\
         yes socks5://me:pass%20word@127.0.0.1:{login}\n\
         the proxy refused user and password socks5h://me:wrong@127.0.0.1:{login}\n\
         the proxy asks for user and password socks5://127.0.0.1:{login}\n"
    );
    let harness = Harness::new("proxies-programs");
    let program = harness.build("real_proxies");
    let mut command = harness.command(&program, &[]);
    command.env("WSKT_PROXIES", proxies).env("WSKT_PROXY_CA", dir.join("proxy.pem"));
    run(&mut command, "", LONG).exited(0);
}
