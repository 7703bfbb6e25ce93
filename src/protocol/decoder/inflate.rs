//! Compressed messages on their way into the assembly buffer (RFC 7692,
//! 7.2.2): limits and text are judged while they inflate.

use super::super::deflate::{InflateError, Inflated};
use super::super::violation::ViolationKind;
use super::Decoder;
use crate::event::MessageKind;

/// A look at the limits and at the text comes after this much, or after as
/// much as came so far.
const STEP: usize = 64 << 10;

impl Decoder {
    /// Inflates the next part of the open message into the assembly buffer.
    pub(super) fn take_compressed(&mut self, mut part: &[u8]) -> Result<(), ViolationKind> {
        let limit = usize::try_from(self.limits.max_message).unwrap_or(usize::MAX);
        loop {
            let from = self.buffer.len();
            // One byte over the limit tells that there are more.
            let max = from.saturating_add(from.max(STEP)).min(limit.saturating_add(1));
            let inflater = self.inflater.as_mut().ok_or(ViolationKind::BadCompression)?;
            let stopped = inflater.push(&mut part, &mut self.buffer, max);
            self.check_new(from)?;
            if self.buffer.len() > limit {
                return Err(ViolationKind::MessageTooBig(self.limits.max_message));
            }
            match stopped {
                Ok(Inflated::Dry) => return Ok(()),
                Ok(Inflated::Full) => {}
                Err(InflateError::Data) => return Err(ViolationKind::BadCompression),
                Err(InflateError::Memory) => return Err(ViolationKind::NoMemory(from as u64)),
            }
        }
    }

    /// Validates what was inflated behind the first `from` bytes.
    pub(super) fn check_new(&mut self, from: usize) -> Result<(), ViolationKind> {
        let new = self.buffer.get(from..).unwrap_or_default();
        if self.kind == MessageKind::Text && !self.text.push(new) {
            return Err(ViolationKind::InvalidText);
        }
        Ok(())
    }

    /// Ends the open message for the inflater.
    pub(super) fn finish_compressed(&mut self) -> Result<(), ViolationKind> {
        let inflater = self.inflater.as_mut().ok_or(ViolationKind::BadCompression)?;
        match inflater.finish(&mut self.buffer) {
            Ok(()) => Ok(()),
            Err(InflateError::Data) => Err(ViolationKind::BadCompression),
            Err(InflateError::Memory) => Err(ViolationKind::NoMemory(self.buffer.len() as u64)),
        }
    }
}
