//! The sending half under its lock, and whether it is in its everyday state:
//! whole frames of the program's messages in the queue or none, no ciphertext,
//! and nothing else that anybody is owed or must count. What is sent then
//! takes a short way. Whoever changes anything by the long way ends the
//! state; a flush that leaves nothing behind looks whether it is back.

use super::{CloseFrame, Outbound, Progress};
use crate::conn::memory::Cipher;
use crate::conn::tls::Decrypted;
use crate::drive::context::Context;
use crate::error::{Error, Result};
use crate::sys;
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
        self.outbound.outbox.plain().len()
    }

    /// The buffered amount, in the everyday state.
    #[inline(always)]
    pub(crate) fn everyday_shown(&self) -> usize {
        self.outbound.outbox.payload() + self.outbound.withheld
    }

    /// See [`Outbound::reveal`].
    #[inline(always)]
    pub(crate) fn reveal(&mut self) {
        self.outbound.reveal();
    }

    /// Decrypts what has arrived. What TLS answers by itself ends the everyday
    /// state. `None`: there is no link any more.
    #[inline(always)]
    pub(crate) fn decrypt(&mut self, cipher: &mut Cipher, buf: &mut [u8]) -> Option<Decrypted> {
        let link = self.outbound.link()?;
        let decrypted = link.decrypt(cipher, buf);
        if !matches!(decrypted, Some(Decrypted::One(_))) {
            self.everyday &= !link.has_ciphertext();
        }
        decrypted
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
        let pushed = self.outbound.outbox.push_with(|| here.mask_key(), opcode, payload);
        pushed.map_err(|_| Error::NoMemory)
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

impl Outbound {
    /// Whether it is in the state of the module.
    fn is_everyday(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.has_ciphertext() && !link.is_patient())
            && self.outbox.is_plain()
            && self.pong.is_none()
            && self.pongs == 0
            && self.in_cipher + self.lost == 0
            && self.kept.is_none()
            && self.stalled.is_none()
            && self.paused.is_none()
            && self.stream.is_none()
            && self.close == CloseFrame::None
            && !self.drain_owed
            && !self.broken
    }

    /// Offers the queue to the kernel; `None` if nothing more is to be said.
    #[inline(always)]
    fn flush_everyday(&mut self) -> Option<Progress> {
        let Some(link) = &mut self.link else { return None };
        let bytes = self.outbox.plain();
        if link.is_tls() {
            if bytes.is_empty() {
                return None;
            }
            return match link.write_whole(bytes) {
                Ok(()) => {
                    self.outbox.clear_plain();
                    None
                }
                Err(Ok(n)) => {
                    self.in_cipher += self.outbox.advance(n);
                    Some(self.flush_tls(false))
                }
                // Not offered once more: TLS may have taken it.
                Err(Err(error)) => Some(self.refused_by_tls(&error)),
            };
        }
        let sent = if bytes.is_empty() { Ok(0) } else { sys::send(link.tcp(), bytes) };
        match sent {
            Ok(n) if n == bytes.len() => {
                self.outbox.clear_plain();
                None
            }
            sent => Some(self.flush_plain_from(Some(sent), false)),
        }
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
