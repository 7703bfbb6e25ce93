//! tungstenite as the judge of `src/protocol/`.
//!
//! The same bytes, in the same pieces, go to our decoder and to tungstenite's
//! `WebSocketContext` in the client role. Both must give the same items in the
//! same order and must agree whether the connection fails. What differs on
//! purpose, and is compared as told here:
//!
//! - a length not in its shortest form fails with us, tungstenite takes it; in
//!   a control frame the second byte alone condemns it, as over 125 bytes;
//! - we judge a frame by its first bytes, tungstenite once it is whole: on
//!   bytes that end inside a frame we may have failed and it not yet;
//! - a forbidden close code fails with us; tungstenite reports 1002 with a
//!   reason of its own, for 1014 too, which we accept;
//! - nothing after a Close counts with us; tungstenite fails, so the
//!   comparison ends there;
//! - fragments are counted by us only; the count is out of reach here.

use super::chunks::Joined;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};
use wskt::event::MessageKind;
use wskt::protocol::{CloseRules, Decoder, Item, Limits, ViolationKind};

/// The largest message either side takes.
pub const MAX_MESSAGE: u64 = 100_000;

/// The pieces, read one by one; then the read would block. Takes all writes.
pub struct Pieces(pub VecDeque<Vec<u8>>);

impl Pieces {
    /// `wire`, cut into pieces of these lengths over and over.
    pub fn new(wire: &[u8], cuts: &[usize]) -> Self {
        let mut pieces = VecDeque::new();
        let mut rest = wire;
        for &cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push_back(piece.to_vec());
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        Self(pieces)
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(mut piece) = self.0.pop_front() {
            if !piece.is_empty() {
                let len = piece.len().min(into.len());
                into[..len].copy_from_slice(&piece[..len]);
                if len < piece.len() {
                    self.0.push_front(piece.split_off(len));
                }
                return Ok(len);
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An item of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// How the bytes end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End<E> {
    More,
    Closed,
    Failed(E),
}

fn theirs(wire: &[u8], cuts: &[usize]) -> (Vec<Seen>, End<String>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE as usize))
        .max_frame_size(Some(MAX_MESSAGE as usize))
        .read_buffer_size(4096);
    let mut stream = Pieces::new(wire, cuts);
    let mut context = WebSocketContext::new(Role::Client, Some(config));
    let mut seen = Vec::new();
    loop {
        seen.push(match context.read(&mut stream) {
            Ok(Message::Text(text)) => Seen::Text(text.to_string()),
            Ok(Message::Binary(bytes)) => Seen::Binary(bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Seen::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Seen::Pong(bytes.to_vec()),
            Ok(Message::Close(close)) => {
                let close = close.map(|close| (u16::from(close.code), close.reason.to_string()));
                let (code, reason) = close.unzip();
                seen.push(Seen::Close(code, reason.unwrap_or_default()));
                return (seen, End::Closed);
            }
            Ok(Message::Frame(frame)) => panic!("a raw frame: {frame}"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (seen, End::More);
            }
            Err(error) => return (seen, End::Failed(error.to_string())),
        });
    }
}

/// How our decoder is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    /// The rest of a large frame goes straight into its buffer.
    Straight,
    /// Messages come in chunks of so many bytes at most.
    Chunks(u64),
}

impl Seen {
    fn message(kind: MessageKind, bytes: &[u8]) -> Self {
        match kind {
            MessageKind::Text => Self::Text(String::from_utf8(bytes.to_vec()).unwrap()),
            MessageKind::Binary => Self::Binary(bytes.to_vec()),
        }
    }
}

/// Drives our decoder as a driver would.
fn ours(wire: &[u8], cuts: &[usize], way: Way) -> (Vec<Seen>, End<ViolationKind>) {
    let (in_chunks, max_message) = match way {
        Way::Chunks(most) => (true, most),
        Way::Plain | Way::Straight => (false, MAX_MESSAGE),
    };
    let limits = Limits { max_message, max_fragments: u32::MAX };
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    decoder.tell_chunks(in_chunks);
    let mut joined = Joined::new(max_message);
    let mut seen = Vec::new();
    let mut input = Vec::new();
    for mut piece in Pieces::new(wire, cuts).0 {
        if way != Way::Plain
            && let Some((buffer, room)) = decoder.direct()
        {
            let rest = piece.split_off(room.min(piece.len()));
            buffer.extend_from_slice(&piece);
            piece = rest;
            if let Err(violation) = decoder.took_direct() {
                return (seen, End::Failed(violation.kind()));
            }
        }
        input.extend_from_slice(&piece);
        let mut pos = 0;
        loop {
            let item = match decoder.next(&input, &mut pos) {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(violation) => return (seen, End::Failed(violation.kind())),
            };
            seen.push(match item {
                Item::Message(kind, bytes) => {
                    assert!(!in_chunks, "whole in spite of all");
                    Seen::message(kind, bytes)
                }
                Item::Chunk(chunk) => {
                    assert!(in_chunks, "in chunks though nobody asked");
                    let Some((kind, bytes)) = joined.add(chunk) else { continue };
                    Seen::message(kind, &bytes)
                }
                Item::Ping(bytes) => Seen::Ping(bytes.to_vec()),
                Item::Pong(bytes) => Seen::Pong(bytes.to_vec()),
                Item::Close(close) => {
                    seen.push(Seen::Close(close.code, close.reason.to_owned()));
                    return (seen, End::Closed);
                }
            });
        }
        if in_chunks {
            assert!(decoder.buffer_capacity() <= 8, "memory for a chunk");
        }
        input.drain(..pos);
    }
    (seen, End::More)
}

/// Compares the two, or panics; `whole` tells that the bytes end with a whole frame.
pub fn compare(wire: &[u8], cuts: &[usize], whole: bool) {
    let (our_items, our_end) = ours(wire, cuts, Way::Plain);
    let same = (our_items.clone(), our_end.clone());
    assert_eq!(ours(wire, cuts, Way::Straight), same, "straight");
    assert_eq!(ours(wire, &[usize::MAX], Way::Plain), same, "at once");
    for most in [1, 777, MAX_MESSAGE] {
        let (mut items, mut end) = ours(wire, cuts, Way::Chunks(most));
        if matches!(our_end, End::Failed(ViolationKind::MessageTooBig(_))) {
            // The limit is that of the chunk.
            items.truncate(our_items.len());
            end = our_end.clone();
        }
        assert_eq!((items, end), same, "in chunks of {most}");
    }
    let (mut items, end) = theirs(wire, cuts);
    let told = format!("{our_items:?} {our_end:?}\n{items:?} {end:?}");
    match (&our_end, &end) {
        (End::Failed(ViolationKind::NonMinimalLength | ViolationKind::LongControl), _) => {
            assert!(items.starts_with(&our_items), "{told}");
            return;
        }
        (End::Failed(ViolationKind::ForbiddenCode(_)), End::Closed) => {
            let replaced = Seen::Close(Some(1002), "Protocol violation".into());
            assert_eq!(items.pop(), Some(replaced), "{told}");
        }
        (End::Closed, End::Closed) => {
            if let Some(Seen::Close(Some(1014), reason)) = our_items.last() {
                items.pop();
                items.push(Seen::Close(Some(1014), reason.clone()));
            }
        }
        (End::Failed(_), End::More) => assert!(!whole, "{told}"),
        (End::More, End::More) | (End::Failed(_), End::Failed(_)) => {}
        _ => panic!("{told}"),
    }
    assert_eq!(our_items, items, "{told}");
}
