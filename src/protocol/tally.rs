//! What a decoder has read, for other threads to look at. One thread counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the connection opened.
#[derive(Debug, Default)]
pub struct Tally {
    bytes: AtomicU64,
    messages: AtomicU64,
    payload: AtomicU64,
    /// How much longer than on the wire the messages are.
    inflated: AtomicU64,
    /// Frames that did not end a message: control frames, fragments.
    others: AtomicU64,
}

/// One thread writes: no need for an atomic addition.
fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Tally {
    /// So many bytes came.
    pub(crate) fn add_bytes(&self, bytes: usize) {
        add(&self.bytes, bytes as u64);
    }

    /// A message is whole.
    pub(super) fn add_message(&self, payload: u64) {
        add(&self.messages, 1);
        add(&self.payload, payload);
    }

    /// The message was compressed: so much longer than on the wire, or shorter
    /// where that is below zero.
    pub(super) fn add_inflated(&self, by: i64) {
        add(&self.inflated, by.cast_unsigned());
    }

    /// A frame came that ends no message.
    pub(super) fn add_other(&self) {
        add(&self.others, 1);
    }

    /// Bytes of frames, headers included.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whole messages.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Bytes of whole messages.
    pub fn payload(&self) -> u64 {
        self.payload.load(Ordering::Relaxed)
    }

    /// The same as they came, compressed or not.
    pub fn wire_payload(&self) -> u64 {
        self.payload().wrapping_sub(self.inflated.load(Ordering::Relaxed))
    }

    /// Frames; of a message that is not whole yet, those before its last.
    pub fn frames(&self) -> u64 {
        self.messages().wrapping_add(self.others.load(Ordering::Relaxed))
    }
}
