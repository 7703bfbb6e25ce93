//! UTF-8, whole or as it arrives (RFC 6455, 8.1). Knows no frames.

use crate::sys::simd::{ASCII_BLOCK, ascii_front};
use std::str;

/// Up to here a word-wise look for bytes over 0x7F costs less than simdutf8.
const SHORT: usize = 64;

/// Whether the bytes are UTF-8.
#[inline]
pub fn is_utf8(bytes: &[u8]) -> bool {
    if bytes.len() <= SHORT && bytes.is_ascii() {
        return true;
    }
    if bytes.len() >= ASCII_BLOCK {
        return is_long_utf8(bytes);
    }
    simdutf8::basic::from_utf8(bytes).is_ok()
}

/// Most text is ASCII, at least at its beginning: that takes a quarter of the
/// work.
#[inline(never)]
fn is_long_utf8(bytes: &[u8]) -> bool {
    let rest = bytes.get(ascii_front(bytes)..).unwrap_or_default();
    simdutf8::basic::from_utf8(rest).is_ok()
}

/// Checks text that arrives in pieces and refuses it at the first bad byte.
/// A character cut at the end of a piece is carried over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Utf8 {
    /// The begun character: one to three bytes, the front of a valid one.
    pending: [u8; 4],
    /// How many bytes of it there are.
    count: usize,
}

impl Utf8 {
    /// Before the first byte.
    pub const fn new() -> Self {
        Self { pending: [0; 4], count: 0 }
    }

    /// Takes the next piece; false if it holds a byte no UTF-8 has there.
    pub fn push(&mut self, mut piece: &[u8]) -> bool {
        while self.count > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return true };
            if !self.carry(byte) {
                return false;
            }
            piece = rest;
        }
        let (whole, cut) = piece.split_at_checked(whole_len(piece)).unwrap_or((piece, &[]));
        is_utf8(whole) && cut.iter().all(|&byte| self.carry(byte))
    }

    /// Whether the text may end here: no character is begun.
    pub const fn is_complete(&self) -> bool {
        self.count == 0
    }

    /// How many bytes of a character are begun.
    pub const fn begun(&self) -> usize {
        self.count
    }

    /// Adds a byte to the begun character.
    fn carry(&mut self, byte: u8) -> bool {
        let Some(place) = self.pending.get_mut(self.count) else { return false };
        *place = byte;
        self.count += 1;
        match str::from_utf8(self.pending.get(..self.count).unwrap_or_default()) {
            Ok(_) => {
                self.count = 0;
                true
            }
            // No length: nothing wrong so far, only too short.
            Err(error) => error.error_len().is_none(),
        }
    }
}

/// How many bytes of `piece` are whole characters; what is left may go on
/// behind it. `None` if it holds a byte no UTF-8 has there.
pub(super) fn whole_characters(piece: &[u8]) -> Option<usize> {
    let len = whole_len(piece);
    let (whole, cut) = piece.split_at_checked(len)?;
    (is_utf8(whole) && Utf8::new().push(cut)).then_some(len)
}

/// The length without a character that is begun in the last three bytes and
/// goes on after them.
fn whole_len(piece: &[u8]) -> usize {
    for (index, &byte) in piece.iter().rev().take(3).enumerate() {
        let have = index + 1;
        let need = match byte {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        return piece.len() - if need > have { have } else { 0 };
    }
    piece.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where std says the first bad byte is seen, as a count of bytes taken.
    fn seen_after(bytes: &[u8]) -> Option<usize> {
        (1..=bytes.len()).find(|&n| {
            bytes
                .get(..n)
                .is_some_and(|front| str::from_utf8(front).is_err_and(|e| e.error_len().is_some()))
        })
    }

    fn judge(bytes: &[u8]) {
        // One byte at a time: refused at the very byte.
        let mut text = Utf8::default();
        let refused = bytes.iter().position(|byte| !text.push(&[*byte])).map(|at| at + 1);
        assert_eq!(refused, seen_after(bytes), "{bytes:x?}");
        let valid = str::from_utf8(bytes).is_ok();
        assert_eq!(refused.is_none() && text.is_complete(), valid, "{bytes:x?}");
        assert_eq!(is_utf8(bytes), valid);
        // Every split in two.
        for at in 0..=bytes.len() {
            let (front, back) = bytes.split_at(at);
            let begun = front.len() - whole_characters(front).unwrap_or_default();
            assert_eq!(whole_characters(front).is_some(), seen_after(front).is_none());
            assert!(begun < 4 || seen_after(front).is_some(), "{bytes:x?} at {at}");
            let mut text = Utf8::default();
            let front_ok = text.push(front);
            assert_eq!(front_ok, seen_after(front).is_none(), "{bytes:x?} at {at}");
            if front_ok {
                assert_eq!(text.begun(), begun, "{bytes:x?} at {at}");
                assert_eq!(text.push(back), refused.is_none(), "{bytes:x?} at {at}");
            }
        }
    }

    #[test]
    fn every_pair_and_some_longer() {
        for first in 0x7F..=0xFF {
            for second in [0, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xE2, 0xFF] {
                judge(&[first, second]);
                judge(&[0x61, first, second, 0x80]);
                judge(&[first, second, 0x80, 0x80]);
                judge(&[first, second, 0xBF, 0xBF, 0x62]);
                judge(&[first, second, 0x80, 0x41]);
            }
        }
    }

    #[test]
    fn long_text_with_every_width() {
        let text = "κόσμε ä € 😀 plain ".repeat(20);
        judge(text.as_bytes());
        let mut broken = text.into_bytes();
        broken.insert(200, 0xC0);
        judge(&broken);
    }

    #[test]
    fn what_is_behind_much_ascii() {
        for ascii in [511, 512, 1023, 1024, 1025, 2048, 3000] {
            for tail in ["", "z", "ä", "😀 and more"] {
                let text = "a".repeat(ascii) + tail;
                assert!(is_utf8(text.as_bytes()), "{ascii}");
                let mut bytes = text.into_bytes();
                bytes.push(0xC3);
                assert!(!is_utf8(&bytes), "{ascii}");
                bytes.push(0xA4);
                assert!(is_utf8(&bytes), "{ascii}");
                bytes.extend([b'b'; 1100]);
                assert!(is_utf8(&bytes), "{ascii}");
                bytes.push(0xFF);
                assert!(!is_utf8(&bytes), "{ascii}");
            }
        }
    }

    #[test]
    fn refused_inside_a_carried_character() {
        let mut text = Utf8::default();
        assert!(text.push(b"abc\xF4"));
        assert!(!text.push(b"\x90"));
        let mut text = Utf8::default();
        assert!(!text.push(b"\xED\xA0"));
    }
}
