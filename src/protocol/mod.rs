//! Frames, messages, limits, masks and close rules of RFC 6455, compression of
//! RFC 7692: bytes in, items out; items in, bytes out. Built on tungstenite's
//! frame header and on flate2.
//!
//! What may never live here: sockets, time, threads, C types, events.

mod close;
mod decoder;
mod deflate;
mod encoder;
mod extension;
mod frame;
mod mask;
mod tally;
mod utf8;
mod violation;

pub use close::{CloseRules, MAX_REASON, PeerClose, acceptable, on_the_wire, sendable};
pub use decoder::{Decoder, Item, LEFTOVER_MAX, Limits, Whole};
pub use deflate::{DeflateError, Deflater};
pub use encoder::{append_close, append_frame, append_header, append_small};
pub use extension::{
    DeflateParams, EXTENSIONS, MAX_WINDOW_BITS, MIN_WINDOW_BITS, Offer, negotiate,
};
pub use frame::{
    BINARY, CLOSE, CONTINUATION, MAX_CONTROL, MAX_OWN_HEADER, OwnFrame, PING, PONG, TEXT, own_frame,
};
pub use mask::{MaskPool, append_masked};
pub use tally::Tally;
pub use utf8::{Utf8, is_utf8};
pub use violation::{Violation, ViolationKind};
