//! Who drives a socket: chosen once. Where its blocking calls do, their driver
//! waits here between two of them; taking it is one atomic instruction.

use super::{ReadyState, Socket, Why, bit};
use crate::drive::blocking::Blocking;
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys::Place;
use std::sync::Arc;

/// Who drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Driver {
    /// Nobody has been chosen.
    Unset,
    /// Its blocking calls.
    Calls,
    /// A loop.
    Loop,
    /// Nobody: sockets are made after it.
    Pattern,
}

/// See the module.
pub(super) struct Seat {
    /// A [`Driver`], written under the lock.
    driver: AtomicU8,
    choice: Mutex<()>,
    /// Empty while a blocking call runs.
    pub(super) blocking: Place<Blocking>,
}

impl Seat {
    pub(super) fn new() -> Self {
        Self {
            driver: AtomicU8::new(Driver::Unset as u8),
            choice: Mutex::new(()),
            blocking: Place::empty(),
        }
    }

    /// What was chosen so far.
    #[inline]
    pub(super) fn driver(&self) -> Driver {
        match self.driver.load(Ordering::Acquire) {
            0 => Driver::Unset,
            1 => Driver::Calls,
            2 => Driver::Loop,
            _ => Driver::Pattern,
        }
    }

    /// Lets nobody else choose until it is dropped.
    pub(super) fn choose(&self) -> Choice<'_> {
        Choice { seat: self, _locked: lock(&self.choice) }
    }
}

/// The right to choose.
pub(super) struct Choice<'a> {
    seat: &'a Seat,
    _locked: MutexGuard<'a, ()>,
}

impl Choice<'_> {
    pub(super) fn is_open(&self) -> bool {
        self.seat.driver() == Driver::Unset
    }

    pub(super) fn set(&self, driver: Driver) {
        self.seat.driver.store(driver as u8, Ordering::Release);
    }
}

impl Socket {
    /// The blocking driver, if the socket has one or may get one.
    pub(crate) fn take_blocking(self: &Arc<Self>) -> Result<Box<Blocking>> {
        // A poisoned socket still tells its end.
        self.check_loop()?;
        match self.seat.blocking.take() {
            Some(driver) => Ok(driver),
            None if self.is_blocking() => Err(Error::InUse),
            None => self.make_blocking(),
        }
    }

    /// The same where it is there: the socket has no loop then.
    #[inline(always)]
    pub(crate) fn take_present(&self) -> Option<Box<Blocking>> {
        self.seat.blocking.take()
    }

    #[cold]
    fn make_blocking(self: &Arc<Self>) -> Result<Box<Blocking>> {
        let choice = self.seat.choose();
        if self.is_blocking() {
            // Another thread was first.
            return self.seat.blocking.take().ok_or(Error::InUse);
        }
        if !choice.is_open() || self.event_loop.get().is_some() {
            return self.refuse(Why::OnLoop);
        }
        choice.set(Driver::Calls);
        drop(choice);
        Ok(Box::new(Blocking::new(self)))
    }

    /// Puts the blocking driver back for the next call, if there may be one.
    #[inline(always)]
    pub(crate) fn put_blocking(&self, driver: Box<Blocking>) -> Result<()> {
        self.seat.blocking.put(driver);
        // `free` silences first and takes the driver behind that: it finds the
        // driver there, or this finds the socket silenced, or both do.
        if self.signals.has(bit::SILENCED) { self.leave_blocking() } else { Ok(()) }
    }

    #[cold]
    fn leave_blocking(&self) -> Result<()> {
        self.drop_blocking();
        Err(Error::Closed)
    }

    /// Lets go of the blocking driver of a silenced socket.
    pub(crate) fn drop_blocking(&self) {
        if let Some(driver) = self.seat.blocking.take() {
            self.vanish();
            drop(driver);
        }
    }

    /// Whether blocking calls drive the socket.
    #[inline]
    pub(crate) fn is_blocking(&self) -> bool {
        self.seat.driver() == Driver::Calls
    }

    /// Whether one of them runs now.
    pub(crate) fn is_driven(&self) -> bool {
        self.is_blocking() && self.seat.blocking.is_empty()
    }

    /// Whether a loop drives the socket, or will.
    pub(crate) fn is_on_loop(&self) -> bool {
        self.seat.driver() == Driver::Loop
    }

    /// Gives a socket that was never opened its loop as the driver, so that
    /// its events come from there.
    pub(super) fn take_seat(&self) {
        let choice = self.seat.choose();
        if choice.is_open()
            && self.ready_state() == ReadyState::Connecting
            && let Some(event_loop) = self.event_loop()
        {
            self.set_driver(event_loop.id());
            choice.set(Driver::Loop);
        }
    }
}
