//! permessage-deflate: what a server answers to the offer, compressed messages
//! of a server in random pieces, and our own there and back.

use super::chunks::Joined;
use super::input::Input;
use super::judge::Pieces;
use wskt::event::MessageKind;
use wskt::protocol::{
    CloseRules, Decoder, DeflateParams, Deflater, Item, Limits, MAX_WINDOW_BITS, MIN_WINDOW_BITS,
    Offer, negotiate,
};

/// The largest message taken.
const MAX_MESSAGE: u64 = 50_000;

/// A byte of switches, one of window sizes, then what they choose.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let switches = input.byte();
    let windows = input.byte();
    let bits = |nibble: u8| MIN_WINDOW_BITS + (nibble & 7);
    let params = DeflateParams {
        client_no_context_takeover: switches & 4 != 0,
        server_no_context_takeover: switches & 8 != 0,
        client_max_window_bits: bits(windows),
        server_max_window_bits: bits(windows >> 4),
    };
    match switches & 3 {
        0 => answer(&params, &mut input),
        1 | 2 => received(&params, &mut input),
        _ => there_and_back(params, switches >> 4, &mut input),
    }
}

/// Whatever is agreed is within what was offered.
fn answer(params: &DeflateParams, input: &mut Input<'_>) {
    let offer = Offer {
        client_no_context_takeover: params.client_no_context_takeover,
        server_no_context_takeover: params.server_no_context_takeover,
        client_max_window_bits: params.client_max_window_bits,
        server_max_window_bits: params.server_max_window_bits,
    };
    let text = String::from_utf8_lossy(input.rest()).into_owned();
    let values = || text.split('\n');
    assert!(negotiate(None, values()).is_ok_and(|agreed| agreed.is_none()) || !text.is_empty());
    if let Ok(Some(agreed)) = negotiate(Some(&offer), values()) {
        let range = MIN_WINDOW_BITS..=MAX_WINDOW_BITS;
        assert!(range.contains(&agreed.client_max_window_bits), "{agreed:?}");
        assert!(range.contains(&agreed.server_max_window_bits), "{agreed:?}");
        assert!(agreed.client_max_window_bits <= offer.client_max_window_bits);
        assert!(agreed.server_max_window_bits <= offer.server_max_window_bits);
        assert!(agreed.client_no_context_takeover || !offer.client_no_context_takeover);
        assert!(agreed.server_no_context_takeover || !offer.server_no_context_takeover);
        assert!(negotiate(None, values()).is_err(), "taken though nothing was offered");
    }
}

/// Messages, and why it ended if it did.
type Seen = (Vec<(bool, Vec<u8>)>, Option<String>);

/// With `chunk` in chunks of that size at most, whole otherwise.
fn read(params: &DeflateParams, wire: &[u8], cuts: &[usize], chunk: Option<u64>) -> Seen {
    let max_message = chunk.unwrap_or(MAX_MESSAGE);
    let limits = Limits { max_message, max_fragments: 1000 };
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    decoder.inflate(params);
    decoder.tell_chunks(chunk.is_some());
    let mut joined = Joined::new(max_message);
    let mut seen = Vec::new();
    let mut input = Vec::new();
    for piece in Pieces::new(wire, cuts).0 {
        input.extend_from_slice(&piece);
        let mut pos = 0;
        loop {
            match decoder.next(&input, &mut pos) {
                Ok(Some(Item::Message(kind, bytes))) => {
                    assert!(bytes.len() as u64 <= MAX_MESSAGE, "{} bytes", bytes.len());
                    let text = kind == MessageKind::Text;
                    assert!(!text || std::str::from_utf8(bytes).is_ok(), "text not UTF-8");
                    assert!(chunk.is_none(), "whole in spite of all");
                    seen.push((text, bytes.to_vec()));
                }
                Ok(Some(Item::Chunk(part))) => {
                    assert!(chunk.is_some(), "in chunks though nobody asked");
                    let message = joined.add(part);
                    seen.extend(message.map(|(kind, bytes)| (kind == MessageKind::Text, bytes)));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(violation) => return (seen, Some(format!("{:?}", violation.kind()))),
            }
        }
        let most = if chunk.is_some() { max_message.max(8) } else { 8 * MAX_MESSAGE };
        assert!(decoder.buffer_capacity() as u64 <= most, "memory over the limit");
        input.drain(..pos);
    }
    (seen, None)
}

/// A server's frames: pieces and chunks change nothing, limits hold.
fn received(params: &DeflateParams, input: &mut Input<'_>) {
    let cuts = input.cuts();
    let wire = input.rest();
    if wire.is_empty() {
        return;
    }
    let (whole, whole_end) = read(params, wire, &[usize::MAX], None);
    let (cut, cut_end) = read(params, wire, &cuts, None);
    assert_eq!(whole, cut, "in pieces of {cuts:?}: {whole_end:?} {cut_end:?}");
    assert_eq!(whole_end.is_some(), cut_end.is_some(), "{whole_end:?} {cut_end:?}");
    for most in [3, 100, MAX_MESSAGE] {
        let (mut chunks, end) = read(params, wire, &cuts, Some(most));
        if whole_end.as_ref().is_some_and(|end| end.starts_with("MessageTooBig")) {
            // The limit is that of the chunk.
            chunks.truncate(whole.len());
        } else {
            assert_eq!(end.is_some(), whole_end.is_some(), "{end:?} {whole_end:?}");
        }
        assert_eq!(whole, chunks, "in chunks of {most}, pieces of {cuts:?}");
    }
}

/// What we compress, a decoder that was told the same reads again.
fn there_and_back(params: DeflateParams, level: u8, input: &mut Input<'_>) {
    let Some(mut deflater) = Deflater::new(&params, u32::from(level % 10)) else {
        assert_eq!(params.client_max_window_bits, MIN_WINDOW_BITS);
        return;
    };
    let swapped = DeflateParams {
        server_no_context_takeover: params.client_no_context_takeover,
        server_max_window_bits: params.client_max_window_bits,
        ..params
    };
    let cuts = input.cuts();
    let mut wire = Vec::new();
    let mut sent = Vec::new();
    while !input.is_empty() && sent.len() < 20 {
        let shape = input.byte();
        let mut part = input.string().to_vec();
        if shape & 1 != 0 {
            part = part.repeat(usize::from(shape >> 1));
        }
        part.truncate(MAX_MESSAGE as usize);
        let mut body = Vec::new();
        let (front, back) = part.split_at(part.len() / 2);
        if shape & 128 != 0 {
            deflater.push(front, false, &mut body).expect("memory");
            deflater.push(back, true, &mut body).expect("memory");
        } else {
            deflater.push(&part, true, &mut body).expect("memory");
        }
        wire.extend([0xC2, 127]);
        match body.len() {
            len @ 0..126 => *wire.last_mut().expect("a byte") = len as u8,
            len @ 126..65_536 => {
                *wire.last_mut().expect("a byte") = 126;
                wire.extend((len as u16).to_be_bytes());
            }
            len => wire.extend((len as u64).to_be_bytes()),
        }
        wire.extend(&body);
        sent.push((false, part));
    }
    if !wire.is_empty() {
        assert_eq!(read(&swapped, &wire, &cuts, Some(777)), (sent.clone(), None));
        assert_eq!(read(&swapped, &wire, &cuts, None), (sent, None));
    }
}
