//! A loop: many sockets, one engine, one thread at a time.

use super::claim::Seat;
use super::context;
use crate::engine::{Engine, WAKER};
use crate::error::{Error, Result};
use crate::socket::{Socket, bit};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, lock};
use crate::sys::{self, Time};
use crate::tag::Tag;
use mio::{Registry, Waker};
use std::any::Any;
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};

/// Drives many sockets on one thread.
#[repr(C)]
pub struct Loop {
    pub(crate) tag: Tag,
    id: u64,
    generation: u32,
    attachment: Box<dyn Any + Send + Sync>,
    pub(super) seat: Seat,
    /// Weak, as a thread that only looks a name up must not be the last to
    /// let go of a socket.
    pub(super) attention: Mutex<Vec<Weak<Socket>>>,
    /// That list is not empty, or was not a moment ago.
    attended: AtomicBool,
    waker: Waker,
    /// The waker has been used and the driver has not looked yet.
    awake: AtomicBool,
    /// `wake` was called.
    pub(super) woken: AtomicBool,
    pub(super) stop: AtomicBool,
    freed: AtomicBool,
    /// A host has asked for the descriptor.
    polled: AtomicBool,
    /// The last pull left work behind.
    left: AtomicBool,
    fd: RawFd,
    /// The nearest deadline in nanoseconds of the monotonic clock; 0 is none.
    nearest: AtomicU64,
    registry: Registry,
    #[cfg(target_os = "linux")]
    timer: Mutex<Option<sys::Timer>>,
    /// There is a timer.
    #[cfg(target_os = "linux")]
    timed: AtomicBool,
    pub(super) thread: Mutex<super::thread::Thread>,
    /// The thread has ended.
    pub(super) ended: Condvar,
    /// The engine of a freed loop is gone.
    dissolved: AtomicBool,
}

impl Loop {
    /// Makes a loop that nobody drives yet.
    pub fn new(attachment: Box<dyn Any + Send + Sync>) -> Result<Arc<Self>> {
        let engine = Engine::new().map_err(|_| Error::Io)?;
        let waker = Waker::new(engine.registry(), WAKER).map_err(|_| Error::Io)?;
        Ok(Arc::new(Self {
            tag: Tag::new(Tag::LOOP),
            id: context::new_driver_id(),
            generation: sys::fork_generation(),
            attachment,
            fd: engine.fd(),
            registry: engine.registry().try_clone().map_err(|_| Error::Io)?,
            seat: Seat::of(Box::new(engine)),
            attention: Mutex::new(Vec::new()),
            attended: AtomicBool::new(false),
            waker,
            awake: AtomicBool::new(false),
            woken: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            freed: AtomicBool::new(false),
            polled: AtomicBool::new(false),
            left: AtomicBool::new(false),
            nearest: AtomicU64::new(0),
            #[cfg(target_os = "linux")]
            timer: Mutex::new(None),
            #[cfg(target_os = "linux")]
            timed: AtomicBool::new(false),
            thread: Mutex::default(),
            ended: Condvar::new(),
            dissolved: AtomicBool::new(false),
        }))
    }

    /// The loop of sockets that have none: it owns a thread.
    pub(crate) fn process_default() -> Result<Arc<Self>> {
        static DEFAULT: Mutex<Option<Arc<Loop>>> = Mutex::new(None);
        let unforked = sys::unforked();
        let mut slot = lock(&DEFAULT);
        if let Some(have) = slot.as_ref().filter(|l| !l.is_forked()) {
            return Ok(Arc::clone(have));
        }
        let made = Self::new(Box::new(()))?;
        made.start()?;
        // One inherited through a fork is the parent's; it is left alone.
        let inherited = slot.replace(Arc::clone(&made));
        drop(slot);
        drop(unforked);
        if let Some(inherited) = inherited {
            let _ = Arc::into_raw(inherited);
        }
        Ok(made)
    }

    /// What the C layer keeps beside the loop.
    pub fn attachment(&self) -> &(dyn Any + Send + Sync) {
        &*self.attachment
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether the loop was made before a fork and this is the child.
    pub fn is_forked(&self) -> bool {
        self.generation != sys::fork_generation()
    }

    pub(crate) fn is_freed(&self) -> bool {
        self.freed.load(Ordering::Acquire)
    }

    /// What [`Loop::is_freed`] looks at.
    pub(super) fn freed(&self) -> &AtomicBool {
        &self.freed
    }

    /// Puts a socket on the list the driver looks at first.
    pub(crate) fn attend(&self, socket: Weak<Socket>) {
        let mut list = lock(&self.attention);
        if self.is_freed() {
            return;
        }
        list.push(socket);
        self.attended.store(true, Ordering::Release);
        drop(list);
        self.nudge();
    }

    /// Makes the driver look, from whatever thread.
    pub(super) fn nudge(&self) {
        // The driver looks at the list before it waits.
        if !context::turns(self.id) {
            self.announce();
        }
    }

    /// Makes the descriptor readable for work the kernel does not know of.
    pub(super) fn announce(&self) {
        if !self.awake.swap(true, Ordering::AcqRel) {
            // The counter cannot be full: one wake is outstanding.
            let _ = self.waker.wake();
        }
    }

    /// The same, if a host polls the descriptor, for work that a pull leaves.
    pub(super) fn announce_rest(&self, left: bool) {
        // Here and in `fd` one of the two threads must see what the other wrote.
        self.left.store(left, Ordering::SeqCst);
        if left && self.polled.load(Ordering::SeqCst) {
            self.announce();
        }
    }

    /// Hands the engine what asked for attention.
    #[inline]
    pub(super) fn collect(&self, engine: &mut Engine) {
        // A swap, not a store: who finds the flag set and wakes nobody has
        // put its socket on the list before this looks there.
        if self.awake.load(Ordering::Acquire) {
            self.awake.swap(false, Ordering::AcqRel);
        }
        if self.has_attention() {
            for socket in self.take_attention().iter().filter_map(Weak::upgrade) {
                engine.attend(socket);
            }
        }
    }

    #[cold]
    fn take_attention(&self) -> Vec<Weak<Socket>> {
        let mut list = lock(&self.attention);
        self.attended.store(false, Ordering::Release);
        std::mem::take(&mut *list)
    }

    #[inline]
    pub(super) fn has_attention(&self) -> bool {
        self.attended.load(Ordering::Acquire)
    }

    /// Keeps what `timeout` and the timer tell up to date.
    #[inline]
    pub(super) fn publish(&self, engine: &mut Engine) {
        if engine.has_deadlines() || self.nearest.load(Ordering::Relaxed) != 0 || self.is_timed() {
            self.publish_anew(engine);
        }
    }

    /// Whether there is a timer.
    #[inline]
    fn is_timed(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.timed.load(Ordering::SeqCst);
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    #[inline(never)]
    fn publish_anew(&self, engine: &mut Engine) {
        let nearest = if engine.has_deadlines() { engine.nearest() } else { None };
        let nanos = nearest.map_or(0, Time::as_nanos);
        if self.nearest.load(Ordering::Relaxed) != nanos {
            self.nearest.store(nanos, Ordering::SeqCst);
        }
        #[cfg(target_os = "linux")]
        if self.is_timed()
            && let Some(timer) = lock(&self.timer).as_mut()
        {
            timer.arm(nearest);
        }
    }

    /// The descriptor a host polls for readability.
    pub fn fd(&self) -> RawFd {
        if !self.polled.swap(true, Ordering::SeqCst) && self.left.load(Ordering::SeqCst) {
            // It was not announced so far.
            self.announce();
        }
        #[cfg(target_os = "linux")]
        self.add_timer();
        self.fd
    }

    /// Puts deadlines into the descriptor.
    #[cfg(target_os = "linux")]
    fn add_timer(&self) {
        use crate::engine::TIMER;
        use std::os::fd::AsRawFd;
        let mut slot = lock(&self.timer);
        if slot.is_some() || self.is_forked() {
            return;
        }
        // Without it the host still has the timeout.
        let Ok(mut timer) = sys::Timer::new() else { return };
        let fd = timer.as_raw_fd();
        let mut source = mio::unix::SourceFd(&fd);
        if self.registry.register(&mut source, TIMER, mio::Interest::READABLE).is_ok() {
            // Whoever drives sees the flag, or this sees the deadline.
            self.timed.store(true, Ordering::SeqCst);
            timer.arm(Time::from_nanos(self.nearest.load(Ordering::SeqCst)));
            *slot = Some(timer);
        }
    }

    /// Milliseconds until the loop must be dispatched; `None` is never.
    pub fn timeout_ms(&self) -> Option<u64> {
        if self.has_attention() || self.awake.load(Ordering::Acquire) {
            return Some(0);
        }
        let at = Time::from_nanos(self.nearest.load(Ordering::Acquire))?;
        let left = at.until(Time::now()).as_nanos().div_ceil(1_000_000);
        Some(u64::try_from(left).unwrap_or(u64::MAX))
    }

    /// Ends the running or the next wait.
    pub fn wake(&self) -> Result<()> {
        if self.is_freed() {
            return Err(Error::LoopGone);
        }
        self.woken.store(true, Ordering::Release);
        self.announce();
        Ok(())
    }

    /// Silences every socket of the loop and lets go of them.
    pub fn free(self: &Arc<Self>) -> Result<()> {
        if context::gathers(self.id) {
            return Err(Error::Reentrant);
        }
        if self.freed.swap(true, Ordering::AcqRel) || self.is_forked() {
            return Ok(());
        }
        self.end_thread();
        if context::in_callback() {
            // Never wait inside a callback: whoever drives ends it instead.
            if let Some(engine) = self.seat.vacate() {
                self.dissolve(engine);
            }
            return Ok(());
        }
        if let Some(engine) = self.seat.await_engine(&self.dissolved) {
            self.dissolve(engine);
        }
        Ok(())
    }

    /// The end of a freed loop's engine.
    pub(super) fn dissolve(&self, mut engine: Box<Engine>) {
        self.collect(&mut engine);
        for mut conn in engine.drain() {
            conn.socket().flush_pulled();
            conn.socket().signals.set(bit::SILENCED | bit::LOOP_GONE);
            conn.vanish();
        }
        // What was put there before the loop was freed.
        let late = self.take_attention();
        for socket in late.iter().filter_map(Weak::upgrade) {
            socket.signals.set(bit::SILENCED | bit::LOOP_GONE);
        }
        self.dissolved.store(true, Ordering::Release);
        #[cfg(target_os = "linux")]
        lock(&self.timer).take();
    }
}

impl std::fmt::Debug for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loop").field("id", &self.id).finish_non_exhaustive()
    }
}
