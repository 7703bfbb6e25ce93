//! The rest of a large frame, received straight into the assembly buffer.

use super::super::frame::quick_header;
use super::super::violation::Violation;
use super::whole::WHOLE_BINARY;
use super::{AHEAD, DIRECT_MIN, Decoder, Phase};
use crate::event::MessageKind;

impl Decoder {
    /// The short way of [`next`](Self::next) into a binary message in one frame
    /// whose rest will be received straight: takes what `input[*pos..]` has of
    /// it. False, and nothing done, if something else is there, or one that is
    /// not longer than `room` with its header.
    pub fn begin_direct(&mut self, input: &[u8], pos: &mut usize, room: usize) -> bool {
        let rest = input.get(*pos..).unwrap_or_default();
        let Some((first, len, part)) = quick_header(rest) else { return false };
        let payload = len as u64;
        if self.phase != Phase::Fresh
            || first != WHOLE_BINARY
            || payload < DIRECT_MIN
            || payload > self.limits.max_message
            || part.len() >= len
            || len <= room.saturating_sub(rest.len() - part.len())
        {
            return false;
        }
        self.missing = payload;
        if self.reserve(part.len()).is_err() {
            // `next` finds out as well and has a way to tell.
            return false;
        }
        self.buffer.extend_from_slice(part);
        self.missing -= part.len() as u64;
        self.kind = MessageKind::Binary;
        (self.fin, self.large, self.compressed, self.chunked) = (true, true, false, false);
        self.fragments = 0;
        self.announced = payload;
        self.phase = Phase::Payload;
        *pos = input.len();
        true
    }

    /// Whether this is the end of a binary message, which is received straight.
    #[inline]
    fn is_ending(&self) -> bool {
        self.phase == Phase::Payload && self.large && self.fin && self.kind == MessageKind::Binary
    }

    /// Whether [`direct`](Self::direct) gives the end of a binary message.
    #[inline]
    pub fn ends_direct(&self) -> bool {
        self.is_ending() && self.missing > 0
    }

    /// The binary message whose end was received straight; it is lent.
    #[inline]
    pub fn whole_direct(&mut self) -> Option<&[u8]> {
        if self.missing > 0 || !self.is_ending() {
            return None;
        }
        self.phase = Phase::Lent;
        self.count_message(self.buffer.len() as u64);
        Some(&self.buffer)
    }

    /// Whether [`direct`](Self::direct) has something to ask for.
    #[inline]
    pub fn wants_direct(&self) -> bool {
        self.phase == Phase::Payload && self.large && self.missing > 0
    }

    /// Where the rest of the current data frame can be received straight, if it
    /// has 32 KiB or more: append up to the given number of bytes (there is
    /// room for them) to the vector, touch nothing else in it, call
    /// [`took_direct`](Self::took_direct), then [`next`](Self::next), which
    /// takes an empty input too.
    pub fn direct(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        if !self.wants_direct() {
            return None;
        }
        let missing = usize::try_from(self.missing).unwrap_or(usize::MAX);
        let len = self.buffer.len();
        if self.buffer.capacity() - len < missing.min(AHEAD) {
            // Out of memory: `next` finds out as well and has a way to tell.
            self.buffer.try_reserve_exact(missing.min(AHEAD.max(len))).ok()?;
        }
        self.mark = len;
        let room = (self.buffer.capacity() - len).min(missing);
        Some((&mut self.buffer, room))
    }

    /// Takes note of what was appended to the vector `direct` gave.
    pub fn took_direct(&mut self) -> Result<(), Violation> {
        let came = self.buffer.len().saturating_sub(self.mark) as u64;
        debug_assert!(came <= self.missing, "more appended than direct allowed");
        self.missing = self.missing.saturating_sub(came);
        if self.kind == MessageKind::Text { self.check_direct() } else { Ok(()) }
    }

    /// Validates what was appended to a text.
    #[inline(never)]
    fn check_direct(&mut self) -> Result<(), Violation> {
        let buffer = std::mem::take(&mut self.buffer);
        let checked = self.check(buffer.get(self.mark..).unwrap_or_default());
        self.buffer = buffer;
        checked.map_err(|kind| {
            self.end();
            kind.into()
        })
    }
}
