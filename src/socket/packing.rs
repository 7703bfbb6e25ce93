//! Compressing what is sent: outside the lock that the driver needs too, in
//! the order in which it is queued.

use super::Socket;
use crate::conn::outbox::{Part, opcode};
use crate::error::{Error, Result};
use crate::protocol::Deflater;
use crate::sync::{MutexGuard, lock};
use std::cell::Cell;

/// Capacity that a thread keeps for the next message.
const KEEP: usize = 64 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The right to compress the next message. Unless it is told that the message
/// was queued, the context begins anew: the peer never saw that message.
pub(super) struct Packing<'a> {
    deflater: MutexGuard<'a, Deflater>,
    scratch: Vec<u8>,
    /// Something was compressed that is not queued.
    dirty: bool,
    /// Whether a message was open before.
    begun: bool,
}

impl Socket {
    /// The right to compress, if that was agreed. To be had before the lock of
    /// the queue, and kept until the message is there.
    pub(super) fn packing(&self) -> Option<Packing<'_>> {
        let deflater = lock(self.deflater.get()?);
        let mut scratch = SCRATCH.take();
        scratch.clear();
        let begun = deflater.is_begun();
        Some(Packing { deflater, scratch, dirty: false, begun })
    }
}

impl Packing<'_> {
    /// Compresses a whole message. One that gains nothing stays as it is,
    /// where no later message needs it.
    pub(super) fn whole<'b>(&'b mut self, opcode: u8, data: &'b [u8]) -> Result<Part<'b>> {
        self.dirty = true;
        self.deflater.push(data, true, &mut self.scratch).map_err(|_| Error::NoMemory)?;
        let plain = self.deflater.is_fresh_each_time() && self.scratch.len() >= data.len();
        let payload = if plain { data } else { self.scratch.as_slice() };
        Ok(Part { opcode, fin: true, rsv1: !plain, payload, bytes: data.len() })
    }

    /// Compresses a chunk of a message; `opcode` is that of its frame.
    pub(super) fn chunk(&mut self, opcode: u8, data: &[u8], last: bool) -> Result<Part<'_>> {
        self.dirty = true;
        self.deflater.push(data, last, &mut self.scratch).map_err(|_| Error::NoMemory)?;
        let rsv1 = opcode != opcode::CONTINUATION;
        Ok(Part { opcode, fin: last, rsv1, payload: &self.scratch, bytes: data.len() })
    }

    /// The peer will see what was compressed.
    pub(super) fn was_queued(&mut self) {
        self.dirty = false;
    }
}

impl Drop for Packing<'_> {
    fn drop(&mut self) {
        if self.dirty {
            self.deflater.forget(self.begun);
        }
        if self.scratch.capacity() <= KEEP {
            SCRATCH.set(std::mem::take(&mut self.scratch));
        }
    }
}
