//! What a driver gives a connection to work with, and whom it tells events.

use super::{Buffers, Messages};
use crate::drive::context::Context;
use crate::event::{Event, EventKind, MessageKind};
use crate::protocol::Whole;
use crate::socket::{Socket, bit};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sys::{Clock, Mode};
use std::sync::Arc;

/// What the receiver of an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// More events are welcome.
    Go,
    /// This was enough for now; what it lent must stay where it is.
    Stop,
}

/// See the module.
pub(crate) struct Crank<'a, 'b> {
    pub(crate) buffers: &'a mut Buffers,
    pub(crate) clock: Clock,
    /// Whether an open connection's read may wait.
    pub(crate) mode: Mode,
    /// Stop in front of the next event instead of delivering it.
    pub(crate) hold: bool,
    /// What is sent while a pull leaves events at hand waits for them.
    pub(crate) gathers: bool,
    pub(crate) here: &'a Context,
    pub(crate) receiver: &'a mut Receiver<'b>,
}

impl<'a, 'b> Crank<'a, 'b> {
    /// That of a loop: it only looks, and gathers.
    #[inline(always)]
    pub(crate) fn of_loop(
        buffers: &'a mut Buffers,
        here: &'a Context,
        receiver: &'a mut Receiver<'b>,
    ) -> Self {
        let (clock, mode) = (Clock::default(), Mode::Look);
        Self { buffers, clock, mode, hold: false, gathers: true, here, receiver }
    }
}

/// Takes one event.
pub(crate) type Take<'a> = dyn FnMut(&Arc<Socket>, &Event<'_>) + 'a;

/// Who is told events.
pub(crate) enum Receiver<'a> {
    /// The program's handlers.
    Handlers(Handlers<'a>),
    /// A call that takes one event.
    Pull(&'a mut Take<'a>),
}

/// The handlers of the socket whose connection is advanced.
pub(crate) struct Handlers<'a> {
    here: &'a Context,
    /// Once this is true nobody is called any more.
    freed: Option<&'a AtomicBool>,
    /// `free` was told to wait.
    begun: bool,
}

impl<'a> Receiver<'a> {
    /// The program's handlers, called on this thread.
    pub(crate) fn handlers(here: &'a Context, freed: Option<&'a AtomicBool>) -> Self {
        Self::Handlers(Handlers { here, freed, begun: false })
    }

    /// Tells what happens now.
    #[inline]
    pub(super) fn deliver(
        &mut self,
        clock: &Clock,
        socket: &Arc<Socket>,
        kind: EventKind<'_>,
    ) -> Flow {
        self.tell(socket, &Event { timestamp: clock.as_ms(), kind })
    }

    /// Tells an event.
    #[inline]
    pub(super) fn tell(&mut self, socket: &Arc<Socket>, event: &Event<'_>) -> Flow {
        match self {
            Self::Handlers(handlers) => {
                if !handlers.begun {
                    handlers.begun = socket.begin_callbacks();
                }
                handlers.call(socket, event);
                Flow::Go
            }
            Self::Pull(take) => {
                take(socket, event);
                Flow::Stop
            }
        }
    }

    /// Events may be told from here on: what `close` on another thread does to
    /// a message is looked at behind this.
    #[inline]
    pub(super) fn begin(&mut self, socket: &Socket) {
        if let Self::Handlers(handlers) = self {
            handlers.begin(socket);
        }
    }

    /// The connection waits, or its turn is over: a `free` that waits for the
    /// end of its callbacks may go on.
    #[inline]
    pub(crate) fn pause(&mut self, socket: &Socket) {
        if let Self::Handlers(handlers) = self {
            handlers.pause(socket);
        }
    }
}

impl Handlers<'_> {
    /// See [`Receiver::begin`].
    #[inline(always)]
    pub(super) fn begin(&mut self, socket: &Socket) {
        if !self.begun {
            self.begun = socket.begin_callbacks();
        }
    }

    /// See [`Receiver::pause`].
    #[inline(always)]
    pub(super) fn pause(&mut self, socket: &Socket) {
        if self.begun {
            self.begun = false;
            socket.end_callbacks();
        }
    }

    /// Those of `whole` that are to be told.
    #[inline(always)]
    pub(super) fn messages<'a, 'i>(
        &'a self,
        socket: &'a Socket,
        whole: Whole<'a, 'i>,
    ) -> Messages<'a, 'i> {
        Messages::new(whole, socket, self.freed)
    }

    /// Runs the program's handler for a message. `begun`, and `free` did not
    /// come before that was looked at.
    #[inline(always)]
    pub(super) fn call_for_message(
        &self,
        socket: &Arc<Socket>,
        clock: &Clock,
        kind: MessageKind,
        data: &[u8],
    ) {
        let now = clock.as_ms();
        let _inside = self.here.enter_callback();
        socket.host().deliver_message(socket, now, kind, data);
    }

    /// The same for a message and those behind it; what stands behind them.
    #[inline(always)]
    pub(super) fn call_for_messages<'i>(
        &self,
        socket: &Arc<Socket>,
        clock: &Clock,
        first: (MessageKind, &'i [u8]),
        more: Messages<'_, 'i>,
    ) -> &'i [u8] {
        let now = clock.as_ms();
        let _inside = self.here.enter_callback();
        socket.host().deliver_messages(socket, now, first, more)
    }

    /// Runs the program's handler for one event, unless `free` came first.
    #[inline]
    fn call(&mut self, socket: &Arc<Socket>, event: &Event<'_>) {
        if self.freed.is_some_and(|freed| freed.load(Ordering::Acquire)) {
            return;
        }
        if !socket.signals.has(bit::SILENCED) {
            let _inside = self.here.enter_callback();
            socket.host().deliver(socket, event);
        }
    }
}
