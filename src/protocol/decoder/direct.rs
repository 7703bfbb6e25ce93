//! The rest of a large frame, received straight into the assembly buffer.

use super::super::violation::Violation;
use super::{AHEAD, Decoder, Phase};

impl Decoder {
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
        let buffer = std::mem::take(&mut self.buffer);
        let part = buffer.get(self.mark..).unwrap_or_default();
        let checked = self.check(part);
        debug_assert!(part.len() as u64 <= self.missing, "more appended than direct allowed");
        self.missing = self.missing.saturating_sub(part.len() as u64);
        self.mark = buffer.len();
        self.buffer = buffer;
        checked.map_err(|kind| {
            self.end();
            kind.into()
        })
    }
}
