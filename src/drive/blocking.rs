//! A socket driven by its own blocking calls.
//!
//! The fast way is a plain `recv` on a blocking descriptor: a round trip costs
//! the two system calls of a raw socket. Its receive timeout is a slice of
//! 100 ms, so that flags of other threads are seen. After an idle slice, or
//! once a second thread has announced itself, `poll` waits beside a waker.

use super::context::{self, Context};
use crate::conn::{Buffers, Conn, Crank, Pulled, Receiver, Step, Take};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::socket::{ReadyState, Socket, Why, bit};
use crate::sys::{self, Clock, Mode, Time, WakeFd, Wanted};
use std::cell::RefCell;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

pub(super) const SLICE: Duration = Duration::from_millis(100);

/// A receive timeout of zero would be none.
const SHORTEST: Duration = Duration::from_millis(1);

/// Why a wait must be polled for.
const SLOW: u32 =
    bit::BLOCKED | bit::CLOSING | bit::PAUSED | bit::SHARED | bit::INTERRUPT | bit::SILENCED;

/// The driver of one socket.
pub(crate) struct Blocking {
    id: u64,
    conn: Conn,
    buffers: Buffers,
    /// The receive timeout the descriptor has.
    slice: Option<Duration>,
    /// What a wait is for; kept for its memory.
    wanted: Vec<Wanted>,
}

/// When a call must be back; `None` is never.
pub(super) type Until = Option<Time>;

pub(super) fn until(timeout: Option<Duration>) -> Until {
    timeout.map(|t| Time::now().after(t))
}

impl Blocking {
    pub(crate) fn new(socket: &Arc<Socket>) -> Self {
        let id = context::new_driver_id();
        socket.set_driver(id);
        let conn = Conn::new(Arc::clone(socket));
        Self { id, conn, buffers: Buffers::for_one(), slice: None, wanted: Vec::new() }
    }

    /// Turns the crank until an event was taken, the socket is finished, or the
    /// time is up. Without `take` the program's handlers are called.
    #[inline]
    fn drive(
        &mut self,
        socket: &Arc<Socket>,
        until: Until,
        hold: bool,
        idle: bool,
        take: Option<&mut Take<'_>>,
    ) -> Result<Step> {
        context::batch(self.id, |here| {
            let mut receiver = match take {
                Some(take) => Receiver::Pull(take),
                None => Receiver::handlers(here, None),
            };
            self.pump(socket, until, (hold, idle), &mut receiver, here)
        })
    }

    /// The short way of a pull that may wait a slice at least: most messages
    /// take it.
    #[inline(always)]
    fn pull_short(
        &mut self,
        timeout: Option<Duration>,
        until: Until,
        take: impl FnMut(&Event<'_>),
    ) -> Pulled {
        if self.slice != Some(SLICE) || timeout.is_some_and(|left| left < SLICE) {
            return Pulled::Not;
        }
        let may_wait = || until.is_none_or(|at| at.until(Time::now()) >= SLICE);
        let (conn, buffers) = (&mut self.conn, &mut self.buffers);
        match catch_unwind(AssertUnwindSafe(|| conn.receive(buffers, may_wait, take))) {
            Ok(pulled) => pulled,
            Err(_) => self.break_internally(),
        }
    }

    /// The same for what is not whole in what has arrived.
    fn pull_apart(&mut self, until: Until, take: &mut dyn FnMut(&Event<'_>)) -> Pulled {
        let may_wait = || until.is_none_or(|at| at.until(Time::now()) >= SLICE);
        if self.slice != Some(SLICE) || !may_wait() {
            return Pulled::Not;
        }
        let (conn, buffers) = (&mut self.conn, &mut self.buffers);
        match catch_unwind(AssertUnwindSafe(|| conn.receive_apart(buffers, may_wait, take))) {
            Ok(pulled) => pulled,
            Err(_) => self.break_internally(),
        }
    }

    #[cold]
    fn break_internally(&mut self) -> Pulled {
        self.conn.fail_internally();
        Pulled::Not
    }

    fn pump(
        &mut self,
        socket: &Arc<Socket>,
        until: Until,
        (hold, mut idle): (bool, bool),
        receiver: &mut Receiver<'_>,
        here: &Context,
    ) -> Result<Step> {
        let mut driven = Driven::begin(socket);
        // The connection was told just now what the kernel has.
        let mut told = false;
        // Nothing came in the time of a wait for it.
        let mut quiet = false;
        let left_now = || until.map(|at| at.until(Time::now()));
        let mut left = left_now();
        loop {
            if socket.signals.take(bit::INTERRUPT) {
                return Err(Error::Interrupted);
            }
            let fast = !idle
                && driven.waker.is_none()
                && left != Some(Duration::ZERO)
                && self.conn.is_open()
                && self.conn.deadline().is_none()
                && !socket.signals.has(SLOW)
                && self.set_slice(left.unwrap_or(SLICE).clamp(SHORTEST, SLICE));
            let mode = if fast { Mode::Wait } else { Mode::Look };
            if !fast && driven.waker.is_none() && left != Some(Duration::ZERO) {
                // From here on every signal reaches the poll below.
                let fd = thread_waker()?;
                fd.clear_used();
                socket.set_waiter(Some(Arc::clone(&fd)));
                driven.waker = Some(fd);
                // A connection in the clear keeps nothing back: what it does not
                // know of, the wait below tells. But there may be no wait for as
                // long as there is more to read, and none for room then.
                told = self.conn.is_plain() && !socket.signals.has(bit::BLOCKED);
                self.buffers.little |= !self.buffers.has_room() && socket.signals.has(bit::CLOSING);
                continue;
            }
            if !fast && !std::mem::take(&mut told) {
                self.conn.readable = true;
                self.conn.writable = true;
            }
            match self.advance(mode, hold, receiver, here) {
                Step::More if left == Some(Duration::ZERO) => return Err(Error::Timeout),
                Step::More => {
                    left = left_now();
                    continue;
                }
                Step::Interrupted => return Err(Error::Interrupted),
                Step::Idle => {}
                done => return Ok(done),
            }
            if left == Some(Duration::ZERO) {
                return Err(Error::Timeout);
            }
            if fast && self.slice == Some(SLICE) {
                // Nothing came in the time of a read.
                self.buffers.shrink();
            }
            idle = true;
            if let Some(waker) = &driven.waker {
                let patience = !quiet && self.buffers.have_grown();
                let patience = patience.then(|| Time::now().after(SLICE));
                let by = [until, patience].into_iter().flatten().min();
                let fired = self.wait(waker, by)?;
                quiet = !fired && patience.is_some_and(|at| at <= Time::now());
                if quiet {
                    self.buffers.shrink();
                }
                told = true;
            }
            left = left_now();
        }
    }

    fn advance(
        &mut self,
        mode: Mode,
        hold: bool,
        receiver: &mut Receiver<'_>,
        here: &Context,
    ) -> Step {
        let (conn, buffers) = (&mut self.conn, &mut self.buffers);
        let clock = Clock::default();
        let mut crank = Crank { buffers, clock, mode, hold, gathers: false, here, receiver };
        let step = catch_unwind(AssertUnwindSafe(|| conn.advance(&mut crank)));
        step.unwrap_or_else(|_| {
            receiver.pause(self.conn.socket());
            self.conn.fail_internally();
            Step::More
        })
    }

    /// Sets the receive timeout if it is another; false if it cannot be.
    #[inline]
    fn set_slice(&mut self, slice: Duration) -> bool {
        self.slice == Some(slice) || self.change_slice(slice)
    }

    #[cold]
    fn change_slice(&mut self, slice: Duration) -> bool {
        let Some(tcp) = self.conn.tcp() else { return false };
        // Only here it must be a descriptor that waits; everybody else says so
        // in each call.
        let waits = self.slice.is_some() || sys::set_blocking(tcp).is_ok();
        if !waits || tcp.set_read_timeout(Some(slice)).is_err() {
            return false;
        }
        self.slice = Some(slice);
        true
    }

    /// Waits for the connection's descriptors, a wake or the time; false if it was
    /// the time.
    #[inline(never)]
    fn wait(&mut self, waker: &WakeFd, until: Until) -> Result<bool> {
        let wanted = &mut self.wanted;
        wanted.clear();
        wanted.push(Wanted::new(waker.as_raw_fd(), true, false));
        // A paused connection is not watched: its errors would end every wait.
        self.conn.descriptors(|d| {
            if d.read || d.write {
                wanted.push(Wanted::new(d.fd, d.read, d.write));
            }
        });
        let by = [until, self.conn.deadline()].into_iter().flatten().min();
        let fired = match sys::wait(wanted, by.map(|at| at.until(Time::now()))) {
            Ok(fired) => fired,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(Error::Interrupted),
            Err(_) => return Err(Error::Io),
        };
        for (at, w) in wanted.iter().enumerate().filter(|(_, w)| w.fired) {
            if at == 0 {
                waker.clear();
            } else {
                self.conn.readable |= w.readable;
                self.conn.writable |= w.writable || w.closed;
                self.conn.read_closed |= w.closed;
            }
        }
        Ok(fired > 0)
    }
}

/// A blocking call drives the socket until this is dropped.
struct Driven<'a> {
    socket: &'a Arc<Socket>,
    /// What other threads wake it by, once it polls.
    waker: Option<Arc<WakeFd>>,
}

impl<'a> Driven<'a> {
    fn begin(socket: &'a Arc<Socket>) -> Self {
        Self { socket, waker: None }
    }
}

impl Drop for Driven<'_> {
    fn drop(&mut self) {
        if self.waker.is_some() {
            self.socket.set_waiter(None);
        }
    }
}

/// One waker for each thread that waits.
#[inline(never)]
fn thread_waker() -> Result<Arc<WakeFd>> {
    thread_local! {
        static WAKER: RefCell<Option<(u32, Arc<WakeFd>)>> = const { RefCell::new(None) };
    }
    let generation = sys::fork_generation();
    let kept = WAKER.try_with(|slot| match &*slot.borrow() {
        Some((made, fd)) if *made == generation => Some(Arc::clone(fd)),
        _ => None,
    });
    if let Ok(Some(fd)) = kept {
        return Ok(fd);
    }
    let fd = Arc::new(WakeFd::new().map_err(|_| Error::Io)?);
    // In an exit handler there is no place to keep it.
    let _ = WAKER.try_with(|slot| slot.replace(Some((generation, Arc::clone(&fd)))));
    Ok(fd)
}

impl Socket {
    /// Connects and waits until the socket is open.
    pub fn connect(self: &Arc<Self>, timeout: Option<Duration>) -> Result<()> {
        if context::in_callback() {
            return Err(Error::Reentrant);
        }
        self.check()?;
        if self.ready_state() != ReadyState::Connecting {
            return self.refuse(Why::OpenedBefore);
        }
        self.connect_or(timeout, true)
    }

    /// The same for a socket of a reconnector, which the timeout does not end.
    pub(crate) fn connect_on(self: &Arc<Self>, timeout: Option<Duration>) -> Result<()> {
        self.connect_or(timeout, false)
    }

    fn connect_or(self: &Arc<Self>, timeout: Option<Duration>, ends: bool) -> Result<()> {
        let mut driver = self.take_blocking()?;
        // Nothing is told yet.
        let pumped = driver.drive(self, until(timeout), true, false, Some(&mut |_, _| {}));
        if pumped == Err(Error::Timeout) && ends {
            driver.conn.time_out("no connection was established in the time connect was given");
        }
        let timed_out = driver.conn.is_timeout();
        self.put_blocking(driver)?;
        pumped?;
        match self.close_event() {
            None => Ok(()),
            Some(_) if timed_out => Err(Error::Timeout),
            Some(_) => Err(Error::ConnectFailed),
        }
    }

    /// The socket's next event; `take` is called once with it.
    #[inline(always)]
    pub fn recv(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        mut take: impl FnMut(&Event<'_>),
    ) -> Result<()> {
        if context::in_callback() {
            return Err(Error::Reentrant);
        }
        let until = until(timeout);
        let Some(mut driver) = self.take_present() else {
            return self.recv_at_length(None, until, false, &mut take);
        };
        let idle = match driver.pull_short(timeout, until, &mut take) {
            Pulled::Event => return self.put_blocking(driver),
            Pulled::Interrupted => {
                self.put_blocking(driver)?;
                return Err(Error::Interrupted);
            }
            Pulled::Nothing => {
                driver.buffers.shrink();
                true
            }
            Pulled::Not => false,
        };
        self.recv_at_length(Some(driver), until, idle, &mut take)
    }

    #[inline(never)]
    fn recv_at_length(
        self: &Arc<Self>,
        driver: Option<Box<Blocking>>,
        until: Until,
        mut idle: bool,
        take: &mut dyn FnMut(&Event<'_>),
    ) -> Result<()> {
        let mut driver = match driver {
            Some(driver) => driver,
            None => self.take_driving()?,
        };
        match if idle { Pulled::Not } else { driver.pull_apart(until, take) } {
            Pulled::Event => return self.put_blocking(driver),
            Pulled::Interrupted => {
                self.put_blocking(driver)?;
                return Err(Error::Interrupted);
            }
            Pulled::Nothing => idle = true,
            Pulled::Not => {}
        }
        let mut take = |_: &Arc<Self>, event: &Event<'_>| take(event);
        let pumped = driver.drive(self, until, false, idle, Some(&mut take));
        // Freed meanwhile: what the event lends is gone.
        self.put_blocking(driver)?;
        match pumped? {
            Step::Finished => Err(Error::Closed),
            _ => Ok(()),
        }
    }

    /// Dispatches callbacks on this thread until the socket is closed.
    pub fn run(self: &Arc<Self>) -> Result<()> {
        if context::in_callback() {
            return Err(Error::Reentrant);
        }
        let mut driver = self.take_driving()?;
        if driver.conn.is_gone() {
            self.put_blocking(driver)?;
            return Err(Error::Closed);
        }
        let pumped = driver.drive(self, None, false, false, None);
        self.put_blocking(driver)?;
        pumped.map(|_| ())
    }

    /// The driver for a call that needs a connection, or one that ends.
    #[inline]
    fn take_driving(self: &Arc<Self>) -> Result<Box<Blocking>> {
        if self.driver() == 0 {
            self.check_connected()?;
        }
        self.take_blocking()
    }

    #[cold]
    fn check_connected(&self) -> Result<()> {
        if self.ready_state() == ReadyState::Connecting {
            self.check()?;
            if self.event_loop().is_none() {
                return self.refuse(Why::ConnectFirst);
            }
        }
        Ok(())
    }
}
