//! Close codes and the body of a Close frame (RFC 6455, 5.5.1 and 7.4).
//! Knows no frame header and keeps no state.

use super::violation::ViolationKind;
use std::str;
use tungstenite::protocol::frame::coding::CloseCode;

/// The longest reason a Close frame can carry, in bytes: a control frame
/// less the code.
pub const MAX_REASON: usize = 123;

/// Which close codes are accepted from the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CloseRules {
    /// RFC 6455 and its registry: 1000-1003, 1007-1014, 3000-4999.
    #[default]
    Strict,
    /// As browsers do: anything but 1005, 1006 and 1015.
    Browser,
}

/// The content of the peer's Close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerClose<'a> {
    /// The code; none if the body is empty, which an event reports as 1005.
    pub code: Option<u16>,
    /// The reason, at most 123 bytes; empty without a code.
    pub reason: &'a str,
}

/// Whether a Close frame may carry the code at all. 1005, 1006 and 1015 are
/// for reports only (7.4.1).
pub const fn on_the_wire(code: u16) -> bool {
    !matches!(code, 1005 | 1006 | 1015)
}

/// Whether a Close frame from the peer may carry the code under `rules`.
pub fn acceptable(code: u16, rules: CloseRules) -> bool {
    match rules {
        // The registry has 1014 (bad gateway) since RFC 6455; tungstenite not.
        CloseRules::Strict => code == 1014 || CloseCode::from(code).is_allowed(),
        CloseRules::Browser => on_the_wire(code),
    }
}

/// Whether a program may close with the code (WHATWG WebSockets, `close()`).
pub const fn sendable(code: u16) -> bool {
    matches!(code, 1000 | 3000..=4999)
}

/// Reads the body of a Close frame.
pub(super) fn parse(body: &[u8], rules: CloseRules) -> Result<PeerClose<'_>, ViolationKind> {
    let Some((&code, reason)) = body.split_first_chunk::<2>() else {
        return if body.is_empty() {
            Ok(PeerClose { code: None, reason: "" })
        } else {
            Err(ViolationKind::ShortClose)
        };
    };
    let code = u16::from_be_bytes(code);
    if !acceptable(code, rules) {
        return Err(ViolationKind::ForbiddenCode(code));
    }
    match str::from_utf8(reason) {
        Ok(reason) => Ok(PeerClose { code: Some(code), reason }),
        Err(_) => Err(ViolationKind::InvalidReason(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_under_both_rules() {
        for code in 0..=u16::MAX {
            let strict = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            let browser = !matches!(code, 1005 | 1006 | 1015);
            assert_eq!(acceptable(code, CloseRules::Strict), strict, "{code}");
            assert_eq!(acceptable(code, CloseRules::Browser), browser, "{code}");
            assert_eq!(on_the_wire(code), browser, "{code}");
            assert_eq!(sendable(code), code == 1000 || (3000..5000).contains(&code), "{code}");
        }
    }

    #[test]
    fn bodies() {
        let strict = |body| parse(body, CloseRules::Strict);
        assert_eq!(strict(b""), Ok(PeerClose { code: None, reason: "" }));
        assert_eq!(strict(b"\x03"), Err(ViolationKind::ShortClose));
        assert_eq!(strict(b"\x03\xe8"), Ok(PeerClose { code: Some(1000), reason: "" }));
        assert_eq!(strict(b"\x03\xe8bye"), Ok(PeerClose { code: Some(1000), reason: "bye" }));
        assert_eq!(strict(b"\x03\xed"), Err(ViolationKind::ForbiddenCode(1005)));
        assert_eq!(strict(b"\x03\xe8\xe2\x82"), Err(ViolationKind::InvalidReason(1000)));
        assert_eq!(strict(b"\x03\xed\xff"), Err(ViolationKind::ForbiddenCode(1005)));
    }
}
