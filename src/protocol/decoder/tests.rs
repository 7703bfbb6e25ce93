//! The decoder, case by case: each scenario whole and split everywhere.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::*;
use ViolationKind as K;

pub(super) const LIMITS: Limits = Limits { max_message: 70_000, max_fragments: 10 };

/// A server's frame: first byte as given, length in the shortest form.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(len as u8),
        len @ 126..=65_535 => {
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

/// Feeds `wire` in pieces of `step` bytes as a driver would, and writes down
/// what comes out.
fn run(wire: &[u8], step: usize, limits: Limits, rules: CloseRules) -> (Vec<String>, Option<K>) {
    feed(Decoder::new(limits, rules), wire, step)
}

/// The same in chunks, which are put together.
fn run_chunks(wire: &[u8], step: usize, most: u64, rules: CloseRules) -> (Vec<String>, Option<K>) {
    let mut decoder = Decoder::new(Limits { max_message: most, ..LIMITS }, rules);
    decoder.tell_chunks(true);
    feed(decoder, wire, step)
}

fn message(kind: MessageKind, bytes: &[u8]) -> String {
    match kind {
        MessageKind::Text => format!("text {}", std::str::from_utf8(bytes).unwrap()),
        MessageKind::Binary => format!("binary {bytes:?}"),
    }
}

fn feed(mut decoder: Decoder, wire: &[u8], step: usize) -> (Vec<String>, Option<K>) {
    let mut begun: Option<Vec<u8>> = None;
    let mut log = Vec::new();
    let mut input = Vec::new();
    for piece in wire.chunks(step) {
        input.extend_from_slice(piece);
        let mut pos = 0;
        loop {
            match decoder.next(&input, &mut pos) {
                Ok(Some(Item::Message(kind, bytes))) => log.push(message(kind, bytes)),
                Ok(Some(Item::Chunk(chunk))) => {
                    message(chunk.kind, chunk.data);
                    assert_eq!(chunk.first, begun.is_none());
                    assert!(chunk.last || !chunk.data.is_empty());
                    let bytes = [&begun.take().unwrap_or_default()[..], chunk.data].concat();
                    if chunk.last {
                        log.push(message(chunk.kind, &bytes));
                    } else {
                        begun = Some(bytes);
                    }
                }
                Ok(Some(other)) => log.push(format!("{other:?}")),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(pos, input.len());
                    assert_eq!(decoder.buffer_capacity(), 0);
                    pos = 0;
                    assert_eq!(decoder.next(&input, &mut pos), Ok(None));
                    assert_eq!(pos, input.len());
                    return (log, Some(violation.kind()));
                }
            }
        }
        input.drain(..pos);
        assert!(input.len() <= LEFTOVER_MAX);
    }
    (log, None)
}

/// The same whole, in single bytes and in some pieces between.
fn same(wire: &[u8], limits: Limits, rules: CloseRules) -> (Vec<String>, Option<K>) {
    let whole = run(wire, wire.len().max(1), limits, rules);
    for step in [1, 2, 3, 7, 130, 4096] {
        assert_eq!(run(wire, step, limits, rules), whole, "in pieces of {step}");
        if limits == LIMITS && !matches!(whole.1, Some(K::MessageTooBig(_))) {
            for most in [1, 5, 70_000] {
                let chunks = run_chunks(wire, step, most, rules);
                assert_eq!(chunks, whole, "in chunks of {most}, in pieces of {step}");
            }
        }
    }
    whole
}

fn messages(wire: &[u8]) -> Vec<String> {
    let (log, violation) = same(wire, LIMITS, CloseRules::Strict);
    assert_eq!(violation, None);
    log
}

fn violation(wire: &[u8]) -> K {
    same(wire, LIMITS, CloseRules::Strict).1.unwrap()
}

#[test]
fn whole_messages_are_lent_from_the_input() {
    let wire = [frame(0x82, b"one"), frame(0x81, "zwö".as_bytes()), frame(0x82, &[])].concat();
    let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
    let mut pos = 0;
    for (at, len) in [(2, 3), (7, 4), (13, 0)] {
        let Ok(Some(Item::Message(_, bytes))) = decoder.next(&wire, &mut pos) else { panic!() };
        assert_eq!(bytes.as_ptr_range(), wire[at..at + len].as_ptr_range());
    }
    assert_eq!(decoder.next(&wire, &mut pos), Ok(None));
    assert_eq!((pos, decoder.buffer_capacity()), (wire.len(), 0));
}

#[test]
fn lengths_at_every_boundary() {
    for len in [0, 1, 124, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000] {
        let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let want = vec![format!("binary {payload:?}")];
        for step in [1, 1000, 65_537, 70_020] {
            let got = run(&frame(0x82, &payload), step, LIMITS, CloseRules::Strict);
            assert_eq!(got, (want.clone(), None), "{len} in {step}");
        }
    }
}

#[test]
fn fragments_with_control_frames_between() {
    let wire = [
        frame(0x01, b"a\xe2"),
        frame(0x89, b"ping"),
        frame(0x00, b"\x82"),
        frame(0x00, b""),
        frame(0x8A, b""),
        frame(0x80, b"\xac!"),
        frame(0x82, b"x"),
    ]
    .concat();
    assert_eq!(
        messages(&wire),
        ["Ping([112, 105, 110, 103])", "Pong([])", "text a€!", "binary [120]"]
    );
}

#[test]
fn every_violation_of_the_header() {
    let open = frame(0x02, b"open");
    for (wire, kind) in [
        (frame(0xC2, b"x"), K::ReservedBits(0x40)),
        (frame(0xA2, b"x"), K::ReservedBits(0x20)),
        (frame(0x92, b"x"), K::ReservedBits(0x10)),
        (frame(0xC9, b"x"), K::ReservedBits(0x40)),
        ([&open[..], &frame(0xC0, b"x")].concat(), K::ReservedBits(0x40)),
        (vec![0x82, 0x81, 1, 2, 3, 4, 5], K::Masked),
        (vec![0x88, 0x80], K::Masked),
        (frame(0x09, b""), K::FragmentedControl),
        (frame(0x08, b""), K::FragmentedControl),
        (frame(0x89, &[0; 126]), K::LongControl),
        (vec![0x8A, 127], K::LongControl),
        (frame(0x80, b""), K::StrayContinuation),
        (frame(0x00, b""), K::StrayContinuation),
        ([&open[..], &frame(0x80, b""), &frame(0x80, b"")].concat(), K::StrayContinuation),
        ([&open[..], &frame(0x82, b"")].concat(), K::NewMessageInside),
        ([&open[..], &frame(0x01, b"")].concat(), K::NewMessageInside),
        (vec![0x82, 126, 0, 125], K::NonMinimalLength),
        (vec![0x81, 127, 0, 0, 0, 0, 0, 0, 255, 255], K::NonMinimalLength),
        (vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], K::LengthTopBit),
        (vec![0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255], K::LengthTopBit),
    ] {
        assert_eq!(violation(&wire), kind, "{wire:x?}");
        assert_eq!(Violation::from(kind).close_code(), 1002);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(violation(&frame(0x80 | opcode, b"")), K::ReservedOpcode(opcode));
        assert_eq!(violation(&frame(opcode, b"")), K::ReservedOpcode(opcode));
    }
}

#[test]
fn judged_at_the_second_byte_and_after_the_message_before() {
    let wire = [&frame(0x82, b"ok")[..], &[0x83, 0x7F]].concat();
    assert_eq!(
        same(&wire, LIMITS, CloseRules::Strict),
        (vec!["binary [111, 107]".into()], Some(K::ReservedOpcode(3)))
    );
}

#[test]
fn text_is_refused_at_the_first_bad_byte() {
    // Of a declared 100 bytes only those up to the bad one have arrived.
    for bad in [&b"ok\xff"[..], b"\xc0", b"\xed\xa0", b"\xf4\x90", b"a\xe2\x28"] {
        let wire = [&[0x81, 100][..], bad].concat();
        assert_eq!(violation(&wire), K::InvalidText, "{bad:x?}");
        let wire = [&frame(0x01, b"abc\xe2\x82\xac")[..], &[0x00, 100], bad].concat();
        assert_eq!(violation(&wire), K::InvalidText, "{bad:x?}");
        let (front, _) = wire.split_at(wire.len() - 1);
        assert_eq!(run(front, 1, LIMITS, CloseRules::Strict).1, None, "{bad:x?}");
    }
    // A character cut by the end of the message.
    assert_eq!(violation(&frame(0x81, b"a\xe2\x82")), K::InvalidText);
    let wire = [frame(0x01, b"a\xe2"), frame(0x80, b"\x82")].concat();
    assert_eq!(violation(&wire), K::InvalidText);
    assert_eq!(Violation::from(K::InvalidText).close_code(), 1007);
    // Binary may hold anything, also after text was open before.
    let wire = [frame(0x01, b"a"), frame(0x80, b"b"), frame(0x02, b"\xff"), frame(0x80, b"\xe2")];
    assert_eq!(messages(&wire.concat()), ["text ab", "binary [255, 226]"]);
}

#[test]
fn text_cut_inside_every_character() {
    let text = "aé€😀z".repeat(9);
    for cut in 0..=text.len() {
        let (front, back) = text.as_bytes().split_at(cut);
        let wire = [frame(0x01, front), frame(0x80, back)].concat();
        assert_eq!(messages(&wire), [format!("text {text}")]);
    }
}

#[test]
fn limits_at_the_header() {
    let limits = Limits { max_message: 10, max_fragments: 3 };
    let judge = |wire: &[u8]| same(wire, limits, CloseRules::Strict).1;
    assert_eq!(judge(&frame(0x82, &[0; 10])), None);
    // The header alone is enough.
    assert_eq!(judge(&[0x82, 11]), Some(K::MessageTooBig(10)));
    assert_eq!(judge(&[0x81, 126, 1, 0]), Some(K::MessageTooBig(10)));
    let sum = [frame(0x02, &[0; 6]), frame(0x00, &[0; 4]), vec![0x80, 1]].concat();
    assert_eq!(judge(&sum), Some(K::MessageTooBig(10)));
    let full = [frame(0x02, &[0; 6]), frame(0x89, &[0; 99]), frame(0x80, &[0; 4])].concat();
    assert_eq!(judge(&full), None);
    // Empty fragments count; a new message counts anew.
    let three = [frame(0x02, b""), frame(0, b"").repeat(2), frame(0x80, b"")].concat();
    assert_eq!(judge(&three.repeat(3)), None);
    let four = [frame(0x02, b""), frame(0, b"").repeat(3), frame(0x80, b"")].concat();
    assert_eq!(judge(&four), Some(K::TooManyFragments(3)));
    assert!(Violation::from(K::TooManyFragments(3)).too_big());
    assert_eq!(Violation::from(K::MessageTooBig(1)).close_code(), 1009);
}

#[test]
fn declared_lengths_take_no_memory() {
    for len in [1_u64 << 62, (1 << 63) - 1, 1 << 40, 1 << 32] {
        let header = [&[0x82, 127][..], &len.to_be_bytes()].concat();
        let limits = Limits { max_message: u64::MAX, max_fragments: 1 };
        let mut decoder = Decoder::new(limits, CloseRules::Strict);
        let mut pos = 0;
        assert_eq!(decoder.next(&header, &mut pos), Ok(None));
        assert_eq!((pos, decoder.buffer_capacity()), (10, 0));
        assert_eq!(decoder.next(b"abc", &mut 0), Ok(None));
        assert!(decoder.buffer_capacity() <= AHEAD + 3);
        let (_, room) = decoder.direct().unwrap();
        assert!(room <= 2 * AHEAD && decoder.buffer_capacity() <= 2 * AHEAD);
        let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
        let judged = decoder.next(&header, &mut 0);
        assert_eq!(judged.unwrap_err().kind(), K::MessageTooBig(70_000));
    }
}

#[test]
fn memory_follows_the_bytes() {
    let limits = Limits { max_message: 1 << 30, max_fragments: u32::MAX };
    let mut decoder = Decoder::new(limits, CloseRules::Strict);
    let mut came = 0;
    // Many small fragments.
    assert_eq!(decoder.next(&frame(0x02, &[1; 10]), &mut 0), Ok(None));
    for _ in 0..50_000 {
        assert_eq!(decoder.next(&frame(0x00, &[1; 10]), &mut 0), Ok(None));
        came += 10;
        assert!(decoder.buffer_capacity() <= 2 * came + AHEAD);
    }
    let done = decoder.next(&[0x80, 0], &mut 0).unwrap();
    assert!(matches!(done, Some(Item::Message(_, bytes)) if bytes.len() == came + 10));
    assert!(!decoder.is_idle());
    // Lent as long as nobody asks for more; then the memory may go.
    decoder.rest();
    assert!(decoder.buffer_capacity() > 0);
    assert_eq!(decoder.next(&[], &mut 0), Ok(None));
    assert!(decoder.is_idle());
    decoder.rest();
    assert_eq!(decoder.buffer_capacity(), 0);
}

#[test]
fn every_reason_length() {
    for len in 0..=123 {
        let reason: String = "abcdefghij".chars().cycle().take(len).collect();
        let wire = frame(0x88, &[&[0x0B, 0xB8], reason.as_bytes()].concat());
        let want = Item::Close(PeerClose { code: Some(3000), reason: &reason });
        assert_eq!(messages(&wire), [format!("{want:?}")]);
    }
    assert_eq!(violation(&frame(0x88, &[3; 126])), K::LongControl);
}

#[test]
fn close_rules() {
    let close = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes(), reason].concat());
    for code in 0..=u16::MAX {
        for rules in [CloseRules::Strict, CloseRules::Browser] {
            let (log, kind) = run(&close(code, b""), 9, LIMITS, rules);
            let good = close::acceptable(code, rules);
            assert_eq!((log.len(), kind.is_none()), (usize::from(good), good), "{code}");
            if let Some(kind) = kind {
                let bad = Violation::from(kind);
                assert_eq!((bad.close_code(), bad.peer_code()), (1002, code));
            }
        }
    }
    assert_eq!(violation(&frame(0x88, b"\x03")), K::ShortClose);
    let bad = Violation::from(violation(&close(1000, b"caf\xc3")));
    assert_eq!((bad.close_code(), bad.peer_code(), bad.too_big()), (1007, 1000, false));
    assert_eq!(messages(&frame(0x88, b"")), [r#"Close(PeerClose { code: None, reason: "" })"#]);
}

#[test]
fn nothing_after_a_close_counts() {
    let close = frame(0x88, &1001_u16.to_be_bytes());
    let wire = [frame(0x01, b"begun"), close, frame(0x82, b"late"), vec![0xFF; 300]].concat();
    let want = [r#"Close(PeerClose { code: Some(1001), reason: "" })"#];
    assert_eq!(messages(&wire), want);
    let mut decoder = Decoder::new(LIMITS, CloseRules::Strict);
    let mut pos = 0;
    assert!(decoder.next(&wire, &mut pos).is_ok_and(|item| item.is_some()));
    assert_eq!(decoder.next(&wire, &mut pos), Ok(None));
    assert_eq!((pos, decoder.buffer_capacity(), decoder.is_idle()), (wire.len(), 0, true));
}
