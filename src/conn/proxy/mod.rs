//! A proxy is asked for a tunnel to the server. The protocols do no I/O: bytes
//! in, bytes out (`http.rs`, `socks5.rs`).

mod http;
mod socks5;

use super::link::{Flushed, Link};
use crate::config::{Place, Proxy, ProxyKind};
use crate::error::{Cause, Failure};
use crate::text::Text;
use std::io::ErrorKind;

/// One side of a talk with a proxy.
pub(crate) enum Talk {
    Http(http::Connect),
    Socks5(socks5::Client),
}

/// A tunnel being asked for.
pub(crate) struct Tunnel {
    link: Option<Link>,
    talk: Talk,
    out: Vec<u8>,
    sent: usize,
}

fn refused(message: impl Into<Text>) -> Failure {
    Failure::new(Cause::Proxy, message)
}

impl Talk {
    /// Begins; `out` receives what is to be sent.
    pub(crate) fn begin(proxy: &Proxy, server: &Place, out: &mut Vec<u8>) -> Result<Self, Failure> {
        let who = proxy.credentials.as_ref();
        Ok(match proxy.kind {
            ProxyKind::Http | ProxyKind::Https => {
                Self::Http(http::Connect::begin(server, who, out))
            }
            ProxyKind::Socks5 | ProxyKind::Socks5Local => {
                Self::Socks5(socks5::Client::begin(server, who, out)?)
            }
        })
    }

    /// Takes what the proxy sent and adds to `out` what it gets for it; true
    /// once the tunnel stands.
    pub(crate) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<bool, Failure> {
        match self {
            Self::Http(connect) => connect.take(bytes),
            Self::Socks5(client) => client.take(bytes, out),
        }
    }
}

impl Tunnel {
    /// Asks the proxy at the other end of `link` for a tunnel to `server`.
    pub(crate) fn new(link: Link, proxy: &Proxy, server: &Place) -> Result<Self, Failure> {
        let mut out = Vec::new();
        let talk = Talk::begin(proxy, server, &mut out)?;
        Ok(Self { link: Some(link), talk, out, sent: 0 })
    }

    pub(crate) fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }

    /// Whether the proxy knows where we want to go, and its refusal is about
    /// that.
    pub(crate) fn was_asked(&self) -> bool {
        match &self.talk {
            Talk::Http(_) => true,
            Talk::Socks5(client) => client.was_asked(),
        }
    }

    /// Whether bytes wait for the kernel.
    pub(crate) fn wants_write(&self) -> bool {
        self.sent < self.out.len() || self.link.as_ref().is_some_and(Link::has_ciphertext)
    }

    /// Goes as far as bytes in and out allow; the tunnel, once it stands.
    pub(crate) fn step(&mut self) -> Result<Option<Link>, Failure> {
        let Some(link) = &mut self.link else { return Ok(None) };
        let lost = |error: &std::io::Error| {
            Failure::os(Cause::Proxy, "the connection to the proxy was lost", error)
        };
        let mut chunk = [0u8; 1024];
        loop {
            match link.send_all(&self.out, &mut self.sent) {
                Ok(Flushed::All | Flushed::Full) => {}
                Err(error) => return Err(lost(&error)),
            }
            let n = match link.read(&mut chunk) {
                Ok(0) => return Err(refused("the proxy closed the connection")),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(lost(&error)),
            };
            if self.talk.take(chunk.get(..n).unwrap_or_default(), &mut self.out)? {
                return Ok(self.link.take());
            }
        }
    }
}

/// The client speaks first through the tunnel, with TLS and without: what
/// comes before is not the server's.
fn nothing_behind(rest: &[u8]) -> Result<bool, Failure> {
    if rest.is_empty() {
        return Ok(true);
    }
    Err(refused("the proxy sent something behind its answer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credentials;
    use proptest::prelude::*;

    fn proxy(kind: ProxyKind) -> Proxy {
        let credentials = Some(Credentials { user: b"u".to_vec(), password: b"p".to_vec() });
        Proxy { kind, host: "p".to_owned(), port: 1, credentials }
    }

    /// How a talk ends when the proxy's bytes come in pieces.
    fn judge(kind: ProxyKind, pieces: &[&[u8]]) -> Result<bool, String> {
        let mut out = Vec::new();
        let server = Place { host: "a.example".to_owned(), port: 80 };
        let mut talk =
            Talk::begin(&proxy(kind), &server, &mut out).map_err(|f| f.message.to_string())?;
        for piece in pieces {
            if talk.take(piece, &mut out).map_err(|failure| failure.message.to_string())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            socks in any::<bool>(),
            start in prop::sample::select(vec![
                &b""[..], b"HTTP/1.1 200 x\r\n\r\n", b"HTTP/1.1 407\r\na: b\r\n\r\n", b"\x05\x02\x01\x00",
                b"\x05\x02\x01\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x01", b"\x05\x00\x05\x05\x00\x03\x01a\x00\x00",
            ]),
            rest in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let kind = if socks { ProxyKind::Socks5 } else { ProxyKind::Http };
            let bytes: Vec<u8> = start.iter().copied().chain(rest).collect();
            let singles: Vec<&[u8]> = bytes.chunks(1).collect();
            let dripped = judge(kind, &singles);
            match judge(kind, &[&bytes]) {
                // Dripping, the tunnel stands before more can come.
                Err(message) if message.contains("behind its answer") => {
                    prop_assert_eq!(dripped, Ok(true));
                }
                whole => prop_assert_eq!(dripped, whole),
            }
        }
    }
}
