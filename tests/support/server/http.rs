//! Request heads and the control requests.

use std::time::{Duration, Instant};

use crate::answer::reason;
use crate::report::Shared;
use crate::stream::{Got, Stream};
use crate::text::{json, percent_decode};

/// Largest request head.
const HEAD: usize = 256 << 10;
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>wskt-server</title><p>wskt-server\n";

/// A request head.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    /// Name and value as sent, in order.
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    /// Reads a head; what followed it already is returned too.
    pub(crate) fn read(stream: &mut Stream, limit: Duration) -> Option<(Request, Vec<u8>)> {
        let deadline = Instant::now() + limit;
        let (mut all, mut buf) = (Vec::new(), [0; 16384]);
        loop {
            match stream.read(&mut buf) {
                Got::Data(n) => all.extend_from_slice(buf.get(..n)?),
                Got::Nothing => {}
                Got::End(_) => return None,
            }
            if let Some(end) = all.windows(4).position(|w| w == b"\r\n\r\n") {
                let after = all.split_off(end + 4);
                return Some((Request::parse(&String::from_utf8_lossy(&all)), after));
            }
            if all.len() > HEAD || Instant::now() > deadline {
                return None;
            }
        }
    }

    fn parse(head: &str) -> Request {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().splitn(3, ' ').map(String::from);
        let mut word = || words.next().unwrap_or_default();
        Request {
            method: word(),
            target: word(),
            version: word(),
            headers: lines
                .filter(|line| !line.is_empty())
                .map(|line| line.split_once(':').unwrap_or((line, "")))
                .map(|(name, value)| (name.into(), value.trim_matches([' ', '\t']).into()))
                .collect(),
        }
    }

    /// The first header of a name given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn has_word(&self, name: &str, word: &str) -> bool {
        let all = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        all.flat_map(|(_, v)| v.split(',')).any(|w| w.trim().eq_ignore_ascii_case(word))
    }

    /// The first subprotocol the client offers.
    pub(crate) fn offered_protocol(&self) -> Option<&str> {
        self.header("sec-websocket-protocol")?.split(',').next().map(str::trim)
    }

    /// The path, still encoded.
    pub(crate) fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// A value of the query, decoded.
    pub(crate) fn query(&self, key: &str) -> Option<String> {
        let pairs = self.target.split_once('?')?.1.split('&');
        let mut found = pairs.filter_map(|p| p.split_once('=')).filter(|(k, _)| *k == key);
        found.next().map(|(_, value)| decode(value))
    }

    /// Asks for a WebSocket.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.header("sec-websocket-key").is_some()
    }

    /// What RFC 6455 has against the upgrade request.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut check = |good: bool, what: &str| {
            if !good {
                out.push(format!("request: {what}"));
            }
        };
        check(self.method == "GET", "the method is not GET");
        check(self.version == "HTTP/1.1", "the version is not HTTP/1.1");
        check(self.has_word("upgrade", "websocket"), "no Upgrade: websocket");
        check(self.has_word("connection", "upgrade"), "no Connection: Upgrade");
        check(self.header("sec-websocket-version") == Some("13"), "the version is not 13");
        let key = self.header("sec-websocket-key").unwrap_or_default();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        let body = key.strip_suffix("==").unwrap_or_default();
        check(body.len() == 22 && body.bytes().all(plain), "the key is not 16 bytes of base64");
        for name in [
            "host",
            "upgrade",
            "connection",
            "sec-websocket-key",
            "sec-websocket-version",
            "sec-websocket-protocol",
            "origin",
        ] {
            let count = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count();
            check(count < 2, &format!("{name} is there {count} times"));
            check(name != "host" || count > 0, "no Host");
        }
        out
    }
}

/// Decodes an encoded part of a target.
pub(crate) fn decode(part: &str) -> String {
    String::from_utf8_lossy(&percent_decode(part.as_bytes())).into_owned()
}

/// Answers a control request.
pub(crate) fn control(stream: &mut Stream, request: &Request, shared: &Shared) {
    let path = request.path();
    let seconds = request.query("wait").and_then(|w| w.parse::<f64>().ok()).unwrap_or(10.0);
    let wait = Duration::from_secs_f64(seconds.clamp(0.0, 600.0));
    let named = |prefix: &str| path.strip_prefix(prefix).map(decode);
    let page = |text: &str| ("text/html; charset=utf-8", text.to_string());
    let object = |text: String| ("application/json", text);
    let (status, (kind, body)) = if path == "/" {
        (200, page(PAGE))
    } else if let Some(id) = named("/report/") {
        match shared.report(&id, wait) {
            Ok(report) => (200, object(report)),
            Err(why) if why.starts_with("no") => (404, object(failure(why))),
            Err(why) => (504, object(failure(why))),
        }
    } else if let Some(name) = named("/signal/") {
        shared.signal(&name);
        (200, object("{}".into()))
    } else if let Some(name) = named("/wait-mark/") {
        match shared.wait_mark(&name, wait) {
            true => (200, object("{}".into())),
            false => (504, object(failure("the mark was not reached"))),
        }
    } else {
        (404, page("not found\n"))
    };
    answer(stream, status, kind, &body);
}

fn failure(why: &str) -> String {
    format!("{{\"error\":{}}}", json(why))
}

/// Writes a whole answer and closes nicely.
pub(crate) fn answer(stream: &mut Stream, status: u16, kind: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        reason(status),
        body.len(),
    );
    let limit = Duration::from_secs(15);
    let whole = [head.as_bytes(), body.as_bytes()].concat();
    if stream.send(&whole, 0, Duration::ZERO, limit).is_err() {
        return;
    }
    let _ = stream.close_notify();
    let _ = stream.fin();
    stream.tcp_end(Duration::from_secs(2));
}
