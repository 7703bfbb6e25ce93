//! The scripted WebSocket server the tests and the demo run against.
//! `README.md` beside this file says what it does.
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test program: its one line of output is its interface"
)]

mod answer;
mod args;
mod certs;
mod conn;
mod deflate;
mod event;
mod fixed;
mod frame;
mod http;
mod proxy;
mod report;
mod run;
mod script;
mod stream;
mod text;

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use openssl::ssl::SslAcceptor;
use socket2::{Domain, SockRef, Socket, Type};

use crate::conn::Conn;
use crate::http::Request;
use crate::report::Shared;
use crate::run::Runner;
use crate::stream::{End, Stream};

type Failure = Box<dyn Error>;

/// How long a client may take for TLS and for its request head.
const OPENING: Duration = Duration::from_secs(15);

fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let (path, temporary) = match arguments.dir {
        Some(dir) => (std::path::absolute(dir)?, false),
        None => (fresh_dir()?, true),
    };
    std::fs::create_dir_all(&path)?;
    let (stop, stopped) = mpsc::channel();
    let served = serve(&path, arguments.bind);
    if let Ok(_kept) = &served {
        thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            while !matches!(stdin.read(&mut [0; 256]), Ok(0) | Err(_)) {}
            let _ = stop.send(());
        });
        let _ = stopped.recv_timeout(Duration::from_secs(arguments.seconds));
    }
    if temporary {
        let _ = std::fs::remove_dir_all(&path);
    }
    served.map(|_kept| ())
}

struct Arguments {
    dir: Option<PathBuf>,
    seconds: u64,
    /// Where `ws` and its kin listen beside `::1`.
    bind: Ipv4Addr,
}

fn arguments() -> Result<Arguments, Failure> {
    let mut arguments = Arguments { dir: None, seconds: 900, bind: Ipv4Addr::LOCALHOST };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--dir" => arguments.dir = Some(PathBuf::from(value)),
            "--seconds" => arguments.seconds = value.parse()?,
            "--bind" => arguments.bind = value.parse()?,
            _ => return Err("usage: wskt-server [--dir DIR] [--seconds N] [--bind IP]".into()),
        }
    }
    Ok(arguments)
}

fn fresh_dir() -> io::Result<PathBuf> {
    let base = std::env::temp_dir();
    for n in 0.. {
        let path = base.join(format!("wskt-server-{}-{n}", std::process::id()));
        match std::fs::create_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Starts everything and prints the line. What it returns must stay alive.
fn serve(dir: &Path, bind: Ipv4Addr) -> Result<Vec<Socket>, Failure> {
    let shared = Arc::new(Shared::default());
    let mut kept = Vec::new();
    let mut ports = vec![("ws", listen(&shared, bind, Kind::Plain)?)];
    for (name, acceptor) in certs::make(dir)? {
        ports.push((name, listen(&shared, bind, Kind::Tls(acceptor))?));
    }
    ports.extend([
        ("tls_garbage", listen(&shared, bind, Kind::NoTls(Answer::Garbage))?),
        ("tls_fin", listen(&shared, bind, Kind::NoTls(Answer::Fin))?),
        ("tls_rst", listen(&shared, bind, Kind::NoTls(Answer::Rst))?),
        ("refused", bound(&mut kept, None)?),
        ("blackhole", bound(&mut kept, Some(128))?),
        ("full", full(&mut kept)?),
    ]);
    for (name, port) in ports.iter().filter(|(name, _)| matches!(*name, "ws" | "wss")) {
        proxy::unix(&dir.join(format!("{name}.sock")), *port)?;
    }
    let ports: Vec<String> =
        ports.iter().map(|(name, port)| format!("\"{name}\":{port}")).collect();
    let ca = text::json(&dir.join("ca.pem").to_string_lossy());
    let shown = text::json(&dir.to_string_lossy());
    let mut out = io::stdout().lock();
    writeln!(out, "{{{},\"ca\":{ca},\"dir\":{shown}}}", ports.join(","))?;
    out.flush()?;
    Ok(kept)
}

/// A port that is bound, and listened to if `backlog` is given, but never
/// accepted from.
fn bound(kept: &mut Vec<Socket>, backlog: Option<i32>) -> io::Result<u16> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    if let Some(backlog) = backlog {
        socket.listen(backlog)?;
    }
    let port = socket.local_addr()?.as_socket().map_or(0, |a| a.port());
    kept.push(socket);
    Ok(port)
}

/// A port whose backlog is full, so that connecting to it hangs.
fn full(kept: &mut Vec<Socket>) -> io::Result<u16> {
    let port = bound(kept, Some(0))?;
    for _ in 0..4 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let _ = socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into());
        kept.push(socket);
    }
    Ok(port)
}

/// What is behind a port.
#[derive(Clone)]
enum Kind {
    Plain,
    Tls(SslAcceptor),
    NoTls(Answer),
}

/// What comes of a ClientHello where nobody speaks TLS.
#[derive(Clone, Copy)]
enum Answer {
    /// As from a web server without TLS.
    Http,
    Garbage,
    Fin,
    Rst,
}

fn listener(ip: IpAddr, port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::from((ip, port));
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}

/// Listens there and, if there is such a thing, on ::1, same port.
fn listen(shared: &Arc<Shared>, bind: Ipv4Addr, kind: Kind) -> io::Result<u16> {
    let (mut four, mut six) = (listener(bind.into(), 0)?, None);
    for _ in 0..20 {
        let port = four.local_addr()?.port();
        match listener(Ipv6Addr::LOCALHOST.into(), port) {
            Ok(listener) => {
                six = Some(listener);
                break;
            }
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                four = listener(bind.into(), 0)?;
            }
            Err(_) => break,
        }
    }
    let port = four.local_addr()?.port();
    for listener in [Some(four), six].into_iter().flatten() {
        let (shared, kind) = (Arc::clone(shared), kind.clone());
        thread::spawn(move || {
            for tcp in listener.incoming() {
                let Ok(tcp) = tcp else {
                    thread::sleep(Duration::from_millis(10));
                    continue;
                };
                let (shared, kind) = (Arc::clone(&shared), kind.clone());
                let _ = thread::Builder::new().spawn(move || connection(tcp, &kind, &shared));
            }
        });
    }
    Ok(port)
}

fn connection(tcp: TcpStream, kind: &Kind, shared: &Shared) {
    let mut first = [0];
    let _ = tcp.set_read_timeout(Some(OPENING));
    let acceptor = match kind {
        Kind::Plain if tcp.peek(&mut first).is_ok_and(|n| n == 1 && first == [5]) => {
            // Whoever leaves before the end has left.
            let _ = proxy::socks(tcp, shared);
            return;
        }
        Kind::Plain if first == [22] => return refuse_tls(tcp, Answer::Http),
        Kind::Plain => None,
        Kind::Tls(acceptor) => Some(acceptor),
        Kind::NoTls(answer) => return refuse_tls(tcp, *answer),
    };
    let Some(mut stream) = Stream::accept(tcp, acceptor, OPENING) else {
        return;
    };
    let Some((request, after)) = Request::read(&mut stream, OPENING) else {
        return;
    };
    if request.method == "CONNECT" {
        return proxy::connect(stream, &request, shared);
    }
    let path = request.path();
    let script = path.strip_prefix("/s/").map(http::decode);
    if script.is_none() && !matches!(path, "/echo" | "/sink" | "/flood") {
        return http::control(&mut stream, &request, shared);
    }
    let id = request.query("id");
    if let Some(id) = &id {
        shared.begin(id);
    }
    let tls = stream.tls_report();
    let mut conn = Conn::new(stream, &after);
    if request.is_upgrade() || request.header("upgrade").is_some() {
        request.faults().into_iter().for_each(|fault| conn.record.error(fault));
    }
    let steps = match &script {
        Some(script) => script::parse(script),
        None if request.is_upgrade() => Ok(Vec::new()),
        None => Err("not an upgrade request".into()),
    };
    match steps {
        Ok(steps) if script.is_some() => {
            Runner { conn: &mut conn, request: &request, shared }.run(&steps);
        }
        Ok(_) => fixed::serve(&mut conn, &request),
        Err(why) => {
            conn.record.error(format!("script: {why}"));
            conn.frames_follow = false;
            if let Some(stream) = conn.stream() {
                http::answer(stream, 400, "text/plain; charset=utf-8", &why);
            }
        }
    }
    // Without a name nobody ever asks.
    let name = id.as_deref().unwrap_or("\0");
    let asked = |limit| shared.wait_asked(name, limit);
    let (end, tcp_end): (End, End) = conn.finish(asked);
    if let Some(id) = &id {
        let report = conn.record.json(id, &request, &tls, end, tcp_end, conn.partial());
        shared.finish(id, report);
    }
}

/// Answers a ClientHello without TLS and ends the connection.
fn refuse_tls(mut tcp: TcpStream, answer: Answer) {
    let _ = tcp.set_read_timeout(Some(OPENING));
    let mut buf = [0; 4096];
    if !tcp.read(&mut buf).is_ok_and(|n| n > 0) {
        return;
    }
    let bytes: &[u8] = match answer {
        Answer::Http => {
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        }
        Answer::Garbage => b"this is not TLS, whatever you hoped for\r\n\r\n",
        Answer::Fin => b"",
        Answer::Rst => {
            let _ = SockRef::from(&tcp).set_linger(Some(Duration::ZERO));
            return;
        }
    };
    let _ = tcp.write_all(bytes);
    let _ = tcp.shutdown(std::net::Shutdown::Write);
    while tcp.read(&mut buf).is_ok_and(|n| n > 0) {}
}
