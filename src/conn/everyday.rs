//! The sending half under its lock, and whether it is in its everyday state:
//! whole frames of the program's messages in the queue or none, no ciphertext,
//! and nothing else that anybody is owed or must count. What is sent then
//! takes a short way. Whoever changes anything by the long way ends the
//! state; a flush that leaves nothing behind looks whether it is back.

use super::link::Link;
use super::outbound::{Outbound, Progress};
use crate::drive::context::Context;
use crate::error::Result;
use std::ops::{Deref, DerefMut};

/// See the module.
pub(crate) struct Sending {
    outbound: Outbound,
    everyday: bool,
}

impl Sending {
    pub(crate) fn new() -> Self {
        Self { outbound: Outbound::new(), everyday: false }
    }

    #[inline(always)]
    pub(crate) fn is_everyday(&self) -> bool {
        self.everyday
    }

    /// Bytes in the queue, in the everyday state.
    #[inline(always)]
    pub(crate) fn everyday_pending(&self) -> usize {
        self.outbound.everyday_load().0
    }

    /// The buffered amount, in the everyday state.
    #[inline(always)]
    pub(crate) fn everyday_shown(&self) -> usize {
        self.outbound.everyday_load().1
    }

    /// See [`Outbound::reveal`].
    #[inline(always)]
    pub(crate) fn reveal(&mut self) {
        self.outbound.reveal();
    }

    /// Runs with the link, to decrypt what has arrived. What TLS answers by
    /// itself ends the everyday state.
    #[inline]
    pub(crate) fn decrypt<R>(&mut self, run: impl FnOnce(&mut Link) -> R) -> Option<R> {
        let link = self.outbound.link()?;
        let done = run(link);
        self.everyday &= !link.has_ciphertext();
        Some(done)
    }

    /// Nothing waits any more: perhaps it is an everyday's state again.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if !self.everyday {
            self.everyday = self.outbound.is_everyday();
        }
    }

    /// Queues a message in the everyday state.
    #[inline(always)]
    pub(crate) fn push_everyday(
        &mut self,
        here: &Context,
        opcode: u8,
        payload: &[u8],
    ) -> Result<()> {
        self.outbound.push_everyday(here, opcode, payload)
    }

    /// Offers the queue to the kernel in the everyday state. `None`: it took
    /// everything, and the state lasts.
    #[inline(always)]
    pub(crate) fn flush_everyday(&mut self) -> Option<Progress> {
        let said = self.outbound.flush_everyday();
        self.everyday = said.is_none();
        said
    }
}

impl Deref for Sending {
    type Target = Outbound;

    #[inline(always)]
    fn deref(&self) -> &Outbound {
        &self.outbound
    }
}

impl DerefMut for Sending {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Outbound {
        self.everyday = false;
        &mut self.outbound
    }
}
