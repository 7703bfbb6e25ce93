//! Events as Rust values: what a connection tells its program.

use crate::error::{Cause, Failure};
use crate::reconnect::Attempt;
use crate::text::Text;

/// Text or binary, the two kinds of message RFC 6455 knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// A part of a message, as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Text or binary.
    pub kind: MessageKind,
    /// Whether the message begins with it.
    pub first: bool,
    /// Whether the message ends with it.
    pub last: bool,
    /// The payload; of text, whole characters.
    pub data: &'a [u8],
}

/// The close event's content: the browser's three fields and what a native
/// program needs besides.
#[derive(Debug, Clone, Default)]
pub struct CloseEvent {
    /// Whether the closing handshake was completed and nothing was dropped.
    pub was_clean: bool,
    /// The peer's close code, 1005, 1006 or 1015.
    pub code: u16,
    /// The peer's reason.
    pub reason: Text,
    /// The code the peer really sent, 0 if none.
    pub peer_code: u16,
    /// What ended the connection.
    pub cause: Cause,
    /// One line a person can act on.
    pub message: Text,
}

/// One event, borrowed from the driver.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// When it happened: milliseconds on the monotonic clock.
    pub timestamp: f64,
    /// What happened.
    pub kind: EventKind<'a>,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum EventKind<'a> {
    /// A reconnector has made the socket; it waits for its time.
    Attempt(&'a Attempt),
    /// A message was accepted and will not be sent.
    Unsent(MessageKind, &'a [u8]),
    /// The connection is established.
    Open,
    /// A whole message arrived.
    Message(MessageKind, &'a [u8]),
    /// A part of a message arrived.
    Chunk(Chunk<'a>),
    /// The connection failed; the close event follows.
    Error(&'a Failure),
    /// The connection is closed; nothing follows.
    Close(&'a CloseEvent),
    /// The buffered amount fell back to the low-water mark.
    Drain,
    /// The peer sent a ping, and it was answered.
    Ping(&'a [u8]),
    /// The peer sent a pong.
    Pong(&'a [u8]),
}
