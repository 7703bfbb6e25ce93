//! Ending: close, abort, and what the driver does to the shared half when a
//! connection opens and ends.

use super::{NO_SLOT, ReadyState, Socket, Why, bit};
use crate::conn::link::Link;
use crate::conn::outbound::CloseFrame;
use crate::conn::outbox::Dropped;
use crate::drive::context;
use crate::error::{Error, Result};
use crate::event::CloseEvent;
use crate::sync::lock;
use crate::sys::Time;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Longest close reason (RFC 6455 §5.5: 125 bytes with the code).
const REASON_MAX: usize = 123;

impl Socket {
    /// Starts the closing handshake (WHATWG `close(code, reason)`); code 0 is
    /// none.
    pub fn close(self: &Arc<Self>, code: u16, reason: &[u8]) -> Result<()> {
        if !matches!(code, 0 | 1000 | 3000..=4999) {
            return Err(Error::InvalidAccess);
        }
        if reason.len() > REASON_MAX {
            return Err(Error::Syntax);
        }
        if simdutf8::basic::from_utf8(reason).is_err() {
            return Err(Error::InvalidUtf8);
        }
        if code == 0 && !reason.is_empty() {
            return self.refuse(Why::ReasonWithoutCode);
        }
        self.check()?;
        self.take_seat();
        let mut out = self.lock_out();
        match self.ready_state() {
            ReadyState::Connecting => {
                self.set_ready_state(ReadyState::Closing);
                self.signals.set(bit::CANCEL);
                drop(out);
                self.attend();
            }
            ReadyState::Open => {
                self.set_ready_state(ReadyState::Closing);
                out.push_close((code != 0).then_some(code), reason);
                self.signals.set(bit::CLOSING);
                if self.signals.take(bit::PAUSED) {
                    self.signals.set(bit::RESUMED);
                }
                let gather = context::gathers(self.driver());
                if gather {
                    drop(out);
                    context::here(|here| self.gather(here));
                } else {
                    self.flush_locked(&mut out, false);
                    drop(out);
                }
                self.attend_elsewhere();
            }
            ReadyState::Closing | ReadyState::Closed => {}
        }
        Ok(())
    }

    /// Ends the connection without a closing handshake.
    pub fn abort(self: &Arc<Self>) -> Result<()> {
        self.check()?;
        self.take_seat();
        self.break_off(bit::ABORT);
        Ok(())
    }

    /// Sets an ending bit and wakes whoever must see it.
    pub(super) fn break_off(self: &Arc<Self>, why: u32) {
        let mut out = self.lock_out();
        if self.ready_state() != ReadyState::Closed {
            self.set_ready_state(ReadyState::Closing);
            self.signals.set(why);
            // A read or a wait of another thread ends with the stream.
            if self.is_blocking()
                && !context::gathers(self.driver())
                && let Some(link) = out.link()
            {
                link.shutdown();
            }
        }
        drop(out);
        self.attend_elsewhere();
    }

    /// Makes the driver look, unless this is a callback inside its look.
    fn attend_elsewhere(self: &Arc<Self>) {
        if !context::here(|here| here.advances(self)) {
            self.attend();
        }
    }

    /// Ends the connection after a caught panic.
    pub fn poison(self: &Arc<Self>) {
        self.break_off(bit::POISONED);
    }

    /// The driver established the connection: OPEN, unless close or abort
    /// was called meanwhile.
    pub(crate) fn establish(&self, link: Link) -> bool {
        let mut out = self.lock_out();
        let open = self.ready_state() == ReadyState::Connecting;
        if open {
            out.set_link(link);
            self.set_ready_state(ReadyState::Open);
        }
        open
    }

    /// The peer's Close came: echoes it, or lets our own stand.
    pub(crate) fn answer_close(
        self: &Arc<Self>,
        code: Option<u16>,
        reason: &str,
    ) -> (Dropped, bool) {
        let mut out = self.lock_out();
        let ours_first = out.close() != CloseFrame::None;
        if self.ready_state() == ReadyState::Open {
            self.set_ready_state(ReadyState::Closing);
        }
        self.signals.set(bit::CLOSING);
        self.signals.take(bit::PAUSED);
        let dropped = out.answer_close(code, reason.as_bytes());
        self.flush_locked(&mut out, false);
        (dropped, ours_first)
    }

    /// The peer broke the rules: our Close goes out behind what is queued,
    /// unless one is there already.
    pub(crate) fn fault_close(self: &Arc<Self>, code: u16) {
        let mut out = self.lock_out();
        if self.ready_state() == ReadyState::Open {
            self.set_ready_state(ReadyState::Closing);
        }
        self.signals.set(bit::CLOSING);
        self.signals.take(bit::PAUSED);
        if out.close() == CloseFrame::None {
            out.push_close(Some(code), b"");
        }
        self.flush_locked(&mut out, false);
    }

    /// The connection is over: CLOSED, with the final event.
    pub(crate) fn conclude(&self, event: CloseEvent, now: Time) {
        let mut out = self.lock_out();
        if let Some(mut link) = out.take_link()
            && event.was_clean
        {
            link.close_notify();
        }
        self.set_ready_state(ReadyState::Closed);
        out.reveal();
        self.show_buffered(out.shown());
        self.set_closed(event, now.as_ms());
        drop(out);
        self.forget_opening();
    }

    /// The driver lets go of a silenced socket.
    pub(crate) fn vanish(&self) {
        let link = self.lock_out().take_link();
        drop(link);
        let _out = self.lock_out();
        self.set_ready_state(ReadyState::Closed);
        self.slot.store(NO_SLOT, Ordering::Release);
    }

    /// Stops reading: TCP pushes back.
    pub fn pause(self: &Arc<Self>) -> Result<()> {
        self.set_paused(true)
    }

    /// Reads again.
    pub fn resume(self: &Arc<Self>) -> Result<()> {
        self.set_paused(false)
    }

    fn set_paused(self: &Arc<Self>, pause: bool) -> Result<()> {
        self.check()?;
        let mut out = self.lock_out();
        match self.ready_state() {
            // Nothing is read then anyway, or close() has ended the pause.
            ReadyState::Closing | ReadyState::Closed => return Err(Error::Closed),
            ReadyState::Connecting | ReadyState::Open => {}
        }
        out.set_paused(pause);
        if pause {
            self.signals.set(bit::PAUSED);
            return Ok(());
        }
        if self.signals.take(bit::PAUSED) {
            self.signals.set(bit::RESUMED);
            drop(out);
            self.attend();
        }
        Ok(())
    }

    /// Ends the running or the next blocking call; the socket stays usable.
    pub fn interrupt(&self) -> Result<()> {
        self.check()?;
        if self.is_on_loop() || self.event_loop().is_some() {
            return self.refuse(Why::HasLoop);
        }
        self.signals.set(bit::INTERRUPT | bit::SHARED);
        if let Some(waiter) = &*lock(&self.waiter) {
            waiter.wake();
        }
        Ok(())
    }
}
