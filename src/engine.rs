//! Poller, deadlines and connections: one turn at a time. Knows neither C nor
//! which driver turns it.

mod pulled;
mod registered;

use crate::conn::{Buffers, Conn, Crank, Descriptor, Receiver, Served, Step};
use crate::deadline::Deadlines;
use crate::drive::context::Context;
use crate::ready::Ready;
use crate::socket::{NO_SLOT, Socket, bit};
use crate::sys::Time;
use mio::{Events, Poll, Registry, Token};
use registered::{Registered, register, slot_of, token};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The waker's token; slots count up from 0.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// The timer's token.
#[cfg(target_os = "linux")]
pub(crate) const TIMER: Token = Token(usize::MAX - 1);
/// Readiness events taken from the kernel at a time.
const BATCH: usize = 256;

/// Most pulled events between two looks at the kernel.
const STOPS: u32 = 32;
/// The same while there is only one connection, which keeps nobody waiting.
const STOPS_ALONE: u32 = 512;

/// Most turns of an only connection between two looks at the kernel.
const ALONE: u32 = 4;

/// A connection's place.
struct Slot {
    conn: Option<Conn>,
    /// Tells one tenant from the next.
    serial: u64,
    /// It stands in the ready list.
    queued: bool,
    /// Its descriptors in the poller.
    registered: Registered,
    /// What [`Conn::open_blocked`] said when they were registered.
    open_blocked: Option<bool>,
    /// Its entry in the heap of deadlines.
    armed: Option<Time>,
}

/// What is ready that the kernel did not tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newcomers {
    /// Whatever; the kernel is asked before the next turn.
    Mixed,
    /// Sockets that have asked for attention, and no others: a turn for them
    /// keeps nobody waiting for long.
    Only,
    /// They had that turn.
    Served,
}

/// What a turn ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Everything at hand was done.
    Done,
    /// The receiver said stop.
    Stopped,
}

/// Lets a connection go on that the shortest way has left; `settled` if it waits
/// for what it did before.
#[inline(never)]
fn advance_quiet(conn: &mut Conn, crank: &mut Crank<'_, '_>, settled: &mut bool) -> Step {
    match conn.serve_large(crank) {
        Served::Idle => {
            *settled = true;
            Step::Idle
        }
        Served::More => {
            *settled = true;
            Step::More
        }
        Served::Stopped => conn.come_back(crank, Step::Stopped),
        Served::Told | Served::Not => conn.advance(crank),
    }
}

/// See the module.
pub(crate) struct Engine {
    poll: Poll,
    events: Events,
    slots: Vec<Slot>,
    vacant: Vec<usize>,
    serial: u64,
    live: usize,
    ready: Ready,
    deadlines: Deadlines,
    buffers: Buffers,
    /// A connection that ended while an event of it is borrowed.
    departed: Option<Conn>,
    /// Turns that were stopped since the kernel was last asked.
    stops: u32,
    /// When what a stopped turn left had arrived, as events show it.
    stopped_at: f64,
    /// Whether that may begin with a whole message: what [`Engine::follow`] tells.
    left: bool,
    newcomers: Newcomers,
    /// Turns of an only connection since the kernel was last asked.
    alone: u32,
    wanted: Vec<Descriptor>,
}

impl Engine {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(BATCH),
            slots: Vec::new(),
            vacant: Vec::new(),
            serial: 0,
            live: 0,
            ready: Ready::default(),
            deadlines: Deadlines::default(),
            buffers: Buffers::default(),
            departed: None,
            stops: 0,
            stopped_at: 0.0,
            left: false,
            newcomers: Newcomers::Mixed,
            alone: 0,
            wanted: Vec::new(),
        })
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// Connections that have not ended.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Whether work waits that no descriptor announces.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether there may be a deadline.
    #[inline]
    pub(crate) fn has_deadlines(&self) -> bool {
        !self.deadlines.is_empty()
    }

    /// The nearest deadline.
    pub(crate) fn nearest(&mut self) -> Option<Time> {
        let slots = &self.slots;
        self.deadlines.nearest(|at, (slot, serial)| {
            slots.get(slot).is_some_and(|s| s.serial == serial && s.armed == Some(at))
        })
    }

    /// Looks at a socket that asked for it, and takes it in if it is new.
    pub(crate) fn attend(&mut self, socket: Arc<Socket>) {
        socket.signals.clear(bit::ATTENTION);
        let mut at = socket.slot.load(Ordering::Acquire);
        if at == NO_SLOT {
            // One that has ended asks for nothing any more.
            if socket.close_event().is_some() || socket.signals.has(bit::SILENCED) {
                return;
            }
            at = self.adopt(socket);
        }
        let only = match self.newcomers {
            Newcomers::Mixed if self.ready.is_empty() => Newcomers::Only,
            same => same,
        };
        self.make_ready(at);
        self.newcomers = only;
    }

    /// Whether the next turn may come before the kernel is asked.
    pub(crate) fn may_skip_poll(&mut self) -> bool {
        if self.newcomers == Newcomers::Only {
            self.newcomers = Newcomers::Served;
            return true;
        }
        self.may_go_on()
    }

    /// Whether the only connection may have another turn before the kernel is
    /// asked.
    fn may_go_on(&mut self) -> bool {
        let may = self.alone < ALONE && self.is_alone();
        self.alone += u32::from(may);
        may
    }

    fn adopt(&mut self, socket: Arc<Socket>) -> usize {
        let at = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                conn: None,
                serial: 0,
                queued: false,
                registered: Registered::default(),
                open_blocked: None,
                armed: None,
            });
            self.slots.len() - 1
        });
        self.serial += 1;
        self.live += 1;
        self.buffers.alone = self.live == 1;
        socket.slot.store(at, Ordering::Release);
        if let Some(slot) = self.slots.get_mut(at) {
            slot.serial = self.serial;
            slot.conn = Some(Conn::new(socket));
        }
        at
    }

    fn make_ready(&mut self, at: usize) {
        if let Some(slot) = self.slots.get_mut(at)
            && slot.conn.is_some()
            && !slot.queued
        {
            slot.queued = true;
            self.ready.push_back(at);
            if self.newcomers == Newcomers::Only {
                self.newcomers = Newcomers::Mixed;
            }
        }
    }

    /// Takes readiness from the kernel, waiting up to `wait` for it.
    #[inline(always)]
    pub(crate) fn poll(&mut self, wait: Option<Duration>) -> io::Result<()> {
        self.stops = 0;
        self.alone = 0;
        self.newcomers = Newcomers::Mixed;
        let Self { poll, events, slots, ready, .. } = self;
        poll.poll(events, wait)?;
        for event in &*events {
            let at = slot_of(event.token());
            let Some(slot) = slots.get_mut(at) else { continue };
            if token(at, slot.serial) != event.token() {
                continue;
            }
            let Some(conn) = &mut slot.conn else { continue };
            let broken = event.is_error() || event.is_read_closed();
            conn.readable |= event.is_readable() || broken;
            conn.read_closed |= broken;
            conn.writable |= event.is_writable() || broken;
            if !slot.queued {
                slot.queued = true;
                ready.push_back(at);
            }
        }
        Ok(())
    }

    /// Whether a receiver that stops after each event has kept the kernel
    /// waiting for long enough.
    pub(crate) fn should_poll(&mut self) -> bool {
        self.stops += 1;
        self.stops > STOPS && (self.stops > STOPS_ALONE || !self.is_alone())
    }

    /// Whether what is ready is the only connection, and the kernel has no news
    /// that it waits for.
    fn is_alone(&self) -> bool {
        let Some(slot) = self.ready.front().and_then(|at| self.slots.get(at)) else {
            return false;
        };
        self.live == 1 && slot.open_blocked == Some(false) && self.deadlines.is_empty()
    }

    /// Makes every connection ready whose deadline has passed.
    pub(crate) fn expire(&mut self, now: Time) {
        while let Some((at, serial)) = self.deadlines.pop_due(now) {
            let Some(slot) = self.slots.get_mut(at).filter(|s| s.serial == serial) else {
                continue;
            };
            slot.armed = None;
            if slot.conn.as_ref().and_then(Conn::deadline).is_some() {
                self.make_ready(at);
            }
        }
    }

    /// The event that was lent last is given back.
    #[inline(always)]
    pub(crate) fn take_back(&mut self) {
        if self.departed.is_some() {
            self.departed = None;
        }
    }

    /// Lets every connection that is ready now go as far as it can.
    pub(crate) fn turn(&mut self, here: &Context, receiver: &mut Receiver<'_>) -> Turn {
        self.take_back();
        for _ in 0..self.ready.len() {
            let Some(at) = self.ready.pop_front() else { break };
            let Some(slot) = self.slots.get_mut(at) else { continue };
            slot.queued = false;
            let Some(conn) = &mut slot.conn else { continue };
            let mut crank = Crank::of_loop(&mut self.buffers, here, receiver);
            // Watched for reading alone.
            let quiet = slot.open_blocked == Some(false);
            let mut settled = false;
            let step = catch_unwind(AssertUnwindSafe(|| {
                match if quiet { conn.serve(&mut crank) } else { Served::Not } {
                    Served::Idle => {
                        settled = true;
                        Step::Idle
                    }
                    Served::Told => {
                        settled = true;
                        Step::Told
                    }
                    Served::More | Served::Not if quiet => {
                        advance_quiet(conn, &mut crank, &mut settled)
                    }
                    Served::More | Served::Not => conn.advance(&mut crank),
                    Served::Stopped => conn.come_back(&mut crank, Step::Stopped),
                }
            }));
            match step {
                Ok(Step::Idle) if settled => continue,
                Ok(Step::Told) if settled => return Turn::Stopped,
                Ok(Step::More) if settled => {
                    self.make_ready(at);
                    continue;
                }
                _ => {}
            }
            if matches!(step, Ok(Step::Stopped)) {
                self.stopped_at = crank.clock.as_ms();
                self.left = conn.socket().signals.has(bit::AT_HAND);
            }
            let step = step.unwrap_or_else(|_| {
                receiver.pause(conn.socket());
                conn.fail_internally();
                self.buffers.discard();
                Step::More
            });
            if self.put_away(at, step) == Turn::Stopped {
                return Turn::Stopped;
            }
        }
        Turn::Done
    }

    /// Does what a connection's step asks for.
    fn put_away(&mut self, at: usize, step: Step) -> Turn {
        match step {
            Step::Finished => {
                drop(self.remove(at));
                return Turn::Done;
            }
            Step::Stopped => {
                if let Some(slot) = self.slots.get_mut(at) {
                    slot.queued = true;
                }
                self.ready.push_front(at);
                self.renew(at);
            }
            Step::More | Step::Held | Step::Interrupted => self.make_ready(at),
            Step::Idle | Step::Told => {}
        }
        self.settle(at);
        if matches!(step, Step::Stopped | Step::Told) { Turn::Stopped } else { Turn::Done }
    }

    /// Brings poller and heap in line with what a connection waits for.
    #[inline]
    fn settle(&mut self, at: usize) {
        let same = |slot: &Slot| {
            slot.conn.as_ref().is_some_and(|conn| {
                slot.open_blocked.is_some()
                    && conn.open_blocked() == slot.open_blocked
                    && conn.deadline().is_none()
                    && slot.armed.is_none()
            })
        };
        if !self.slots.get(at).is_some_and(same) {
            self.settle_anew(at);
        }
    }

    #[inline(never)]
    fn settle_anew(&mut self, at: usize) {
        let Self { slots, wanted, poll, deadlines, .. } = self;
        let Some(slot) = slots.get_mut(at) else { return };
        let Some(conn) = &slot.conn else { return };
        let open_blocked = conn.open_blocked();
        if open_blocked.is_none() || open_blocked != slot.open_blocked {
            wanted.clear();
            conn.descriptors(|d| wanted.push(slot.registered.watched(d)));
            if !slot.registered.are(wanted) {
                register(poll.registry(), token(at, slot.serial), &slot.registered, wanted);
                slot.registered = Registered::new(wanted);
            }
            slot.open_blocked = open_blocked;
        }
        let deadline = conn.deadline();
        if deadline != slot.armed {
            slot.armed = deadline;
            if let Some(time) = deadline {
                deadlines.push(time, (at, slot.serial));
            }
        }
    }

    /// Takes a connection out of its slot.
    fn remove(&mut self, at: usize) -> Option<Conn> {
        let slot = self.slots.get_mut(at)?;
        let conn = slot.conn.take()?;
        slot.registered = Registered::default();
        slot.open_blocked = None;
        slot.armed = None;
        slot.serial = 0;
        if slot.queued {
            slot.queued = false;
            self.ready.remove(at);
        }
        self.vacant.push(at);
        self.live -= 1;
        self.buffers.alone = self.live == 1;
        conn.socket().slot.store(NO_SLOT, Ordering::Release);
        Some(conn)
    }

    /// Lets go of a socket that was freed.
    pub(crate) fn reap(&mut self, socket: &Arc<Socket>) -> Option<Conn> {
        let at = socket.slot.load(Ordering::Acquire);
        let conn = self.slots.get_mut(at)?.conn.as_mut()?;
        if !Arc::ptr_eq(conn.socket(), socket) {
            return None;
        }
        if self.ready.front() == Some(at) {
            // Perhaps an event of it is borrowed: what that lends stays until
            // the next turn, the connection ends now.
            if let Some(tcp) = conn.tcp() {
                let _ = tcp.shutdown(std::net::Shutdown::Both);
            }
            self.buffers.discard();
            socket.vanish();
            let gone = self.remove(at);
            return std::mem::replace(&mut self.departed, gone);
        }
        conn.vanish();
        self.remove(at)
    }

    /// Every socket of the engine, which is emptied.
    pub(crate) fn drain(&mut self) -> Vec<Conn> {
        self.ready.clear();
        self.departed = None;
        self.slots.drain(..).filter_map(|slot| slot.conn).collect()
    }
}
