//! HTTP CONNECT (RFC 9110 §9.3.6). Nothing of the upgrade request is in it:
//! headers, cookies and authorization are the server's.

use super::{nothing_behind, refused};
use crate::config::{Credentials, Place};
use crate::error::Failure;
use data_encoding::BASE64;
use std::fmt::Write;

/// Longest head accepted, all 1xx responses together.
const MAX_HEAD: usize = 64 << 10;
/// Most header lines accepted.
const MAX_HEADERS: usize = 256;
/// What every head begins with.
const BEGINNING: &[u8] = b"HTTP/1.";

/// Waits for the proxy's answer.
pub(crate) struct Connect {
    head: Vec<u8>,
    /// Bytes of 1xx responses skipped so far.
    skipped: usize,
}

impl Connect {
    pub(super) fn begin(server: &Place, who: Option<&Credentials>, out: &mut Vec<u8>) -> Self {
        let Place { host, port } = server;
        let authority =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some(Credentials { user, password }) = who {
            let plain = [user.as_slice(), b":", password].concat();
            // Writing to a String cannot fail.
            let _ = write!(request, "Proxy-Authorization: Basic {}\r\n", BASE64.encode(&plain));
        }
        request.push_str("\r\n");
        out.extend_from_slice(request.as_bytes());
        Self { head: Vec::new(), skipped: 0 }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        let mut searched = self.head.len();
        self.head.extend_from_slice(bytes);
        while let Some(end) = end_of_head(&self.head, searched) {
            if self.skipped + end > MAX_HEAD {
                return Err(too_large());
            }
            let rest = self.head.split_off(end);
            let head = std::mem::replace(&mut self.head, rest);
            if judge(&head)? {
                return nothing_behind(&self.head);
            }
            self.skipped += head.len();
            searched = 0;
        }
        if !self.head.iter().zip(BEGINNING).all(|(byte, want)| byte == want) {
            return Err(not_http());
        }
        if self.skipped + self.head.len() > MAX_HEAD {
            return Err(too_large());
        }
        Ok(false)
    }
}

fn too_large() -> Failure {
    refused("the proxy's answer is larger than 64 KiB")
}

fn not_http() -> Failure {
    refused("the proxy's answer is not HTTP")
}

/// Where the head ends, behind its empty line; bare LFs are line ends too
/// (RFC 9112 §2.2).
fn end_of_head(head: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(2);
    let tail = head.get(from..)?;
    tail.iter().enumerate().find_map(|(at, byte)| {
        let before = tail.get(..at)?;
        let ends = *byte == b'\n' && (before.ends_with(b"\n") || before.ends_with(b"\n\r"));
        ends.then_some(from + at + 1)
    })
}

/// True for a 2xx, false for a 1xx, which is skipped.
fn judge(head: &[u8]) -> Result<bool, Failure> {
    // httparse would skip empty lines first.
    if !head.starts_with(BEGINNING) {
        return Err(not_http());
    }
    let mut headers = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(refused("the proxy's answer has more than 256 headers"));
        }
        Ok(httparse::Status::Partial) | Err(_) => return Err(not_http()),
    }
    let status = parsed.code.unwrap_or(0);
    match status {
        100..=199 => return Ok(false),
        200..=299 => return Ok(true),
        _ => {}
    }
    let reason = parsed.reason.filter(|reason| !reason.is_empty());
    let sep = if reason.is_some() { " " } else { "" };
    let hint = if status == 407 { " (it asks for user and password)" } else { "" };
    let reason = reason.unwrap_or("");
    let mut failure = refused(format!("the proxy answered HTTP {status}{sep}{reason}{hint}"));
    failure.http_status = status;
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(host: &str, who: Option<&Credentials>) -> String {
        let mut out = Vec::new();
        Connect::begin(&Place { host: host.to_owned(), port: 443 }, who, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn answer(head: &[u8]) -> Result<bool, (u16, String)> {
        let mut connect = Connect { head: Vec::new(), skipped: 0 };
        connect.take(head).map_err(|failure| (failure.http_status, failure.message.to_string()))
    }

    #[test]
    fn requests() {
        let who = Credentials { user: b"Aladdin".to_vec(), password: b"open sesame".to_vec() };
        assert_eq!(
            ask("a.example", Some(&who)),
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\
             Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        );
        assert_eq!(ask("::1", None), "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n");
    }

    #[test]
    fn answers() {
        for good in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.0 200 Connection established\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 204\n\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            assert_eq!(answer(good.as_bytes()), Ok(true), "{good}");
        }
        for half in ["", "HTT", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
            assert_eq!(answer(half.as_bytes()), Ok(false), "{half}");
        }
        let headers = "a: b\r\n".repeat(257);
        let large = format!("a: {}\r\n", "b".repeat(64 << 10));
        for (head, status, message) in [
            (
                "HTTP/1.1 407 Who are you\r\n\r\n".to_owned(),
                407,
                "the proxy answered HTTP 407 Who are you (it asks for user and password)",
            ),
            ("HTTP/1.1 503\r\n\r\n".to_owned(), 503, "the proxy answered HTTP 503"),
            ("HTTP/1.1 301 M\r\n\r\n".to_owned(), 301, "the proxy answered HTTP 301 M"),
            ("SSH-2.0".to_owned(), 0, "the proxy's answer is not HTTP"),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n".to_owned(), 0, "the proxy's answer is not HTTP"),
            ("HTTP/1.1 abc\r\n\r\n".to_owned(), 0, "the proxy's answer is not HTTP"),
            (
                "HTTP/1.1 200 OK\r\n\r\nx".to_owned(),
                0,
                "the proxy sent something behind its answer",
            ),
            (
                format!("HTTP/1.1 200 OK\r\n{headers}\r\n"),
                0,
                "the proxy's answer has more than 256 headers",
            ),
            (format!("HTTP/1.1 200 OK\r\n{large}"), 0, "the proxy's answer is larger than 64 KiB"),
            (
                format!("HTTP/1.1 200 OK\r\n{large}\r\n"),
                0,
                "the proxy's answer is larger than 64 KiB",
            ),
        ] {
            assert_eq!(answer(head.as_bytes()), Err((status, message.to_owned())), "{head}");
        }
    }
}
