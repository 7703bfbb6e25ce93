//! Messages in chunks: where they are cut, and what that costs. That they are the
//! same as whole ones, the other tests see in passing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::protocol::Deflater;
use ViolationKind as K;

fn decoder(max_message: u64) -> Decoder {
    let limits = Limits { max_message, max_fragments: 10 };
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    decoder.tell_chunks(true);
    decoder
}

/// Each chunk as `<`, its text, `>` where the message begins and ends.
fn chunks(decoder: &mut Decoder, input: &mut Vec<u8>, more: &[u8]) -> Vec<String> {
    input.extend_from_slice(more);
    let mut pos = 0;
    let mut log = Vec::new();
    while let Some(item) = decoder.next(input, &mut pos).unwrap() {
        log.push(match item {
            Item::Chunk(Chunk { first, last, data, .. }) => {
                let (first, last) = (if first { "<" } else { "" }, if last { ">" } else { "" });
                format!("{first}{}{last}", std::str::from_utf8(data).unwrap())
            }
            other => format!("{other:?}"),
        });
    }
    input.drain(..pos);
    log
}

#[test]
fn told_as_they_arrive() {
    let (mut decoder, mut input) = (decoder(100), Vec::new());
    let mut next = |more: &[u8]| chunks(&mut decoder, &mut input, more);
    assert_eq!(next(b"\x81"), [""; 0]);
    assert_eq!(next(b"\x08ab"), ["<ab"]);
    assert_eq!(next(b"c"), ["c"]);
    assert_eq!(next(b"defgh"), ["defgh>"]);
    // Several at once, and empty ones.
    assert_eq!(next(b"\x81\x02hi\x81\x00\x01\x01x\x80\x00"), ["<hi>", "<>", "<x", ">"]);
    // Nothing is told of a message that has begun with nothing.
    assert_eq!(next(b"\x01\x00\x00\x00"), [""; 0]);
    assert_eq!(next(b"\x00\x01a\x89\x01p\x80\x01b"), ["<a", "Ping([112])", "b>"]);
}

#[test]
fn a_character_is_not_cut() {
    let (mut decoder, mut input) = (decoder(100), Vec::new());
    let mut next = |more: &[u8]| chunks(&mut decoder, &mut input, more);
    // By the network: it waits for its rest.
    assert_eq!(next(b"\x81\x05a\xe2\x82"), ["<a"]);
    assert_eq!(next(b"\xac"), ["\u{20ac}"]);
    assert_eq!(next(b"z"), ["z>"]);
    // By frames: even one in four of them.
    assert_eq!(next(b"\x01\x02a\xf0\x00\x01\x9f\x00\x00\x00\x01\x98"), ["<a"]);
    assert_eq!(next(b"\x80\x02\x80"), ["\u{1f600}"]);
    assert_eq!(next(b"!"), ["!>"]);
    assert_eq!(next(b"\x01\x01\xc3\x80\x01\xa4"), ["<\u{e4}>"]);
}

#[test]
fn a_chunk_is_bounded_and_its_message_is_not() {
    for most in [1, 2, 7, 1000] {
        let (mut decoder, mut input) = (decoder(most), Vec::new());
        let text = "\u{e4}\u{20ac}\u{1f600}x".repeat(5);
        let wire = [&[0x81, text.len() as u8], text.as_bytes()].concat();
        let told = chunks(&mut decoder, &mut input, &wire);
        assert!(
            told.iter().all(|part| part.trim_matches(['<', '>']).len() <= most.max(4) as usize)
        );
        assert_eq!(told.concat(), format!("<{text}>"));
    }
    // Whatever a header declares, it costs nothing.
    let mut decoder = decoder(10);
    let header = [&[0x82, 127][..], &((1_u64 << 63) - 1).to_be_bytes()].concat();
    assert_eq!(decoder.next(&header, &mut 0), Ok(None));
    for _ in 0..1000 {
        let mut pos = 0;
        let told = decoder.next(&[7; 10], &mut pos).unwrap();
        assert!(matches!(told, Some(Item::Chunk(Chunk { data: [7, .., 7], last: false, .. }))));
        assert_eq!((pos, decoder.direct().is_none(), decoder.buffer_capacity()), (10, true, 0));
    }
}

#[test]
fn a_chunk_is_bounded_whatever_is_there() {
    let text = "aé€😀".repeat(40_000);
    let wire = super::tests::frame(0x81, text.as_bytes());
    let (mut decoder, mut input) = (decoder(1 << 30), Vec::new());
    let told = chunks(&mut decoder, &mut input, &wire);
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|part| part.trim_matches(['<', '>']).len() <= 128 << 10));
    assert_eq!(told.concat(), format!("<{text}>"));
}

#[test]
fn fragments_are_counted() {
    let mut decoder = decoder(10);
    let wire = [&[0x02, 0][..], &[0, 0].repeat(11)].concat();
    assert_eq!(decoder.next(&wire, &mut 0).unwrap_err().kind(), K::TooManyFragments(10));
}

#[test]
fn bad_text_ends_it_at_once() {
    for (wire, told) in [
        (&b"\x81\x64ok\xff"[..], 0),
        (b"\x81\x03a\xe2\x82", 0),
        (b"\x01\x02a\xe2\x00\x01\x28", 1),
        (b"\x01\x02a\xe2\x80\x00", 1),
        (b"\x01\x02a\xe2\x80\x01\x82", 1),
    ] {
        let mut decoder = decoder(100);
        let mut pos = 0;
        for _ in 0..told {
            assert!(matches!(decoder.next(wire, &mut pos), Ok(Some(Item::Chunk(_)))));
        }
        assert_eq!(decoder.next(wire, &mut pos).unwrap_err().kind(), K::InvalidText, "{wire:x?}");
        assert_eq!((pos, decoder.buffer_capacity()), (wire.len(), 0));
    }
}

#[test]
fn asked_for_in_the_middle() {
    let limits = Limits { max_message: 100, max_fragments: 10 };
    let (mut decoder, mut input) = (Decoder::new(limits, CloseRules::Strict), Vec::new());
    decoder.tell_chunks(true);
    decoder.tell_chunks(false);
    assert_eq!(chunks(&mut decoder, &mut input, b"\x82\x01a"), ["Message(Binary, [97])"]);
    assert_eq!(chunks(&mut decoder, &mut input, b"\x82\x02a"), [""; 0]);
    // One that has begun ends as it began.
    decoder.tell_chunks(true);
    assert_eq!(
        chunks(&mut decoder, &mut input, b"b\x82\x02c"),
        ["Message(Binary, [97, 98])", "<c"]
    );
    decoder.tell_chunks(false);
    assert_eq!(chunks(&mut decoder, &mut input, b"d\x82\x01e"), ["d>", "Message(Binary, [101])"]);
}

#[test]
fn inflated_a_bounded_part_at_a_time() {
    let params = DeflateParams {
        client_no_context_takeover: false,
        server_no_context_takeover: false,
        client_max_window_bits: 15,
        server_max_window_bits: 15,
    };
    let mut text = "\u{20ac}".repeat(1 << 20);
    text.push_str("the end");
    let mut deflater = Deflater::new(&params, 9).unwrap();
    let mut packed = Vec::new();
    deflater.push(text.as_bytes(), true, &mut packed).unwrap();
    let len = u16::try_from(packed.len()).unwrap().to_be_bytes();
    let wire = [&[0xC1, 126][..], &len, &packed].concat();
    for most in [5000, 100_000] {
        let mut decoder = decoder(most);
        decoder.inflate(&params);
        for _ in 0..2 {
            let (mut pos, mut seen) = (0, 0);
            let mut ended = false;
            while let Some(item) = decoder.next(&wire, &mut pos).unwrap() {
                let Item::Chunk(Chunk { first, last, data, .. }) = item else { panic!() };
                assert_eq!(first, seen == 0);
                assert!(text.as_bytes()[seen..].starts_with(data) && !ended);
                assert!(std::str::from_utf8(data).is_ok() && data.len() as u64 <= most);
                seen += data.len();
                ended = last;
                assert!(decoder.buffer_capacity() <= 64 << 10);
            }
            assert_eq!((seen, ended, pos), (text.len(), true, wire.len()));
        }
        let tally = decoder.tally();
        assert_eq!((tally.messages(), tally.frames()), (2, 2));
        assert_eq!(tally.payload(), 2 * text.len() as u64);
        assert_eq!(tally.wire_payload(), 2 * packed.len() as u64);

        // An idle connection in the middle keeps next to nothing.
        let mut pos = 0;
        assert!(decoder.next(&wire[..wire.len() / 2], &mut pos).unwrap().is_some());
        let capacity = decoder.buffer_capacity();
        while decoder.next(&wire[..wire.len() / 2], &mut pos).unwrap().is_some() {}
        assert!(capacity > IDLE_KEEP);
        decoder.rest();
        assert!(decoder.buffer_capacity() <= IDLE_KEEP);
        let mut tail = 0;
        while let Some(Item::Chunk(chunk)) = decoder.next(&wire, &mut pos).unwrap() {
            assert!(std::str::from_utf8(chunk.data).is_ok());
            tail += chunk.data.len();
        }
        assert!(tail > text.len() / 3);
    }
}
