//! The HTTP upgrade (RFC 6455 §4.1): sends the request, collects the response
//! head however it drips in, and judges it as WHATWG and the RFC have it. The
//! body of a refusal is read for a moment.

mod body;
mod head;

use super::link::Link;
use super::tls_error::explain;
use crate::config::Config;
use crate::drive::context::with_masks;
use crate::error::{Cause, Failure};
use crate::protocol::{DeflateParams, MaskPool};
use crate::socket::Response;
use crate::sys::Time;
use crate::text::Text;
use body::Body;
use data_encoding::BASE64;
use head::{Folds, NO_HEADERS, check, head_end, parse};
use std::io::{self, ErrorKind};
use std::time::Duration;
use tungstenite::handshake::derive_accept_key;

/// Longest response head accepted, all 1xx responses together.
const MAX_HEAD: usize = 64 << 10;
/// What every response head begins with.
const BEGINNING: &[u8] = b"HTTP/1.";
/// How long a refusal waits for its body.
const BODY_TIME: Duration = Duration::from_secs(1);
/// Bytes read at a time: nearly every head lies whole in them.
const CHUNK: usize = 1536;

/// An upgrade under way.
pub(crate) struct Upgrade {
    pub(crate) link: Link,
    request: Vec<u8>,
    sent: usize,
    /// The connection was made just now, and nothing was sent: whatever comes
    /// is told when it comes.
    fresh: bool,
    /// What the kernel said to the request instead of taking it.
    broken: Option<io::Error>,
    answer: Answer,
    /// The refusal whose body is being read.
    refusal: Option<Refusal>,
}

/// The response head as it comes in, judged once it is whole. Does no I/O.
pub(crate) struct Answer {
    accept: String,
    head: Vec<u8>,
    /// Where the search for the end of the head goes on.
    searched: usize,
    /// Bytes of 1xx responses skipped so far.
    skipped: usize,
}

/// A judgement that stands, and the body that came with it.
struct Refusal {
    failure: Failure,
    response: Response,
    body: Body,
    /// When what is there of the body has to do.
    until: Time,
}

/// What a good response agreed on.
pub(crate) struct Agreed {
    pub(crate) response: Response,
    pub(crate) protocol: Option<String>,
    pub(crate) deflate: Option<DeflateParams>,
    /// Bytes that arrived behind the head.
    pub(crate) rest: Vec<u8>,
    /// Perhaps more are there already.
    pub(crate) more: bool,
}

/// A refusal, with the response if one could be read.
pub(crate) struct Refused {
    pub(crate) failure: Failure,
    pub(crate) response: Option<Response>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, response: None }
    }
}

fn handshake(message: impl Into<Text>) -> Failure {
    Failure::new(Cause::Handshake, message)
}

impl Upgrade {
    /// Prepares the request; `build` gets the fresh `Sec-WebSocket-Key`.
    pub(crate) fn new(link: Link, fresh: bool, build: impl FnOnce(&str) -> Vec<u8>) -> Self {
        let mut key = [0; 24];
        BASE64.encode_mut(with_masks(MaskPool::draw::<4>).as_flattened(), &mut key);
        let key = std::str::from_utf8(&key).unwrap_or_default();
        let (request, answer) = (build(key), Answer::new(key));
        Self { link, request, sent: 0, fresh, broken: None, answer, refusal: None }
    }

    /// Whether a part of the request waits for the kernel.
    pub(crate) fn wants_write(&self) -> bool {
        self.refusal.is_none() && (self.sent < self.request.len() || self.link.has_ciphertext())
    }

    /// Offers the request to the kernel, once. An error says that the connection
    /// does not stand.
    pub(crate) fn offer(&mut self) -> io::Result<()> {
        match self.link.write(self.request.get(self.sent..).unwrap_or_default()) {
            Ok(n) => self.sent += n,
            // It stood, if not for long: the server may have said why.
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) =>
            {
                self.broken = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Goes as far as bytes in and out allow.
    pub(crate) fn step(
        &mut self,
        config: &Config,
        protocols: &[String],
    ) -> Result<Option<Agreed>, Refused> {
        if self.refusal.is_none() {
            match self.step_head(config, protocols) {
                Err(refused) if !config.browser_mode => self.await_body(refused)?,
                done => return done,
            }
        }
        if self.step_body() {
            self.refuse()?;
        }
        Ok(None)
    }

    fn step_head(
        &mut self,
        config: &Config,
        protocols: &[String],
    ) -> Result<Option<Agreed>, Refused> {
        // Whoever takes nothing more may have said why before.
        let unsent = match self.broken.take() {
            Some(error) => Some(self.lost(&error)),
            None => self.send().err(),
        };
        if std::mem::take(&mut self.fresh) && unsent.is_none() {
            return Ok(None);
        }
        let mut chunk = [0u8; CHUNK];
        loop {
            let n = match self.link.read(&mut chunk) {
                Ok(0) => return Err(unsent.unwrap_or_else(|| self.ended())),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return unsent.map_or(Ok(None), Err);
                }
                Err(error) => {
                    let lost = self.lost(&error);
                    let alert = lost.failure.cause == Cause::Tls;
                    return Err(unsent.filter(|_| !alert).unwrap_or(lost));
                }
            };
            let bytes = chunk.get(..n).unwrap_or_default();
            if let Some(mut agreed) = self.answer.take(bytes, config, protocols)? {
                agreed.more = self.link.is_tls() || n == chunk.len();
                return Ok(Some(agreed));
            }
        }
    }

    /// Keeps a refusal back if it has a body to come.
    fn await_body(&mut self, refused: Refused) -> Result<(), Refused> {
        let Refused { failure, response: Some(response) } = refused else { return Err(refused) };
        let Some(mut body) = Body::of(&response) else {
            return Err(Refused { failure, response: Some(response) });
        };
        let complete = body.take(&std::mem::take(&mut self.answer.head));
        let until = Time::now().after(BODY_TIME);
        self.refusal = Some(Refusal { failure, response, body, until });
        if complete { self.refuse() } else { Ok(()) }
    }

    /// Reads the body of a refusal; true once no more of it will come or is
    /// needed.
    fn step_body(&mut self) -> bool {
        let Some(refusal) = &mut self.refusal else { return false };
        let mut chunk = [0u8; 4096];
        loop {
            match self.link.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // The refusal stands however the connection ends.
                Ok(0) | Err(_) => return true,
                Ok(n) if refusal.body.take(chunk.get(..n).unwrap_or_default()) => return true,
                Ok(_) => {}
            }
        }
    }

    /// When [`Upgrade::refuse`] is due, if a refusal is being held back.
    pub(crate) fn refusal_due(&self) -> Option<Time> {
        self.refusal.as_ref().map(|refusal| refusal.until)
    }

    /// Fails with the refusal that is being held back, if there is one, and
    /// with what came of its body.
    pub(crate) fn refuse(&mut self) -> Result<(), Refused> {
        let Some(Refusal { failure, mut response, body, .. }) = self.refusal.take() else {
            return Ok(());
        };
        response.set_body(body.into_bytes());
        Err(Refused { failure, response: Some(response) })
    }

    fn send(&mut self) -> Result<(), Refused> {
        while let Some(rest) = self.request.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.link.write(rest) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(self.lost(&error)),
            }
        }
        if self.link.has_ciphertext() {
            self.link.flush().map_err(|error| self.lost(&error))?;
        }
        Ok(())
    }

    /// The connection broke: over TLS an alert in answer to our part of the
    /// handshake may be what arrives (TLS 1.3 refuses a client certificate
    /// only after our side is done).
    fn lost(&self, error: &io::Error) -> Refused {
        if self.link.is_secure() && error.raw_os_error().is_none() {
            return Failure::new(Cause::Tls, explain(&error.to_string(), "")).into();
        }
        Failure::os(Cause::Handshake, "the connection was lost during the upgrade", error).into()
    }

    fn ended(&self) -> Refused {
        handshake(if self.answer.head.is_empty() {
            "the server closed the connection without answering the upgrade"
        } else {
            "the server closed the connection inside the response head"
        })
        .into()
    }
}

impl Answer {
    /// The answer to a request with this `Sec-WebSocket-Key`.
    pub(crate) fn new(key: &str) -> Self {
        Self {
            accept: derive_accept_key(key.as_bytes()),
            head: Vec::new(),
            searched: 0,
            skipped: 0,
        }
    }

    /// Takes the next bytes; `None` while more are needed.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        config: &Config,
        protocols: &[String],
    ) -> Result<Option<Agreed>, Refused> {
        if self.head.is_empty() && self.skipped == 0 && bytes.starts_with(BEGINNING) {
            // Nearly every head comes whole: it is judged where it lies.
            let mut headers = NO_HEADERS;
            if let Ok(Some((head, end))) = parse(bytes, Folds::Refused, &mut headers)
                && end <= MAX_HEAD
            {
                debug_assert_eq!(head_end(bytes, 0), Some(end), "the head ends where lines say so");
                if !head.is_preliminary() {
                    let rest = bytes.get(end..).unwrap_or_default();
                    return match check(&head, &self.accept, config, protocols) {
                        Ok(judged) => Ok(Some(head.agreed(judged, rest.to_vec()))),
                        Err(failure) => {
                            self.head = rest.to_vec();
                            Err(head.refused(failure))
                        }
                    };
                }
            }
        }
        self.head.extend_from_slice(bytes);
        while let Some(end) = head_end(&self.head, self.searched) {
            if let Some(agreed) = self.judge(end, config, protocols)? {
                return Ok(Some(agreed));
            }
        }
        self.searched = self.head.len();
        if !self.may_be_http() {
            return Err(handshake("the response is not HTTP").into());
        }
        if self.skipped + self.head.len() > MAX_HEAD {
            return Err(handshake("the response head is larger than 64 KiB").into());
        }
        Ok(None)
    }

    /// Whether what came of the head can be the beginning of one. The parser
    /// passes over an empty line in front of it.
    fn may_be_http(&self) -> bool {
        let head = self.head.as_slice();
        let line = head.strip_prefix(b"\r\n").or_else(|| head.strip_prefix(b"\n")).unwrap_or(head);
        head == b"\r" || line.iter().zip(BEGINNING).all(|(byte, want)| byte == want)
    }

    /// Judges the head before `end`; `None` for a 1xx response, which is
    /// skipped.
    fn judge(
        &mut self,
        end: usize,
        config: &Config,
        protocols: &[String],
    ) -> Result<Option<Agreed>, Refused> {
        let rest = self.head.split_off(end);
        let bytes = std::mem::replace(&mut self.head, rest);
        self.searched = 0;
        if self.skipped + bytes.len() > MAX_HEAD {
            return Err(handshake("the response head is larger than 64 KiB").into());
        }
        let mut headers = NO_HEADERS;
        let head = match parse(&bytes, Folds::Taken, &mut headers) {
            Ok(Some((head, _))) => head,
            Err(httparse::Error::TooManyHeaders) => {
                return Err(handshake("the response has more than 256 headers").into());
            }
            Ok(None) | Err(_) => return Err(handshake("the response is not HTTP").into()),
        };
        if head.is_preliminary() {
            self.skipped += bytes.len();
            return Ok(None);
        }
        match check(&head, &self.accept, config, protocols) {
            Ok(judged) => Ok(Some(head.agreed(judged, std::mem::take(&mut self.head)))),
            Err(failure) => Err(head.refused(failure)),
        }
    }
}
