//! Messages that have arrived and are told one after the other, each looked for
//! when the one before was told.

use crate::event::MessageKind;
use crate::log::{self, Level};
use crate::protocol::Whole;
use crate::socket::{ReadyState, Socket, bit};
use crate::sync::atomic::{AtomicBool, Ordering};

/// The messages at the front of what has arrived, each whole and in one frame:
/// what nearly all are. They end before anything else, and as soon as something
/// else is to be done.
pub struct Messages<'a, 'i> {
    whole: Whole<'a, 'i>,
    socket: &'a Socket,
    /// Once this is true nobody is told any more.
    freed: Option<&'a AtomicBool>,
}

impl<'a, 'i> Messages<'a, 'i> {
    #[inline(always)]
    pub(super) fn new(
        whole: Whole<'a, 'i>,
        socket: &'a Socket,
        freed: Option<&'a AtomicBool>,
    ) -> Self {
        Self { whole, socket, freed }
    }

    /// What stands behind those that were taken.
    #[inline(always)]
    pub(crate) fn rest(&self) -> &'i [u8] {
        self.whole.rest()
    }
}

impl<'i> Iterator for Messages<'_, 'i> {
    type Item = (MessageKind, &'i [u8]);

    /// The next that is to be told.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.socket.signals.has(bit::URGENT) {
            let (kind, data) = self.whole.next()?;
            if log::enabled(Level::Trace) {
                trace_message(self.socket, kind, data.len());
            }
            if self.socket.ready_state() == ReadyState::Open
                && !self.freed.is_some_and(|freed| freed.load(Ordering::Acquire))
            {
                return Some((kind, data));
            }
        }
        None
    }
}

#[cold]
pub(super) fn trace_message(socket: &Socket, kind: MessageKind, len: usize) {
    socket.trace(|| format!("received {kind:?}, {len} bytes"));
}
