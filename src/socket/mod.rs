//! The half of a socket that every thread may touch: its attributes, its
//! ready state, its send queue. The driver's half is `conn::Conn`.
//!
//! One lock (`out`) orders everything that changes state; it is held for
//! moments and never while user code runs. What the driver must notice is a
//! bit in `signals`, so that its hot path reads one word.

mod callback;
mod close;
mod info;
mod manner;
mod packing;
mod ping;
mod response;
mod seat;
mod send;
mod signal;
mod stats;
mod stream;
mod wishes;

pub use info::ReadyState;
pub(crate) use info::Why;
pub use manner::Manner;
pub use response::{Header, Response};
pub(crate) use signal::{Signals, bit};
pub use stats::Stats;
pub(crate) use stats::{Opening, Sent};

use crate::config::Config;
use crate::conn::Messages;
use crate::conn::outbound::Sending;
use crate::drive::Loop;
use crate::error::{Error, Result};
use crate::event::{CloseEvent, Event, MessageKind};
use crate::protocol::Deflater;
use crate::reconnect::Attempt;
use crate::request::{self, Target};
use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, lock};
use crate::sys::{self, WakeFd};
use crate::tag::Tag;
use crate::text::Text;
use seat::{Driver, Seat};
use std::any::Any;
use std::iter;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, OnceLock, Weak};
use wishes::Wishes;

/// What the C layer keeps beside a socket: its handlers.
pub trait Host: Send + Sync + 'static {
    /// Runs the program's handler for one event. No lock is held.
    fn deliver(&self, socket: &Arc<Socket>, event: &Event<'_>);
    /// The same for a message, which nearly all events are.
    fn deliver_message(&self, socket: &Arc<Socket>, time: f64, kind: MessageKind, data: &[u8]);
    /// The same for a message and those behind it; what stands behind them.
    fn deliver_messages<'i>(
        &self,
        socket: &Arc<Socket>,
        time: f64,
        first: (MessageKind, &'i [u8]),
        mut more: Messages<'_, 'i>,
    ) -> &'i [u8] {
        for (kind, data) in iter::once(first).chain(more.by_ref()) {
            self.deliver_message(socket, time, kind, data);
        }
        more.rest()
    }
    /// The object itself, for the layer that made it.
    fn as_any(&self) -> &(dyn Any + Send + Sync);
    /// The same for a socket made after this one, which `pattern` is.
    fn again(&self, pattern: &Arc<Socket>) -> Box<dyn Host>;
}

/// One WebSocket.
#[repr(C)]
pub struct Socket {
    pub(crate) tag: Tag,
    target: Target,
    config: Arc<Config>,
    host: Box<dyn Host>,
    generation: u32,
    state: AtomicU8,
    pub(crate) signals: Signals,
    buffered: AtomicUsize,
    refusal: AtomicU8,
    /// Nanoseconds; 0 before the first.
    round_trip: AtomicU64,
    out: Mutex<Sending>,
    /// Compresses messages, once that was agreed. It is locked before `out`
    /// and until its output is queued: the order of both is one.
    deflater: OnceLock<Box<Mutex<Deflater>>>,
    wishes: Wishes,
    agreed: OnceLock<Box<Agreed>>,
    response: OnceLock<Response>,
    peer_certificate: OnceLock<Arc<[u8]>>,
    /// The final event and its timestamp.
    closed: OnceLock<Box<(CloseEvent, f64)>>,
    counters: stats::Counters,
    /// For one that a reconnector has made.
    attempt: OnceLock<Box<Attempt>>,
    event_loop: OnceLock<Weak<Loop>>,
    seat: Seat,
    /// Wakes the thread that waits in a blocking call.
    waiter: Mutex<Option<Arc<WakeFd>>>,
    /// The driver's identity, 0 before there is one.
    driver: AtomicU64,
    /// The slot in the loop's engine.
    pub(crate) slot: AtomicUsize,
    /// Whether `free` waits for the end of a callback, and what tells it.
    quiet: (Mutex<bool>, Condvar),
}

/// What the upgrade agreed on besides the connection.
#[derive(Default)]
struct Agreed {
    protocol: Text,
    extensions: Text,
}

/// No slot yet.
pub(crate) const NO_SLOT: usize = usize::MAX;

impl Socket {
    /// Makes a socket in CONNECTING; nothing touches the network yet.
    pub fn new(
        event_loop: Option<&Arc<Loop>>,
        url: &str,
        config: Arc<Config>,
        host: Box<dyn Host>,
    ) -> Result<Arc<Self>> {
        if event_loop.is_some_and(|l| l.is_freed()) {
            return Err(Error::LoopGone);
        }
        let this = Self {
            tag: Tag::new(Tag::SOCKET),
            target: Target::parse(url)?,
            config,
            host,
            generation: sys::fork_generation(),
            state: AtomicU8::new(ReadyState::Connecting as u8),
            signals: Signals::default(),
            buffered: AtomicUsize::new(0),
            refusal: AtomicU8::new(0),
            round_trip: AtomicU64::new(0),
            out: Mutex::new(Sending::new()),
            deflater: OnceLock::new(),
            wishes: Wishes::none(),
            agreed: OnceLock::new(),
            response: OnceLock::new(),
            peer_certificate: OnceLock::new(),
            closed: OnceLock::new(),
            counters: stats::Counters::default(),
            attempt: OnceLock::new(),
            event_loop: OnceLock::new(),
            seat: Seat::new(),
            waiter: Mutex::new(None),
            driver: AtomicU64::new(0),
            slot: AtomicUsize::new(NO_SLOT),
            quiet: (Mutex::new(false), Condvar::new()),
        };
        if let Some(event_loop) = event_loop {
            let _ = this.event_loop.set(Arc::downgrade(event_loop));
        }
        Ok(Arc::new(this))
    }

    /// What the C layer keeps beside the socket.
    pub fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// Says whether the program wants messages in chunks.
    pub fn tell_chunks(&self, on: bool) {
        self.ask_for_chunks(bit::CHUNKS, on);
    }

    /// Says whether a handler waits for chunks of messages.
    pub fn watch_chunks(&self, on: bool) {
        self.ask_for_chunks(bit::CHUNK_HANDLER, on);
    }

    fn ask_for_chunks(&self, who: u32, on: bool) {
        if on {
            self.signals.set(who);
        } else {
            self.signals.clear(who);
        }
        self.signals.set(bit::CHUNKS_ASKED);
    }

    /// Whether the messages that begin from now on are told in chunks.
    pub(crate) fn wants_chunks(&self) -> bool {
        self.signals.has(bit::CHUNKS | bit::CHUNK_HANDLER)
    }

    /// Offers a subprotocol.
    pub fn add_protocol(&self, name: &str) -> Result<()> {
        self.check()?;
        if !request::is_token(name) {
            return Err(Error::InvalidProtocol);
        }
        let choice = self.seat.choose();
        if !choice.is_open() || self.ready_state() != ReadyState::Connecting {
            return self.refuse(Why::TooLateForProtocol);
        }
        if self.wishes.add_protocol(name) { Ok(()) } else { Err(Error::DuplicateProtocol) }
    }

    /// Takes over a connection that the program made itself; what is none
    /// stays the program's.
    pub fn adopt(&self, fd: RawFd) -> Result<()> {
        self.check()?;
        let choice = self.seat.choose();
        if !choice.is_open() || self.ready_state() != ReadyState::Connecting {
            return self.refuse(Why::TooLateToAdopt);
        }
        // Nobody else adopts as long as the choice is held.
        if self.wishes.has_adopted() {
            return self.refuse(Why::AdoptedBefore);
        }
        self.wishes.set_adopted(sys::adopt(fd).or_else(|_| self.refuse(Why::NoConnection))?);
        Ok(())
    }

    pub(crate) fn take_adopted(&self) -> Option<socket2::Socket> {
        self.wishes.take_adopted()
    }

    /// Takes it as what sockets are made after.
    pub(crate) fn make_pattern(&self) -> Result<()> {
        let choice = self.seat.choose();
        if !choice.is_open()
            || self.ready_state() != ReadyState::Connecting
            || self.wishes.has_adopted()
        {
            return self.refuse(Why::NoPattern);
        }
        choice.set(Driver::Pattern);
        Ok(())
    }

    /// A socket like this one.
    pub(crate) fn again(self: &Arc<Self>, attempt: Attempt) -> Result<Arc<Self>> {
        self.check()?;
        let event_loop = self.event_loop();
        let (url, config) = (self.url().as_str(), Arc::clone(&self.config));
        let made = Self::new(event_loop.as_ref(), url, config, self.host.again(self))?;
        made.wishes.set_protocols(self.with_protocols(<[String]>::to_vec));
        made.signals.set(self.signals.get() & bit::INHERITED);
        made.lock_out().keep_unsent();
        let _ = made.attempt.set(Box::new(attempt));
        Ok(made)
    }

    /// What the reconnector that made it says of it.
    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        self.attempt.get().map(Box::as_ref)
    }

    /// Whether it is a reconnector's, which frees it.
    pub fn is_lent(&self) -> bool {
        self.attempt.get().is_some()
    }

    /// Puts the socket on its loop, the process's own if it has none, and
    /// starts to connect.
    pub fn open(self: &Arc<Self>) -> Result<()> {
        self.check()?;
        let choice = self.seat.choose();
        if !choice.is_open() || self.ready_state() != ReadyState::Connecting {
            return self.refuse(Why::OpenedBefore);
        }
        let event_loop = match self.event_loop.get() {
            Some(weak) => weak.upgrade().ok_or(Error::LoopGone)?,
            None => {
                let default = Loop::process_default()?;
                let _ = self.event_loop.set(Arc::downgrade(&default));
                default
            }
        };
        self.set_driver(event_loop.id());
        choice.set(Driver::Loop);
        drop(choice);
        self.attend();
        Ok(())
    }

    /// In a forked child: closes our copies of the descriptors, nothing else.
    /// A lock that another thread held at the fork stays locked for ever.
    pub(crate) fn drop_forked(&self) {
        let driver = self.seat.blocking.take();
        let link = self.out.try_lock().ok().and_then(|mut out| out.take_link());
        drop(driver);
        if let Some(link) = link
            && Arc::strong_count(link.tcp()) > 1
        {
            // The connection's other half is with a loop, whose thread is not
            // here. Its server must not wait for this process.
            sys::let_go(link.tcp().as_raw_fd());
        }
    }

    pub(crate) fn set_driver(&self, id: u64) {
        self.driver.store(id, Ordering::Release);
    }

    pub(crate) fn driver(&self) -> u64 {
        self.driver.load(Ordering::Acquire)
    }

    pub(crate) fn event_loop(&self) -> Option<Arc<Loop>> {
        self.event_loop.get().and_then(Weak::upgrade)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Runs with the subprotocols offered.
    pub(crate) fn with_protocols<R>(&self, run: impl FnOnce(&[String]) -> R) -> R {
        self.wishes.with_protocols(run)
    }

    #[inline(always)]
    pub(crate) fn lock_out(&self) -> MutexGuard<'_, Sending> {
        lock(&self.out)
    }

    /// Tells the thread that waits in a blocking call how to be woken.
    pub(crate) fn set_waiter(&self, waiter: Option<Arc<WakeFd>>) {
        *lock(&self.waiter) = waiter;
    }

    /// Makes the driver look at this socket.
    pub(crate) fn attend(self: &Arc<Self>) {
        if self.is_on_loop() {
            if self.signals.set(bit::ATTENTION) & bit::ATTENTION == 0
                && let Some(event_loop) = self.event_loop()
            {
                event_loop.attend(Arc::downgrade(self));
            }
        } else if let Some(waiter) = &*lock(&self.waiter) {
            waiter.wake();
        }
    }

    /// What makes the driver look at this socket, for a thread that must keep
    /// nothing of the program's alive.
    pub(crate) fn reminder(self: &Arc<Self>) -> Box<dyn FnOnce() + Send> {
        if self.is_on_loop() {
            let event_loop = self.event_loop.get().cloned().unwrap_or_default();
            let socket = Arc::downgrade(self);
            return Box::new(move || {
                if let Some(event_loop) = event_loop.upgrade() {
                    event_loop.attend(socket);
                }
            });
        }
        let waiter = lock(&self.waiter).clone();
        Box::new(move || {
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        })
    }

    /// Whether any call may still work on this socket.
    pub(crate) fn check(&self) -> Result<()> {
        if self.signals.has(bit::POISONED) {
            return Err(Error::Panic);
        }
        self.check_loop()
    }

    #[inline]
    fn check_loop(&self) -> Result<()> {
        let gone = self.signals.has(bit::LOOP_GONE) || self.event_loop.get().is_some_and(is_gone);
        if gone { Err(Error::LoopGone) } else { Ok(()) }
    }

    /// Whether the socket was made before a fork and this is the child.
    pub fn is_forked(&self) -> bool {
        self.generation != sys::fork_generation()
    }
}

#[inline(never)]
fn is_gone(event_loop: &Weak<Loop>) -> bool {
    event_loop.upgrade().is_none_or(|event_loop| event_loop.is_freed())
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("url", &self.target.url)
            .field("ready_state", &self.ready_state())
            .finish_non_exhaustive()
    }
}
