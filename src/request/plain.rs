//! URLs as nearly all are written, in which the URL standard changes nothing:
//! taken apart where they stand. Whatever is not plainly one of them is left to
//! the parser of the standard, which costs ten times as much; the two are held
//! against each other in the tests.

/// Where the parts of a plain URL are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) tls: bool,
    /// Where the host begins and ends.
    pub(super) host: (usize, usize),
    /// Where the authority ends: behind the port, if there is one.
    pub(super) authority: usize,
    pub(super) port: u16,
}

/// May stand in a name of lower case, or in an address.
fn in_host(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')
}

/// May stand in a path as it is, and but for the last one in a query.
fn in_path(byte: u8) -> bool {
    in_host(byte)
        || byte.is_ascii_uppercase()
        || matches!(
            byte,
            b'/' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=' | b':' | b'@'
        )
}

/// May stand in a query as it is.
fn in_query(byte: u8) -> bool {
    (in_path(byte) && byte != b'\'') || matches!(byte, b'?' | b'%')
}

/// Takes a plain URL apart: its scheme in lower case, a name or an IPv4 address,
/// perhaps a port that is not the scheme's own, and a path. `None` says nothing
/// about any other.
pub(super) fn parse(text: &str) -> Option<Plain> {
    let bytes = text.as_bytes();
    let (tls, begin) = if bytes.starts_with(b"ws://") {
        (false, 5)
    } else if bytes.starts_with(b"wss://") {
        (true, 6)
    } else {
        return None;
    };
    let rest = bytes.get(begin..)?;
    let len = rest.iter().position(|byte| !in_host(*byte))?;
    let host = text.get(begin..begin + len)?;
    if !is_plain_host(host) {
        return None;
    }
    let mut at = begin + len;
    let mut port = if tls { 443 } else { 80 };
    if bytes.get(at) == Some(&b':') {
        let digits = bytes.get(at + 1..)?;
        let digits = digits.get(..digits.iter().position(|byte| !byte.is_ascii_digit())?)?;
        let told = number(digits)?;
        // What is not written as a rule, or is left out as one, is not plain.
        port = u16::try_from(told).ok().filter(|told| *told != 0 && *told != port)?;
        at += 1 + digits.len();
    }
    let plain = Plain { tls, host: (begin, begin + len), authority: at, port };
    is_plain_resource(bytes.get(at..)?).then_some(plain)
}

/// A number without a zero in front.
fn number(digits: &[u8]) -> Option<u32> {
    match digits {
        [b'0'] => Some(0),
        [] | [b'0', ..] => None,
        _ if digits.len() > 5 => None,
        _ => Some(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))),
    }
}

/// Whether it is a domain that means itself, or an IPv4 address in its usual form.
fn is_plain_host(host: &str) -> bool {
    // 63 of a label and 253 of all of them are what DNS takes.
    if host.len() > 253 {
        return false;
    }
    let last = host.as_bytes().rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if last.first().is_none_or(u8::is_ascii_digit) {
        // The standard takes a host that ends in a number for an address.
        let mut parts = 0;
        return host.as_bytes().split(|byte| *byte == b'.').all(|part| {
            parts += 1;
            parts <= 4
                && part.iter().all(u8::is_ascii_digit)
                && number(part).is_some_and(|number| number < 256)
        }) && parts == 4;
    }
    let mut before = b'.';
    let mut label = 0;
    for byte in host.bytes() {
        // An empty label; one of punycode, or what may not begin or end one.
        let odd = matches!((before, byte), (b'.' | b'-', b'.' | b'-'));
        label = if byte == b'.' { 0 } else { label + 1 };
        if odd || label > 63 {
            return false;
        }
        before = byte;
    }
    before != b'-'
}

/// Whether path and query stay as they are: no byte to be encoded, no segment
/// that begins with a dot.
fn is_plain_resource(resource: &[u8]) -> bool {
    let mut bytes = resource.iter().copied();
    let mut before = bytes.next().unwrap_or_default();
    if before != b'/' {
        return false;
    }
    for byte in bytes.by_ref() {
        if byte == b'?' {
            break;
        }
        if !in_path(byte) || (byte == b'.' && before == b'/') {
            return false;
        }
        before = byte;
    }
    bytes.all(in_query)
}

#[cfg(test)]
mod tests {
    use super::{super::Target, parse};
    use proptest::prelude::*;

    /// Both parsers on a URL; whether it is plain.
    fn agree(text: &str) -> bool {
        let plain = parse(text);
        if let Some(plain) = plain {
            let full = Target::parse_any(text);
            assert!(full.is_ok(), "{text}: {full:?}");
            if let Ok(full) = full {
                assert_eq!(Target::of_plain(text, &plain).ok(), Some(full), "{text}");
            }
        }
        plain.is_some()
    }

    #[test]
    fn plain_urls_are_found() {
        for text in [
            "ws://127.0.0.1:8080/echo",
            "wss://example.com/",
            "ws://a.example/chat/room-1?user=me&x=%20#".trim_end_matches('#'),
            "wss://stream.example.com:9443/ws/btc@trade",
            "ws://localhost:1/",
            "ws://0.0.0.255/a//b",
        ] {
            assert!(agree(text), "{text}");
        }
    }

    #[test]
    fn others_are_left_alone() {
        for text in [
            "",
            "ws:",
            "ws://",
            "ws:///",
            "WS://a/",
            "http://a/",
            "ws://a",
            "ws://a?b",
            "ws://A/",
            "ws://a:80/",
            "wss://a:443/",
            "ws://a:0/",
            "ws://a:08/",
            "ws://a:65536/",
            "ws://a:/",
            "ws://u@a/",
            "ws://[::1]/",
            "ws://1/",
            "ws://1.2.3/",
            "ws://01.2.3.4/",
            "ws://1.2.3.256/",
            "ws://1.2.3.4.5/",
            "ws://a.0x1/",
            "ws://a.1/",
            "ws://a./",
            "ws://.a/",
            "ws://a..b/",
            "ws://xn--a/",
            "ws://a-/",
            "ws://-a/",
            "ws://a-.b/",
            "ws://a/.",
            "ws://a/../b",
            "ws://a/b c",
            "ws://a/%2e",
            "ws://a/#f",
            "ws://a/?'",
            "ws://a/\\",
            "ws://a/ ",
            " ws://a/",
            "ws://a/é",
            "ws://a_b/",
            "ws://a/^",
            "ws://a/|",
        ] {
            assert!(!agree(text), "{text}");
        }
    }

    #[test]
    fn each_character_in_each_place() {
        for url in ["ws://ab.cd/ef?gh", "wss://1.2.3.4:5/a", "ws://a-b:81/x/y?z"] {
            for at in 0..=url.len() {
                for c in '\0'..'\u{250}' {
                    let (before, behind) = url.split_at(at);
                    agree(&format!("{before}{c}{behind}"));
                    agree(&format!("{before}{c}{}", behind.get(1..).unwrap_or_default()));
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

        #[test]
        fn it_says_what_the_standard_says(
            text in "wss?://[a-c0-9x.-]{1,9}(:[0-9]{0,5})?(/[ -~]{0,12})?"
        ) {
            agree(&text);
        }

        #[test]
        fn also_of_addresses_and_long_names(
            text in "wss?://(0x)?[0-9]{1,3}(\\.[0-9a-f]{1,3}){0,4}/|ws://[a-z.-]{50,260}/"
        ) {
            agree(&text);
        }
    }
}
