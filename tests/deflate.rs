//! Compressed messages through the decoder, cut anywhere: what our own
//! compressor made, and bytes that nobody made.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use wskt::event::MessageKind;
use wskt::protocol::{
    CloseRules, Decoder, DeflateParams, Deflater, Item, Limits, ViolationKind as Kind,
};

const PLAIN: DeflateParams = DeflateParams {
    client_no_context_takeover: false,
    server_no_context_takeover: false,
    client_max_window_bits: 15,
    server_max_window_bits: 15,
};

fn decoder(params: &DeflateParams, max_message: u64) -> Decoder {
    let mut decoder = Decoder::new(Limits { max_message, max_fragments: 1000 }, CloseRules::Strict);
    decoder.inflate(params);
    decoder
}

/// A server's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(len as u8),
        len @ 126..=0xFFFF => {
            out.push(126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(payload);
    out
}

/// A message in frames of `part` bytes.
fn message(opcode: u8, payload: &[u8], part: usize) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = payload.chunks(part.max(1)).collect();
    if parts.is_empty() {
        parts.push(&[]);
    }
    let last = parts.len() - 1;
    let mut out = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        let first = if at == 0 { 0x40 | opcode } else { 0 };
        out.extend(frame(first | if at == last { 0x80 } else { 0 }, part));
    }
    out
}

/// Feeds `wire` in pieces; the messages, and the violation that ended it.
fn run(decoder: &mut Decoder, wire: &[u8], cut: usize) -> (Vec<Vec<u8>>, Option<Kind>) {
    let mut seen = Vec::new();
    let mut input = Vec::new();
    for piece in wire.chunks(cut.max(1)) {
        input.extend_from_slice(piece);
        let mut pos = 0;
        loop {
            match decoder.next(&input, &mut pos) {
                Ok(Some(Item::Message(_, data))) => seen.push(data.to_vec()),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(violation) => return (seen, Some(violation.kind())),
            }
        }
        input.drain(..pos);
    }
    (seen, None)
}

/// The same in chunks of at most `most` bytes, put together.
fn run_chunks(
    params: &DeflateParams,
    most: u64,
    wire: &[u8],
    cut: usize,
) -> (Vec<Vec<u8>>, Option<Kind>) {
    let mut decoder = decoder(params, most);
    decoder.tell_chunks(true);
    let (mut seen, mut open) = (Vec::new(), Vec::new());
    let mut input = Vec::new();
    for piece in wire.chunks(cut.max(1)) {
        input.extend_from_slice(piece);
        let mut pos = 0;
        loop {
            match decoder.next(&input, &mut pos) {
                Ok(Some(Item::Chunk(chunk))) => {
                    assert!(chunk.data.len() as u64 <= most.max(4));
                    open.extend_from_slice(chunk.data);
                    if chunk.last {
                        seen.push(std::mem::take(&mut open));
                    }
                }
                Ok(Some(other)) => panic!("{other:?}"),
                Ok(None) => break,
                Err(violation) => return (seen, Some(violation.kind())),
            }
        }
        assert!(decoder.buffer_capacity() as u64 <= most.max(8));
        input.drain(..pos);
    }
    (seen, None)
}

fn packed(deflater: &mut Deflater, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflater.push(data, true, &mut out).expect("memory");
    out
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0..100_000_usize).prop_map(|(byte, len)| vec![byte; len]),
        (0..40_000_usize).prop_map(|len| b"All work and no play. ".repeat(len / 22)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_goes_in_comes_out(
        messages in proptest::collection::vec((any_message(), 1..70_000_usize), 1..6),
        cut in 1..5000_usize,
        bits in 9..=15_u8,
        fresh in any::<bool>(),
        level in 1..=9_u32,
    ) {
        let params = DeflateParams {
            client_no_context_takeover: fresh,
            server_no_context_takeover: fresh,
            client_max_window_bits: bits,
            server_max_window_bits: bits,
        };
        let mut deflater = Deflater::new(&params, level).expect("9 bits or more");
        let wire: Vec<u8> = messages
            .iter()
            .flat_map(|(data, part)| message(2, &packed(&mut deflater, data), *part))
            .collect();
        let (seen, violation) = run(&mut decoder(&params, 1 << 20), &wire, cut);
        prop_assert_eq!(violation, None);
        for most in [10, 3000, 1 << 20] {
            let chunks = run_chunks(&params, most, &wire, cut);
            prop_assert_eq!(&chunks, &(seen.clone(), None));
        }
        let sent: Vec<Vec<u8>> = messages.into_iter().map(|(data, _)| data).collect();
        prop_assert_eq!(seen, sent);
    }

    #[test]
    fn garbage_ends_the_same_however_it_is_cut(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        part in 1..100_usize,
        cut in 1..50_usize,
        text in any::<bool>(),
    ) {
        let wire = message(if text { 1 } else { 2 }, &bytes, part);
        let mut whole = decoder(&PLAIN, 5000);
        let once = run(&mut whole, &wire, usize::MAX);
        prop_assert!(whole.buffer_capacity() <= 5001);
        prop_assert!(once.0.iter().all(|message| message.len() <= 5000));
        let mut cut_up = decoder(&PLAIN, 5000);
        let pieces = run(&mut cut_up, &wire, cut);
        // Where both bytes of a text and the stream are bad, the cut decides
        // which is found first.
        prop_assert_eq!(once.1.is_some(), pieces.1.is_some());
        prop_assert_eq!(once.0, pieces.0);
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let mut deflater = Deflater::new(&PLAIN, 9).unwrap();
    let bomb = packed(&mut deflater, &vec![0; 64 << 20]);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let wire = message(2, &bomb, usize::MAX);
    for limit in [1, 1000, 100_000, 10_000_000] {
        let mut decoder = decoder(&PLAIN, limit.max(bomb.len() as u64));
        let limit = limit.max(bomb.len() as u64);
        let mut pos = 0;
        let error = decoder.next(&wire, &mut pos).expect_err("too large").kind();
        assert_eq!(error, Kind::MessageTooBig(limit));
    }
    let mut fits = decoder(&PLAIN, 64 << 20);
    let mut pos = 0;
    let message = fits.next(&wire, &mut pos).expect("it fits");
    assert!(
        matches!(message, Some(Item::Message(MessageKind::Binary, data)) if data.len() == 64 << 20)
    );
    assert!(fits.buffer_capacity() <= (64 << 20) + 1);
}

#[test]
fn a_lost_message_makes_the_compressor_begin_anew() {
    let mut deflater = Deflater::new(&PLAIN, 6).unwrap();
    let text = b"the same words once more, and again the same words".repeat(20);
    let mut wire = message(2, &packed(&mut deflater, &text), 100);
    packed(&mut deflater, b"never sent: the quick brown fox");
    deflater.forget(false);
    wire.extend(message(2, &packed(&mut deflater, b"never sent: the quick brown fox"), 100));
    wire.extend(message(2, &packed(&mut deflater, &text), 100));
    let (seen, violation) = run(&mut decoder(&PLAIN, 1 << 20), &wire, 7);
    assert_eq!(violation, None);
    assert_eq!(seen, [text.clone(), b"never sent: the quick brown fox".to_vec(), text]);
}

#[test]
fn no_memory_before_the_first_and_none_between() {
    let fresh = DeflateParams { server_no_context_takeover: true, ..PLAIN };
    let mut decoder = decoder(&fresh, 1 << 20);
    assert_eq!(decoder.buffer_capacity(), 0);
    let mut deflater = Deflater::new(&PLAIN, 6).unwrap();
    let wire = message(2, &packed(&mut deflater, &[7; 50_000]), usize::MAX);
    for _ in 0..3 {
        let (seen, violation) = run(&mut decoder, &wire, usize::MAX);
        assert_eq!((seen.len(), violation), (1, None));
        assert!(decoder.is_idle());
    }
}

#[test]
fn a_window_of_eight_bits_is_read_but_not_made() {
    let params = DeflateParams { client_max_window_bits: 8, server_max_window_bits: 8, ..PLAIN };
    assert!(Deflater::new(&params, 6).is_none());
    let hello = frame(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let (seen, violation) = run(&mut decoder(&params, 100), &hello, 1);
    assert_eq!((seen, violation), (vec![b"Hello".to_vec()], None));
}
