//! The short ways of an established connection: nothing to obey, no deadline,
//! whole messages in what a read brings. Nearly all messages take them; wherever
//! something else turns up, the long way goes on from there.

use super::buffers::Buffers;
use super::messages::{Messages, trace_message};
use super::open::Open;
use super::read::{Read, read_direct};
use super::{Conn, Crank, Flow, Phase, Pulled, Receiver};
use crate::config::READ_BUFFER;
use crate::event::{Event, EventKind, MessageKind};
use crate::log::{self, Level};
use crate::protocol::Decoder;
use crate::socket::{Socket, bit};
use crate::sys::{self, Mode, Time};
use std::sync::Arc;

/// How [`Conn::serve`] and [`Conn::serve_large`] ended.
pub(crate) enum Served {
    /// Everything was told; what the connection waits for is what it was.
    Idle,
    /// The same, to a receiver that wants one event.
    Told,
    /// Such a receiver has its event, and more is to be done: see
    /// [`Conn::come_back`].
    Stopped,
    /// As much was read as a turn allows; what the connection waits for is what
    /// it was.
    More,
    /// [`Conn::advance`] goes on.
    Not,
}

/// How [`Conn::follow`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// A message was told, and the one behind it is at hand.
    Left,
    /// A message was told: see [`Conn::come_back`].
    Last,
    /// [`Conn::advance`] goes on.
    Not,
}

impl Open {
    /// Goes into a large message in front of what is not parsed. Where more is
    /// there, it must not fit into the buffer: two of those are better taken at a
    /// time.
    #[inline(never)]
    fn begin_direct(&mut self, buffers: &mut Buffers, more: bool) -> bool {
        let room = if more || buffers.is_wide() { buffers.most() } else { 0 };
        let input = buffers.plain.get(..buffers.end).unwrap_or_default();
        let part = buffers.end - buffers.start;
        let begun = self.decoder.begin_direct(input, &mut buffers.start, room);
        if begun {
            buffers.discard();
            if part > READ_BUFFER {
                buffers.narrow();
            }
        }
        begun
    }

    /// Whether nothing but messages is to be thought of.
    #[inline(always)]
    fn is_simple(&self, socket: &Socket) -> bool {
        !socket.signals.has(!bit::PINGS) && self.is_bare() && self.decoder.is_fresh()
    }

    /// The message whose end was just received straight.
    #[inline(always)]
    fn whole_direct(&mut self, socket: &Socket) -> Option<EventKind<'_>> {
        let data = self.decoder.whole_direct()?;
        if log::enabled(Level::Trace) {
            trace_message(socket, MessageKind::Binary, data.len());
        }
        Some(EventKind::Message(MessageKind::Binary, data))
    }
}

/// What callbacks gathered leaves; false if the long way has to see to something.
#[inline(always)]
fn is_quiet_behind_callbacks(socket: &Arc<Socket>) -> bool {
    let mut now = socket.signals.get();
    if now & bit::GATHERED != 0 {
        socket.flush_everyday();
        now = socket.signals.get();
    }
    now & !(bit::PINGS | bit::IN_CALLBACK) == 0
}

impl Conn {
    /// The short way of a pull that may wait for one read, and for another as
    /// long as `may_wait` says so: one message that lies whole in what arrives.
    #[inline(always)]
    pub(crate) fn receive(
        &mut self,
        buffers: &mut Buffers,
        may_wait: impl Fn() -> bool,
        mut take: impl FnMut(&Event<'_>),
    ) -> Pulled {
        let Phase::Open(open) = &mut self.phase else { return Pulled::Not };
        let socket = &self.socket;
        if !open.is_simple(socket) || self.deadline.is_some() {
            return Pulled::Not;
        }
        buffers.load(&mut open.carry);
        // Whatever is there when this ends stays in place.
        buffers.taken = true;
        let mut lacks = buffers.start == buffers.end;
        loop {
            if lacks {
                match open.read_next(socket, buffers, Mode::Wait) {
                    Read::Bytes(n, more) => {
                        open.decoder.tally().add_bytes(n);
                        if more && !open.tls {
                            open.filled(buffers);
                        }
                    }
                    read => return self.unreceived(buffers, read),
                }
            }
            let input = buffers.plain.get(..buffers.end).unwrap_or_default();
            if let Some((kind, data)) = open.next_whole(socket, input, &mut buffers.start) {
                let kind = EventKind::Message(kind, data);
                take(&Event { timestamp: Time::now().as_ms(), kind });
                return Pulled::Event;
            }
            // The rest of a message may be long in coming.
            if buffers.start == buffers.end
                || socket.signals.has(!bit::PINGS)
                || open.awaits(buffers).is_none()
                || !open.waits_well(buffers)
                || !may_wait()
            {
                return Pulled::Not;
            }
            lacks = true;
        }
    }

    /// The same behind a large message that was lent, or in front of a binary one
    /// that is larger than the buffer.
    pub(crate) fn receive_apart(
        &mut self,
        buffers: &mut Buffers,
        may_wait: impl Fn() -> bool,
        take: &mut dyn FnMut(&Event<'_>),
    ) -> Pulled {
        if let Phase::Open(open) = &mut self.phase
            && !open.decoder.is_fresh()
        {
            open.decoder.unlend();
            match self.receive(buffers, &may_wait, &mut *take) {
                // It may have waited.
                Pulled::Not if may_wait() => {}
                pulled => return pulled,
            }
        }
        let Self { phase: Phase::Open(open), socket, deadline: None, .. } = self else {
            return Pulled::Not;
        };
        if open.tls
            || !open.is_simple(socket)
            || !buffers.taken
            || !open.begin_direct(buffers, true)
        {
            return Pulled::Not;
        }
        loop {
            buffers.taken = true;
            match read_direct(open, buffers, Mode::Wait) {
                Read::Bytes(n, more) => {
                    open.decoder.tally().add_bytes(n);
                    if more {
                        open.filled(buffers);
                    }
                }
                read => return self.unreceived(buffers, read),
            }
            if socket.signals.has(!bit::PINGS) {
                return Pulled::Not;
            }
            if let Some(kind) = open.whole_direct(socket) {
                take(&Event { timestamp: Time::now().as_ms(), kind });
                return Pulled::Event;
            }
            // Where its memory was too small, more of it stands behind that.
            let rest = buffers.start < buffers.end;
            if rest || !open.decoder.ends_direct() || !may_wait() {
                return Pulled::Not;
            }
        }
    }

    /// The short way of a driver that only looks: one read, and what it brought.
    #[inline(always)]
    pub(crate) fn serve(&mut self, crank: &mut Crank<'_, '_>) -> Served {
        let Self { phase: Phase::Open(open), socket, readable, read_closed, deadline, .. } = self
        else {
            return Served::Not;
        };
        let Crank { buffers, clock, receiver, .. } = crank;
        if !*readable
            || *read_closed
            || buffers.taken
            || !open.is_simple(socket)
            || deadline.is_some()
            || !open.carry.is_empty()
            || buffers.plain.is_empty()
        {
            return Served::Not;
        }
        let open: &mut Open = open;
        let socket: &Arc<Socket> = socket;
        let inner: &Socket = socket;
        let signals = &inner.signals;
        let _advance = crank.here.advance(socket);
        buffers.start = 0;
        buffers.end = 0;
        if open.tls {
            match open.read_next(socket, buffers, Mode::Look) {
                Read::Bytes(n, more) => {
                    open.decoder.tally().add_bytes(n);
                    *readable = more;
                }
                read => {
                    self.unserved(read);
                    return Served::Not;
                }
            }
        } else {
            let room = buffers.plain.len();
            let n = match sys::recv(&open.tcp, &mut buffers.plain, Mode::Look) {
                Ok(n) if n > 0 => n,
                said => {
                    self.unserved(said.map_or_else(Read::from, |_| Read::Over(None)));
                    return Served::Not;
                }
            };
            buffers.end = n;
            open.decoder.tally().add_bytes(n);
            *readable = n == room;
        }
        // Whatever else is there stays in place.
        buffers.taken = true;
        match receiver {
            Receiver::Handlers(handlers) => {
                handlers.begin(socket);
                let input = buffers.plain.get(..buffers.end).unwrap_or_default();
                let mut at = 0;
                open.call_whole(socket, input, &mut at, clock, handlers);
                buffers.start = at;
                if *readable || at < input.len() || !open.decoder.is_fresh() {
                    open.spend(input.len());
                    if *readable && !open.tls {
                        open.filled(buffers);
                    }
                    return Served::Not;
                }
                if !is_quiet_behind_callbacks(socket) {
                    return Served::Not;
                }
                open.decoder.rest();
                buffers.discard();
                handlers.pause(socket);
                Served::Idle
            }
            Receiver::Pull(take) => {
                let input = buffers.plain.get(..buffers.end).unwrap_or_default();
                let Some((kind, data)) = open.next_whole(socket, input, &mut buffers.start) else {
                    return Served::Not;
                };
                let kind = EventKind::Message(kind, data);
                take(socket, &Event { timestamp: clock.as_ms(), kind });
                if *readable
                    || buffers.start < buffers.end
                    || signals.has(!bit::PINGS)
                    || !open.decoder.is_fresh()
                {
                    return Served::Stopped;
                }
                open.decoder.rest();
                // What was lent stays where it is until the next read.
                buffers.discard();
                Served::Told
            }
        }
    }

    /// The same inside a binary message whose rest is received straight, or in
    /// front of one.
    #[inline(never)]
    pub(crate) fn serve_large(&mut self, crank: &mut Crank<'_, '_>) -> Served {
        let Self { phase: Phase::Open(open), socket, readable, read_closed, deadline, .. } = self
        else {
            return Served::Not;
        };
        let Crank { buffers, clock, receiver, .. } = crank;
        // What an event lent was given back.
        open.decoder.unlend();
        if *read_closed
            || open.tls
            || !open.is_bare()
            || deadline.is_some()
            || !open.carry.is_empty()
            || buffers.plain.is_empty()
            || !is_quiet_behind_callbacks(socket)
        {
            return Served::Not;
        }
        let begun = if buffers.taken {
            open.begin_direct(buffers, *readable)
        } else {
            open.decoder.ends_direct()
        };
        if !begun {
            return Served::Not;
        }
        if !*readable {
            // Its beginning stood behind others.
            open.is_exhausted(buffers);
            receiver.pause(socket);
            return Served::Idle;
        }
        let _advance = crank.here.advance(socket);
        // What goes round has the rest of a message to receive.
        loop {
            if !open.may_read() {
                open.renew();
                buffers.discard();
                receiver.pause(socket);
                return Served::More;
            }
            match read_direct(open, buffers, Mode::Look) {
                Read::Bytes(n, more) => {
                    open.decoder.tally().add_bytes(n);
                    open.spend(n);
                    clock.forget();
                    *readable = more;
                    if more {
                        open.filled(buffers);
                    }
                }
                read => {
                    self.unserved(read);
                    return Served::Not;
                }
            }
            // Whatever else is there stays in place.
            buffers.taken = true;
            receiver.begin(socket);
            if !is_quiet_behind_callbacks(socket) {
                return Served::Not;
            }
            if let Some(kind) = open.whole_direct(socket) {
                if receiver.deliver(clock, socket, kind) == Flow::Stop {
                    return Served::Stopped;
                }
                open.decoder.unlend();
                if !is_quiet_behind_callbacks(socket) {
                    return Served::Not;
                }
            }
            let rest = buffers.start < buffers.end;
            if rest && !open.begin_direct(buffers, *readable) {
                return Served::Not;
            }
            if !*readable {
                open.is_exhausted(buffers);
                buffers.discard();
                receiver.pause(socket);
                return Served::Idle;
            }
        }
    }

    /// The short way of a pull behind one that left events at hand: the next
    /// message of those that have arrived. `at` is when they did.
    #[inline(always)]
    pub(crate) fn follow(
        &mut self,
        buffers: &mut Buffers,
        at: f64,
        mut take: impl FnMut(&Arc<Socket>, &Event<'_>),
    ) -> Followed {
        /// What does not hinder it.
        const USUAL: u32 = bit::PINGS | bit::AT_HAND | bit::GATHERED;
        let Self { phase: Phase::Open(open), socket, deadline: None, .. } = self else {
            return Followed::Not;
        };
        if !buffers.taken || socket.signals.has(!USUAL) || !open.is_bare() {
            return Followed::Not;
        }
        let input = buffers.plain.get(buffers.start..buffers.end).unwrap_or_default();
        let Some(whole) = open.decoder.whole(input) else { return Followed::Not };
        let mut messages = Messages::new(whole, socket, None);
        let next = messages.next();
        let rest = messages.rest();
        buffers.start += input.len() - rest.len();
        let Some((kind, data)) = next else { return Followed::Not };
        take(socket, &Event { timestamp: at, kind: EventKind::Message(kind, data) });
        if Decoder::begins_whole(rest) && socket.signals.get() & !USUAL == 0 {
            Followed::Left
        } else {
            Followed::Last
        }
    }

    /// A read that may wait has brought no bytes.
    #[cold]
    fn unreceived(&mut self, buffers: &mut Buffers, read: Read) -> Pulled {
        match read {
            Read::Nothing => Pulled::Nothing,
            Read::Interrupted => Pulled::Interrupted,
            Read::Over(error) => {
                buffers.discard();
                self.lost(error.as_ref());
                Pulled::Not
            }
            Read::Bad(_) | Read::Bytes(..) => Pulled::Not,
        }
    }

    /// A read that only looks has brought none.
    #[cold]
    fn unserved(&mut self, read: Read) {
        match read {
            Read::Over(error) => self.lost(error.as_ref()),
            Read::Nothing => self.readable = false,
            // Asked for again.
            Read::Interrupted | Read::Bad(_) | Read::Bytes(..) => {}
        }
    }
}
