//! The answer to the upgrade request.

use std::time::Duration;

use tungstenite::handshake::derive_accept_key;

use crate::http::Request;

type Header = (Vec<u8>, Vec<u8>);

/// The `Sec-WebSocket-Accept` of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Good,
    Bad,
    Missing,
    Double,
    Other(Vec<u8>),
}

/// A 101 and the ways to get it wrong.
#[derive(Debug, Clone)]
pub(crate) struct Accept {
    pub(crate) protocols: Vec<Vec<u8>>,
    pub(crate) first_protocol: bool,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) headers: Vec<Header>,
    /// So many headers more.
    pub(crate) extra: usize,
    /// One more header with a value of so many bytes.
    pub(crate) big: usize,
    pub(crate) upgrade: Option<Vec<u8>>,
    pub(crate) connection: Option<Vec<u8>>,
    /// `None`: not even the blank before it.
    pub(crate) reason: Option<Vec<u8>>,
    pub(crate) key: Key,
    pub(crate) http10: bool,
    pub(crate) lower: bool,
    pub(crate) blanks: bool,
    pub(crate) lf: bool,
    pub(crate) info: Vec<u16>,
    pub(crate) cut: Option<usize>,
    pub(crate) drip: Option<Duration>,
    pub(crate) hold: bool,
}

impl Default for Accept {
    fn default() -> Self {
        Accept {
            protocols: Vec::new(),
            first_protocol: false,
            extensions: Vec::new(),
            headers: Vec::new(),
            extra: 0,
            big: 0,
            upgrade: Some(b"websocket".to_vec()),
            connection: Some(b"Upgrade".to_vec()),
            reason: Some(b"Switching Protocols".to_vec()),
            key: Key::Good,
            http10: false,
            lower: false,
            blanks: false,
            lf: false,
            info: Vec::new(),
            cut: None,
            drip: None,
            hold: false,
        }
    }
}

impl Accept {
    /// The head as bytes.
    pub(crate) fn bytes(&self, request: &Request) -> Vec<u8> {
        let good =
            derive_accept_key(request.header("sec-websocket-key").unwrap_or_default().as_bytes());
        let mut head = Head::new(if self.lf { b"\n" } else { b"\r\n" });
        let version: &[u8] = if self.http10 { b"HTTP/1.0" } else { b"HTTP/1.1" };
        for code in &self.info {
            let reason = reason(*code).as_bytes();
            head.line(&[version, b" ", code.to_string().as_bytes(), b" ", reason]);
            head.line(&[b"X-Info: ", code.to_string().as_bytes()]);
            head.line(&[]);
        }
        match &self.reason {
            Some(reason) => head.line(&[version, b" 101 ", reason]),
            None => head.line(&[version, b" 101"]),
        }
        (head.lower, head.blanks) = (self.lower, self.blanks);
        if let Some(value) = &self.upgrade {
            head.header(b"Upgrade", value);
        }
        if let Some(value) = &self.connection {
            head.header(b"Connection", value);
        }
        let name = b"Sec-WebSocket-Accept";
        match &self.key {
            Key::Good => head.header(name, good.as_bytes()),
            Key::Bad => head.header(name, derive_accept_key(b"bad").as_bytes()),
            Key::Missing => {}
            Key::Double => {
                head.header(name, good.as_bytes());
                head.header(name, good.as_bytes());
            }
            Key::Other(value) => head.header(name, value),
        }
        if let Some(first) = request.offered_protocol().filter(|_| self.first_protocol) {
            head.header(b"Sec-WebSocket-Protocol", first.as_bytes());
        }
        for value in &self.protocols {
            head.header(b"Sec-WebSocket-Protocol", value);
        }
        for value in &self.extensions {
            head.header(b"Sec-WebSocket-Extensions", value);
        }
        for (name, value) in &self.headers {
            head.header(name, value);
        }
        for i in 0..self.extra {
            head.header(format!("X-Extra-{i}").as_bytes(), i.to_string().as_bytes());
        }
        if self.big > 0 {
            head.header(b"X-Big", &crate::text::text_pattern(self.big));
        }
        head.line(&[]);
        head.out.truncate(self.cut.unwrap_or(usize::MAX));
        head.out
    }
}

/// An answer other than 101.
#[derive(Debug, Clone, Default)]
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) reason: Option<Vec<u8>>,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Vec<u8>,
    /// `Some(None)` leaves Content-Length out, `Some(Some(n))` lies about it.
    pub(crate) length: Option<Option<u64>>,
    pub(crate) keep: bool,
    pub(crate) http10: bool,
    pub(crate) drip: Option<Duration>,
}

impl Http {
    /// Head and body as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = Head::new(b"\r\n");
        let version: &[u8] = if self.http10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " };
        let standard = reason(self.status).as_bytes();
        let reason = self.reason.as_deref().unwrap_or(standard);
        head.line(&[version, self.status.to_string().as_bytes(), b" ", reason]);
        if let Some(length) = self.length.unwrap_or(Some(self.body.len() as u64)) {
            head.header(b"Content-Length", length.to_string().as_bytes());
        }
        if !self.keep {
            head.header(b"Connection", b"close");
        }
        for (name, value) in &self.headers {
            head.header(name, value);
        }
        head.line(&[]);
        head.out.extend_from_slice(&self.body);
        head.out
    }
}

struct Head {
    out: Vec<u8>,
    end: &'static [u8],
    lower: bool,
    blanks: bool,
}

impl Head {
    fn new(end: &'static [u8]) -> Head {
        Head { out: Vec::new(), end, lower: false, blanks: false }
    }

    fn line(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|p| self.out.extend_from_slice(p));
        self.out.extend_from_slice(self.end);
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        let name = if self.lower { name.to_ascii_lowercase() } else { name.to_vec() };
        if self.blanks {
            self.line(&[&name, b": \t ", value, b" \t "]);
        } else {
            self.line(&[&name, b": ", value]);
        }
    }
}

/// The usual reason phrase of a status.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
