//! Messages told in chunks while they arrive, for those who ask for it. Nothing
//! is put together, and nothing is kept but the front of a character that was
//! cut: a chunk lies in the input, or is what a part of it inflates to.

use super::super::deflate::{InflateError, Inflated};
use super::super::utf8::whole_characters;
use super::super::violation::ViolationKind;
use super::{Decoder, Item, Phase, Step};
use crate::event::{Chunk, MessageKind};

/// The longest chunk, whatever is there.
const CHUNK_MAX: usize = 128 << 10;

/// The most that is inflated at a time.
const INFLATED_MAX: usize = 64 << 10;

/// The longest character of UTF-8.
const CHARACTER_MAX: usize = 4;

impl Decoder {
    /// Tells the messages that begin from now on in chunks, or whole again.
    pub fn tell_chunks(&mut self, on: bool) {
        self.in_chunks = on;
        match self.phase {
            Phase::Fresh if on => self.phase = Phase::Apart,
            Phase::Apart if !on => self.phase = Phase::Fresh,
            _ => {}
        }
    }

    /// Makes ready for a message.
    pub(super) fn begin_chunks(&mut self) {
        self.continued = false;
        self.told = 0;
        if self.buffer.capacity() > self.inflated_max() {
            self.buffer = Vec::new();
        }
    }

    /// The longest chunk; a character is never cut, whatever the limit.
    fn longest(&self) -> usize {
        let limit = usize::try_from(self.limits.max_message).unwrap_or(usize::MAX).min(CHUNK_MAX);
        if self.kind == MessageKind::Text { limit.max(CHARACTER_MAX) } else { limit }
    }

    /// The longest chunk of a compressed message.
    fn inflated_max(&self) -> usize {
        self.longest().min(INFLATED_MAX)
    }

    /// The next chunk of the open message and moves `*pos` past it. `None` if
    /// the bytes that are there, or those of the frame, give no more.
    pub(super) fn take_chunk<'a>(
        &mut self,
        rest: &'a [u8],
        pos: &mut usize,
    ) -> Result<Option<Step<'a>>, ViolationKind> {
        self.forget_chunk();
        let len = usize::try_from(self.missing).map_or(rest.len(), |len| len.min(rest.len()));
        let part = rest.get(..len).unwrap_or_default();
        if self.compressed {
            self.inflate_chunk(part, pos)
        } else if self.text.is_complete() {
            self.lend_chunk(part, pos)
        } else {
            self.mend(part, pos)
        }
    }

    /// Drops the chunk that was lent from the buffer last.
    pub(super) fn forget_chunk(&mut self) {
        let spent = std::mem::take(&mut self.spent);
        self.buffer.drain(..spent.min(self.buffer.len()));
    }

    /// What lies in the input.
    fn lend_chunk<'a>(
        &mut self,
        part: &'a [u8],
        pos: &mut usize,
    ) -> Result<Option<Step<'a>>, ViolationKind> {
        let part = part.get(..self.longest()).unwrap_or(part);
        let whole = match self.kind {
            MessageKind::Binary => part.len(),
            MessageKind::Text => whole_characters(part).ok_or(ViolationKind::InvalidText)?,
        };
        let (data, cut) = part.split_at_checked(whole).unwrap_or((part, &[]));
        if part.len() as u64 == self.missing && !cut.is_empty() {
            // The rest of the character is in another frame, if anywhere.
            if self.fin || !self.text.push(cut) {
                return Err(ViolationKind::InvalidText);
            }
            self.keep(cut)?;
            self.took(part.len(), pos);
        } else {
            // A cut character stays in the input until its rest is there too.
            self.took(data.len(), pos);
        }
        let last = self.fin && self.missing == 0;
        if data.is_empty() && !last {
            return Ok(None);
        }
        let first = self.tell(data.len(), last);
        Ok(Some(Step::Here(Item::Chunk(Chunk { kind: self.kind, first, last, data }))))
    }

    /// The rest of a character that a frame's end has cut.
    fn mend<'a>(
        &mut self,
        part: &[u8],
        pos: &mut usize,
    ) -> Result<Option<Step<'a>>, ViolationKind> {
        for byte in part.chunks(1) {
            if !self.text.push(byte) {
                return Err(ViolationKind::InvalidText);
            }
            self.keep(byte)?;
            self.took(1, pos);
            if self.text.is_complete() {
                let last = self.fin && self.missing == 0;
                return Ok(Some(self.lend_kept(last)));
            }
        }
        if self.fin && self.missing == 0 {
            return Err(ViolationKind::InvalidText);
        }
        Ok(None)
    }

    /// What the next bytes inflate to.
    fn inflate_chunk<'a>(
        &mut self,
        part: &[u8],
        pos: &mut usize,
    ) -> Result<Option<Step<'a>>, ViolationKind> {
        let kept = self.buffer.len();
        let max = self.inflated_max();
        let mut left = part;
        let inflater = self.inflater.as_mut().ok_or(ViolationKind::BadCompression)?;
        let stopped = inflater.push(&mut left, &mut self.buffer, max);
        self.took(part.len() - left.len(), pos);
        self.check_new(kept)?;
        let last = match stopped {
            Ok(Inflated::Full) => false,
            Ok(Inflated::Dry) => self.fin && self.missing == 0,
            Err(InflateError::Data) => return Err(ViolationKind::BadCompression),
            Err(InflateError::Memory) => return Err(ViolationKind::NoMemory(max as u64)),
        };
        if last {
            self.finish_compressed()?;
            if !self.text.is_complete() {
                return Err(ViolationKind::InvalidText);
            }
        }
        if self.buffer.len() == self.text.begun() && !last {
            return Ok(None);
        }
        Ok(Some(self.lend_kept(last)))
    }

    /// Puts bytes of a cut character where its rest will follow.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), ViolationKind> {
        self.buffer
            .try_reserve(CHARACTER_MAX)
            .map_err(|_| ViolationKind::NoMemory(CHARACTER_MAX as u64))?;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes of the current frame are done with.
    fn took(&mut self, len: usize, pos: &mut usize) {
        *pos += len;
        self.missing = self.missing.saturating_sub(len as u64);
    }

    /// The whole characters in the buffer as a chunk.
    fn lend_kept<'a>(&mut self, last: bool) -> Step<'a> {
        let len = self.buffer.len() - self.text.begun();
        self.spent = len;
        let first = self.tell(len, last);
        Step::Chunk { len, first, last }
    }

    /// Notes that a chunk is told; whether it is the first of its message.
    fn tell(&mut self, len: usize, last: bool) -> bool {
        self.told = self.told.saturating_add(len as u64);
        if last {
            self.phase = Phase::Lent;
            self.count_message(self.told);
        }
        !std::mem::replace(&mut self.continued, !last)
    }
}
