//! The peer: one listener on the loopback for the whole process. A URL's path
//! is what a connection answers, in hex, so the peer keeps no state.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

/// Longest life of a connection.
const LIFE: Duration = Duration::from_millis(500);

/// The URL of a peer that does what `script` says: a byte of switches, then
/// what it sends behind the answer, or instead of it.
pub(super) fn url(script: &[u8]) -> String {
    static PORT: OnceLock<u16> = OnceLock::new();
    let port = *PORT.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || drop(serve(stream)));
            }
        });
        port
    });
    let hex: String = script.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("ws://127.0.0.1:{port}/{hex}")
}

/// How the connection breaks off is the client's affair.
fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LIFE))?;
    stream.set_write_timeout(Some(LIFE))?;
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 65_536 {
        let n = stream.read(&mut chunk)?;
        if n == 0 {
            return Ok(());
        }
        head.extend_from_slice(&chunk[..n]);
    }
    let head = String::from_utf8_lossy(&head);
    let hex = head.split([' ', '?']).nth(1).unwrap_or("/").trim_start_matches('/');
    let mut script = hex.as_bytes().chunks_exact(2).map(|pair| {
        std::str::from_utf8(pair).ok().and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0)
    });
    let switches = script.next().unwrap_or(0);
    let mut out = Vec::new();
    if switches & 1 == 0 {
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = tungstenite::handshake::derive_accept_key(key.unwrap_or("").as_bytes());
        let protocol = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "))
            .and_then(|offered| offered.split(", ").next())
            .map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        out.extend(
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{}\r\n",
                protocol.unwrap_or_default()
            )
            .into_bytes(),
        );
    }
    out.extend(script);
    let piece = if switches & 2 == 0 { usize::MAX } else { 3 };
    for piece in out.chunks(piece.min(out.len().max(1))) {
        stream.write_all(piece)?;
    }
    match switches >> 2 & 3 {
        // It stays and reads, to the client's end, or its own.
        0 | 1 => while stream.read(&mut chunk)? > 0 {},
        // It stays without reading.
        2 => std::thread::sleep(Duration::from_millis(15)),
        // It leaves at once; unread input makes that a RST.
        _ => {}
    }
    Ok(())
}
