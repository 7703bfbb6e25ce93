//! What a proxy answers, to SOCKS 5 or to CONNECT, in random pieces. The judge of
//! SOCKS is a reading of RFC 1928 and RFC 1929 below, that of CONNECT is httparse.

use super::input::Input;
use wskt::config::{Credentials, Place, Proxy, ProxyKind};
use wskt::fuzzing::{Tunnelled, tunnel};

/// How a proxy's bytes end, however they are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Waits,
    /// The answers that grant the tunnel end here.
    Granted(usize),
    /// The answer that is refused begins here.
    Refused(usize),
}

/// Settings, user and password, the lengths of the pieces, then the bytes of a proxy.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let settings = input.byte();
    let kind = if settings & 1 == 0 { ProxyKind::Socks5 } else { ProxyKind::Http };
    let longest = "x".repeat(255);
    let host = ["a.example", "1.2.3.4", "::1", &longest][usize::from(settings >> 2 & 3)];
    let credentials = (settings & 2 != 0)
        .then(|| Credentials { user: input.string().to_vec(), password: input.string().to_vec() });
    let cuts = input.cuts();
    let wire = input.rest();
    let server = Place { host: host.to_owned(), port: 0x1234 };
    let proxy = Proxy { kind, host: "proxy.example".to_owned(), port: 1080, credentials };
    let (verdict, sent) = match kind {
        ProxyKind::Socks5 => socks(&proxy, &server, wire),
        _ => connect(&proxy, &server, wire),
    };
    for cuts in [&[usize::MAX], &[1], cuts.as_slice()] {
        let pieces = super::judge::Pieces::new(wire, cuts).0;
        // The client speaks first through the tunnel: what comes in the same piece
        // as the end of the answer is not the server's.
        let granted = |end| {
            let ends = pieces.iter().scan(0, |at, piece| {
                *at += piece.len();
                Some(*at)
            });
            ends.into_iter().any(|at| at == end)
        };
        let (ours, our_sent) = tunnel(&proxy, &server, pieces.iter().map(Vec::as_slice));
        let told = format!("{ours:?} {verdict:?} in pieces of {cuts:?}");
        match (&ours, verdict) {
            (Tunnelled::Stands, Verdict::Granted(end)) => assert!(granted(end), "{told}"),
            (Tunnelled::Failed(why), Verdict::Granted(end)) => {
                assert!(!granted(end), "{told}");
                assert_eq!(why, "the proxy sent something behind its answer", "{told}");
            }
            (Tunnelled::Failed(why), Verdict::Refused(_)) => assert!(!why.is_empty(), "{told}"),
            (Tunnelled::Waits, Verdict::Waits) => {}
            // A bad header line is judged once the head is whole.
            (Tunnelled::Waits, Verdict::Refused(at)) if kind == ProxyKind::Http => {
                assert!(!ends_head(&wire[at..]), "{told}");
            }
            _ => panic!("{told}"),
        }
        assert_eq!(our_sent, sent, "{told}");
    }
}

fn ends_head(wire: &[u8]) -> bool {
    wire.windows(2).any(|two| two == b"\n\n") || wire.windows(3).any(|three| three == b"\n\r\n")
}

/// The head of a request is all that is sent, whatever comes.
fn connect(proxy: &Proxy, server: &Place, wire: &[u8]) -> (Verdict, Vec<u8>) {
    let place = match server.host.as_str() {
        "::1" => "[::1]:4660".to_owned(),
        host => format!("{host}:4660"),
    };
    let mut sent = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
    if let Some(Credentials { user, password }) = &proxy.credentials {
        let pair = [user.as_slice(), b":", password].concat();
        sent += &format!("Proxy-Authorization: Basic {}\r\n", base64(&pair));
    }
    sent += "\r\n";
    (responses(wire), sent.into_bytes())
}

fn responses(wire: &[u8]) -> Verdict {
    let mut at = 0;
    loop {
        let rest = &wire[at..];
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut response = httparse::Response::new(&mut headers);
        // httparse skips empty lines before a response; a proxy sends none.
        if rest.first().is_some_and(|first| *first != b'H') {
            return Verdict::Refused(at);
        }
        match response.parse(rest) {
            Ok(httparse::Status::Partial) => return Verdict::Waits,
            Ok(httparse::Status::Complete(len)) => match response.code {
                Some(100..=199) => at += len,
                Some(200..=299) => return Verdict::Granted(at + len),
                _ => return Verdict::Refused(at),
            },
            Err(_) => return Verdict::Refused(at),
        }
    }
}

/// RFC 1928 and RFC 1929, as if all had come at once.
fn socks(proxy: &Proxy, server: &Place, wire: &[u8]) -> (Verdict, Vec<u8>) {
    let who = proxy.credentials.as_ref();
    let mut sent = vec![5, 1, 0];
    if who.is_some() {
        sent = vec![5, 2, 0, 2];
    }
    let mut at = 0;
    let verdict = answers(who, server, wire, &mut at, &mut sent);
    (verdict.unwrap_or(Verdict::Waits), sent)
}

/// None once the bytes are used up.
fn answers(
    who: Option<&Credentials>,
    server: &Place,
    wire: &[u8],
    at: &mut usize,
    sent: &mut Vec<u8>,
) -> Option<Verdict> {
    let mut byte = || {
        *at += 1;
        wire.get(*at - 1).copied()
    };
    if byte()? != 5 {
        return Some(Verdict::Refused(0));
    }
    match (byte()?, who) {
        (0, _) => {}
        (2, Some(Credentials { user, password })) => {
            sent.extend([1, user.len() as u8]);
            sent.extend(user);
            sent.push(password.len() as u8);
            sent.extend(password);
            if byte()? != 1 || byte()? != 0 {
                return Some(Verdict::Refused(0));
            }
        }
        _ => return Some(Verdict::Refused(0)),
    }
    sent.extend([5, 1, 0]);
    match server.host.as_str() {
        "1.2.3.4" => sent.extend([1, 1, 2, 3, 4]),
        "::1" => sent.extend([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        name => {
            sent.extend([3, name.len() as u8]);
            sent.extend(name.bytes());
        }
    }
    sent.extend([0x12, 0x34]);
    if byte()? != 5 || byte()? != 0 {
        return Some(Verdict::Refused(0));
    }
    byte()?;
    let address = match byte()? {
        1 => 4,
        4 => 16,
        3 => usize::from(byte()?),
        _ => return Some(Verdict::Refused(0)),
    };
    for _ in 0..address + 2 {
        byte()?;
    }
    Some(Verdict::Granted(*at))
}

/// RFC 4648 §4, bit by bit.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(three.get(at).copied().unwrap_or(0));
        }
        for digit in 0..4 {
            text.push(if digit <= three.len() {
                char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize])
            } else {
                '='
            });
        }
    }
    text
}
