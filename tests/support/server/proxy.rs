//! Proxies: HTTP CONNECT on every port that takes requests, SOCKS 5 on `ws`,
//! and Unix-domain sockets that lead to a port. The user names the report; the
//! password is what goes wrong, if anything.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::conn::Conn;
use crate::http::Request;
use crate::report::{Record, Shared};
use crate::run::Runner;
use crate::script;
use crate::stream::{End, Got, Stream};
use crate::text::unhex;

/// How long one side of a tunnel may take nothing.
const LIMIT: Duration = Duration::from_secs(15);
/// How long a tunnel looks at nothing.
const PAUSE: Duration = Duration::from_micros(300);

/// Answers CONNECT: by a tunnel, or by the script in the password.
pub(crate) fn connect(mut stream: Stream, request: &Request, shared: &Shared) {
    let (id, script) = credentials(request);
    if let Some(id) = &id {
        shared.begin(id);
    }
    let tls = stream.tls_report();
    let (report, end, tcp_end) = if script.is_empty() {
        let end = match TcpStream::connect(&request.target) {
            Ok(server) => {
                let yes = b"HTTP/1.1 200 Connection established\r\n\r\n";
                let _ = stream.send(yes, 0, Duration::ZERO, LIMIT);
                tunnel(stream, server)
            }
            Err(error) => {
                let no = format!("HTTP/1.1 502 {error}\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.send(no.as_bytes(), 0, Duration::ZERO, LIMIT);
                End::ClosedByUs
            }
        };
        (Record::new(), end, end)
    } else {
        let mut conn = Conn::new(stream, b"");
        conn.frames_follow = false;
        match script::parse(&script) {
            Ok(steps) => Runner { conn: &mut conn, request, shared }.run(&steps),
            Err(why) => conn.record.error(format!("script: {why}")),
        }
        let name = id.as_deref().unwrap_or("\0");
        let (end, tcp_end) = conn.finish(|limit| shared.wait_asked(name, limit));
        (conn.record, end, tcp_end)
    };
    if let Some(id) = &id {
        shared.finish(id, report.json(id, request, &tls, end, tcp_end, 0));
    }
}

/// User and password of `Proxy-Authorization: Basic`.
fn credentials(request: &Request) -> (Option<String>, String) {
    let coded = request.header("proxy-authorization").and_then(|v| v.strip_prefix("Basic "));
    let plain = coded.and_then(|c| data_encoding::BASE64.decode(c.as_bytes()).ok());
    let plain = String::from_utf8_lossy(&plain.unwrap_or_default()).into_owned();
    match plain.split_once(':') {
        Some((user, password)) => (Some(user.to_owned()), password.to_owned()),
        None => (None, String::new()),
    }
}

/// Carries bytes both ways until both sides have ended.
fn tunnel(mut client: Stream, mut server: TcpStream) -> End {
    let mut buf = vec![0; 65536];
    let (mut client_end, mut server_open) = (None, true);
    let _ = server.set_nodelay(true);
    loop {
        let mut idle = true;
        if client_end.is_none() {
            match client.read_ready(&mut buf) {
                Got::Data(n) => {
                    idle = false;
                    if server.write_all(buf.get(..n).unwrap_or_default()).is_err() {
                        server_open = false;
                    }
                }
                Got::Nothing => {}
                Got::End(end) => {
                    client_end = Some(end);
                    let _ = server.shutdown(Shutdown::Write);
                }
            }
        }
        if server_open {
            let _ = server.set_nonblocking(true);
            let got = server.read(&mut buf);
            let _ = server.set_nonblocking(false);
            match got {
                Ok(n) if n > 0 => {
                    idle = false;
                    let bytes = buf.get(..n).unwrap_or_default();
                    server_open = client.send(bytes, 0, Duration::ZERO, LIMIT).is_ok();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) => {
                    server_open = false;
                    let _ = client.close_notify();
                    let _ = client.fin();
                }
                Err(_) => {
                    server_open = false;
                    client.linger_zero();
                    client_end.get_or_insert(End::ClosedByUs);
                }
            }
        }
        if let (Some(end), false) = (client_end, server_open) {
            return end;
        }
        if idle {
            thread::sleep(PAUSE);
        }
    }
}

/// Speaks SOCKS 5. The password may be `auth=HEX` or `reply=HEX`, sent in
/// place of the right answer, `drip`, or `stall`.
pub(crate) fn socks(mut tcp: TcpStream, shared: &Shared) -> io::Result<()> {
    let _ = tcp.set_read_timeout(Some(LIMIT));
    let _ = tcp.set_nodelay(true);
    let methods = read(&mut tcp, 2)?;
    let methods = read(&mut tcp, usize::from(methods[1]))?;
    let (mut user, mut password) = (String::new(), String::new());
    if methods.contains(&2) {
        tcp.write_all(&[5, 2])?;
        let len = read(&mut tcp, 2)?;
        user = String::from_utf8_lossy(&read(&mut tcp, usize::from(len[1]))?).into_owned();
        let len = read(&mut tcp, 1)?;
        password = String::from_utf8_lossy(&read(&mut tcp, usize::from(len[0]))?).into_owned();
        match password.strip_prefix("auth=").and_then(unhex) {
            Some(bytes) => tcp.write_all(&bytes)?,
            None => tcp.write_all(&[1, 0])?,
        }
    } else {
        tcp.write_all(&[5, 0])?;
    }
    shared.begin(&user);
    let done = ask(&mut tcp, &password);
    let target = done.as_ref().map_or_else(ToString::to_string, |(target, _)| target.clone());
    let end = match done {
        Ok((_, Some(server))) => {
            let stream = Stream::accept(tcp, None, LIMIT);
            stream.map_or(End::Timeout, |stream| tunnel(stream, server))
        }
        _ => {
            // Until the client has read it all.
            while tcp.read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
            End::ClosedByUs
        }
    };
    let request = Request { target, ..Request::default() };
    shared.finish(&user, Record::new().json(&user, &request, "false", end, end, 0));
    Ok(())
}

/// The request: what was asked for, and the way there if it is to be had.
fn ask(tcp: &mut TcpStream, password: &str) -> io::Result<(String, Option<TcpStream>)> {
    let head = read(tcp, 4)?;
    let host = match head[3] {
        1 => {
            let ip = <[u8; 4]>::try_from(read(tcp, 4)?).unwrap_or_default();
            std::net::Ipv4Addr::from(ip).to_string()
        }
        4 => {
            let ip = <[u8; 16]>::try_from(read(tcp, 16)?).unwrap_or_default();
            format!("[{}]", std::net::Ipv6Addr::from(ip))
        }
        _ => {
            let len = read(tcp, 1)?;
            String::from_utf8_lossy(&read(tcp, usize::from(len[0]))?).into_owned()
        }
    };
    let port = read(tcp, 2)?;
    let target = format!("{host}:{}", u16::from_be_bytes([port[0], port[1]]));
    let answer = password.strip_prefix("reply=").and_then(unhex);
    let server = match &answer {
        Some(_) => None,
        None => TcpStream::connect(&target).ok().filter(|_| password != "stall"),
    };
    let code = if server.is_some() { 0 } else { 5 };
    let right = vec![5, code, 0, 3, 9, b'l', b'o', b'c', b'a', b'l', b'h', b'o', b's', b't', 0, 0];
    let answer = answer.unwrap_or(right);
    if password == "drip" {
        for byte in answer {
            tcp.write_all(&[byte])?;
            thread::sleep(Duration::from_millis(1));
        }
    } else if password != "stall" {
        tcp.write_all(&answer)?;
    }
    Ok((target, server))
}

fn read(tcp: &mut TcpStream, n: usize) -> io::Result<Vec<u8>> {
    let mut out = vec![0; n];
    tcp.read_exact(&mut out)?;
    Ok(out)
}

/// Leads a Unix-domain socket to a port.
pub(crate) fn unix(path: &Path, port: u16) -> io::Result<()> {
    // One may be left from a server that was killed.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                let _ = server.set_nodelay(true);
                relay(client, server);
            }
        }
    });
    Ok(())
}

fn relay(client: UnixStream, server: TcpStream) {
    let (Ok(mut client2), Ok(mut server2)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let (mut client, mut server) = (client, server);
    thread::spawn(move || {
        let _ = io::copy(&mut client, &mut server);
        let _ = server.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = io::copy(&mut server2, &mut client2);
        let _ = client2.shutdown(Shutdown::Write);
    });
}
