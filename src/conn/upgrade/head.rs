//! A response head: where it ends, what it says, and whether that agrees to the
//! upgrade (RFC 6455 §4.1, RFC 9112). Keeps nothing.

use super::{Agreed, Refused, handshake};
use crate::config::Config;
use crate::error::{Cause, Failure};
use crate::protocol::{DeflateParams, EXTENSIONS, negotiate};
use crate::socket::Response;
use std::borrow::Cow;
use std::mem::MaybeUninit;

/// Most header lines accepted.
const MAX_HEADERS: usize = 256;

/// Where the head ends, behind its empty line; it does not end before `searched`.
/// RFC 9112 §2.2 lets a recipient take a bare LF for a line end.
pub(super) fn head_end(head: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(2);
    let mut lines = head.get(from..)?.split_inclusive(|byte| *byte == b'\n');
    let mut at = from + lines.next().map_or(0, <[u8]>::len);
    lines.find_map(|line| {
        at += line.len();
        matches!(line, b"\n" | b"\r\n").then_some(at)
    })
}

/// Where the parser puts what it finds.
pub(super) type Headers<'a> = [MaybeUninit<httparse::Header<'a>>; MAX_HEADERS];
pub(super) const NO_HEADERS: Headers<'_> = [const { MaybeUninit::uninit() }; MAX_HEADERS];

/// Whether the lines of a header may be folded, which RFC 9112 §5.2 lets a
/// recipient take and nobody should send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folds {
    Taken,
    Refused,
}

/// A response head, parsed where it lies.
pub(super) struct Head<'a> {
    bytes: &'a [u8],
    /// The same, if it is UTF-8 and nothing is folded.
    text: Option<&'a str>,
    status: u16,
    http11: bool,
    reason: &'a str,
    headers: &'a [httparse::Header<'a>],
}

/// Parses a head, and says where it ends; `None` if it does not.
pub(super) fn parse<'a>(
    bytes: &'a [u8],
    folds: Folds,
    headers: &'a mut Headers<'a>,
) -> Result<Option<(Head<'a>, usize)>, httparse::Error> {
    let mut parsed = httparse::Response::new(&mut []);
    let mut parser = httparse::ParserConfig::default();
    parser.allow_obsolete_multiline_headers_in_responses(folds == Folds::Taken);
    match parser.parse_response_with_uninit_headers(&mut parsed, bytes, headers)? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(end) => {
            let text = bytes.get(..end).filter(|_| folds == Folds::Refused);
            let head = Head {
                bytes,
                text: text.and_then(|text| simdutf8::basic::from_utf8(text).ok()),
                status: parsed.code.unwrap_or(0),
                http11: parsed.version == Some(1),
                reason: parsed.reason.unwrap_or(""),
                headers: parsed.headers,
            };
            Ok(Some((head, end)))
        }
    }
}

/// What a good response agrees on: the subprotocol, and the compression.
pub(super) type Judged = (Option<String>, Option<DeflateParams>);

impl<'a> Head<'a> {
    /// Whether another response follows this one.
    pub(super) fn is_preliminary(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    /// The values of every header of this name.
    fn all(&self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let named = move |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|header| self.value_of(header))
    }

    fn response(&self) -> Response {
        let size = |header: &httparse::Header<'_>| header.name.len() + header.value.len() + 2;
        let size = self.reason.len() + 1 + self.headers.iter().map(size).sum::<usize>();
        let headers = self.headers.iter().map(|header| (header.name, self.value_of(header)));
        Response::new(self.status, self.reason, size, headers)
    }

    pub(super) fn agreed(&self, (protocol, deflate): Judged, rest: Vec<u8>) -> Agreed {
        Agreed { response: self.response(), protocol, deflate, rest, more: true }
    }

    pub(super) fn refused(&self, failure: Failure) -> Refused {
        Refused { failure, response: Some(self.response()) }
    }

    /// The value of a header; one whose lines were folded comes on one line.
    fn value_of(&self, header: &httparse::Header<'a>) -> Cow<'a, str> {
        let at = header.value.as_ptr().addr().wrapping_sub(self.bytes.as_ptr().addr());
        match self.text.and_then(|text| text.get(at..)?.get(..header.value.len())) {
            Some(value) => value.into(),
            None => unfolded(String::from_utf8_lossy(header.value)),
        }
    }
}

fn unfolded(value: Cow<'_, str>) -> Cow<'_, str> {
    if !value.contains('\n') {
        return value;
    }
    let lines = value.split('\n').map(|line| line.trim_matches([' ', '\t', '\r']));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ").into()
}

/// RFC 6455 §4.1 on the client's validation of the server's response; the
/// answer is the subprotocol and what was agreed about compression.
pub(super) fn check(
    head: &Head<'_>,
    accept: &str,
    config: &Config,
    protocols: &[String],
) -> Result<Judged, Failure> {
    if head.status != 101 {
        let sep = if head.reason.is_empty() { "" } else { " " };
        let hint = match head.status {
            300..=399 => " (redirects are not followed)",
            _ => "",
        };
        let message = format!("HTTP {}{sep}{}{hint}", head.status, head.reason);
        let mut failure = Failure::new(Cause::Http, message);
        failure.http_status = head.status;
        return Err(failure);
    }
    if !head.http11 {
        return Err(handshake("the server answered the upgrade with HTTP/1.0"));
    }
    let mut upgrade = head.all("Upgrade");
    if !upgrade.next().is_some_and(|v| v.eq_ignore_ascii_case("websocket"))
        || upgrade.next().is_some()
    {
        return Err(handshake("the response has no \"Upgrade: websocket\""));
    }
    let is_upgrade = |token: &str| token.trim_matches([' ', '\t']).eq_ignore_ascii_case("upgrade");
    let upgraded = head.all("Connection").any(|value| value.split(',').any(is_upgrade));
    if !upgraded {
        return Err(handshake("the response has no \"Connection: Upgrade\""));
    }
    let mut accepts = head.all("Sec-WebSocket-Accept");
    match (accepts.next(), accepts.next()) {
        (None, _) => return Err(handshake("the response has no Sec-WebSocket-Accept")),
        (Some(_), Some(_)) => {
            return Err(handshake("the response has Sec-WebSocket-Accept twice"));
        }
        (Some(value), None) if value != accept => {
            return Err(handshake("the response has the wrong Sec-WebSocket-Accept"));
        }
        (Some(_), None) => {}
    }
    let deflate = negotiate(config.deflate.offered(), head.all(EXTENSIONS))
        .map_err(|what| handshake(format!("the server picked {what}")))?;
    Ok((subprotocol(head, config, protocols)?, deflate))
}

/// The subprotocol the server picked, which must be one that was offered.
fn subprotocol(
    head: &Head<'_>,
    config: &Config,
    protocols: &[String],
) -> Result<Option<String>, Failure> {
    let mut picked = head.all("Sec-WebSocket-Protocol");
    match (picked.next(), picked.next()) {
        (None, _) if protocols.is_empty() || config.request.allow_missing_protocol => Ok(None),
        (None, _) => Err(handshake("the server picked none of the subprotocols offered")),
        (Some(_), Some(_)) => Err(handshake("the response has Sec-WebSocket-Protocol twice")),
        (Some(name), None) if protocols.iter().any(|offered| *offered == name) => {
            Ok(Some(name.into_owned()))
        }
        (Some(name), None) => {
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            Err(handshake(format!(
                "the server picked a subprotocol that was not offered: {name:?}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Folds, NO_HEADERS, head_end, parse};
    use crate::config::Config;
    use crate::fuzzing::{Upgraded, upgrade};
    use proptest::prelude::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const PIECES: [&[u8]; 18] = [
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 101\n",
        b"HTTP/1.1 103 Early\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"Upgrade: websocket\r\n",
        b"Connection: keep-alive, Upgrade\n",
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        b"Sec-WebSocket-Accept:\r\n s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        b"Sec-WebSocket-Accept: another\r\n",
        b"X: caf\xc3\xa9\r\n",
        b"X: \xff\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"a: \0\r\n",
        b"rest",
    ];
    /// A good answer.
    const GOOD: [usize; 5] = [0, 4, 5, 6, 12];

    fn joined(pieces: &[usize]) -> Vec<u8> {
        pieces.iter().filter_map(|at| PIECES.get(*at)).flat_map(|piece| piece.to_vec()).collect()
    }

    /// What comes of it in one piece is what comes of it byte by byte.
    fn judged(bytes: &[u8]) -> Upgraded {
        let config = Config::default();
        let whole = upgrade(KEY, &config, &[], [bytes]);
        let dripping = upgrade(KEY, &config, &[], bytes.chunks(1));
        assert_eq!(whole, dripping, "{:?}", String::from_utf8_lossy(bytes));
        whole
    }

    #[test]
    fn a_good_answer_is_taken() {
        let open = |rest: &[u8]| Upgraded::Open { protocol: None, rest: rest.to_vec() };
        assert_eq!(judged(&joined(&GOOD)), open(b""));
        assert_eq!(judged(&joined(&[2, 0, 4, 5, 7, 9, 14, 17])), open(b"rest"));
        assert_eq!(judged(&joined(&[0, 4, 5, 7, 10, 12])), open(b""));
        assert!(matches!(judged(&joined(&[0, 4, 5, 8, 12])), Upgraded::Failed(_)));
        assert!(matches!(judged(&joined(&[3, 4, 5, 6, 12])), Upgraded::Failed(_)));
        assert_eq!(judged(&joined(&[0, 4, 5, 6])), Upgraded::Waits);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

        #[test]
        fn it_does_not_matter_how_it_comes(
            good in 0..6_usize,
            pieces in prop::collection::vec(0..PIECES.len(), 0..8),
        ) {
            let front = GOOD.get(..good).unwrap_or_default();
            let bytes = joined(&[front, pieces.as_slice()].concat());
            judged(&bytes);
            // The parser ends where the empty line is.
            let mut headers = NO_HEADERS;
            if bytes.starts_with(b"HTTP/1.")
                && let Ok(Some((_, end))) = parse(&bytes, Folds::Refused, &mut headers)
            {
                prop_assert_eq!(head_end(&bytes, 0), Some(end));
            }
        }
    }
}
