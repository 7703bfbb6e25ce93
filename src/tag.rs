//! What every object begins with that C has a handle of, so that one passed as
//! another, or used after it was freed, is noticed before it is used.

use std::sync::atomic::{AtomicU64, Ordering};

/// What an object is, until C has freed it: the first field of a `repr(C)` struct.
/// Eight letters, for whoever looks at memory.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Tag(AtomicU64);

impl Tag {
    pub(crate) const CONFIG: u64 = u64::from_ne_bytes(*b"wsktCONF");
    pub(crate) const LOOP: u64 = u64::from_ne_bytes(*b"wsktLOOP");
    pub(crate) const SOCKET: u64 = u64::from_ne_bytes(*b"wsktSOCK");
    pub(crate) const RECONNECTOR: u64 = u64::from_ne_bytes(*b"wsktRECO");
    const FREED: u64 = u64::from_ne_bytes(*b"wsktFREE");

    pub(crate) const fn new(kind: u64) -> Self {
        Self(AtomicU64::new(kind))
    }

    pub(crate) fn is(&self, kind: u64) -> bool {
        self.0.load(Ordering::Relaxed) == kind
    }

    /// C has given its handle back.
    pub(crate) fn free(&self) {
        self.0.store(Self::FREED, Ordering::Relaxed);
    }

    /// What is wrong with an object that C took for a `wanted`.
    pub(crate) fn complaint(&self, wanted: &str) -> String {
        match self.0.load(Ordering::Relaxed) {
            Self::CONFIG => format!("a wskt_config was passed as a {wanted}"),
            Self::LOOP => format!("a wskt_loop was passed as a {wanted}"),
            Self::SOCKET => format!("a wskt_socket was passed as a {wanted}"),
            Self::RECONNECTOR => format!("a wskt_reconnector was passed as a {wanted}"),
            Self::FREED => format!("a {wanted} was used after it was freed"),
            _ => format!("what was passed as a {wanted} is none"),
        }
    }
}
