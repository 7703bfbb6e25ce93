//! Close codes for C: the constants and their tables.

use crate::close_code::{self, Class};
use std::ffi::c_char;

/// 1000: the connection has fulfilled its purpose. The only code below 3000
/// that wskt_socket_close takes.
pub const WSKT_CLOSE_NORMAL: u16 = 1000;
/// 1001: the server goes down, or the page was left.
pub const WSKT_CLOSE_GOING_AWAY: u16 = 1001;
/// 1002: the peer broke the protocol.
pub const WSKT_CLOSE_PROTOCOL_ERROR: u16 = 1002;
/// 1003: a kind of data that is not accepted.
pub const WSKT_CLOSE_UNSUPPORTED: u16 = 1003;
/// 1004: reserved; a meaning may be defined later.
pub const WSKT_CLOSE_RESERVED: u16 = 1004;
/// 1005: the peer's Close frame carried no code. Never sent.
pub const WSKT_CLOSE_NO_STATUS: u16 = 1005;
/// 1006: the connection ended without a Close frame, or never came about.
/// Never sent.
pub const WSKT_CLOSE_ABNORMAL: u16 = 1006;
/// 1007: data that does not fit its type, as text that is not UTF-8.
pub const WSKT_CLOSE_INVALID_PAYLOAD: u16 = 1007;
/// 1008: a message against the peer's policy.
pub const WSKT_CLOSE_POLICY_VIOLATION: u16 = 1008;
/// 1009: a message that is too large.
pub const WSKT_CLOSE_TOO_LARGE: u16 = 1009;
/// 1010: the server did not agree on an extension the client needs.
pub const WSKT_CLOSE_MISSING_EXTENSION: u16 = 1010;
/// 1011: the server met a condition that it did not expect.
pub const WSKT_CLOSE_INTERNAL_ERROR: u16 = 1011;
/// 1012: the server restarts.
pub const WSKT_CLOSE_SERVICE_RESTART: u16 = 1012;
/// 1013: the server is overloaded; try again later.
pub const WSKT_CLOSE_TRY_AGAIN_LATER: u16 = 1013;
/// 1014: a gateway got a bad answer from the server behind it.
pub const WSKT_CLOSE_BAD_GATEWAY: u16 = 1014;
/// 1015: the TLS handshake failed. Never sent.
pub const WSKT_CLOSE_TLS_HANDSHAKE: u16 = 1015;

/// 0-999 are not used.
pub const WSKT_CLOSE_UNUSED_FIRST: u16 = 0;
/// The last code that is not used.
pub const WSKT_CLOSE_UNUSED_LAST: u16 = 999;
/// 1016-2999 are reserved for later versions and extensions of the protocol.
pub const WSKT_CLOSE_RESERVED_FIRST: u16 = 1016;
/// The last reserved code.
pub const WSKT_CLOSE_RESERVED_LAST: u16 = 2999;
/// 3000-3999 are registered by libraries and frameworks.
pub const WSKT_CLOSE_LIBRARY_FIRST: u16 = 3000;
/// The last code of libraries and frameworks.
pub const WSKT_CLOSE_LIBRARY_LAST: u16 = 3999;
/// 4000-4999 are free to applications.
pub const WSKT_CLOSE_APPLICATION_FIRST: u16 = 4000;
/// The last code of applications.
pub const WSKT_CLOSE_APPLICATION_LAST: u16 = 4999;

/// The longest close reason that can be sent, in bytes.
pub const WSKT_CLOSE_REASON_MAX: usize = 123;

/// Who a close code belongs to.
///
/// Its function: wskt_close_code_class.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_close_class {
    /// 0-999, not used.
    WSKT_CLOSE_CLASS_UNUSED = 0,
    /// 1000-1015, defined by RFC 6455 and the IANA registry.
    WSKT_CLOSE_CLASS_PROTOCOL = 1,
    /// 1016-2999, reserved for later versions and extensions.
    WSKT_CLOSE_CLASS_RESERVED = 2,
    /// 3000-3999, registered by libraries and frameworks.
    WSKT_CLOSE_CLASS_LIBRARY = 3,
    /// 4000-4999, free to applications.
    WSKT_CLOSE_CLASS_APPLICATION = 4,
    /// 5000-65535, not close codes.
    WSKT_CLOSE_CLASS_INVALID = 5,
}

/// The name of a close code: its constant without the prefix, such as
/// "CLOSE_GOING_AWAY".
///
/// A code without a constant has the name of its range: "CLOSE_UNUSED",
/// "CLOSE_RESERVED", "CLOSE_LIBRARY", "CLOSE_APPLICATION", and
/// "CLOSE_INVALID" from 5000 on. NULL is never returned. The text is static;
/// never free it.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_close_code_name(code: u16) -> *const c_char {
    close_code::name(code).as_ptr()
}

/// What a close code means, as one line for a person, in English and without
/// a full stop.
///
/// Every number has a text; NULL is never returned. The text is static; never
/// free it.
///
/// Any thread; legal in a callback.
///
/// RFC 6455, section 7.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_close_code_text(code: u16) -> *const c_char {
    close_code::text(code).as_ptr()
}

/// Who a close code belongs to.
///
/// Any thread; legal in a callback.
///
/// RFC 6455, section 7.4.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_close_code_class(code: u16) -> wskt_close_class {
    match close_code::class(code) {
        Class::Unused => wskt_close_class::WSKT_CLOSE_CLASS_UNUSED,
        Class::Protocol => wskt_close_class::WSKT_CLOSE_CLASS_PROTOCOL,
        Class::Reserved => wskt_close_class::WSKT_CLOSE_CLASS_RESERVED,
        Class::Library => wskt_close_class::WSKT_CLOSE_CLASS_LIBRARY,
        Class::Application => wskt_close_class::WSKT_CLOSE_CLASS_APPLICATION,
        Class::Invalid => wskt_close_class::WSKT_CLOSE_CLASS_INVALID,
    }
}

/// Whether wskt_socket_close takes the code: true for 1000 and 3000-4999.
///
/// 0, which stands for no code there, gives false here.
///
/// Any thread; legal in a callback.
///
/// WHATWG WebSockets, close(). Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_close_code_may_send(code: u16) -> bool {
    close_code::may_send(code)
}

/// Whether a Close frame of a peer may carry the code: true for 1000-1003,
/// 1007-1014 and 3000-4999.
///
/// 1005, 1006 and 1015 are never on the wire; they are made up by the side
/// that reports them. Outside browser mode a Close frame with any other code
/// ends the connection with an error.
///
/// Any thread; legal in a callback.
///
/// RFC 6455, section 7.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_close_code_may_appear(code: u16) -> bool {
    close_code::may_appear(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_the_table() {
        let pairs = [
            (WSKT_CLOSE_NORMAL, close_code::NORMAL),
            (WSKT_CLOSE_GOING_AWAY, close_code::GOING_AWAY),
            (WSKT_CLOSE_PROTOCOL_ERROR, close_code::PROTOCOL_ERROR),
            (WSKT_CLOSE_UNSUPPORTED, close_code::UNSUPPORTED),
            (WSKT_CLOSE_RESERVED, close_code::RESERVED),
            (WSKT_CLOSE_NO_STATUS, close_code::NO_STATUS),
            (WSKT_CLOSE_ABNORMAL, close_code::ABNORMAL),
            (WSKT_CLOSE_INVALID_PAYLOAD, close_code::INVALID_PAYLOAD),
            (WSKT_CLOSE_POLICY_VIOLATION, close_code::POLICY_VIOLATION),
            (WSKT_CLOSE_TOO_LARGE, close_code::TOO_LARGE),
            (WSKT_CLOSE_MISSING_EXTENSION, close_code::MISSING_EXTENSION),
            (WSKT_CLOSE_INTERNAL_ERROR, close_code::INTERNAL_ERROR),
            (WSKT_CLOSE_SERVICE_RESTART, close_code::SERVICE_RESTART),
            (WSKT_CLOSE_TRY_AGAIN_LATER, close_code::TRY_AGAIN_LATER),
            (WSKT_CLOSE_BAD_GATEWAY, close_code::BAD_GATEWAY),
            (WSKT_CLOSE_TLS_HANDSHAKE, close_code::TLS_HANDSHAKE),
        ];
        for ((ours, theirs), number) in pairs.into_iter().zip(1000..) {
            assert_eq!((ours, theirs), (number, number));
        }
        assert_eq!(WSKT_CLOSE_REASON_MAX, close_code::REASON_MAX);
    }

    #[test]
    fn ranges_are_those_of_the_classes() {
        let ranges = [
            (WSKT_CLOSE_UNUSED_FIRST, WSKT_CLOSE_UNUSED_LAST, 0),
            (WSKT_CLOSE_NORMAL, WSKT_CLOSE_TLS_HANDSHAKE, 1),
            (WSKT_CLOSE_RESERVED_FIRST, WSKT_CLOSE_RESERVED_LAST, 2),
            (WSKT_CLOSE_LIBRARY_FIRST, WSKT_CLOSE_LIBRARY_LAST, 3),
            (WSKT_CLOSE_APPLICATION_FIRST, WSKT_CLOSE_APPLICATION_LAST, 4),
            (5000, u16::MAX, 5),
        ];
        for (first, last, class) in ranges {
            assert_eq!(wskt_close_code_class(first) as i32, class);
            assert_eq!(wskt_close_code_class(last) as i32, class);
        }
    }
}
