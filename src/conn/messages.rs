//! Messages that have arrived and are told one after the other, each looked for
//! when the one before was told.

use super::crank::Handlers;
use super::open::Open;
use super::{Buffers, Flow, Receiver};
use crate::event::{Event, EventKind, MessageKind};
use crate::log::{self, Level};
use crate::protocol::Whole;
use crate::socket::{ReadyState, Socket, bit};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sys::Clock;
use std::sync::Arc;

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

impl Open {
    /// Tells the messages at the front of what has arrived, each whole and in
    /// one frame: what nearly all are. It ends before anything else.
    #[inline(never)]
    pub(super) fn tell_whole(
        &mut self,
        socket: &Arc<Socket>,
        buffers: &mut Buffers,
        clock: &Clock,
        receiver: &mut Receiver<'_>,
    ) -> Flow {
        receiver.begin(socket);
        let input = buffers.plain.get(..buffers.end).unwrap_or_default();
        let at = &mut buffers.start;
        match receiver {
            Receiver::Handlers(handlers) => {
                self.call_whole(socket, input, at, clock, handlers);
                Flow::Go
            }
            Receiver::Pull(take) => match self.next_whole(socket, input, at) {
                Some((kind, data)) => {
                    let kind = EventKind::Message(kind, data);
                    take(socket, &Event { timestamp: clock.as_ms(), kind });
                    Flow::Stop
                }
                None => Flow::Go,
            },
        }
    }

    /// The next of them that is to be told; `None` in front of anything else.
    #[inline(always)]
    pub(super) fn next_whole<'i>(
        &self,
        socket: &Socket,
        input: &'i [u8],
        at: &mut usize,
    ) -> Option<(MessageKind, &'i [u8])> {
        let whole = self.decoder.whole(input.get(*at..).unwrap_or_default())?;
        let mut messages = Messages::new(whole, socket, None);
        let next = messages.next();
        *at = input.len() - messages.rest().len();
        next
    }

    /// Runs the program's handler for each of them.
    #[inline(always)]
    pub(super) fn call_whole(
        &self,
        socket: &Arc<Socket>,
        input: &[u8],
        at: &mut usize,
        clock: &Clock,
        handlers: &Handlers<'_>,
    ) {
        let rest = input.get(*at..).unwrap_or_default();
        let Some(whole) = self.decoder.whole(rest) else { return };
        let mut messages = handlers.messages(socket, whole);
        let rest = match messages.next() {
            // Nothing is behind it: an answer comes so.
            Some((kind, data)) if messages.rest().is_empty() => {
                handlers.call_for_message(socket, clock, kind, data);
                messages.rest()
            }
            Some(first) => self.call_more(socket, first, messages.rest(), clock, handlers),
            None => messages.rest(),
        };
        *at = input.len() - rest.len();
    }

    /// The same for the first of them and those behind it; what stands behind them.
    #[inline(never)]
    fn call_more<'i>(
        &self,
        socket: &Arc<Socket>,
        first: (MessageKind, &'i [u8]),
        rest: &'i [u8],
        clock: &Clock,
        handlers: &Handlers<'_>,
    ) -> &'i [u8] {
        let Some(whole) = self.decoder.whole(rest) else { return rest };
        let more = handlers.messages(socket, whole);
        handlers.call_for_messages(socket, clock, first, more)
    }
}

#[cold]
pub(super) fn trace_message(socket: &Socket, kind: MessageKind, len: usize) {
    socket.trace(|| format!("received {kind:?}, {len} bytes"));
}
