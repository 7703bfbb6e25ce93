//! Callbacks and the end of them: what makes `free` safe anywhere.

use super::{Socket, bit};
use crate::drive::context;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::sync::lock;
use std::sync::{Arc, PoisonError};

impl Socket {
    /// Callbacks of this socket may run from here to `end_callbacks`, and
    /// `free` waits that long; false if that was said already.
    pub(crate) fn begin_callbacks(&self) -> bool {
        self.signals.set(bit::IN_CALLBACK) & bit::IN_CALLBACK == 0
    }

    /// Lets a `free` go on that waits.
    #[inline]
    pub(crate) fn end_callbacks(&self) {
        // `free` sets one of the two bits and looks at the other, this the
        // other way round, all in one word.
        self.signals.clear(bit::IN_CALLBACK);
        if self.signals.has(bit::SILENCED) {
            self.let_free_go_on();
        }
    }

    #[cold]
    fn let_free_go_on(&self) {
        let (waits, ended) = &self.quiet;
        // It says so, under the lock, before it looks at the bit.
        if *lock(waits) {
            ended.notify_all();
        }
    }

    /// Runs the program's handler for one event outside a driver's turn, unless
    /// `free` came first.
    pub(crate) fn call_host(self: &Arc<Self>, event: &Event<'_>) {
        self.as_callback(|| self.host.deliver(self, event));
    }

    fn as_callback(&self, run: impl FnOnce()) {
        // One inside another does not end the outer one.
        let _ends = self.begin_callbacks().then_some(EndOfCallback(self));
        if !self.signals.has(bit::SILENCED) {
            context::as_callback(run);
        }
    }

    /// Runs `run` as a callback of this socket: inside one of its driver's, or
    /// in the place of a driver that does not run.
    pub fn run_as_callback(self: &Arc<Self>, run: &mut dyn FnMut()) -> Result<()> {
        self.check()?;
        let run = || self.as_callback(run);
        if context::gathers(self.driver()) {
            run();
        } else if self.is_blocking() {
            let driver = self.take_blocking().map_err(|_| Error::WrongThread)?;
            context::batch(self.driver(), |_| run());
            // An error says that the handler freed the socket.
            let _ = self.put_blocking(driver);
        } else if self.is_on_loop() {
            let event_loop = self.event_loop().ok_or(Error::LoopGone)?;
            event_loop.stand_in(run)?;
            if self.signals.has(bit::SILENCED) {
                event_loop.reap(self);
            }
        } else {
            run();
        }
        Ok(())
    }

    /// Silences the socket: no callback of it begins after this, and outside
    /// callbacks none runs any more when it returns.
    pub fn free(self: &Arc<Self>) {
        if !self.is_forked() {
            self.flush_pulled();
        }
        self.signals.set(bit::SILENCED);
        if self.is_forked() {
            self.drop_forked();
            return;
        }
        if !context::in_callback() {
            let (waits, ended) = &self.quiet;
            let mut guard = lock(waits);
            *guard = true;
            while self.signals.has(bit::IN_CALLBACK) {
                guard = ended.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
        }
        self.break_off(bit::SILENCED);
        if self.is_on_loop() {
            if let Some(event_loop) = self.event_loop() {
                event_loop.reap(self);
            }
        } else {
            // The blocking driver refers to the socket, and the other way
            // round; a call that runs now lets go of it at its end.
            self.drop_blocking();
        }
    }
}

/// The end of callbacks, also by a panic.
struct EndOfCallback<'a>(&'a Socket);

impl Drop for EndOfCallback<'_> {
    fn drop(&mut self) {
        self.0.end_callbacks();
    }
}
