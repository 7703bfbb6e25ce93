//! OpenSSL's own server as the peer: `openssl s_server` does TLS, this test is
//! the WebSocket behind its standard input and output.
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
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tools::{Done, Running, SHORT};
use tungstenite::handshake::derive_accept_key;

fn harness() -> &'static Harness {
    static HARNESS: OnceLock<Harness> = OnceLock::new();
    HARNESS.get_or_init(|| {
        let harness = Harness::new("s_server");
        harness.build("s_server");
        harness
    })
}

/// A server for one connection; killed at the end.
struct Server {
    child: Child,
    chunks: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    deadline: Instant,
}

impl Server {
    fn start(options: &[&str]) -> Server {
        let dir = harness().certificates();
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1"])
            .arg("-cert")
            .arg(dir.join("server.pem"))
            .arg("-key")
            .arg(dir.join("server.key"))
            .arg("-CAfile")
            .arg(dir.join("ca.pem"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl starts");
        let (tell, chunks) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("a pipe")),
            Box::new(child.stderr.take().expect("a pipe")),
        ];
        for mut stream in streams {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut buf = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    let _ = tell.send(buf.get(..n).unwrap_or_default().to_vec());
                }
            });
        }
        Server { child, chunks, seen: Vec::new(), deadline: Instant::now() + SHORT }
    }

    /// What stands between two texts in the output, which is waited for.
    fn between(&mut self, before: &str, after: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.seen);
            if let Some((_, rest)) = text.split_once(before)
                && let Some((found, _)) = rest.split_once(after)
            {
                return found.to_owned();
            }
            self.read(before);
        }
    }

    /// Waits until these bytes are in the output.
    fn await_bytes(&mut self, bytes: &[u8]) {
        while !self.seen.windows(bytes.len()).any(|window| window == bytes) {
            self.read("bytes");
        }
    }

    fn read(&mut self, what: &str) {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let Ok(chunk) = self.chunks.recv_timeout(left) else {
            panic!("no {what:?} in {}", String::from_utf8_lossy(&self.seen));
        };
        self.seen.extend(chunk);
    }

    fn port(&mut self) -> String {
        self.between("ACCEPT 127.0.0.1:", "\n")
    }

    fn write(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("a pipe");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("s_server reads");
    }

    /// Accepts, waits for "hello", sends "welcome" and Close 1000, and waits for
    /// the answer.
    fn serve(&mut self) {
        self.accept();
        self.close();
    }

    /// Sends "welcome" and Close 1000, and waits for the answer.
    fn close(&mut self) {
        self.write(b"\x81\x07welcome\x88\x02\x03\xe8");
        self.await_bytes(b"\x88\x82");
        let _ = self.child.kill();
    }

    /// Accepts and waits for "hello".
    fn accept(&mut self) {
        let request = self.between("GET /chat HTTP/1.1\r\n", "\r\n\r\n");
        let key = request.split_once("Sec-WebSocket-Key: ").expect("a key").1;
        let accept = derive_accept_key(key.split("\r\n").next().expect("a line").as_bytes());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        self.write(head.as_bytes());
        // Masked, five bytes of text; masked, two bytes of Close.
        self.await_bytes(b"\x81\x85");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client(port: &str, with_certificate: bool) -> Running {
    let mut command = visitor(&url_of(port));
    if with_certificate {
        command.env("WSKT_CLIENT", "1");
    }
    Running::start(&mut command, Duration::from_secs(60))
}

fn url_of(port: &str) -> String {
    format!("wss://127.0.0.1:{port}/chat")
}

fn visitor(url: &str) -> Command {
    let program = harness().program("s_server");
    let mut command = harness().command(&program, &[]);
    command.env("WSKT_URL", url);
    command
}

/// Carries one connection, and can hold back what the client sends.
struct Between {
    url: String,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Default)]
struct Gate {
    shut: bool,
    /// Bytes stand in front of it.
    waiting: bool,
}

impl Between {
    fn start(to: String) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port().to_string();
        Between::carry(url_of(&port), to, move || {
            let (client, _) = listener.accept().expect("the client");
            OwnedFd::from(client)
        })
    }

    /// The same at a Unix-domain socket.
    fn start_at(path: &Path, to: String) -> Between {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).expect("a socket");
        let at = format!("wss+unix:{}:/chat", path.display());
        Between::carry(at, to, move || {
            let (client, _) = listener.accept().expect("the client");
            OwnedFd::from(client)
        })
    }

    fn carry(url: String, to: String, accept: impl FnOnce() -> OwnedFd + Send + 'static) -> Self {
        let gate = Arc::<(Mutex<Gate>, Condvar)>::default();
        let kept = Arc::clone(&gate);
        std::thread::spawn(move || {
            // Nothing below asks of what kind it is.
            let client = TcpStream::from(accept());
            let server = TcpStream::connect(format!("127.0.0.1:{to}")).expect("the server");
            let streams = [client.try_clone(), server.try_clone()].map(|s| s.expect("a copy"));
            std::thread::spawn(move || carry(&server, &client, || ()));
            let [client, server] = streams;
            carry(&client, &server, || {
                let mut gate = kept.0.lock().unwrap();
                while gate.shut {
                    gate.waiting = true;
                    kept.1.notify_all();
                    gate = kept.1.wait(gate).unwrap();
                }
            });
        });
        Between { url, gate }
    }

    fn set(&self, shut: bool) {
        self.gate.0.lock().unwrap().shut = shut;
        self.gate.1.notify_all();
    }

    fn await_bytes(&self) {
        let gate = self.gate.0.lock().unwrap();
        let limit = self.gate.1.wait_timeout_while(gate, SHORT, |gate| !gate.waiting);
        assert!(!limit.unwrap().1.timed_out(), "the client sends nothing");
    }
}

fn carry(mut from: &TcpStream, mut to: &TcpStream, mut before: impl FnMut()) {
    let mut buf = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buf) {
        before();
        if to.write_all(buf.get(..n).unwrap_or_default()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A visit that is served.
fn visit(options: &[&str], with_certificate: bool) {
    let mut server = Server::start(options);
    let client = client(&server.port(), with_certificate);
    server.serve();
    let done: Done = client.wait().exited(0);
    assert_eq!(done.stdout, "welcome\n1000 clean peer \n", "{options:?}");
}

/// A visit that fails in TLS, with this in the message.
fn refused(options: &[&str], with_certificate: bool, why: &str) {
    let mut server = Server::start(options);
    let client = client(&server.port(), with_certificate);
    let done = client.wait().exited(0);
    assert!(done.stdout.starts_with("1015 unclean tls "), "{options:?}: {}", done.stdout);
    assert!(done.stdout.contains(why), "{options:?}: {}", done.stdout);
}

#[test]
fn both_versions_are_spoken() {
    visit(&["-tls1_2"], false);
    visit(&["-tls1_3"], false);
    visit(&["-alpn", "http/1.1"], false);
    visit(&["-tls1_3", "-num_tickets", "8", "-max_send_frag", "512"], false);
}

/// `k` and `K` on the standard input of `s_server` change its keys; with the
/// second it asks the client to do the same.
#[test]
fn keys_change_in_every_way_of_driving() {
    for way in 0..6 {
        for (command, answered) in [(b"k\n", false), (b"K\n", true)] {
            let mut server = Server::start(&["-tls1_3", "-msg"]);
            let mut visitor = visitor(&url_of(&server.port()));
            visitor.env("WSKT_WAY", way.to_string()).env("WSKT_ECHO", "1");
            let client = Running::start(&mut visitor, Duration::from_secs(60));
            server.accept();
            for round in 0..3u8 {
                server.seen.clear();
                server.write(command);
                server.await_bytes(b">>> TLS 1.3, Handshake [length 0005], KeyUpdate");
                server.write(&[0x81, 1, b'0' + round]);
                server.await_bytes(b"\x81\x81");
                // At the latest in front of its next data (RFC 8446 §4.6.3).
                let seen = String::from_utf8_lossy(&server.seen);
                let told = seen.contains("<<< TLS 1.3, Handshake [length 0005], KeyUpdate");
                assert_eq!(told, answered, "way {way}");
            }
            server.write(b"\x88\x02\x03\xe8");
            server.await_bytes(b"\x88\x82");
            let _ = server.child.kill();
            let done = client.wait().exited(0);
            assert_eq!(done.stdout, "0\n1\n2\n1000 clean peer \n", "way {way}");
        }
    }
}

/// The kernel has no room for what a read makes TLS say: it leaves when there is
/// room, although nothing else happens.
#[test]
fn what_a_read_makes_tls_say_waits_for_room_alone() {
    for way in 0..6 {
        let mut server = Server::start(&["-tls1_2", "-msg"]);
        let between = Between::start_at(&harness().place("between.sock"), server.port());
        let told = TcpListener::bind("127.0.0.1:0").expect("a port");
        let told_port = told.local_addr().expect("its number").port().to_string();
        let await_client = || drop(told.accept().expect("the client"));
        let mut visitor = visitor(&between.url);
        visitor.env("WSKT_WAY", way.to_string());
        visitor.env("WSKT_SECOND", told_port).env("WSKT_FILL", "1");
        let mut client = Running::start(&mut visitor, Duration::from_secs(60));
        server.accept();
        between.set(true);
        client.write("\n");
        await_client();
        between.await_bytes();
        client.write("\n");
        await_client();
        server.seen.clear();
        server.write(b"r\n");
        server.await_bytes(b"], HelloRequest");
        server.write(b"\x81\x01x");
        await_client();
        between.set(false);
        server.await_bytes(b"], ClientHello");
        // Masks may look like what ends it.
        server.seen.clear();
        server.write(b"\x88\x02\x03\xe8");
        server.await_bytes(b"\x88\x82");
        let _ = server.child.kill();
        let done = client.wait().exited(0);
        assert_eq!(done.stdout, "x\n1000 clean peer \n", "way {way}");
    }
}

/// TLS takes nothing from the program until the peer has answered; then it
/// leaves although nothing else happens.
#[test]
fn what_is_sent_in_a_renegotiation_leaves_after_it() {
    for way in 0..6 {
        let mut server = Server::start(&["-tls1_2", "-msg"]);
        let between = Between::start(server.port());
        let sent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let sent_port = sent.local_addr().expect("its number").port().to_string();
        let mut visitor = visitor(&between.url);
        visitor.env("WSKT_WAY", way.to_string()).env("WSKT_SECOND", sent_port);
        let mut client = Running::start(&mut visitor, Duration::from_secs(60));
        server.accept();
        between.set(true);
        server.write(b"r\n");
        // What the client begins to renegotiate with.
        between.await_bytes();
        client.write("\n");
        drop(sent.accept().expect("the client has sent"));
        between.set(false);
        // Masked, six bytes of text.
        server.await_bytes(b"\x81\x86");
        server.close();
        let done = client.wait().exited(0);
        assert_eq!(done.stdout, "welcome\n1000 clean peer \n", "way {way}");
    }
}

#[test]
fn a_client_certificate_is_shown() {
    for version in ["-tls1_2", "-tls1_3"] {
        visit(&[version, "-Verify", "1", "-verify_return_error"], true);
        visit(&[version, "-verify", "1"], false);
    }
}

#[test]
fn a_missing_client_certificate_is_named() {
    let verify = ["-Verify", "1", "-verify_return_error"];
    let with = |version| [&[version], &verify[..]].concat();
    refused(&with("-tls1_2"), false, "or it asks for a client certificate");
    refused(&with("-tls1_3"), false, "the server asks for a client certificate");
}
