//! A new socket for each try: same URL, configuration, subprotocols and
//! handlers as the pattern. A socket that waits for its time is on its loop
//! like any other, so its delay is a deadline there, and whatever ends a
//! connection ends the wait.

mod delays;

pub use delays::Delays;
pub(crate) use delays::Fate;

use crate::drive::in_callback;
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::socket::{ReadyState, Socket};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, lock};
use crate::sys::{self, Time};
use crate::tag::Tag;
use rand::Rng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// Tries in a row if never set.
pub const MAX_TRIES: u32 = 10;

/// See the module.
#[repr(C)]
pub struct Reconnector {
    pub(crate) tag: Tag,
    generation: u32,
    pattern: Arc<Socket>,
    state: Mutex<State>,
}

/// Who drives the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Unset,
    Loop,
    Blocking,
}

struct State {
    way: Way,
    delays: Delays,
    max_tries: u32,
    /// Sockets made so far.
    made: u32,
    /// Tries since a connection lasted.
    tries: u32,
    current: Option<Arc<Socket>>,
    /// The one before, whose close event the present attempt tells.
    past: Option<Arc<Socket>>,
    /// Before the next one is made.
    next: Option<Duration>,
    over: bool,
}

/// What a socket knows of the reconnector that made it.
pub struct Attempt {
    reconnector: Weak<Reconnector>,
    /// 1 for the first.
    pub(crate) number: u32,
    pub(crate) delay: Duration,
    previous: Weak<Socket>,
    not_before: Time,
    told: AtomicBool,
    opened: OnceLock<Time>,
}

impl Attempt {
    /// The socket before this one.
    pub(crate) fn previous(&self) -> Option<Arc<Socket>> {
        self.previous.upgrade()
    }

    /// When it may begin, if that is in the future.
    pub(crate) fn wait(&self, now: Time) -> Option<Time> {
        (self.not_before > now).then_some(self.not_before)
    }

    /// Whether it is still to be told; not any more then.
    pub(crate) fn take_news(&self) -> bool {
        !self.told.swap(true, Ordering::AcqRel)
    }

    /// The connection is established.
    pub(crate) fn opened(&self, now: Time) {
        let _ = self.opened.set(now);
    }

    /// The connection is over; nothing was told of it yet.
    pub(crate) fn judge(&self, fate: Fate, now: Time) {
        if let Some(reconnector) = self.reconnector.upgrade() {
            let lasted = self.opened.get().map(|at| now.until(*at));
            reconnector.judge(self.number, fate, lasted);
        }
    }

    /// Everything was told.
    pub(crate) fn succeed(&self) {
        if let Some(reconnector) = self.reconnector.upgrade() {
            reconnector.succeed(self.number);
        }
    }
}

impl Reconnector {
    /// Makes sockets after `pattern`, which was not opened and never will be.
    pub fn new(pattern: Arc<Socket>) -> Result<Arc<Self>> {
        pattern.check()?;
        pattern.make_pattern()?;
        Ok(Arc::new(Self {
            tag: Tag::new(Tag::RECONNECTOR),
            generation: sys::fork_generation(),
            pattern,
            state: Mutex::new(State {
                way: Way::Unset,
                delays: Delays::default(),
                max_tries: MAX_TRIES,
                made: 0,
                tries: 0,
                current: None,
                past: None,
                next: None,
                over: false,
            }),
        }))
    }

    /// Whether it was made before a fork and this is the child.
    pub fn is_forked(&self) -> bool {
        self.generation != sys::fork_generation()
    }

    /// Sets the longest delay before the first try of a row, and before any.
    pub fn set_delays(&self, first: Duration, max: Duration) -> Result<()> {
        if first.is_zero() || first > max {
            return Err(Error::InvalidDelays);
        }
        lock(&self.state).delays = Delays { first, max };
        Ok(())
    }

    /// Sets how many tries in a row there may be; 0 is any number.
    pub fn set_max_tries(&self, max: u32) {
        lock(&self.state).max_tries = max;
    }

    /// Makes the first socket and opens it on the pattern's loop.
    pub fn start(self: &Arc<Self>) -> Result<()> {
        let mut state = lock(&self.state);
        if state.over {
            return Err(Error::Closed);
        }
        if state.way != Way::Unset {
            return Err(Error::InvalidState);
        }
        let opened = self.make(&mut state, Duration::ZERO).and_then(|socket| socket.open());
        match opened {
            Ok(()) => state.way = Way::Loop,
            Err(_) => {
                state.made = 0;
                state.current = None;
            }
        }
        opened
    }

    /// Makes sockets and waits until one is open; as long as that takes, with
    /// all delays. An error other than Closed and ConnectFailed leaves the
    /// attempt as it is for the next call.
    pub fn connect(self: &Arc<Self>, timeout: Option<Duration>) -> Result<Arc<Socket>> {
        if in_callback() {
            return Err(Error::Reentrant);
        }
        let until = timeout.map(|limit| Time::now().after(limit));
        loop {
            let socket = self.next_to_connect()?;
            if let Some(attempt) = socket.attempt().filter(|attempt| attempt.take_news()) {
                let timestamp = Time::now().as_ms();
                socket.call_host(&Event { timestamp, kind: EventKind::Attempt(attempt) });
            }
            match socket.connect_on(until.map(|at| at.until(Time::now()))) {
                Ok(()) => return Ok(socket),
                Err(Error::Timeout) if socket.close_event().is_none() => {
                    return Err(Error::Timeout);
                }
                Err(Error::Timeout | Error::ConnectFailed | Error::InvalidState)
                    if socket.close_event().is_some() =>
                {
                    if self.is_over() {
                        return Err(Error::ConnectFailed);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn next_to_connect(self: &Arc<Self>) -> Result<Arc<Socket>> {
        let mut state = lock(&self.state);
        if state.way == Way::Loop || self.pattern.event_loop().is_some() {
            return Err(Error::InvalidState);
        }
        state.way = Way::Blocking;
        match state.current.clone() {
            _ if state.over => Err(Error::Closed),
            None => self.make(&mut state, Duration::ZERO),
            Some(socket) if socket.close_event().is_some() => {
                let delay = state.next.take().ok_or(Error::Closed)?;
                let old = state.past.take();
                let made = self.make(&mut state, delay);
                drop(state);
                if let Some(old) = old {
                    old.free();
                }
                made
            }
            // A call before this one was interrupted.
            Some(socket) if socket.ready_state() != ReadyState::Open => Ok(socket),
            Some(_) => Err(Error::InvalidState),
        }
    }

    /// Makes the next socket.
    fn make(self: &Arc<Self>, state: &mut State, delay: Duration) -> Result<Arc<Socket>> {
        let number = state.made.saturating_add(1);
        let socket = self.pattern.again(Attempt {
            reconnector: Arc::downgrade(self),
            number,
            delay,
            previous: state.current.as_ref().map(Arc::downgrade).unwrap_or_default(),
            not_before: Time::now().after(delay),
            told: AtomicBool::new(false),
            opened: OnceLock::new(),
        })?;
        state.made = number;
        state.past = state.current.replace(Arc::clone(&socket));
        Ok(socket)
    }

    fn judge(&self, number: u32, fate: Fate, lasted: Option<Duration>) {
        let mut state = lock(&self.state);
        if state.over || state.made != number {
            return;
        }
        if lasted.is_some_and(|lasted| lasted >= state.delays.max) {
            state.tries = 0;
        }
        if fate == Fate::Final || (state.max_tries != 0 && state.tries >= state.max_tries) {
            state.over = true;
            return;
        }
        state.tries = state.tries.saturating_add(1);
        let random = f64::from(UnwrapErr(SysRng).next_u32()) / f64::from(u32::MAX);
        state.next = Some(state.delays.next(fate, state.tries, random));
    }

    /// The close event was told: the next socket, if there is to be one.
    fn succeed(self: &Arc<Self>, number: u32) {
        let mut state = lock(&self.state);
        if state.over || state.made != number || state.way != Way::Loop {
            return;
        }
        let Some(delay) = state.next.take() else { return };
        let old = state.past.take();
        let made = self.make(&mut state, delay).and_then(|socket| socket.open());
        // Its loop is gone, or nothing is left to wait with.
        state.over |= made.is_err();
        drop(state);
        drop(old);
    }

    /// No try from now on: the socket that waits or connects is aborted.
    pub fn stop(&self) {
        let mut state = lock(&self.state);
        state.over = true;
        state.next = None;
        let current = state.current.clone();
        drop(state);
        if let Some(socket) = current.filter(|s| s.ready_state() == ReadyState::Connecting) {
            // One whose loop is gone has ended already.
            let _ = socket.abort();
        }
    }

    /// Whether no try will follow.
    pub fn is_over(&self) -> bool {
        lock(&self.state).over
    }

    /// The newest socket.
    pub fn socket(&self) -> Option<Arc<Socket>> {
        lock(&self.state).current.clone()
    }

    /// Silences all its sockets.
    pub fn free(&self) {
        if self.is_forked() {
            // Another thread may have held the lock at the fork.
            if let Ok(mut state) = self.state.try_lock() {
                for socket in [state.current.take(), state.past.take()].into_iter().flatten() {
                    socket.free();
                }
            }
            return;
        }
        let mut state = lock(&self.state);
        state.over = true;
        let sockets = [state.current.take(), state.past.take()];
        drop(state);
        for socket in sockets.into_iter().flatten() {
            socket.free();
        }
    }
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("number", &self.number).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Reconnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconnector").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}
