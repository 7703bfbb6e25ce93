//! One connection as a state machine: resolve → dial → proxy → TLS → upgrade →
//! open → closing → ending. It goes as far as the bytes at hand allow, hands out
//! events as they happen, and says what it waits for. It never waits itself
//! (but for a blocking driver's read), never spawns, holds no lock while an
//! event is delivered, and knows nothing of C.

mod buffers;
mod crank;
pub(crate) mod dial;
mod ending;
mod found;
mod kept;
pub(crate) mod link;
mod memory;
mod messages;
mod open;
mod opening;
pub(crate) mod outbound;
pub(crate) mod outbox;
mod overdue;
mod pings;
pub(crate) mod proxy;
mod pulse;
mod reach;
mod read;
mod short;
mod tls;
pub(crate) mod tls_error;
pub(crate) mod upgrade;

use crate::config::Proxy;
use crate::error::{Cause, Failure};
use crate::event::CloseEvent;
use crate::log::{self, Level};
use crate::socket::{Opening, Socket, bit};
use crate::sys::{Clock, Time};
pub(crate) use buffers::Buffers;
pub(crate) use crank::{Crank, Flow, Receiver, Take};
use ending::{Ending, Linger};
use link::Handshake;
pub(crate) use messages::Messages;
use open::Open;
use opening::Trusting;
use overdue::Expiry;
use proxy::Tunnel;
use reach::{Detour, Sought};
pub(crate) use short::{Followed, Served};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use upgrade::Upgrade;

/// Why [`Conn::advance`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It waits for a descriptor or a deadline.
    Idle,
    /// It has work left but others should have a turn.
    More,
    /// The receiver said stop.
    Stopped,
    /// The same, and then it waits as in `Idle`.
    Told,
    /// An event is at hand and `hold` keeps it.
    Held,
    /// A signal ended a blocking read.
    Interrupted,
    /// The connection is over and everything was told.
    Finished,
}

/// How the short way of a pull ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulled {
    /// With an event.
    Event,
    /// Nothing came in the time of one read.
    Nothing,
    /// A signal ended the read.
    Interrupted,
    /// The long way must go on.
    Not,
}

/// How one phase's step ended.
enum Next {
    /// The phase has changed, or it should be looked at again.
    Again,
    /// Nothing more for now.
    Leave(Step),
}

enum Phase {
    /// Nothing has begun.
    Start,
    /// A name is being resolved.
    Resolving(crate::resolve::Lookup, Sought),
    /// TCP connections race.
    Dialing(Box<dial::Dial>),
    /// A proxy is asked for a tunnel.
    Tunneling(Box<Tunnel>),
    /// TLS waits until whom to trust has been read.
    Trusting(Box<Trusting>),
    /// A TLS handshake runs: with the proxy, or with the server.
    Securing(Box<Handshake>),
    /// The upgrade was sent.
    Upgrading(Box<Upgrade>),
    /// Established; our Close may be out.
    Open(Box<Open>),
    /// No more frames matter: waiting for the peer's FIN.
    Lingering(Box<Linger>),
    /// Error and close are being told.
    Ending(Box<Ending>),
    /// Everything was told.
    Gone,
}

/// A descriptor a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// Differs for two sockets that get the same number one after the other.
    pub(crate) key: u32,
    pub(crate) fd: RawFd,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// The driver's half of a socket.
pub(crate) struct Conn {
    socket: Arc<Socket>,
    phase: Phase,
    /// Set by the driver: the kernel may have bytes.
    pub(crate) readable: bool,
    /// Set by the driver: the kernel may take bytes.
    pub(crate) writable: bool,
    /// Set by the driver: the end of the stream may be near, so a short read
    /// is no proof that nothing follows.
    pub(crate) read_closed: bool,
    /// The kernel was asked although no driver had told of anything, as a
    /// deadline has passed.
    asked: bool,
    deadline: Option<(Time, Expiry)>,
    /// The [`Descriptor::key`] of the connection that won the race.
    key: u32,
    /// The proxy that was not asked yet.
    proxy: Option<Arc<Proxy>>,
    /// The server's addresses, for a proxy that is given no name.
    detour: Option<Box<Detour>>,
    /// When all of opening must be done.
    open_by: Option<Time>,
    /// When the present phase of opening must be done.
    phase_by: Option<Time>,
    /// The part of opening that is being timed, and since when.
    timed: Option<(Opening, Time)>,
}

impl Conn {
    /// The connection of a socket whose driver was just chosen.
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            phase: Phase::Start,
            readable: true,
            writable: true,
            read_closed: false,
            asked: false,
            deadline: None,
            key: 0,
            proxy: None,
            detour: None,
            open_by: None,
            phase_by: None,
            timed: None,
        }
    }

    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// When to call [`Conn::advance`] even if nothing is ready.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadline.map(|(at, _)| at)
    }

    /// Whether everything was told.
    pub(crate) fn is_gone(&self) -> bool {
        match &self.phase {
            Phase::Ending(ending) => ending.is_told(),
            Phase::Gone => true,
            _ => false,
        }
    }

    /// Whether a deadline ended it.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(&self.phase, Phase::Ending(ending) if ending.is_timeout())
    }

    /// Whether frames can be read: the phase a blocking driver may read in.
    pub(crate) fn is_open(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if !open.announce)
    }

    /// Whether it is established without TLS, which may keep bytes back.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if !open.tls)
    }

    /// The TCP socket of an established connection.
    pub(crate) fn tcp(&self) -> Option<&Arc<socket2::Socket>> {
        match &self.phase {
            Phase::Open(open) => Some(&open.tcp),
            Phase::Lingering(linger) => Some(&linger.tcp),
            _ => None,
        }
    }

    /// Whether an open connection waits for room in the kernel; `None` where
    /// its descriptors may be others than before.
    #[inline]
    pub(crate) fn open_blocked(&self) -> Option<bool> {
        matches!(self.phase, Phase::Open(_)).then(|| self.socket.signals.has(bit::BLOCKED))
    }

    /// Calls `f` with each descriptor to wait for.
    pub(crate) fn descriptors(&self, mut f: impl FnMut(Descriptor)) {
        let blocked =
            self.socket.signals.has(bit::BLOCKED) && !self.socket.lock_out().awaits_peer();
        let mut main = |tcp: &socket2::Socket, read, write| {
            f(Descriptor { key: self.key, fd: tcp.as_raw_fd(), read, write });
        };
        match &self.phase {
            Phase::Dialing(dial) => dial
                .descriptors()
                .for_each(|(key, fd)| f(Descriptor { key, fd, read: false, write: true })),
            Phase::Tunneling(tunnel) => {
                if let Some(link) = tunnel.link() {
                    main(link.tcp(), true, tunnel.wants_write());
                }
            }
            // What comes now is read by the handshake.
            Phase::Trusting(trusting) => main(trusting.tcp(), false, false),
            Phase::Securing(tls) => main(tls.tcp(), true, tls.wants_write()),
            Phase::Upgrading(upgrade) => main(upgrade.link.tcp(), true, upgrade.wants_write()),
            Phase::Open(open) => {
                main(&open.tcp, !self.socket.signals.has(bit::PAUSED), blocked);
            }
            Phase::Lingering(linger) => main(&linger.tcp, linger.reads(), blocked),
            Phase::Start | Phase::Resolving(..) | Phase::Ending(_) | Phase::Gone => {}
        }
    }

    /// Goes as far as possible.
    #[inline(never)]
    pub(crate) fn advance(&mut self, crank: &mut Crank<'_, '_>) -> Step {
        let _advance = crank.here.advance(&self.socket);
        self.asked = false;
        let step = self.go_on(crank);
        self.come_back(crank, step)
    }

    /// What is due whenever [`Conn::advance`] comes back.
    pub(crate) fn come_back(&mut self, crank: &mut Crank<'_, '_>, mut step: Step) -> Step {
        if step == Step::Stopped && crank.gathers && self.may_gather(crank.buffers) {
            self.socket.signals.set(bit::AT_HAND);
            crank.here.pull(&self.socket);
        } else {
            if step == Step::Stopped && crank.gathers && self.is_exhausted(crank.buffers) {
                step = Step::Told;
            }
            self.socket.signals.take(bit::AT_HAND);
            // A pong must not wait for the program's next call.
            self.socket.flush_gathered();
        }
        if step != Step::Stopped {
            crank.buffers.discard();
        }
        crank.receiver.pause(&self.socket);
        step
    }

    #[inline]
    fn go_on(&mut self, crank: &mut Crank<'_, '_>) -> Step {
        if matches!(self.phase, Phase::Open(_)) && !self.socket.signals.has(bit::OBEYED) {
            // The common case in short.
            if let Next::Leave(step) = self.step_open(crank)
                && self.may_leave(step, &crank.clock)
            {
                return step;
            }
        }
        self.go_through(crank)
    }

    #[inline(never)]
    fn go_through(&mut self, crank: &mut Crank<'_, '_>) -> Step {
        loop {
            if let Some(step) = self.obey() {
                return step;
            }
            if !matches!(self.phase, Phase::Open(_)) {
                // What an event was lent from ends with the open phase.
                crank.buffers.discard();
                // Time has passed since the last step.
                crank.clock.forget();
                self.time(self.part(), &crank.clock);
            }
            let next = match &mut self.phase {
                Phase::Open(_) => self.step_open(crank),
                Phase::Start => self.step_start(crank),
                Phase::Resolving(..) => self.step_resolving(&crank.clock),
                Phase::Dialing(_) => self.step_dialing(crank),
                Phase::Tunneling(_) => self.step_tunneling(&crank.clock),
                Phase::Trusting(_) => self.step_trusting(),
                Phase::Securing(_) => self.step_securing(&crank.clock),
                Phase::Upgrading(_) => self.step_upgrading(crank),
                Phase::Lingering(_) => self.step_lingering(crank),
                Phase::Ending(_) => self.step_ending(crank),
                Phase::Gone => Next::Leave(Step::Finished),
            };
            if let Next::Leave(step) = next
                && self.may_leave(step, &crank.clock)
            {
                return step;
            }
        }
    }

    /// Whether it has read enough for one turn.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if !open.may_read())
    }

    /// It may read as much as in a turn that begins.
    pub(crate) fn renew(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            open.renew();
        }
    }

    /// Whether nothing more is to be done than to wait.
    fn is_exhausted(&mut self, buffers: &Buffers) -> bool {
        match &mut self.phase {
            Phase::Open(open) if !self.readable => open.is_exhausted(buffers),
            _ => false,
        }
    }

    /// Whether what is sent may wait for the next event.
    fn may_gather(&mut self, buffers: &Buffers) -> bool {
        match &mut self.phase {
            Phase::Open(open) => open.may_gather(buffers) && !self.socket.signals.has(bit::URGENT),
            _ => false,
        }
    }

    /// Computes the next deadline; false if it has passed and ended something.
    #[inline]
    fn may_leave(&mut self, step: Step, clock: &Clock) -> bool {
        if matches!(self.phase, Phase::Open(_)) && Open::is_timeless(&self.socket) {
            self.deadline = None;
            return true;
        }
        self.may_leave_now(step, clock)
    }

    #[inline(never)]
    fn may_leave_now(&mut self, step: Step, clock: &Clock) -> bool {
        self.plan(clock);
        self.deadline.is_none()
            || !matches!(step, Step::Idle | Step::More)
            || !self.is_overdue(clock.now())
    }

    /// The part of opening that runs, if its duration is kept.
    fn part(&self) -> Option<Opening> {
        match self.phase {
            Phase::Resolving(..) => Some(Opening::Dns),
            Phase::Dialing(_) => Some(Opening::Connect),
            Phase::Tunneling(_) => Some(Opening::Proxy),
            Phase::Trusting(_) | Phase::Securing(_) if self.proxy.is_some() => Some(Opening::Proxy),
            Phase::Trusting(_) | Phase::Securing(_) => Some(Opening::Tls),
            Phase::Upgrading(_) => Some(Opening::Upgrade),
            _ => None,
        }
    }

    /// Notes how long the part of opening took that is over, and which one has
    /// begun.
    fn time(&mut self, begun: Option<Opening>, clock: &Clock) {
        if self.timed.map(|(part, _)| part) != begun {
            let now = clock.now();
            if let Some((part, since)) = self.timed {
                self.socket.add_opening(part, now.until(since));
            }
            self.timed = begun.map(|part| (part, now));
        }
    }

    /// Acts on what other threads and callbacks want.
    fn obey(&mut self) -> Option<Step> {
        let signals = self.socket.signals.get();
        if signals & bit::SILENCED != 0 {
            self.vanish();
            return Some(Step::Finished);
        }
        if self.is_over() {
            return None;
        }
        if signals & bit::POISONED != 0 {
            self.fail(Failure::new(Cause::Internal, "a bug inside wskt was caught"));
        } else if signals & bit::ABORT != 0 && matches!(self.phase, Phase::Lingering(_)) {
            self.linger_is_over("aborted before the Close frame was sent");
        } else if signals & bit::ABORT != 0 {
            self.fail(Failure::new(Cause::Abort, "aborted by the program"));
        } else if signals & bit::CANCEL != 0 {
            self.fail(Failure::new(Cause::Local, "closed by the program while connecting"));
        }
        None
    }

    /// Whether only the telling is left, if that.
    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ending(_) | Phase::Gone)
    }

    /// Writes a line about this connection. Never called with a lock held:
    /// the sink is the program's.
    fn log(&self, level: Level, text: impl FnOnce() -> String) {
        log::with(level, || format!("{}: {}", self.socket.target().origin(), text()));
    }

    /// Drops everything of a silenced socket.
    pub(crate) fn vanish(&mut self) {
        self.phase = Phase::Gone;
        self.deadline = None;
        self.socket.vanish();
    }

    /// The program's own patience with opening is over.
    pub(crate) fn time_out(&mut self, what: &'static str) {
        self.fail(Failure::new(Cause::Timeout, what));
    }

    /// A bug was caught while this connection was driven.
    pub(crate) fn fail_internally(&mut self) {
        if self.is_over() {
            return;
        }
        self.fail(Failure::new(Cause::Internal, "a bug inside wskt was caught"));
    }

    /// Ends the connection: error, then close 1006 (1015 for TLS).
    fn fail(&mut self, failure: Failure) {
        self.end(Some(failure), CloseEvent::default());
    }
}
