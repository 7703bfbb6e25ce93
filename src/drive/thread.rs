//! The background thread of a loop: started, stopped, joined.

use super::claim::{Claim, Way};
use super::context;
use super::event_loop::Loop;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::socket::lock;
use crate::sync::Mutex;
use crate::sync::atomic::Ordering;
use crate::{log, panics, sys};
use std::io::ErrorKind;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

/// As much as the platform gives a thread of a C program.
const LOOP_STACK: usize = 8 << 20;

/// What is known of the thread.
#[derive(Debug, Default)]
pub(super) struct Thread {
    handle: Option<JoinHandle<()>>,
    runs: bool,
    /// How many wait for its end.
    awaited: u32,
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
            let stopping = thread.awaited == 0 && self.stop.swap(false, Ordering::AcqRel);
            return if stopping { Ok(()) } else { Err(Error::InvalidState) };
        }
        drop(thread);
        let engine = self.claim_from_thread(Way::Callbacks)?.into_engine();
        // Whoever has the engine is alone here.
        let parcel = Arc::new(Mutex::new(engine));
        let (this, content) = (Arc::clone(self), Arc::clone(&parcel));
        let mut thread = lock(&self.thread);
        self.stop.store(false, Ordering::Release);
        let spawned = sys::spawn("wskt-loop", LOOP_STACK, move || {
            let engine = lock(&content).take();
            if let Some(engine) = engine {
                this.background(engine);
            }
        });
        match spawned {
            Ok(handle) => {
                // An earlier thread has said its last word; it is not waited
                // for, as this may be a callback.
                thread.handle = Some(handle);
                thread.runs = true;
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
        self.stop.store(true, Ordering::Release);
        self.announce();
        if !context::in_callback() {
            self.join();
        }
        Ok(())
    }

    /// Waits for the thread to end, if there is one and this is not it.
    pub(super) fn join(&self) {
        if context::is_thread_of(self.id()) {
            return;
        }
        let mut thread = lock(&self.thread);
        thread.awaited += 1;
        while thread.runs {
            thread = self.ended.wait(thread).unwrap_or_else(PoisonError::into_inner);
        }
        thread.awaited -= 1;
        let handle = thread.handle.take();
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
            if self.is_freed() || self.stop.load(Ordering::Acquire) {
                let mut thread = lock(&self.thread);
                // Under the lock: a stop may have been taken back.
                if self.is_freed() || self.stop.swap(false, Ordering::AcqRel) {
                    self.publish(engine);
                    if !self.is_freed() {
                        // Under the lock: who sees the thread gone finds the
                        // engine.
                        let _ = claim.release();
                        thread.runs = false;
                        self.ended.notify_all();
                        return;
                    }
                    drop(thread);
                    break;
                }
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
