//! Events as C structs; `event_fill.rs` fills them. Fields are only ever added
//! at the end.

use super::handle::wskt_socket;
use super::result::wskt_cause;
use crate::event::MessageKind;
use std::ffi::{c_char, c_void};

/// Where a socket is in its life. The values are the browser's.
///
/// Its function: wskt_socket_ready_state.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_ready_state {
    /// Made, or connecting.
    WSKT_CONNECTING = 0,
    /// Open: messages can be sent.
    WSKT_OPEN = 1,
    /// Closing: a Close frame was sent or received, or close was called.
    WSKT_CLOSING = 2,
    /// Closed, or never opened.
    WSKT_CLOSED = 3,
}

/// Which event a struct is: the field `type` of its head.
///
/// The order of events is open, messages and drains (chunks of messages,
/// pings and pongs), error, close; of a reconnector's socket, an attempt
/// first and unsent messages before the error. The close event comes exactly
/// once and last, whatever ended the socket. The error event comes at most
/// once, right before it.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_event_type {
    /// A wskt_open_event.
    WSKT_EVENT_OPEN = 1,
    /// A wskt_message_event.
    WSKT_EVENT_MESSAGE = 2,
    /// A wskt_error_event.
    WSKT_EVENT_ERROR = 3,
    /// A wskt_close_event.
    WSKT_EVENT_CLOSE = 4,
    /// A wskt_drain_event.
    WSKT_EVENT_DRAIN = 5,
    /// A wskt_ping_event; only if asked for, see wskt_config_set_ping_events.
    WSKT_EVENT_PING = 6,
    /// A wskt_pong_event; only if asked for, see wskt_config_set_ping_events.
    WSKT_EVENT_PONG = 7,
    /// A wskt_message_chunk_event; only if asked for, then in place of
    /// WSKT_EVENT_MESSAGE. See wskt_socket_set_message_chunks.
    WSKT_EVENT_MESSAGE_CHUNK = 8,
    /// A wskt_attempt_event; only of a reconnector's socket.
    WSKT_EVENT_ATTEMPT = 9,
    /// A wskt_unsent_event; only of a reconnector's socket.
    WSKT_EVENT_UNSENT = 10,
}

/// Text or binary. The values are the opcodes of RFC 6455.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_message_kind {
    /// UTF-8, checked by wskt; what was sent with WSKT_SEND_VALID_UTF8 is not.
    WSKT_MESSAGE_TEXT = 1,
    /// Any bytes.
    WSKT_MESSAGE_BINARY = 2,
}

impl From<MessageKind> for wskt_message_kind {
    fn from(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Text => Self::WSKT_MESSAGE_TEXT,
            MessageKind::Binary => Self::WSKT_MESSAGE_BINARY,
        }
    }
}

/// The head of every event struct: what an Event is in a browser.
///
/// A pointer to a head may be cast to the struct that `type` names. wskt
/// fills event structs and the program only reads them. They and all they
/// point to are lent: in a callback until it returns, from wskt_socket_recv
/// and wskt_loop_next_event until the next such call on the same object.
///
/// A later version may add fields at the end of an event struct, never
/// elsewhere and never to the head; `struct_size` tells whether a field is
/// there.
///
/// WHATWG DOM, Event. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_event {
    /// Size in bytes of the whole struct that begins with this head.
    pub struct_size: usize,
    /// Which event this is.
    pub r#type: wskt_event_type,
    /// Always false, except in a close event the program made itself.
    pub bubbles: bool,
    /// Always false, except in a close event the program made itself.
    pub cancelable: bool,
    /// True for events of the library, false for those of the program.
    pub is_trusted: bool,
    /// The type as text: "open", "message", "error", "close", "drain",
    /// "ping", "pong", "messagechunk", "attempt", "unsent", or what the program called its own
    /// close event.
    pub type_name: *const c_char,
    /// The socket it happened to. NULL in a close event that was made by the
    /// program and not dispatched yet.
    pub target: *mut wskt_socket,
    /// When it happened: milliseconds of the system's monotonic clock.
    pub timestamp: f64,
}

/// The connection is established and messages can be sent.
///
/// WHATWG WebSockets, onopen. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_open_event {
    /// The head; `type` is WSKT_EVENT_OPEN.
    pub head: wskt_event,
}

/// A whole message arrived.
///
/// Fragments are put together before: a message that the connection's end
/// cuts off is never told. To have messages in parts as they arrive, see
/// wskt_message_chunk_event.
///
/// WHATWG HTML, MessageEvent. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_message_event {
    /// The head; `type` is WSKT_EVENT_MESSAGE.
    pub head: wskt_event,
    /// Text or binary.
    pub kind: wskt_message_kind,
    /// The payload. It is NOT NUL-terminated, not even text: it is lent from
    /// the buffer it arrived in. Never NULL, also when `len` is 0.
    pub data: *const c_void,
    /// Length of the payload in bytes.
    pub len: usize,
}

/// The next part of a message arrived: all of it that is there.
///
/// The chunks of one message come in order, the first one with `first`, the
/// one that ends it with `last`, and no other message's between them. An
/// empty message is one empty chunk with both; else only the last chunk may
/// be empty. Where one chunk ends and the next begins is chance: how the
/// network cut the bytes, not how the server's fragments did.
///
/// A chunk of text is UTF-8 by itself: it never ends inside a character. Text
/// that is not UTF-8 fails the connection when its first bad byte arrives.
///
/// Nothing takes a chunk back. If the connection ends inside a message, its
/// `last` never comes: error, if any, and close follow what was told. Nor is
/// any chunk told once close was called.
///
/// Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_message_chunk_event {
    /// The head; `type` is WSKT_EVENT_MESSAGE_CHUNK.
    pub head: wskt_event,
    /// Text or binary: that of the message.
    pub kind: wskt_message_kind,
    /// Whether the message begins with this chunk.
    pub first: bool,
    /// Whether the message ends with this chunk.
    pub last: bool,
    /// The payload. It is NOT NUL-terminated. Never NULL, also when `len` is
    /// 0.
    pub data: *const c_void,
    /// Length of the payload in bytes, at most 128 KiB and, but
    /// for a character of text, at most what wskt_config_set_max_message_size
    /// allows.
    pub len: usize,
}

/// The connection failed; the close event follows at once.
///
/// The ready state is WSKT_CLOSED already. What a browser hides from scripts
/// is told here; in browser mode, `cause` is WSKT_CAUSE_UNKNOWN, the numbers
/// are 0 and the message is empty if the failure came while opening.
///
/// WHATWG WebSockets, onerror. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_error_event {
    /// The head; `type` is WSKT_EVENT_ERROR.
    pub head: wskt_event,
    /// What failed.
    pub cause: wskt_cause,
    /// The operating system's errno, or 0.
    pub os_error: i32,
    /// The HTTP status that refused the upgrade, or 0.
    pub http_status: u16,
    /// One line a person can act on, in English: UTF-8, NUL-terminated.
    pub message: *const c_char,
    /// Length of the message in bytes, the NUL not counted.
    pub message_len: usize,
}

/// The connection is closed. Nothing follows.
///
/// `was_clean`, `code` and `reason` are the browser's. Code and reason are
/// the PEER's: what wskt_socket_close was given appears here only if the peer
/// echoed it, as most do.
///
/// The library makes one for every socket, as its last event. A program can
/// make its own, to test a close handler without a server.
///
/// Its functions: wskt_close_event_new, wskt_close_event_init,
/// wskt_socket_dispatch_close_event, wskt_close_event_free,
/// wskt_socket_close_event.
///
/// WHATWG WebSockets, CloseEvent. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_close_event {
    /// The head; `type` is WSKT_EVENT_CLOSE.
    pub head: wskt_event,
    /// Whether the closing handshake was completed and nothing that was
    /// accepted for sending was dropped.
    pub was_clean: bool,
    /// The code of the peer's Close frame; WSKT_CLOSE_NO_STATUS if it had
    /// none, WSKT_CLOSE_ABNORMAL without a valid Close frame,
    /// WSKT_CLOSE_TLS_HANDSHAKE if TLS failed.
    pub code: u16,
    /// The reason in the peer's Close frame: UTF-8, NUL-terminated; U+0000
    /// may be part of it. Never NULL.
    pub reason: *const c_char,
    /// Length of the reason in bytes, the NUL not counted.
    pub reason_len: usize,
    /// The code the peer really sent, valid or not; 0 if it sent none.
    pub peer_code: u16,
    /// What ended the connection.
    pub cause: wskt_cause,
    /// One line a person can act on, in English: UTF-8, NUL-terminated. Never
    /// NULL.
    pub message: *const c_char,
    /// Length of the message in bytes, the NUL not counted.
    pub message_len: usize,
}

/// The send queue fell back to the low-water mark: sends that were refused
/// with WSKT_ERR_BUFFER_FULL can be made again.
///
/// Comes once each time the queue had reached the high-water mark. Browsers
/// have no such event. See wskt_config_set_water_marks.
///
/// Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_drain_event {
    /// The head; `type` is WSKT_EVENT_DRAIN.
    pub head: wskt_event,
}

/// The peer sent a ping. It is answered already.
///
/// RFC 6455, section 5.5.2. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_ping_event {
    /// The head; `type` is WSKT_EVENT_PING.
    pub head: wskt_event,
    /// The payload; not NUL-terminated. Never NULL, also when `len` is 0.
    pub data: *const c_void,
    /// Length of the payload in bytes, at most 125.
    pub len: usize,
}

/// The peer sent a pong: an answer to a ping of the program or of the
/// heartbeat, or one that nobody asked for.
///
/// RFC 6455, section 5.5.3. Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_pong_event {
    /// The head; `type` is WSKT_EVENT_PONG.
    pub head: wskt_event,
    /// The payload; not NUL-terminated. Never NULL, also when `len` is 0.
    pub data: *const c_void,
    /// Length of the payload in bytes, at most 125.
    pub len: usize,
}

/// A reconnector has made this socket, its first event; nothing touches the
/// network before the delay has passed.
///
/// Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_attempt_event {
    /// The head; `type` is WSKT_EVENT_ATTEMPT.
    pub head: wskt_event,
    /// 1 for the reconnector's first socket, and one more for each.
    pub number: u32,
    /// How long it waits before it connects, in milliseconds.
    pub delay_ms: f64,
    /// The close event of the socket before; NULL for the first. It is lent
    /// for as long as that socket is valid: until the reconnector is freed or
    /// tells the next attempt.
    pub previous: *const wskt_close_event,
}

/// A message that a send had accepted, and that will not be sent: the kernel
/// did not get all of it, so that the peer cannot have it.
///
/// These events come in the order of the sends, after all messages of the
/// peer and before error and close. Send the message on the next socket if it
/// is still wanted. The bytes are those that the program gave; a message sent
/// in chunks is one, if wskt_socket_send_end was called.
///
/// What is not told was given to the kernel to the last byte. Whether it
/// reached the peer nobody knows, unless the peer says so: only an
/// acknowledgement of the application's own tells.
///
/// Since: 0.1.0
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct wskt_unsent_event {
    /// The head; `type` is WSKT_EVENT_UNSENT.
    pub head: wskt_event,
    /// Text or binary.
    pub kind: wskt_message_kind,
    /// The payload; not NUL-terminated. Never NULL, also when `len` is 0.
    pub data: *const c_void,
    /// Length of the payload in bytes.
    pub len: usize,
}
