//! tungstenite as the judge of `src/protocol/`: made-up frames for the comparison
//! in `fuzz/src/judge.rs`, which the fuzz target `frames` makes too.
//!
//! What we send goes to tungstenite's server role, which must read it back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests; judge.rs and chunks.rs are part of another crate too"
)]

#[path = "../fuzz/src/chunks.rs"]
mod chunks;
#[path = "../fuzz/src/judge.rs"]
mod judge;

use judge::{Pieces, compare};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashSet;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};
use wskt::protocol::{BINARY, MaskPool, PING, TEXT, append_close, append_frame};

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
