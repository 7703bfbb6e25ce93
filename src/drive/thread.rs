//! The background thread of a loop: started, stopped, joined.

use super::context;
use super::event_loop::{Loop, Way};
use crate::error::{Error, Result};
use crate::socket::lock;
use crate::{log, panics, sys};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// As much as the platform gives a thread of a C program.
const LOOP_STACK: usize = 8 << 20;

/// What is known of the thread.
#[derive(Debug, Default)]
pub(super) struct Thread {
    handle: Option<JoinHandle<()>>,
    runs: bool,
    dissolved: bool,
}

impl Thread {
    /// Whether the thread has the engine.
    pub(super) fn owns_engine(&self) -> bool {
        self.runs
    }

    pub(super) fn dissolved(&mut self) {
        self.dissolved = true;
    }

    pub(super) fn has_dissolved(&self) -> bool {
        self.dissolved
    }
}

impl Loop {
    /// Starts the loop's own thread.
    pub fn start(self: &Arc<Self>) -> Result<()> {
        if self.is_freed() {
            return Err(Error::LoopGone);
        }
        if lock(&self.thread).runs {
            return if self.stop.swap(false, Ordering::AcqRel) {
                // A stop that the thread has not seen yet is taken back.
                Ok(())
            } else {
                Err(Error::InvalidState)
            };
        }
        if !context::in_callback() {
            self.join();
        }
        // Claimed here, so that a loop in use is refused here.
        drop(self.claim_from_thread(Way::Callbacks)?);
        let this = Arc::clone(self);
        let mut thread = lock(&self.thread);
        self.stop.store(false, Ordering::Release);
        let spawned = sys::spawn("wskt-loop", LOOP_STACK, move || this.background());
        thread.handle = Some(spawned.map_err(|_| Error::Io)?);
        thread.runs = true;
        Ok(())
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
        let handle = lock(&self.thread).handle.take();
        if let Some(handle) = handle
            && handle.thread().id() != std::thread::current().id()
        {
            // It catches its own panics.
            let _ = handle.join();
        }
    }

    fn background(self: Arc<Self>) {
        let _panics = panics::claim();
        let claim = self.claim_from_thread(Way::Callbacks);
        if let Ok(mut claim) = claim
            && let Ok(engine) = claim.engine()
        {
            loop {
                {
                    // Under the lock, so that `start` sees one or the other.
                    let mut thread = lock(&self.thread);
                    if self.is_freed() || self.stop.swap(false, Ordering::AcqRel) {
                        thread.runs = false;
                        break;
                    }
                }
                self.woken.store(false, Ordering::Release);
                match self.turn(engine) {
                    Err(error) if error.kind() != ErrorKind::Interrupted => {
                        log::with(log::Level::Error, || format!("the loop's poll failed: {error}"));
                    }
                    _ => {}
                }
            }
            self.publish(engine);
        }
        lock(&self.thread).runs = false;
    }
}
