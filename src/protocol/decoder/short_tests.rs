//! The short ways of the decoder: messages whole in the input, what one lacks,
//! and large ones that are received straight.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::tests::{LIMITS, frame};
use super::*;

#[test]
fn what_a_message_lacks_to_be_whole() {
    let wire = frame(0x82, &[7; 66_000]);
    let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
    for cut in [1, 2, 9] {
        assert_eq!(decoder.lacks(&wire[..cut], 70_000, false), None);
    }
    assert_eq!(decoder.lacks(&wire[..10], 66_010, false), Some(66_000));
    assert_eq!(decoder.lacks(&wire[..10], 66_009, false), None);
    assert_eq!(decoder.lacks(&wire[..66_009], 66_010, false), Some(1));
    assert_eq!(decoder.lacks(&wire, 66_010, false), None);
    let all: Vec<_> = decoder.whole(&wire).into_iter().flatten().collect();
    assert_eq!(all, [(MessageKind::Binary, &wire[10..])]);
    // A text is checked as it comes, a fragment is put together, and what
    // breaks a rule is told at once.
    for first in [0x81, 0x02, 0xC2, 0x89] {
        assert_eq!(decoder.lacks(&frame(first, &[0; 100])[..50], 70_000, false), None);
    }
    let text = frame(0x81, &[b'a'; 100]);
    assert_eq!(decoder.lacks(&text[..50], 70_000, true), Some(text.len() - 50));
    assert_eq!(decoder.lacks(&frame(0x02, &[0; 100])[..50], 70_000, true), None);
    assert_eq!(decoder.lacks(&frame(0x82, &[0; 70_001])[..50], 80_000, false), None);
    assert_eq!(decoder.lacks(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0], 80_000, false), None);
    assert_eq!(decoder.lacks(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 0], 80_000, false), None);
    // What was lent before is taken back; what has begun goes on as it is.
    let (first, second) = wire.split_at(40_000);
    let mut pos = 0;
    assert_eq!(decoder.next(first, &mut pos), Ok(None));
    assert_eq!(decoder.lacks(second, 70_000, false), None);
    let mut pos = 0;
    assert!(matches!(decoder.next(second, &mut pos), Ok(Some(Item::Message(..)))));
    assert_eq!(decoder.lacks(&wire[..10], 70_000, false), Some(66_000));
    decoder.tell_chunks(true);
    assert_eq!(decoder.next(&[], &mut 0), Ok(None));
    assert_eq!(decoder.lacks(&wire[..10], 70_000, false), None);
}

#[test]
fn a_text_that_waits_is_checked_once_and_is_right_so_far() {
    let text = "aé€😀".repeat(500);
    let wire = frame(0x81, text.as_bytes());
    let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
    for _ in 0..2 {
        // Whatever is cut: the header, a character.
        for cut in 1..wire.len() {
            assert!(decoder.waits_well(&wire[..cut]), "{cut}");
        }
        let both = [wire.as_slice(), &wire].concat();
        let all: Vec<_> = decoder.whole(&both).into_iter().flatten().collect();
        let one = (MessageKind::Text, text.as_bytes());
        assert_eq!(all, [one, one]);
    }
    // A bad byte is found when it comes, and the message is none.
    let mut bad = wire.clone();
    bad[3_000] = 0xFF;
    assert!(decoder.waits_well(&bad[..3_000]));
    assert!(!decoder.waits_well(&bad[..3_001]));
    assert!(!decoder.waits_well(&bad[..3_002]));
    assert_eq!(decoder.whole(&bad).into_iter().flatten().count(), 0);
    assert!(decoder.next(&bad, &mut 0).is_err());
    // So is one whose last character is not whole.
    let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
    let cut = frame(0x81, &text.as_bytes()[..text.len() - 1]);
    assert!(decoder.waits_well(&cut));
    assert_eq!(decoder.whole(&cut).into_iter().flatten().count(), 0);
    // Anything else may wait.
    assert!(decoder.waits_well(&frame(0x82, &[0xFF; 2_000])[..1_500]));
}

/// What a driver with a wide buffer finds, to which `wire` comes in such pieces.
fn with_a_wide_buffer(wire: &[u8], pieces: &[usize]) -> (Vec<(MessageKind, Vec<u8>)>, bool) {
    let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
    let (mut told, mut buffer, mut rest) = (Vec::new(), Vec::new(), wire);
    let mut sizes = pieces.iter().cycle();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        rest = behind;
        buffer.extend_from_slice(piece);
        let mut at = 0;
        loop {
            if let Some(mut whole) = decoder.whole(&buffer[at..]) {
                told.extend(whole.by_ref().map(|(kind, data)| (kind, data.to_vec())));
                at = buffer.len() - whole.rest().len();
            }
            let waits = decoder.lacks(&buffer[at..], 70_000, true).is_some();
            if waits && decoder.waits_well(&buffer[at..]) {
                break;
            }
            match decoder.next(&buffer, &mut at) {
                Ok(None) => break,
                Ok(Some(Item::Message(kind, data))) => told.push((kind, data.to_vec())),
                Ok(Some(_)) => {}
                Err(_) => return (told, true),
            }
        }
        buffer.drain(..at);
    }
    (told, false)
}

proptest::proptest! {
    #[test]
    fn what_waits_in_a_wide_buffer_is_told_as_what_is_put_together(
        parts in proptest::collection::vec((0..7_usize, 0..3_000_usize, 0..40_usize), 1..8),
        pieces in proptest::collection::vec(1..2_500_usize, 1..6),
    ) {
        let mut wire = Vec::new();
        for (what, len, bad) in parts {
            let text = "aé€😀".repeat(len / 10 + 1);
            let mut payload = text.as_bytes()[..text.len().min(len)].to_vec();
            if bad == 0 && len > 0 {
                payload[len / 2] = 0xFF;
            }
            match what {
                0 | 1 => wire.extend(frame(0x82, &payload)),
                2 => wire.extend(frame(0x89, &payload[..len.min(100)])),
                3 => {
                    wire.extend(frame(0x02, &payload));
                    wire.extend(frame(0x80, &payload));
                }
                4 => wire.extend(frame(0x81, &payload)),
                _ => wire.extend(frame(0x81, text.as_bytes())),
            }
        }
        let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
        let (mut told, mut at, mut failed) = (Vec::new(), 0, false);
        loop {
            match decoder.next(&wire, &mut at) {
                Ok(None) => break,
                Ok(Some(Item::Message(kind, data))) => told.push((kind, data.to_vec())),
                Ok(Some(_)) => {}
                Err(_) => {
                    failed = true;
                    break;
                }
            }
        }
        proptest::prop_assert_eq!(with_a_wide_buffer(&wire, &pieces), (told, failed));
    }
}

#[test]
fn how_long_the_message_is_that_has_begun() {
    let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
    let wire = frame(0x82, &[7; 66_000]);
    assert_eq!(decoder.announced(&[]), 0);
    assert_eq!(decoder.announced(&wire[..20]), 66_000);
    assert_eq!(decoder.next(&wire[..20], &mut 0), Ok(None));
    assert_eq!(decoder.announced(&[]), 66_000);
}

#[test]
fn received_straight() {
    let text = "aé€😀".repeat(100_000);
    let text = text.as_bytes();
    let limits = Limits { max_message: 1 << 20, max_fragments: 1 };
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    let wire = frame(0x81, text);
    let mut pos = 0;
    assert_eq!(decoder.next(&wire[..30_000], &mut pos), Ok(None));
    assert_eq!(pos, 30_000);
    while let Some((buffer, room)) = decoder.direct() {
        assert!(room > 0 && buffer.capacity() - buffer.len() >= room);
        let len = room.min(99_999);
        buffer.extend_from_slice(&wire[pos..pos + len]);
        pos += len;
        decoder.took_direct().unwrap();
        assert!(decoder.buffer_capacity() <= 2 * pos + AHEAD);
        if decoder.direct().is_some() {
            assert_eq!(decoder.next(&[], &mut 0), Ok(None));
        }
    }
    assert_eq!(pos, wire.len());
    let done = decoder.next(&[], &mut 0);
    assert_eq!(done, Ok(Some(Item::Message(MessageKind::Text, text))));

    // Not for short frames, however long their message is.
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    assert_eq!(decoder.next(&frame(0x02, &[1; 40_000]), &mut 0), Ok(None));
    assert_eq!(decoder.next(&frame(0x80, &[1; 32_767])[..9], &mut 0), Ok(None));
    assert!(decoder.direct().is_none());

    // Straight to the last byte, and a bad byte on the way.
    for bad in [false, true] {
        let mut decoder = Decoder::new(limits, CloseRules::Strict);
        assert_eq!(decoder.next(&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], &mut 0), Ok(None));
        let (buffer, room) = decoder.direct().unwrap();
        assert_eq!(room, 65_536);
        buffer.resize(room - 1, b'a');
        buffer.push(if bad { 0xFF } else { b'z' });
        assert_eq!(decoder.took_direct().is_err(), bad);
        assert!(decoder.direct().is_none());
        assert_eq!(decoder.next(&[], &mut 0).unwrap().is_some(), !bad);
    }
}

#[test]
fn the_short_way_into_a_large_message_tells_what_the_long_one_tells() {
    let limits = Limits { max_message: 70_000, max_fragments: 1 };
    for len in [32_768, 65_535, 65_536, 70_000] {
        let payload: Vec<u8> = (0..len).map(|at| (at * 7 % 251) as u8).collect();
        let wire = frame(0x82, &payload);
        let head = wire.len() - len;
        for cut in [head, head + 1, head + 500, wire.len() - 1] {
            let mut decoder = Decoder::new(limits, CloseRules::Strict);
            let mut pos = 0;
            assert!(decoder.begin_direct(&wire[..cut], &mut pos, 0));
            assert_eq!((pos, decoder.is_inside_frame(), decoder.ends_direct()), (cut, true, true));
            assert_eq!(decoder.whole_direct(), None);
            while let Some((buffer, room)) = decoder.direct() {
                let piece = &wire[pos..pos + room.min(40_000)];
                buffer.extend_from_slice(piece);
                pos += piece.len();
                decoder.took_direct().unwrap();
            }
            assert_eq!(pos, wire.len());
            // Either way to the end.
            if cut % 2 == 0 {
                assert_eq!(decoder.whole_direct(), Some(payload.as_slice()));
                assert_eq!(decoder.whole_direct(), None);
            } else {
                let whole = Item::Message(MessageKind::Binary, &payload);
                assert_eq!(decoder.next(&[], &mut 0), Ok(Some(whole)));
            }
            decoder.unlend();
            assert!(decoder.is_fresh() && !decoder.ends_direct());
            assert_eq!(decoder.tally().messages(), 1);
            assert_eq!(
                decoder.whole(&frame(0x82, b"x")).into_iter().flatten().next(),
                Some((MessageKind::Binary, &b"x"[..]))
            );
        }
    }
}

#[test]
fn whole_messages_one_behind_the_other() {
    let limits = Limits { max_message: 300, max_fragments: 1 };
    let front = [frame(0x82, b"a"), frame(0x81, b""), frame(0x82, &[7; 300])].concat();
    // What ends them: nothing, parts of one, and whatever the long way judges.
    for behind in [
        &b""[..],
        &[0x82],
        &frame(0x82, b"abc")[..4],
        &frame(0x82, &[7; 301]),
        &frame(0x81, b"\xFF"),
        &frame(0x02, b"a"),
        &frame(0x89, b"a"),
        &[0x82, 126, 0, 1, 7],
    ] {
        let decoder = Decoder::new(limits, CloseRules::Strict);
        let input = [&front, behind].concat();
        let Some(mut whole) = decoder.whole(&input) else { panic!("it is fresh") };
        let all: Vec<_> = whole.by_ref().collect();
        let (binary, text) = (MessageKind::Binary, MessageKind::Text);
        assert_eq!(all, [(binary, &b"a"[..]), (text, &[]), (binary, &[7; 300])]);
        assert_eq!((whole.next(), whole.rest()), (None, behind));
        assert_eq!((decoder.tally().messages(), decoder.tally().payload()), (3, 301));
    }
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    decoder.tell_chunks(true);
    assert!(decoder.whole(&front).is_none());
}

#[test]
fn what_fits_is_not_received_straight() {
    let large = frame(0x82, &[1; 40_000]);
    for (room, begun) in [(40_004, false), (40_003, true), (0, true)] {
        let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
        assert_eq!(decoder.begin_direct(&large[..100], &mut 0, room), begun);
    }
}

#[test]
fn the_short_way_leaves_everything_else_alone() {
    let limits = Limits { max_message: 70_000, max_fragments: 1 };
    let large = frame(0x82, &[1; 40_000]);
    let refused: &[&[u8]] = &[
        b"",
        &large[..3],
        &large,
        &frame(0x82, &[1; 32_767])[..100],
        &frame(0x82, &[1; 70_001])[..100],
        &frame(0x81, &[b'a'; 40_000])[..100],
        &frame(0x02, &[1; 40_000])[..100],
        &frame(0xC2, &[1; 40_000])[..100],
        &frame(0x80, &[1; 40_000])[..100],
        &[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0],
    ];
    for input in refused {
        let mut decoder = Decoder::new(limits, CloseRules::Strict);
        let mut pos = 0;
        assert!(!decoder.begin_direct(input, &mut pos, 0), "{:x?}", &input[..input.len().min(12)]);
        assert_eq!((pos, decoder.is_fresh(), decoder.buffer_capacity()), (0, true, 0));
    }
    // Inside another message, and where messages are told in chunks.
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    assert_eq!(decoder.next(&frame(0x02, b"a"), &mut 0), Ok(None));
    assert!(!decoder.begin_direct(&large[..100], &mut 0, 0));
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    decoder.tell_chunks(true);
    assert!(!decoder.begin_direct(&large[..100], &mut 0, 0));
    // The end of a message in fragments is received straight, too; that of a
    // text is not told in short, for it must be complete.
    for (first, binary) in [(0x02, true), (0x01, false)] {
        let mut decoder = Decoder::new(limits, CloseRules::Strict);
        assert_eq!(decoder.next(&frame(first, b"a"), &mut 0), Ok(None));
        assert_eq!(decoder.next(&frame(0x80, &[b'b'; 40_000])[..100], &mut 0), Ok(None));
        assert_eq!(decoder.ends_direct(), binary);
    }
}
