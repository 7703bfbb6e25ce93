//! The paths that need no script: `/echo`, `/sink` and `/flood`.

use std::io::{self, Read, Write};

use tungstenite::Message;
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};

use crate::answer::Accept;
use crate::conn::Conn;
use crate::event::{Event, Miss};
use crate::frame;
use crate::http::Request;
use crate::text;

/// Bytes gathered for one write of a flood.
const BATCH: usize = 64 << 10;

/// Serves one of the fixed paths.
pub(crate) fn serve(conn: &mut Conn, request: &Request) {
    let mut accept = Accept::default();
    accept.protocols.extend(request.query("protocol").map(String::into_bytes));
    let served =
        conn.send(&accept.bytes(request)).map_err(Miss::text).and_then(|()| match request.path() {
            "/echo" => echo(conn),
            "/sink" => sink(conn),
            _ => flood(conn, request),
        });
    if let Err(why) = served {
        conn.record.error(format!("{}: {why}", request.path()));
    }
}

/// A stream for tungstenite that waits for writes and records reads.
struct Through<'a>(&'a mut Conn);

impl Read for Through<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_size(buf.len().clamp(1, 65536));
        self.0.read_into(buf)
    }
}

impl Write for Through<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.0.send(buf) {
            Ok(()) => Ok(buf.len()),
            Err(miss) => Err(io::Error::other(miss.text())),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Echoes with tungstenite's engine, which is strict.
fn echo(conn: &mut Conn) -> Result<(), String> {
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    conn.discard(true);
    let mut through = Through(conn);
    let error = loop {
        match context.read(&mut through) {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                let sent = context.write(&mut through, message);
                if let Err(error) = sent.and_then(|()| context.flush(&mut through)) {
                    break error;
                }
            }
            Ok(_) => {}
            Err(Error::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => break error,
        }
    };
    let result = match error {
        Error::ConnectionClosed => Ok(()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            return Err("the connection ended without a Close".into());
        }
        Error::Io(e) => return Err(format!("the connection ended without a Close: {e}")),
        error => {
            let code = match &error {
                Error::Utf8(_) => CloseCode::Invalid,
                Error::Capacity(CapacityError::MessageTooLong { .. }) => CloseCode::Size,
                _ => CloseCode::Protocol,
            };
            let close = CloseFrame { code, reason: "".into() };
            let _ = context.close(&mut through, Some(close));
            let _ = context.flush(&mut through);
            Err(error.to_string())
        }
    };
    end(conn);
    result
}

/// Reads until Close and answers it; pings too.
fn sink(conn: &mut Conn) -> Result<(), String> {
    conn.discard(true);
    loop {
        let event = loop {
            match conn.next() {
                Err(Miss::Timeout) => {}
                other => break other.map_err(Miss::text)?,
            }
        };
        match event {
            Event::Ping(data) => {
                conn.send(&frame::frame(frame::PONG, &data)).map_err(Miss::text)?
            }
            Event::Close(body) => {
                conn.send(&frame::frame(frame::CLOSE, &body)).map_err(Miss::text)?;
                end(conn);
                return Ok(());
            }
            _ => {}
        }
    }
}

/// Sends messages as fast as they are taken, then Close 1000.
fn flood(conn: &mut Conn, request: &Request) -> Result<(), String> {
    let number = |key: &str, default: usize| match request.query(key) {
        Some(value) => value.parse().map_err(|_| format!("{key} is not a number")),
        None => Ok(default),
    };
    let (mut left, size) = (number("n", 1000)?, number("size", 64)?.min(256 << 20));
    let one = match request.query("kind").as_deref() {
        Some("binary") => frame::frame(frame::BINARY, &text::binary_pattern(size)),
        _ => frame::frame(frame::TEXT, &text::text_pattern(size)),
    };
    let per = (BATCH / one.len()).max(1);
    let batch = one.repeat(per);
    while left > 0 {
        let now = left.min(per);
        let bytes = batch.get(..now * one.len()).unwrap_or(&batch);
        conn.send(bytes).map_err(Miss::text)?;
        left -= now;
    }
    conn.send(&frame::frame(frame::CLOSE, &1000u16.to_be_bytes())).map_err(Miss::text)?;
    conn.discard(true);
    let answered = loop {
        match conn.next() {
            Ok(Event::Close(_)) => break Ok(()),
            Ok(_) => {}
            Err(miss) => break Err(miss.text()),
        }
    };
    end(conn);
    answered
}

/// The honest end: close_notify where there is TLS, then FIN.
fn end(conn: &mut Conn) {
    let _ = conn.close_notify();
    let _ = conn.fin();
}
