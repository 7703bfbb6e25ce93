//! The background thread of a loop: started, stopped, joined.

use super::claim::{Claim, Way};
use super::context;
use super::event_loop::Loop;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::sync::atomic::Ordering;
use crate::sync::{JoinHandle, Mutex, lock, spawn};
use crate::{log, panics};
use std::io::ErrorKind;
use std::sync::{Arc, PoisonError};

/// As much as the platform gives a thread of a C program.
const LOOP_STACK: usize = 8 << 20;

/// What is known of the thread.
#[derive(Debug, Default)]
pub(super) struct Thread {
    /// Tells one from the next.
    number: u64,
    handle: Option<JoinHandle<()>>,
    runs: bool,
    /// Somebody waits for its end.
    awaited: bool,
}

impl Thread {
    /// Whether the thread has the engine.
    pub(super) fn owns_engine(&self) -> bool {
        self.runs
    }
}

impl Loop {
    /// Starts the loop's own thread.
    pub fn start(self: &Arc<Self>) -> Result<()> {
        if self.is_freed() {
            return Err(Error::LoopGone);
        }
        let thread = lock(&self.thread);
        if thread.runs {
            // A stop that nobody waits for and the thread has not seen yet is
            // taken back.
            let stopping = !thread.awaited && self.stop.swap(false, Ordering::AcqRel);
            return if stopping { Ok(()) } else { Err(Error::InvalidState) };
        }
        drop(thread);
        let engine = self.claim_from_thread(Way::Callbacks)?.into_engine();
        // Whoever has the engine is alone here.
        let parcel = Arc::new(Mutex::new(engine));
        let (this, content) = (Arc::clone(self), Arc::clone(&parcel));
        let mut thread = lock(&self.thread);
        self.stop.store(false, Ordering::Release);
        let spawned = spawn("wskt-loop", LOOP_STACK, move || {
            let engine = lock(&content).take();
            if let Some(engine) = engine {
                this.background(engine);
            }
        });
        match spawned {
            Ok(handle) => {
                // An earlier thread has said its last word; it is not waited
                // for, as this may be a callback.
                *thread = Thread {
                    number: thread.number + 1,
                    handle: Some(handle),
                    runs: true,
                    awaited: false,
                };
                Ok(())
            }
            Err(_) => {
                drop(thread);
                let engine = lock(&parcel).take();
                drop(engine.map(|engine| Claim::of(self, engine)));
                Err(Error::Io)
            }
        }
    }

    /// Stops the loop's thread, or makes `run` return; the sockets stay.
    pub fn stop(&self) -> Result<()> {
        if self.is_freed() {
            return Err(Error::LoopGone);
        }
        self.end_thread();
        Ok(())
    }

    /// Tells the thread, or `run`, to end, and waits for the thread's end if
    /// there is one, this is not it and no callback runs here.
    pub(super) fn end_thread(&self) {
        let mut thread = lock(&self.thread);
        self.stop.store(true, Ordering::Release);
        self.announce();
        if context::in_callback() || context::is_thread_of(self.id()) {
            return;
        }
        let number = thread.number;
        // Under the lock with the flag: such a stop is never taken back.
        thread.awaited |= thread.runs;
        while thread.runs && thread.number == number {
            thread = self.ended.wait(thread).unwrap_or_else(PoisonError::into_inner);
        }
        // Another may have been started meanwhile.
        let handle = if thread.number == number { thread.handle.take() } else { None };
        drop(thread);
        if let Some(handle) = handle {
            // It catches its own panics.
            let _ = handle.join();
        }
    }

    fn background(self: Arc<Self>, engine: Box<Engine>) {
        let _panics = panics::claim();
        context::own_thread(self.id());
        let mut claim = Claim::of(&self, engine);
        while let Ok(engine) = claim.engine() {
            if self.is_freed() {
                break;
            }
            if self.stop.load(Ordering::Acquire) {
                let mut thread = lock(&self.thread);
                // Under the lock: a stop may have been taken back.
                if self.stop.swap(false, Ordering::AcqRel) {
                    self.publish(engine);
                    // Under the lock: who sees the thread gone finds the engine.
                    if claim.give_back() {
                        thread.runs = false;
                        self.ended.notify_all();
                        return;
                    }
                }
                continue;
            }
            self.woken.store(false, Ordering::Release);
            self.collect(engine);
            match self.turn_collected(engine) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    log::with(log::Level::Error, || format!("the loop's poll failed: {error}"));
                }
                _ => {}
            }
        }
        // Freed: the sockets go, and with them perhaps the program's data.
        drop(claim);
        lock(&self.thread).runs = false;
        self.ended.notify_all();
    }
}
