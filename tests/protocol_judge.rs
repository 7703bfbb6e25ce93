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
//!
//! What we send goes to tungstenite's server role, which must read it back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{HashSet, VecDeque};
use std::io::{self, Read, Write};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message, WebSocket};
use wskt::event::MessageKind;
use wskt::protocol::{
    BINARY, CloseRules, Decoder, Item, Limits, MaskPool, PING, TEXT, ViolationKind, append_close,
    append_frame,
};

const MAX_MESSAGE: u64 = 100_000;

/// The pieces, read one by one; then the read would block. Takes all writes.
struct Pieces(VecDeque<Vec<u8>>);

impl Pieces {
    fn new(wire: &[u8], cuts: &[usize]) -> Self {
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

/// Drives our decoder as a driver would; with `straight` the rest of a large
/// frame goes straight into its buffer.
fn ours(wire: &[u8], cuts: &[usize], straight: bool) -> (Vec<Seen>, End<ViolationKind>) {
    let limits = Limits { max_message: MAX_MESSAGE, max_fragments: u32::MAX };
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    let mut seen = Vec::new();
    let mut input = Vec::new();
    for mut piece in Pieces::new(wire, cuts).0 {
        if straight && let Some((buffer, room)) = decoder.direct() {
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
                Item::Message(MessageKind::Text, text) => {
                    Seen::Text(String::from_utf8(text.to_vec()).unwrap())
                }
                Item::Message(MessageKind::Binary, bytes) => Seen::Binary(bytes.to_vec()),
                Item::Ping(bytes) => Seen::Ping(bytes.to_vec()),
                Item::Pong(bytes) => Seen::Pong(bytes.to_vec()),
                Item::Close(close) => {
                    seen.push(Seen::Close(close.code, close.reason.to_owned()));
                    return (seen, End::Closed);
                }
            });
        }
        input.drain(..pos);
    }
    (seen, End::More)
}

/// Compares the two; `whole` tells that the bytes end with a whole frame.
fn compare(wire: &[u8], cuts: &[usize], whole: bool) {
    let (our_items, our_end) = ours(wire, cuts, false);
    assert_eq!(ours(wire, cuts, true), (our_items.clone(), our_end.clone()), "straight");
    assert_eq!(ours(wire, &[usize::MAX], false), (our_items.clone(), our_end.clone()), "at once");
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

/// One frame as a server might send it.
#[derive(Debug, Clone)]
struct Sent {
    first: u8,
    masked: bool,
    /// 0: shortest form; 1: 16-bit; 2: 64-bit at least.
    form: u8,
    payload: Vec<u8>,
}

impl Sent {
    fn new(first: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { first, masked: false, form: 0, payload: payload.into() }
    }

    fn write(&self, wire: &mut Vec<u8>) {
        let mask = if self.masked { 0x80 } else { 0 };
        wire.push(self.first);
        match (self.payload.len(), self.form) {
            (len @ 0..=125, 0) => wire.push(mask | len as u8),
            (len @ 0..=65_535, 0 | 1) => {
                wire.push(mask | 126);
                wire.extend((len as u16).to_be_bytes());
            }
            (len, _) => {
                wire.push(mask | 127);
                wire.extend((len as u64).to_be_bytes());
            }
        }
        wire.extend([1, 2, 3, 4].iter().filter(|_| self.masked));
        wire.extend(&self.payload);
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(prop::sample::select(vec!["a", "é", "€", "😀", " ", "\u{7ff}", "\u{ffff}"]), 0..60)
            .prop_map(|parts| parts.concat().into_bytes()),
        1 => (60_000..70_000_usize).prop_map(|len| "aé".repeat(len / 3).into_bytes()),
        1 => vec(any::<u8>(), 0..12),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => vec(any::<u8>(), 0..300),
        2 => prop::sample::select(vec![125_usize, 126, 127, 65_535, 65_536, 99_999, 100_000, 100_001])
            .prop_map(|len| vec![7; len]),
    ]
}

fn control() -> impl Strategy<Value = Sent> {
    (prop::sample::select(vec![0x89, 0x8A]), vec(any::<u8>(), 0..126))
        .prop_map(|(first, payload)| Sent::new(first, payload))
}

/// A message in one frame or several, with control frames between.
fn message() -> impl Strategy<Value = Vec<Sent>> {
    let payload = prop_oneof![text().prop_map(|t| (1, t)), bytes().prop_map(|b| (2, b))];
    (payload, vec((any::<prop::sample::Index>(), prop::option::of(control())), 0..5)).prop_map(
        |((opcode, payload), cuts)| {
            let mut at: Vec<_> = cuts.iter().map(|(cut, _)| cut.index(payload.len() + 1)).collect();
            at.sort_unstable();
            at.push(payload.len());
            let mut frames = Vec::new();
            let mut from = 0;
            for (index, &to) in at.iter().enumerate() {
                let fin = if index + 1 == at.len() { 0x80 } else { 0 };
                let first = fin | if index == 0 { opcode } else { 0 };
                frames.push(Sent::new(first, &payload[from..to]));
                frames.extend(cuts.get(index).and_then(|(_, control)| control.clone()));
                from = to;
            }
            frames
        },
    )
}

fn close() -> impl Strategy<Value = Vec<Sent>> {
    let code = prop_oneof![990..1020_u16, any::<u16>()];
    prop_oneof![
        (code, vec(any::<char>(), 0..40)).prop_map(|(code, reason)| {
            let reason: String = reason.into_iter().collect();
            vec![Sent::new(0x88, [&code.to_be_bytes(), reason.as_bytes()].concat())]
        }),
        vec(any::<u8>(), 0..5).prop_map(|body| vec![Sent::new(0x88, body)]),
    ]
}

/// Any frame at all.
fn wild() -> impl Strategy<Value = Vec<Sent>> {
    (any::<u8>(), prop::bool::weighted(0.1), prop::sample::select(vec![0, 0, 0, 1, 2]), bytes())
        .prop_map(|(first, masked, form, payload)| vec![Sent { first, masked, form, payload }])
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        12 => message(),
        4 => control().prop_map(|frame| vec![frame]),
        1 => close(),
        1 => wild(),
    ];
    vec(part, 1..8).prop_map(|parts| {
        let mut wire = Vec::new();
        parts.iter().flatten().for_each(|frame| frame.write(&mut wire));
        wire
    })
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        vec(1..2000_usize, 1..6),
        vec(1..9_usize, 1..4).prop_map(|mut cuts| {
            cuts.push(3000);
            cuts
        }),
        Just(vec![usize::MAX]),
        Just(vec![20_000, 50_000]),
    ]
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn whole_frames(wire in frames(), cuts in cuts()) {
        compare(&wire, &cuts, true);
    }

    #[test]
    fn cut_off_or_bent(
        wire in frames(),
        cuts in cuts(),
        end in any::<prop::sample::Index>(),
        bend in prop::option::of((any::<prop::sample::Index>(), 1..=255_u8)),
    ) {
        let mut wire = wire;
        if let Some((at, bits)) = bend {
            let at = at.index(wire.len());
            wire[at] ^= bits;
        } else {
            wire.truncate(end.index(wire.len()) + 1);
        }
        compare(&wire, &cuts, false);
    }

    #[test]
    fn noise(wire in vec(any::<u8>(), 1..400), cuts in cuts()) {
        compare(&wire, &cuts, false);
    }

    #[test]
    fn what_we_send_a_server_reads(
        sends in vec((any::<bool>(), text(), bytes(), 0..4_usize), 1..5),
    ) {
        let mut masks = MaskPool::new();
        let mut wire = Vec::new();
        let mut sent = Vec::new();
        for (is_text, text, bytes, parts) in sends {
            let text = String::from_utf8_lossy(&text).into_owned();
            let payload = if is_text { text.as_bytes() } else { &bytes };
            let opcode = if is_text { TEXT } else { BINARY };
            let step = payload.len() / (parts + 1) + 1;
            let chunks: Vec<_> = payload.chunks(step).collect();
            let count = chunks.len().max(1);
            for index in 0..count {
                let part = chunks.get(index).copied().unwrap_or_default();
                let opcode = if index == 0 { opcode } else { 0 };
                let fin = index + 1 == count;
                append_frame(&mut wire, opcode, fin, false, part, &mut masks).unwrap();
            }
            append_frame(&mut wire, PING, true, false, b"between", &mut masks).unwrap();
            sent.push(if is_text { Message::text(text) } else { Message::binary(bytes) });
            sent.push(Message::Ping(b"between".as_slice().into()));
        }
        append_close(&mut wire, Some(4000), "done é".as_bytes(), &mut masks).unwrap();
        let mut server =
            WebSocket::from_raw_socket(Pieces::new(&wire, &[5000]), Role::Server, None);
        for want in sent {
            prop_assert_eq!(server.read().unwrap(), want);
        }
        let Ok(Message::Close(Some(close))) = server.read() else { panic!("no Close") };
        prop_assert_eq!((u16::from(close.code), close.reason.as_str()), (4000, "done é"));
    }
}

#[test]
fn every_first_two_bytes() {
    for first in 0..=255 {
        for second in 0..=255_u8 {
            for inside in [false, true] {
                let mut wire = Vec::new();
                if inside {
                    Sent::new(0x02, *b"open").write(&mut wire);
                }
                wire.extend([first, second]);
                // Lengths of 256 whatever the form, and more than enough of it.
                match second & 0x7F {
                    126 => wire.extend([1, 0]),
                    127 => wire.extend([0, 0, 0, 0, 0, 1, 0, 0]),
                    _ => {}
                }
                let len = match second & 0x7F {
                    126 => 256,
                    127 => 65_536,
                    len => usize::from(len),
                };
                wire.extend([0x31; 4].iter().filter(|_| second > 127));
                wire.resize(wire.len() + len, 0x32);
                compare(&wire, &[usize::MAX], true);
            }
        }
    }
}

#[test]
fn masks_of_ten_thousand_frames() {
    let mut masks = MaskPool::new();
    let mut wire = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..10_000 {
        wire.clear();
        append_frame(&mut wire, BINARY, true, false, &[0; 32], &mut masks).unwrap();
        let key: [u8; 4] = wire[2..6].try_into().unwrap();
        assert_eq!(wire[6..], key.repeat(8));
        keys.push(u32::from_be_bytes(key));
    }
    let distinct = keys.iter().collect::<HashSet<_>>().len();
    assert!(distinct > 9_990, "{distinct}");
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    let ones: u32 = keys.iter().map(|key| key.count_ones()).sum();
    assert!((158_000..162_000).contains(&ones), "{ones} of 320,000 bits");
}
