//! Messages in one frame that lie whole in the input: what nearly all are.

use super::super::frame::{BINARY, FIN, RSV1, TEXT, quick_header};
use super::super::utf8::is_utf8;
use super::{Decoder, Phase};
use crate::event::MessageKind;

/// FIN, no reserved bit, opcode text.
const WHOLE_TEXT: u8 = FIN | TEXT;
/// FIN, no reserved bit, opcode binary.
pub(super) const WHOLE_BINARY: u8 = FIN | BINARY;

impl Decoder {
    /// The common case: a message in one frame that lies whole in
    /// `input[*pos..]`, where the next one begins. None: ask
    /// [`next`](Self::next) what it is.
    #[inline(always)]
    pub fn whole<'a>(
        &mut self,
        input: &'a [u8],
        pos: &mut usize,
    ) -> Option<(MessageKind, &'a [u8])> {
        if self.phase != Phase::Fresh {
            return None;
        }
        let rest = input.get(*pos..)?;
        let (first, len, after) = quick_header(rest)?;
        let payload = after.get(..len)?;
        if len as u64 > self.limits.max_message {
            return None;
        }
        let kind = match first {
            WHOLE_BINARY => MessageKind::Binary,
            WHOLE_TEXT if is_utf8(payload) => MessageKind::Text,
            _ => return None,
        };
        *pos += rest.len() - after.len() + len;
        self.tally.add_message(len as u64);
        Some((kind, payload))
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
    /// whole when that much is read behind it. A text is checked as it arrives, if
    /// not wanted as well.
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
