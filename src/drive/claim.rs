//! Who drives a loop: its engine lies in one place, and whoever takes it from
//! there drives until it is put back. Taking it is one atomic instruction.

use super::context;
use super::event_loop::Loop;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::socket::Socket;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::sync::{Condvar, Mutex, lock};
use crate::sys::Place;
use std::sync::{Arc, PoisonError};

/// How a loop hands out events; the first call that drives it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Way {
    Callbacks = 1,
    Pulled = 2,
}

/// See the module.
pub(super) struct Seat {
    /// Empty while a thread drives.
    engine: Place<Engine>,
    /// A [`Way`], or 0; written under the gate.
    way: AtomicU8,
    /// Held by one who has the engine for a moment and does not drive. Whoever
    /// finds no engine looks again behind it.
    gate: Mutex<()>,
    /// The engine of a freed loop is gone.
    gone: Condvar,
}

impl Seat {
    pub(super) fn of(engine: Box<Engine>) -> Self {
        let place = Place::empty();
        place.put(engine);
        Self { engine: place, way: AtomicU8::new(0), gate: Mutex::new(()), gone: Condvar::new() }
    }

    /// The engine, if nobody has it.
    pub(super) fn vacate(&self) -> Option<Box<Engine>> {
        let _gate = lock(&self.gate);
        self.engine.take()
    }

    /// The engine of a freed loop, if nobody has it; else waits until whoever
    /// has it has dissolved it.
    pub(super) fn await_engine(&self, dissolved: &AtomicBool) -> Option<Box<Engine>> {
        let mut gate = lock(&self.gate);
        loop {
            // Whoever drives puts it back and then looks whether the loop was
            // freed: it is found here, or that is found there.
            let engine = self.engine.take();
            if engine.is_some() || dissolved.load(Ordering::Acquire) {
                return engine;
            }
            gate = self.gone.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Loop {
    /// Claims the engine for one way of handing out events.
    pub(super) fn claim(&self, way: Way) -> Result<Claim<'_>> {
        if context::in_callback() {
            return Err(Error::Reentrant);
        }
        self.claim_from_thread(way)
    }

    #[inline(always)]
    pub(super) fn claim_from_thread(&self, way: Way) -> Result<Claim<'_>> {
        if self.is_freed() {
            return Err(Error::LoopGone);
        }
        if self.seat.way.load(Ordering::Acquire) == way as u8
            && let Some(engine) = self.seat.engine.take()
        {
            return Ok(Claim::of(self, engine));
        }
        self.claim_first(way)
    }

    /// The first claim of all, or one that fails.
    #[cold]
    fn claim_first(&self, way: Way) -> Result<Claim<'_>> {
        let Seat { engine: place, way: chosen, gate, .. } = &self.seat;
        let gate = lock(gate);
        let have = chosen.load(Ordering::Acquire);
        let driven = if have == 0 || have == way as u8 {
            if let Some(engine) = place.take() {
                chosen.store(way as u8, Ordering::Release);
                return Ok(Claim::of(self, engine));
            }
            true
        } else {
            place.is_empty()
        };
        drop(gate);
        let owned = driven && lock(&self.thread).owns_engine();
        Err(if driven && !owned { Error::InUse } else { Error::InvalidState })
    }

    /// Runs user code in the driver's place, if no thread drives the loop.
    pub(crate) fn stand_in(&self, run: impl FnOnce()) -> Result<()> {
        let claim = Claim::of(self, self.seat.vacate().ok_or(Error::WrongThread)?);
        context::batch(self.id(), |_| run());
        drop(claim);
        if self.has_attention() {
            self.announce();
        }
        Ok(())
    }

    /// Lets go of a freed socket at once if nobody drives.
    pub(crate) fn reap(&self, socket: &Arc<Socket>) {
        let gate = lock(&self.seat.gate);
        let gone = self.seat.engine.take().and_then(|mut engine| {
            lock(&self.attention).retain(|have| have.as_ptr() != Arc::as_ptr(socket));
            let gone = engine.reap(socket);
            // One who frees the loop comes for it through the gate.
            self.seat.engine.put(engine);
            gone
        });
        drop(gate);
        // Outside the lock: the program's destructor may run here.
        drop(gone);
    }

    /// Puts the engine back, or ends it if the loop was freed.
    #[inline(always)]
    fn put_back(&self, engine: Box<Engine>) {
        self.seat.engine.put(engine);
        if self.is_freed() {
            self.end();
        }
    }

    #[cold]
    fn end(&self) {
        if let Some(engine) = self.seat.engine.take() {
            self.dissolve(engine);
            // Whoever frees the loop looks behind the gate before it waits, and
            // nobody else waits.
            drop(lock(&self.seat.gate));
            self.seat.gone.notify_all();
        }
    }
}

/// The engine in the hands of one thread.
pub(super) struct Claim<'a> {
    owner: &'a Loop,
    engine: Option<Box<Engine>>,
}

impl<'a> Claim<'a> {
    /// The engine that another thread claimed for this one.
    #[inline(always)]
    pub(super) fn of(owner: &'a Loop, engine: Box<Engine>) -> Self {
        Self { owner, engine: Some(engine) }
    }

    #[inline(always)]
    pub(super) fn engine(&mut self) -> Result<&mut Engine> {
        self.engine.as_deref_mut().ok_or(Error::InUse)
    }

    /// Takes the engine along, to be given to another thread.
    pub(super) fn into_engine(mut self) -> Option<Box<Engine>> {
        self.engine.take()
    }

    /// Puts the engine back, unless the loop was freed and nobody else ends it:
    /// then it stays here.
    pub(super) fn give_back(&mut self) -> bool {
        let place = &self.owner.seat.engine;
        if let Some(engine) = self.engine.take() {
            place.put(engine);
        }
        if self.owner.is_freed() {
            self.engine = place.take();
        }
        self.engine.is_none()
    }

    /// Puts the engine back; an error if the loop was freed meanwhile, with
    /// everything that an event lends.
    #[inline(always)]
    pub(super) fn release(mut self) -> Result<()> {
        if let Some(engine) = self.engine.take() {
            self.owner.put_back(engine);
        }
        if self.owner.is_freed() { Err(Error::LoopGone) } else { Ok(()) }
    }
}

impl Drop for Claim<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.owner.put_back(engine);
        }
    }
}
