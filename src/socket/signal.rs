//! The bits that the driver and every other thread exchange.

use crate::sync::atomic::{AtomicU32, Ordering};

/// One bit each; the comment says who sets it.
pub(crate) mod bit {
    /// `free`, or the loop's end: no callback may begin any more.
    pub(crate) const SILENCED: u32 = 1 << 0;
    /// `abort`.
    pub(crate) const ABORT: u32 = 1 << 1;
    /// `close` while connecting.
    pub(crate) const CANCEL: u32 = 1 << 2;
    /// `pause`.
    pub(crate) const PAUSED: u32 = 1 << 3;
    /// `resume`, and `close` after a pause: bytes may wait unread.
    pub(crate) const RESUMED: u32 = 1 << 4;
    /// A flush left bytes behind.
    pub(crate) const BLOCKED: u32 = 1 << 5;
    /// A Close frame of ours is queued or sent: its deadlines run.
    pub(crate) const CLOSING: u32 = 1 << 6;
    /// The drain event is due.
    pub(crate) const DRAIN: u32 = 1 << 7;
    /// Frames wait for the end of a batch of callbacks.
    pub(crate) const GATHERED: u32 = 1 << 8;
    /// `interrupt`.
    pub(crate) const INTERRUPT: u32 = 1 << 9;
    /// A second thread uses a blocking socket: waits must be wakeable.
    pub(crate) const SHARED: u32 = 1 << 10;
    /// The loop's attention list has it.
    pub(crate) const ATTENTION: u32 = 1 << 12;
    /// A callback of the socket runs.
    pub(crate) const IN_CALLBACK: u32 = 1 << 13;
    /// Its loop was freed.
    pub(crate) const LOOP_GONE: u32 = 1 << 14;
    /// A panic was caught in one of its calls.
    pub(crate) const POISONED: u32 = 1 << 15;

    /// A handler waits for pings or pongs.
    pub(crate) const PINGS: u32 = 1 << 16;
    /// The program wants messages in chunks.
    pub(crate) const CHUNKS: u32 = 1 << 17;
    /// A handler waits for them.
    pub(crate) const CHUNK_HANDLER: u32 = 1 << 18;
    /// One of these two may have changed.
    pub(crate) const CHUNKS_ASKED: u32 = 1 << 19;

    /// What a socket has from the one it is made after.
    pub(crate) const INHERITED: u32 = PINGS | CHUNKS | CHUNK_HANDLER | CHUNKS_ASKED;

    /// A pull has left whole messages of the socket behind: what the pulling
    /// thread sends on it waits for them.
    pub(crate) const AT_HAND: u32 = 1 << 20;

    /// What changes the phase of an open connection.
    pub(crate) const OBEYED: u32 = SILENCED | ABORT | CANCEL | POISONED;

    /// What an open connection must act on between two messages.
    pub(crate) const URGENT: u32 =
        SILENCED | ABORT | PAUSED | RESUMED | DRAIN | POISONED | CHUNKS_ASKED;
}

/// A set of [`bit`]s.
#[derive(Debug, Default)]
pub(crate) struct Signals(AtomicU32);

impl Signals {
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn has(&self, bits: u32) -> bool {
        self.get() & bits != 0
    }

    /// Sets `bits`; what stood there before.
    pub(crate) fn set(&self, bits: u32) -> u32 {
        self.0.fetch_or(bits, Ordering::AcqRel)
    }

    /// Clears `bits`; what stood there before.
    pub(crate) fn clear(&self, bits: u32) -> u32 {
        self.0.fetch_and(!bits, Ordering::AcqRel)
    }

    /// Clears `bits` and says whether any was set.
    pub(crate) fn take(&self, bits: u32) -> bool {
        self.has(bits) && self.clear(bits) & bits != 0
    }
}
