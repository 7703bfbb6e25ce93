//! What can go wrong: [`Error`] for a call that is refused, [`Failure`] for a
//! connection that ends. Neither knows a C number; `ffi/result.rs` gives them.

use crate::text::Text;
use std::fmt;

/// Why a call was refused. Nothing has changed when one of these comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A required pointer is null.
    Null,
    /// An argument is out of range, or contradicts another.
    InvalidArgument,
    /// The call is not legal in the object's state.
    InvalidState,
    /// The URL does not parse.
    InvalidUrl,
    /// The URL's scheme is none of ws, wss, http, https.
    InvalidScheme,
    /// The URL has a fragment.
    InvalidFragment,
    /// A subprotocol is empty or not a token.
    InvalidProtocol,
    /// A subprotocol was added twice.
    DuplicateProtocol,
    /// A header name is not a token, or a value has CR, LF or NUL in it.
    InvalidHeader,
    /// The header belongs to the opening handshake.
    ForbiddenHeader,
    /// Text is not UTF-8.
    InvalidUtf8,
    /// The close code may not be sent by a program.
    InvalidAccess,
    /// The close reason is too long.
    Syntax,
    /// No certificate can be read from the file or buffer.
    InvalidCertificate,
    /// A ping carries more than 125 bytes.
    TooLarge,
    /// The send queue stands at or over its high-water mark.
    BufferFull,
    /// The socket is closing or closed.
    Closed,
    /// Nothing came within the time given.
    Timeout,
    /// A signal, an interrupt or a wake ended the wait.
    Interrupted,
    /// A call that waits or dispatches was made inside a callback.
    Reentrant,
    /// The call belongs on the driving thread.
    WrongThread,
    /// The socket's loop was freed.
    LoopGone,
    /// The object was made before `fork`.
    Forked,
    /// Memory ran out.
    NoMemory,
    /// The operating system refused.
    Io,
    /// A bug in this library, caught at the boundary.
    Panic,
    /// The socket ended instead of opening.
    ConnectFailed,
    /// Another thread drives this object at the moment.
    InUse,
    /// No private key can be read, or it belongs to another certificate.
    InvalidKey,
    /// The password does not open the archive.
    WrongPassword,
    /// The delays of a reconnector are out of range, or contradict each other.
    InvalidDelays,
}

impl Error {
    /// One line for a person.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Null => "a required pointer is NULL",
            Self::InvalidArgument => "an argument is out of range or contradicts another",
            Self::InvalidState => "the call is not legal in this state",
            Self::InvalidUrl => "the URL does not parse",
            Self::InvalidScheme => "the URL's scheme is none of ws, wss, http, https",
            Self::InvalidFragment => "the URL has a fragment",
            Self::InvalidProtocol => "the subprotocol is empty or not a token",
            Self::DuplicateProtocol => "the subprotocol was added already",
            Self::InvalidHeader => {
                "the header's name is not a token, or its value has CR, LF or NUL in it"
            }
            Self::ForbiddenHeader => "the header belongs to the opening handshake",
            Self::InvalidUtf8 => "the text is not UTF-8",
            Self::InvalidAccess => "the close code is neither 1000 nor in 3000-4999",
            Self::Syntax => "the close reason is longer than 123 bytes",
            Self::InvalidCertificate => "no certificate can be read from the file or buffer",
            Self::TooLarge => "a ping carries at most 125 bytes",
            Self::BufferFull => "the send queue stands at or over its high-water mark",
            Self::Closed => "the socket is closing or closed",
            Self::Timeout => "nothing came within the time given",
            Self::Interrupted => "a signal, an interrupt or a wake ended the wait",
            Self::Reentrant => "the call waits or dispatches and is not legal inside a callback",
            Self::WrongThread => "the call is legal on the driving thread only",
            Self::LoopGone => "the socket's loop was freed",
            Self::Forked => "the object was made before fork and is used in the child",
            Self::NoMemory => "memory ran out",
            Self::Io => "the operating system refused the call",
            Self::Panic => "a bug inside wskt was caught; the object can only be freed",
            Self::ConnectFailed => "the socket ended instead of opening",
            Self::InUse => "another thread drives this object at the moment",
            Self::InvalidKey => "no private key of this certificate can be read",
            Self::WrongPassword => "the password does not open the archive",
            Self::InvalidDelays => "delays: 1 to 2147483647 ms each, first up to max",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}

/// Shorthand for the results of calls.
pub type Result<T> = std::result::Result<T, Error>;

/// What ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cause {
    /// Not known, or hidden in browser mode.
    #[default]
    Unknown,
    /// The peer closed it.
    Peer,
    /// This program closed it.
    Local,
    /// A deadline passed.
    Timeout,
    /// The host name did not resolve.
    Dns,
    /// No TCP connection came about.
    Connect,
    /// The proxy refused.
    Proxy,
    /// TLS failed.
    Tls,
    /// The server answered the upgrade with another status than 101.
    Http,
    /// The server's upgrade response breaks the rules.
    Handshake,
    /// The peer broke RFC 6455 after the upgrade.
    Protocol,
    /// A message or frame went over a limit.
    MessageTooBig,
    /// The connection was lost without a Close frame.
    Lost,
    /// This program called abort.
    Abort,
    /// A bug inside this library.
    Internal,
}

impl Cause {
    /// The cause as one lower-case word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Peer => "peer",
            Self::Local => "local",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Handshake => "handshake",
            Self::Protocol => "protocol",
            Self::MessageTooBig => "message_too_big",
            Self::Lost => "lost",
            Self::Abort => "abort",
            Self::Internal => "internal",
        }
    }
}

/// Why a connection ended, for the error and close events.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// The kind of failure.
    pub cause: Cause,
    /// `errno`, or 0.
    pub os_error: i32,
    /// Status of a refused upgrade, or 0.
    pub http_status: u16,
    /// One line a person can act on.
    pub message: Text,
    /// TLS did not fail, its connection was lost.
    pub lost: bool,
}

impl Failure {
    /// A failure with a cause and a sentence.
    pub fn new(cause: Cause, message: impl Into<Text>) -> Self {
        Self { cause, message: message.into(), ..Self::default() }
    }

    /// A failure the operating system reported.
    pub fn os(cause: Cause, what: &str, error: &std::io::Error) -> Self {
        Self {
            cause,
            os_error: error.raw_os_error().unwrap_or(0),
            message: format!("{what}: {error}").into(),
            ..Self::default()
        }
    }
}
