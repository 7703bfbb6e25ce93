//! SOCKS 5 (RFC 1928) with user and password (RFC 1929). A name is the
//! proxy's to resolve.

use super::{nothing_behind, refused};
use crate::config::{Credentials, Place};
use crate::error::Failure;
use std::net::IpAddr;

const VERSION: u8 = 5;
const AUTH_VERSION: u8 = 1;
const NO_AUTH: u8 = 0;
const USER_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// Our side of the talk.
pub(crate) struct Client {
    state: State,
    /// What came and was not used yet; never more than an answer.
    have: Vec<u8>,
    /// The request that follows once the proxy knows us.
    request: Vec<u8>,
    /// The message that tells who we are.
    who: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Method,
    Auth,
    Reply,
    Done,
}

impl Client {
    pub(super) fn begin(
        server: &Place,
        who: Option<&Credentials>,
        out: &mut Vec<u8>,
    ) -> Result<Self, Failure> {
        let who = who.map(|Credentials { user, password }| {
            let mut message = vec![AUTH_VERSION];
            for text in [user, password] {
                // The setter takes no longer ones.
                message.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                message.extend_from_slice(text);
            }
            message
        });
        // No authorization is offered too: many proxies know us by our address.
        out.extend_from_slice(match who {
            Some(_) => &[VERSION, 2, NO_AUTH, USER_PASSWORD],
            None => &[VERSION, 1, NO_AUTH],
        });
        let request = request(server)?;
        Ok(Self { state: State::Method, have: Vec::new(), request, who })
    }

    pub(super) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<bool, Failure> {
        self.have.extend_from_slice(bytes);
        loop {
            match (self.state, self.have.as_slice()) {
                (State::Method, [VERSION, method, ..]) => {
                    let method = *method;
                    self.have.drain(..2);
                    match (method, self.who.take()) {
                        (NO_AUTH, _) => self.ask(out),
                        (USER_PASSWORD, Some(who)) => {
                            out.extend_from_slice(&who);
                            self.state = State::Auth;
                        }
                        (NO_METHOD, Some(_)) => {
                            return Err(refused(
                                "the proxy takes neither user and password nor none",
                            ));
                        }
                        (NO_METHOD | USER_PASSWORD, None) => {
                            return Err(refused("the proxy asks for user and password"));
                        }
                        _ => return Err(refused("the proxy picked a method that was not offered")),
                    }
                }
                (State::Auth, [AUTH_VERSION, status, ..]) => {
                    if *status != 0 {
                        return Err(refused("the proxy refused user and password"));
                    }
                    self.have.drain(..2);
                    self.ask(out);
                }
                (State::Reply, [VERSION, 0, _, kind, rest @ ..]) => {
                    let address = match *kind {
                        IPV4 => 4,
                        IPV6 => 16,
                        DOMAIN => match rest.first() {
                            Some(len) => 1 + usize::from(*len),
                            None => return Ok(false),
                        },
                        _ => return Err(not_socks()),
                    };
                    // The port stands behind the address.
                    let Some(behind) = rest.get(address + 2..) else { return Ok(false) };
                    self.state = State::Done;
                    return nothing_behind(behind);
                }
                (State::Reply, [VERSION, code, ..]) if *code != 0 => {
                    return Err(refused(format!("the proxy refused: {}", meaning(*code))));
                }
                (State::Reply, [VERSION] | [VERSION, 0] | [VERSION, 0, _])
                | (State::Method, [] | [VERSION])
                | (State::Auth, [] | [AUTH_VERSION])
                | (State::Reply, []) => return Ok(false),
                _ => return Err(not_socks()),
            }
        }
    }

    /// Whether the request was sent, and the answer is about it.
    pub(super) fn was_asked(&self) -> bool {
        self.state == State::Reply
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.request);
        self.state = State::Reply;
    }
}

fn not_socks() -> Failure {
    refused("the proxy's answer is not SOCKS 5")
}

fn request(server: &Place) -> Result<Vec<u8>, Failure> {
    let mut out = vec![VERSION, CONNECT, 0];
    match server.host.parse() {
        Ok(IpAddr::V4(ip)) => {
            out.push(IPV4);
            out.extend_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            out.push(IPV6);
            out.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            let Ok(len) = u8::try_from(server.host.len()) else {
                return Err(refused("the host's name is longer than SOCKS 5 allows"));
            };
            out.extend_from_slice(&[DOMAIN, len]);
            out.extend_from_slice(server.host.as_bytes());
        }
    }
    out.extend_from_slice(&server.port.to_be_bytes());
    Ok(out)
}

/// The reply codes of RFC 1928 §6.
fn meaning(code: u8) -> String {
    let text = match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "it does not know CONNECT",
        8 => "it does not know this kind of address",
        _ => return format!("code {code}"),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What we send when the proxy sends this, and what comes of it.
    fn talk(host: &str, login: bool, answer: &[u8]) -> (Vec<u8>, Result<bool, String>) {
        let who = Credentials { user: b"me".to_vec(), password: b"pw".to_vec() };
        let mut out = Vec::new();
        let place = Place { host: host.to_owned(), port: 0x1234 };
        let done = Client::begin(&place, login.then_some(&who), &mut out)
            .and_then(|mut client| client.take(answer, &mut out));
        (out, done.map_err(|failure| failure.message.to_string()))
    }

    #[test]
    fn requests() {
        let (out, done) = talk("1.2.3.4", false, b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0");
        assert_eq!(out, b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x12\x34");
        assert_eq!(done, Ok(true));
        let (out, done) = talk("a.b", true, b"\x05\x02\x01\x00\x05\x00\x00\x03\x02xy\0\0");
        assert_eq!(out, b"\x05\x02\x00\x02\x01\x02me\x02pw\x05\x01\x00\x03\x03a.b\x12\x34");
        assert_eq!(done, Ok(true));
        let (out, done) = talk("::1", true, b"\x05\x00\x05\x00\x00\x04\0\0\0\0");
        let want = b"\x05\x02\x00\x02\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34";
        assert_eq!(out, want);
        assert_eq!(done, Ok(false));
        let (_, done) = talk(&"a".repeat(256), false, b"");
        assert_eq!(done, Err("the host's name is longer than SOCKS 5 allows".to_owned()));
    }

    #[test]
    fn refusals() {
        for (login, answer, message) in [
            (false, &b"HTTP"[..], "the proxy's answer is not SOCKS 5"),
            (false, b"\x04", "the proxy's answer is not SOCKS 5"),
            (false, b"\x05\xff", "the proxy asks for user and password"),
            (false, b"\x05\x02", "the proxy asks for user and password"),
            (true, b"\x05\xff", "the proxy takes neither user and password nor none"),
            (true, b"\x05\x01", "the proxy picked a method that was not offered"),
            (true, b"\x05\x02\x01\x01", "the proxy refused user and password"),
            (true, b"\x05\x02\x05", "the proxy's answer is not SOCKS 5"),
            (false, b"\x05\x00\x05\x05", "the proxy refused: connection refused"),
            (false, b"\x05\x00\x05\x63", "the proxy refused: code 99"),
            (false, b"\x05\x00\x05\x00\x00\x02", "the proxy's answer is not SOCKS 5"),
            (
                false,
                b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0x",
                "the proxy sent something behind its answer",
            ),
        ] {
            assert_eq!(talk("a", login, answer).1, Err(message.to_owned()), "{answer:?}");
        }
    }
}
