//! Results and causes as C numbers, with their names and texts.

use crate::error::{Cause, Error};
use std::ffi::{CStr, c_char};

/// What a call came to: 0 is success, negative numbers are errors.
///
/// A call that returns an error has changed nothing and written no output,
/// unless its own comment says otherwise. Numbers never change and are never
/// used again; new ones may appear, so treat a number you do not know as an
/// error.
///
/// Every function that returns a result may return WSKT_ERR_PANIC, and every
/// function with a handle may return WSKT_ERR_FORKED.
///
/// Its functions: wskt_result_name, wskt_result_text.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_result {
    /// Success.
    WSKT_OK = 0,
    /// A required pointer is NULL, or a buffer is NULL with a length above 0.
    WSKT_ERR_NULL = -1,
    /// A number is out of range, one argument contradicts another, or an
    /// object is of another type.
    WSKT_ERR_INVALID_ARGUMENT = -2,
    /// The call is not legal in the object's state: a send while connecting,
    /// a second open, a second way of driving.
    WSKT_ERR_INVALID_STATE = -3,
    /// The URL does not parse.
    WSKT_ERR_INVALID_URL = -4,
    /// The URL's scheme is none of ws, wss, http, https.
    WSKT_ERR_INVALID_SCHEME = -5,
    /// The URL has a fragment (a part that starts with "#").
    WSKT_ERR_INVALID_FRAGMENT = -6,
    /// A subprotocol is empty or not a token.
    WSKT_ERR_INVALID_PROTOCOL = -7,
    /// The subprotocol was added already.
    WSKT_ERR_DUPLICATE_PROTOCOL = -8,
    /// A header's name is not a token, or its value has CR, LF or NUL in it.
    WSKT_ERR_INVALID_HEADER = -9,
    /// The header belongs to the opening handshake, such as Host, Upgrade or
    /// Sec-WebSocket-Key.
    WSKT_ERR_FORBIDDEN_HEADER = -10,
    /// Text is not UTF-8.
    WSKT_ERR_INVALID_UTF8 = -11,
    /// The close code is neither 1000 nor in 3000-4999 (the browser's
    /// InvalidAccessError).
    WSKT_ERR_INVALID_ACCESS = -12,
    /// The close reason is longer than 123 bytes (the browser's SyntaxError).
    WSKT_ERR_SYNTAX = -13,
    /// The file or buffer holds no certificate that can be read.
    WSKT_ERR_INVALID_CERTIFICATE = -14,
    /// A ping carries more than 125 bytes.
    WSKT_ERR_TOO_LARGE = -15,
    /// The send queue stands at or over its high-water mark. Nothing was
    /// queued; the drain event tells when to go on.
    WSKT_ERR_BUFFER_FULL = -16,
    /// The socket is closing or closed, or its close event was the last one.
    WSKT_ERR_CLOSED = -17,
    /// Nothing came within the time given.
    WSKT_ERR_TIMEOUT = -18,
    /// A signal, wskt_socket_interrupt or wskt_loop_wake ended the wait.
    /// Nothing is lost: call again to go on.
    WSKT_ERR_INTERRUPTED = -19,
    /// A call that waits or dispatches was made inside a callback.
    WSKT_ERR_REENTRANT = -20,
    /// The call is legal on the driving thread only.
    WSKT_ERR_WRONG_THREAD = -21,
    /// The socket's loop was freed.
    WSKT_ERR_LOOP_GONE = -22,
    /// The object was made before fork() and is used in the child. There it
    /// can only be freed.
    WSKT_ERR_FORKED = -23,
    /// Memory ran out.
    WSKT_ERR_NO_MEMORY = -24,
    /// The operating system refused: a file cannot be read, or no descriptor
    /// or thread is left.
    WSKT_ERR_IO = -25,
    /// A bug inside wskt, caught before it left the library. The log has the
    /// message. A socket it happened to is closed with WSKT_CAUSE_INTERNAL
    /// and can only be freed.
    WSKT_ERR_PANIC = -26,
    /// wskt_socket_connect: the socket ended instead of opening. Its error and
    /// close events tell why.
    WSKT_ERR_CONNECT_FAILED = -27,
    /// Another thread is driving this socket or loop right now.
    WSKT_ERR_IN_USE = -28,
    /// No private key can be read from the file or buffer, or it is not the
    /// certificate's. wskt_config_error_text tells the command that converts
    /// a key of another form.
    WSKT_ERR_INVALID_KEY = -29,
    /// The password does not open the PKCS#12 archive.
    WSKT_ERR_WRONG_PASSWORD = -30,
    /// A delay of a reconnector is out of range, or the first is above the
    /// longest.
    WSKT_ERR_INVALID_DELAYS = -31,
}

/// What ended a connection, in the error and the close event.
///
/// New causes may appear; treat one you do not know as WSKT_CAUSE_UNKNOWN.
///
/// Its function: wskt_cause_name.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_cause {
    /// Not known, or hidden in browser mode.
    WSKT_CAUSE_UNKNOWN = 0,
    /// The peer closed it.
    WSKT_CAUSE_PEER = 1,
    /// This program closed it.
    WSKT_CAUSE_LOCAL = 2,
    /// A timeout passed.
    WSKT_CAUSE_TIMEOUT = 3,
    /// The host name did not resolve.
    WSKT_CAUSE_DNS = 4,
    /// No TCP connection came about.
    WSKT_CAUSE_CONNECT = 5,
    /// The proxy refused.
    WSKT_CAUSE_PROXY = 6,
    /// TLS failed, as with a certificate that is not trusted.
    WSKT_CAUSE_TLS = 7,
    /// The server answered with an HTTP status other than 101.
    WSKT_CAUSE_HTTP = 8,
    /// The server's upgrade response breaks the rules of the handshake.
    WSKT_CAUSE_HANDSHAKE = 9,
    /// The peer broke RFC 6455 after the handshake.
    WSKT_CAUSE_PROTOCOL = 10,
    /// A message went over wskt_config_set_max_message_size or
    /// wskt_config_set_max_fragments.
    WSKT_CAUSE_MESSAGE_TOO_BIG = 11,
    /// The connection was lost without a Close frame.
    WSKT_CAUSE_LOST = 12,
    /// This program called wskt_socket_abort.
    WSKT_CAUSE_ABORT = 13,
    /// A bug inside wskt.
    WSKT_CAUSE_INTERNAL = 14,
}

/// The name of a result, such as "WSKT_ERR_CLOSED".
///
/// A number that is no result gives "unknown"; NULL is never
/// returned. The text is static; never free it.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_result_name(result: i32) -> *const c_char {
    RESULTS.iter().find(|r| r.code as i32 == result).map_or(c"unknown", |r| r.name).as_ptr()
}

/// A result as one line for a person, in English and without a full stop.
///
/// A number that is no result gives "unknown result"; NULL is never returned.
/// The text is static; never free it.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_result_text(result: i32) -> *const c_char {
    let found = RESULTS.iter().find(|r| r.code as i32 == result);
    found.map_or(c"unknown result".as_ptr(), |r| r.text.as_ptr())
}

/// The name of a cause as one lower-case word, such as "timeout" or
/// "message_too_big".
///
/// A number that is no cause gives "unknown"; NULL is never returned. The
/// text is static; never free it.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_cause_name(cause: i32) -> *const c_char {
    let found = CAUSES.iter().find(|c| c.code as i32 == cause);
    found.map_or(c"unknown".as_ptr(), |c| c.name.as_ptr())
}

impl From<Error> for wskt_result {
    fn from(error: Error) -> Self {
        match error {
            Error::Null => Self::WSKT_ERR_NULL,
            Error::InvalidArgument => Self::WSKT_ERR_INVALID_ARGUMENT,
            Error::InvalidState => Self::WSKT_ERR_INVALID_STATE,
            Error::InvalidUrl => Self::WSKT_ERR_INVALID_URL,
            Error::InvalidScheme => Self::WSKT_ERR_INVALID_SCHEME,
            Error::InvalidFragment => Self::WSKT_ERR_INVALID_FRAGMENT,
            Error::InvalidProtocol => Self::WSKT_ERR_INVALID_PROTOCOL,
            Error::DuplicateProtocol => Self::WSKT_ERR_DUPLICATE_PROTOCOL,
            Error::InvalidHeader => Self::WSKT_ERR_INVALID_HEADER,
            Error::ForbiddenHeader => Self::WSKT_ERR_FORBIDDEN_HEADER,
            Error::InvalidUtf8 => Self::WSKT_ERR_INVALID_UTF8,
            Error::InvalidAccess => Self::WSKT_ERR_INVALID_ACCESS,
            Error::Syntax => Self::WSKT_ERR_SYNTAX,
            Error::InvalidCertificate => Self::WSKT_ERR_INVALID_CERTIFICATE,
            Error::TooLarge => Self::WSKT_ERR_TOO_LARGE,
            Error::BufferFull => Self::WSKT_ERR_BUFFER_FULL,
            Error::Closed => Self::WSKT_ERR_CLOSED,
            Error::Timeout => Self::WSKT_ERR_TIMEOUT,
            Error::Interrupted => Self::WSKT_ERR_INTERRUPTED,
            Error::Reentrant => Self::WSKT_ERR_REENTRANT,
            Error::WrongThread => Self::WSKT_ERR_WRONG_THREAD,
            Error::LoopGone => Self::WSKT_ERR_LOOP_GONE,
            Error::Forked => Self::WSKT_ERR_FORKED,
            Error::NoMemory => Self::WSKT_ERR_NO_MEMORY,
            Error::Io => Self::WSKT_ERR_IO,
            Error::Panic => Self::WSKT_ERR_PANIC,
            Error::ConnectFailed => Self::WSKT_ERR_CONNECT_FAILED,
            Error::InUse => Self::WSKT_ERR_IN_USE,
            Error::InvalidKey => Self::WSKT_ERR_INVALID_KEY,
            Error::WrongPassword => Self::WSKT_ERR_WRONG_PASSWORD,
            Error::InvalidDelays => Self::WSKT_ERR_INVALID_DELAYS,
        }
    }
}

impl From<Cause> for wskt_cause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Unknown => Self::WSKT_CAUSE_UNKNOWN,
            Cause::Peer => Self::WSKT_CAUSE_PEER,
            Cause::Local => Self::WSKT_CAUSE_LOCAL,
            Cause::Timeout => Self::WSKT_CAUSE_TIMEOUT,
            Cause::Dns => Self::WSKT_CAUSE_DNS,
            Cause::Connect => Self::WSKT_CAUSE_CONNECT,
            Cause::Proxy => Self::WSKT_CAUSE_PROXY,
            Cause::Tls => Self::WSKT_CAUSE_TLS,
            Cause::Http => Self::WSKT_CAUSE_HTTP,
            Cause::Handshake => Self::WSKT_CAUSE_HANDSHAKE,
            Cause::Protocol => Self::WSKT_CAUSE_PROTOCOL,
            Cause::MessageTooBig => Self::WSKT_CAUSE_MESSAGE_TOO_BIG,
            Cause::Lost => Self::WSKT_CAUSE_LOST,
            Cause::Abort => Self::WSKT_CAUSE_ABORT,
            Cause::Internal => Self::WSKT_CAUSE_INTERNAL,
        }
    }
}

/// A sentence of the safe core with a NUL behind it, put there by the
/// compiler. One that is too long does not compile.
pub(super) struct Line([u8; 80]);

impl Line {
    const fn new(text: &str) -> Self {
        let mut line = [0; 80];
        let (room, rest) = line.split_at_mut(text.len());
        room.copy_from_slice(text.as_bytes());
        assert!(!rest.is_empty(), "no room for the NUL");
        Self(line)
    }

    const fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

struct ResultRow {
    code: wskt_result,
    name: &'static CStr,
    text: Line,
}

/// Builds the rows of a table from the variants' own names.
macro_rules! results {
    ($($code:ident $error:ident)*) => {[
        ResultRow { code: wskt_result::WSKT_OK, name: c"WSKT_OK", text: Line::new("success") },
        $(ResultRow {
            code: wskt_result::$code,
            name: c_name(concat!(stringify!($code), "\0")),
            text: Line::new(Error::$error.text()),
        },)*
    ]};
}

const fn c_name(name: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}

static RESULTS: [ResultRow; 32] = results! {
    WSKT_ERR_NULL Null
    WSKT_ERR_INVALID_ARGUMENT InvalidArgument
    WSKT_ERR_INVALID_STATE InvalidState
    WSKT_ERR_INVALID_URL InvalidUrl
    WSKT_ERR_INVALID_SCHEME InvalidScheme
    WSKT_ERR_INVALID_FRAGMENT InvalidFragment
    WSKT_ERR_INVALID_PROTOCOL InvalidProtocol
    WSKT_ERR_DUPLICATE_PROTOCOL DuplicateProtocol
    WSKT_ERR_INVALID_HEADER InvalidHeader
    WSKT_ERR_FORBIDDEN_HEADER ForbiddenHeader
    WSKT_ERR_INVALID_UTF8 InvalidUtf8
    WSKT_ERR_INVALID_ACCESS InvalidAccess
    WSKT_ERR_SYNTAX Syntax
    WSKT_ERR_INVALID_CERTIFICATE InvalidCertificate
    WSKT_ERR_TOO_LARGE TooLarge
    WSKT_ERR_BUFFER_FULL BufferFull
    WSKT_ERR_CLOSED Closed
    WSKT_ERR_TIMEOUT Timeout
    WSKT_ERR_INTERRUPTED Interrupted
    WSKT_ERR_REENTRANT Reentrant
    WSKT_ERR_WRONG_THREAD WrongThread
    WSKT_ERR_LOOP_GONE LoopGone
    WSKT_ERR_FORKED Forked
    WSKT_ERR_NO_MEMORY NoMemory
    WSKT_ERR_IO Io
    WSKT_ERR_PANIC Panic
    WSKT_ERR_CONNECT_FAILED ConnectFailed
    WSKT_ERR_IN_USE InUse
    WSKT_ERR_INVALID_KEY InvalidKey
    WSKT_ERR_WRONG_PASSWORD WrongPassword
    WSKT_ERR_INVALID_DELAYS InvalidDelays
};

struct CauseRow {
    code: wskt_cause,
    name: Line,
}

static CAUSES: [CauseRow; 15] = {
    const fn row(code: wskt_cause, cause: Cause) -> CauseRow {
        CauseRow { code, name: Line::new(cause.name()) }
    }
    [
        row(wskt_cause::WSKT_CAUSE_UNKNOWN, Cause::Unknown),
        row(wskt_cause::WSKT_CAUSE_PEER, Cause::Peer),
        row(wskt_cause::WSKT_CAUSE_LOCAL, Cause::Local),
        row(wskt_cause::WSKT_CAUSE_TIMEOUT, Cause::Timeout),
        row(wskt_cause::WSKT_CAUSE_DNS, Cause::Dns),
        row(wskt_cause::WSKT_CAUSE_CONNECT, Cause::Connect),
        row(wskt_cause::WSKT_CAUSE_PROXY, Cause::Proxy),
        row(wskt_cause::WSKT_CAUSE_TLS, Cause::Tls),
        row(wskt_cause::WSKT_CAUSE_HTTP, Cause::Http),
        row(wskt_cause::WSKT_CAUSE_HANDSHAKE, Cause::Handshake),
        row(wskt_cause::WSKT_CAUSE_PROTOCOL, Cause::Protocol),
        row(wskt_cause::WSKT_CAUSE_MESSAGE_TOO_BIG, Cause::MessageTooBig),
        row(wskt_cause::WSKT_CAUSE_LOST, Cause::Lost),
        row(wskt_cause::WSKT_CAUSE_ABORT, Cause::Abort),
        row(wskt_cause::WSKT_CAUSE_INTERNAL, Cause::Internal),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn name(result: i32) -> &'static str {
        // SAFETY: the function returns a static C string for every number.
        unsafe { CStr::from_ptr(wskt_result_name(result)) }.to_str().unwrap_or("")
    }

    fn text(result: i32) -> &'static str {
        // SAFETY: as above.
        unsafe { CStr::from_ptr(wskt_result_text(result)) }.to_str().unwrap_or("")
    }

    fn cause(cause: i32) -> &'static str {
        // SAFETY: as above.
        unsafe { CStr::from_ptr(wskt_cause_name(cause)) }.to_str().unwrap_or("")
    }

    #[test]
    fn numbers_are_fixed() {
        let numbers: Vec<(&str, i32)> = (-31..=0).rev().map(|code| (name(code), code)).collect();
        let expected = [
            "OK",
            "NULL",
            "INVALID_ARGUMENT",
            "INVALID_STATE",
            "INVALID_URL",
            "INVALID_SCHEME",
            "INVALID_FRAGMENT",
            "INVALID_PROTOCOL",
            "DUPLICATE_PROTOCOL",
            "INVALID_HEADER",
            "FORBIDDEN_HEADER",
            "INVALID_UTF8",
            "INVALID_ACCESS",
            "SYNTAX",
            "INVALID_CERTIFICATE",
            "TOO_LARGE",
            "BUFFER_FULL",
            "CLOSED",
            "TIMEOUT",
            "INTERRUPTED",
            "REENTRANT",
            "WRONG_THREAD",
            "LOOP_GONE",
            "FORKED",
            "NO_MEMORY",
            "IO",
            "PANIC",
            "CONNECT_FAILED",
            "IN_USE",
            "INVALID_KEY",
            "WRONG_PASSWORD",
            "INVALID_DELAYS",
        ];
        assert_eq!(numbers.len(), expected.len());
        for ((name, code), expected) in numbers.into_iter().zip(expected) {
            let name = name.strip_prefix("WSKT_").unwrap_or(name);
            assert_eq!(name.strip_prefix("ERR_").unwrap_or(name), expected, "{code}");
        }
    }

    #[test]
    fn names_and_texts_are_distinct() {
        let names: HashSet<_> = (-31..=0).map(name).collect();
        let texts: HashSet<_> = (-31..=0).map(text).collect();
        assert_eq!((names.len(), texts.len()), (32, 32));
        assert!(!texts.contains(""));
        for code in [1, -32, i32::MAX, i32::MIN] {
            assert_eq!((name(code), text(code)), ("unknown", "unknown result"));
        }
    }

    #[test]
    fn errors_meet_their_own_text() {
        for error in [Error::Null, Error::Syntax, Error::InUse] {
            assert_eq!(text(wskt_result::from(error) as i32), error.text());
        }
    }

    #[test]
    fn causes_are_distinct_and_fixed() {
        let names: Vec<_> = (0..15).map(cause).collect();
        assert_eq!(
            names,
            [
                "unknown",
                "peer",
                "local",
                "timeout",
                "dns",
                "connect",
                "proxy",
                "tls",
                "http",
                "handshake",
                "protocol",
                "message_too_big",
                "lost",
                "abort",
                "internal"
            ]
        );
        assert_eq!((cause(-1), cause(15)), ("unknown", "unknown"));
        assert_eq!(wskt_cause::from(Cause::Abort) as i32, 13);
    }
}
