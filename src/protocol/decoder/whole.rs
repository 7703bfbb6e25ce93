//! Messages in one frame that lie whole in the input: what nearly all are.

use super::super::frame::{BINARY, FIN, RSV1, TEXT, quick_header};
use super::super::tally::Tally;
use super::super::utf8::{Utf8, is_utf8};
use super::{Decoder, Phase};
use crate::event::MessageKind;

/// FIN, no reserved bit, opcode text.
const WHOLE_TEXT: u8 = FIN | TEXT;
/// FIN, no reserved bit, opcode binary.
pub(super) const WHOLE_BINARY: u8 = FIN | BINARY;

/// Such messages at the front of an input, one behind the other. They change
/// nothing of the decoder: what it says of them once holds for all of them.
pub struct Whole<'d, 'i> {
    rest: &'i [u8],
    decoder: &'d Decoder,
    tally: &'d Tally,
}

impl<'i> Whole<'_, 'i> {
    /// What stands behind those that were taken.
    #[inline(always)]
    pub fn rest(&self) -> &'i [u8] {
        self.rest
    }
}

/// Whether a text is UTF-8, of which a part was perhaps checked while it waited.
/// By value: what a loop over messages knows stays in registers.
#[inline(always)]
fn is_text(decoder: &Decoder, payload: &[u8]) -> bool {
    if payload.len() < LONG { is_utf8(payload) } else { is_long_text(decoder, payload) }
}

#[inline(never)]
fn is_long_text(decoder: &Decoder, payload: &[u8]) -> bool {
    let checked = decoder.waiting.checked_of(decoder.tally.messages());
    let text = is_utf8(payload.get(checked..).unwrap_or(payload));
    debug_assert_eq!(text, is_utf8(payload), "{checked} bytes were checked");
    text
}

impl<'i> Iterator for Whole<'_, 'i> {
    type Item = (MessageKind, &'i [u8]);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (first, len, after) = quick_header(self.rest)?;
        let (payload, rest) = after.split_at_checked(len)?;
        if len as u64 > self.decoder.limits.max_message {
            return None;
        }
        let kind = match first {
            WHOLE_BINARY => MessageKind::Binary,
            WHOLE_TEXT if is_text(self.decoder, payload) => MessageKind::Text,
            _ => return None,
        };
        self.rest = rest;
        self.tally.add_message(len as u64);
        Some((kind, payload))
    }
}

/// From this length on a text may have been checked in part while it waited.
const LONG: usize = 1 << 10;

/// What is known of a text message that waits in the input until it is whole.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Which message it is: so many were whole before.
    behind: u64,
    /// So much of its payload was checked.
    checked: usize,
    text: Utf8,
}

impl Waiting {
    /// How much of the message behind so many was checked, whole characters.
    fn checked_of(&self, behind: u64) -> usize {
        if self.behind == behind { self.checked - self.text.begun() } else { 0 }
    }
}

impl Decoder {
    /// The common case: messages in one frame that lie whole at the front of the
    /// input. Where they end, or before a message that is not to be whole, ask
    /// [`next`](Self::next) what is there.
    #[inline(always)]
    pub fn whole<'d, 'i>(&'d self, input: &'i [u8]) -> Option<Whole<'d, 'i>> {
        let whole = Whole { rest: input, decoder: self, tally: &self.tally };
        (self.phase == Phase::Fresh).then_some(whole)
    }

    /// Whether the input begins with a whole message in one frame, compressed or
    /// not.
    #[inline]
    pub fn begins_whole(input: &[u8]) -> bool {
        quick_header(input).is_some_and(|(first, len, after)| {
            after.len() >= len && matches!(first & !RSV1, WHOLE_TEXT | WHOLE_BINARY)
        })
    }

    /// What the input lacks, if it begins with a part of a binary message in one
    /// frame that is not longer than `room` with its header: it can be lent
    /// whole when that much is read behind it. The same with a text, if that is
    /// wanted: [`waits_well`](Self::waits_well) says whether it may wait.
    #[inline]
    pub fn lacks(&mut self, input: &[u8], room: usize, text: bool) -> Option<usize> {
        self.unlend();
        if self.phase != Phase::Fresh {
            return None;
        }
        let (first, len, after) = quick_header(input)?;
        let fits = len <= room.saturating_sub(input.len() - after.len());
        let fits = fits && (first == WHOLE_BINARY || (text && first == WHOLE_TEXT));
        let fits = fits && len as u64 <= self.limits.max_message;
        len.checked_sub(after.len()).filter(|lacks| fits && *lacks > 0)
    }

    /// Whether what the input begins with may wait there for more: not a text that
    /// is wrong already. Looks at each byte once.
    #[inline(never)]
    pub fn waits_well(&mut self, input: &[u8]) -> bool {
        let Some((WHOLE_TEXT, _, part)) = quick_header(input) else { return true };
        let behind = self.tally.messages();
        if self.waiting.behind != behind {
            self.waiting = Waiting { behind, ..Waiting::default() };
        }
        let Waiting { checked, text, .. } = &mut self.waiting;
        let fresh = part.get(*checked..).unwrap_or_default();
        *checked += fresh.len();
        let well = text.push(fresh);
        if !well {
            // It is judged as a whole.
            self.waiting = Waiting { behind, ..Waiting::default() };
        }
        well
    }

    /// How long the message is, by the headers so far, that is open or that the input
    /// begins with; 0 if none of those.
    pub fn announced(&self, input: &[u8]) -> usize {
        match self.phase {
            Phase::Payload | Phase::Between => {
                usize::try_from(self.announced).unwrap_or(usize::MAX)
            }
            _ => quick_header(input).map_or(0, |(_, len, _)| len),
        }
    }

    /// Whether it stands before a message that is to be whole, and lends none.
    #[inline]
    pub fn is_fresh(&self) -> bool {
        self.phase == Phase::Fresh
    }

    /// Takes back what was lent.
    #[inline]
    pub fn unlend(&mut self) {
        if self.phase == Phase::Lent {
            self.buffer.clear();
            self.spent = 0;
            self.phase = if self.in_chunks { Phase::Apart } else { Phase::Fresh };
        }
    }
}
