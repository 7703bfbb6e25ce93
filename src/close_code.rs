//! Close codes: what each of the 65536 numbers is called, means, and where it
//! may be used (RFC 6455 §7.4, the IANA registry, WHATWG WebSockets §3).
//! Names and texts are C strings because C borrows them.

use std::ffi::CStr;

/// The purpose of the connection is fulfilled.
pub const NORMAL: u16 = 1000;
/// The server goes down, or the page is left.
pub const GOING_AWAY: u16 = 1001;
/// The peer broke the protocol.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A kind of data that is not accepted.
pub const UNSUPPORTED: u16 = 1003;
/// Reserved without a meaning.
pub const RESERVED: u16 = 1004;
/// The peer's Close frame had no code. Never on the wire.
pub const NO_STATUS: u16 = 1005;
/// There was no Close frame. Never on the wire.
pub const ABNORMAL: u16 = 1006;
/// The payload does not fit its type: text that is not UTF-8.
pub const INVALID_PAYLOAD: u16 = 1007;
/// A message against the peer's policy.
pub const POLICY_VIOLATION: u16 = 1008;
/// A message that is too large.
pub const TOO_LARGE: u16 = 1009;
/// The server did not agree on an extension the client needs.
pub const MISSING_EXTENSION: u16 = 1010;
/// The server met a condition it did not expect.
pub const INTERNAL_ERROR: u16 = 1011;
/// The server restarts.
pub const SERVICE_RESTART: u16 = 1012;
/// The server is overloaded.
pub const TRY_AGAIN_LATER: u16 = 1013;
/// A gateway got a bad answer from the server behind it.
pub const BAD_GATEWAY: u16 = 1014;
/// The TLS handshake failed. Never on the wire.
pub const TLS_HANDSHAKE: u16 = 1015;

/// The longest close reason in bytes: a control frame carries 125, two of
/// them are the code.
pub const REASON_MAX: usize = 123;

/// Who a code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 0-999.
    Unused,
    /// 1000-1015, defined by RFC 6455 and the IANA registry.
    Protocol,
    /// 1016-2999, for later standards and extensions.
    Reserved,
    /// 3000-3999, registered by libraries and frameworks.
    Library,
    /// 4000-4999, free to applications.
    Application,
    /// 5000-65535, not close codes.
    Invalid,
}

/// The class of a code.
pub const fn class(code: u16) -> Class {
    match code {
        0..=999 => Class::Unused,
        1000..=1015 => Class::Protocol,
        1016..=2999 => Class::Reserved,
        3000..=3999 => Class::Library,
        4000..=4999 => Class::Application,
        5000.. => Class::Invalid,
    }
}

/// Whether a program may pass the code to close (WHATWG `close()`).
pub const fn may_send(code: u16) -> bool {
    matches!(code, NORMAL | 3000..=4999)
}

/// Whether a Close frame may carry the code (RFC 6455 §7.4).
pub const fn may_appear(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The code's name; a code without one of its own has the name of its range.
pub const fn name(code: u16) -> &'static CStr {
    describe(code).0
}

/// What the code means, as one sentence without its full stop.
pub const fn text(code: u16) -> &'static CStr {
    describe(code).1
}

const fn describe(code: u16) -> (&'static CStr, &'static CStr) {
    match code {
        NORMAL => (c"CLOSE_NORMAL", c"the connection has fulfilled its purpose"),
        GOING_AWAY => (c"CLOSE_GOING_AWAY", c"the server goes down or the page was left"),
        PROTOCOL_ERROR => (c"CLOSE_PROTOCOL_ERROR", c"the peer broke the protocol"),
        UNSUPPORTED => (c"CLOSE_UNSUPPORTED", c"a kind of data that is not accepted"),
        RESERVED => (c"CLOSE_RESERVED", c"reserved; a meaning may be defined later"),
        NO_STATUS => (c"CLOSE_NO_STATUS", c"the Close frame carried no code"),
        ABNORMAL => (c"CLOSE_ABNORMAL", c"the connection ended without a Close frame"),
        INVALID_PAYLOAD => (
            c"CLOSE_INVALID_PAYLOAD",
            c"data that does not fit its type, as text that is not UTF-8",
        ),
        POLICY_VIOLATION => (c"CLOSE_POLICY_VIOLATION", c"a message against the peer's policy"),
        TOO_LARGE => (c"CLOSE_TOO_LARGE", c"a message that is too large"),
        MISSING_EXTENSION => {
            (c"CLOSE_MISSING_EXTENSION", c"the server did not agree on an extension that is needed")
        }
        INTERNAL_ERROR => {
            (c"CLOSE_INTERNAL_ERROR", c"the server met a condition that it did not expect")
        }
        SERVICE_RESTART => (c"CLOSE_SERVICE_RESTART", c"the server restarts"),
        TRY_AGAIN_LATER => (c"CLOSE_TRY_AGAIN_LATER", c"the server is overloaded; try again later"),
        BAD_GATEWAY => {
            (c"CLOSE_BAD_GATEWAY", c"a gateway got a bad answer from the server behind it")
        }
        TLS_HANDSHAKE => (c"CLOSE_TLS_HANDSHAKE", c"the TLS handshake failed"),
        0..=999 => (c"CLOSE_UNUSED", c"not used"),
        1016..=1999 => (c"CLOSE_RESERVED", c"reserved for later versions of the protocol"),
        2000..=2999 => (c"CLOSE_RESERVED", c"reserved for extensions of the protocol"),
        3000..=3999 => (c"CLOSE_LIBRARY", c"defined by a library or framework"),
        4000..=4999 => (c"CLOSE_APPLICATION", c"defined by the application"),
        5000.. => (c"CLOSE_INVALID", c"not a close code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn classes_cover_every_code() {
        let borders = [
            (0, 999, Class::Unused),
            (1000, 1015, Class::Protocol),
            (1016, 2999, Class::Reserved),
            (3000, 3999, Class::Library),
            (4000, 4999, Class::Application),
            (5000, 65535, Class::Invalid),
        ];
        for (first, last, expected) in borders {
            for code in first..=last {
                assert_eq!(class(code), expected, "{code}");
            }
        }
    }

    #[test]
    fn named_codes_have_names_and_texts_of_their_own() {
        let names: HashSet<_> = (NORMAL..=TLS_HANDSHAKE).map(name).collect();
        let texts: HashSet<_> = (NORMAL..=TLS_HANDSHAKE).map(text).collect();
        assert_eq!(names.len(), 16);
        assert_eq!(texts.len(), 16);
        for code in 0..=u16::MAX {
            assert!(name(code).to_bytes().starts_with(b"CLOSE_"), "{code}");
            assert!(!text(code).is_empty(), "{code}");
        }
    }

    #[test]
    fn programs_may_send_1000_and_3000_to_4999_only() {
        let sendable = (0..=u16::MAX).filter(|&code| may_send(code)).count();
        assert_eq!(sendable, 1 + 2000);
        assert!(may_send(1000) && may_send(3000) && may_send(4999));
        assert!(!may_send(1001) && !may_send(2999) && !may_send(5000));
    }

    #[test]
    fn frames_may_carry_what_rfc_6455_and_iana_define() {
        let carried: Vec<u16> = (0..3000).filter(|&code| may_appear(code)).collect();
        assert_eq!(
            carried,
            [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
        );
        assert!((3000..=4999).all(may_appear));
        assert!(!(5000..=u16::MAX).any(may_appear));
        assert!((0..=u16::MAX).all(|code| !may_send(code) || may_appear(code)));
    }
}
