//! Sending: from any thread, at once, or gathered while callbacks run.

use super::{Manner, ReadyState, Socket, Why, bit};
use crate::conn::outbound::{CloseFrame, Outbound, Progress, Sending};
use crate::conn::outbox::opcode;
use crate::drive::context::Context;
use crate::drive::{context, sending};
use crate::error::{Error, Result};
use crate::event::MessageKind;
use crate::log::{self, Level};
use crate::protocol::is_utf8;
use crate::sync::MutexGuard;
use std::sync::Arc;

/// Gathered bytes are offered to the kernel early past this.
const GATHER_MAX: usize = 64 << 10;

impl Socket {
    /// Sends one message. In place: it has one caller.
    #[inline(always)]
    pub fn send(self: &Arc<Self>, manner: Manner, data: &[u8]) -> Result<()> {
        if manner.is_checked() && !is_utf8(data) {
            return Err(Error::InvalidUtf8);
        }
        let compress = manner.may_compress()
            && data.len() >= self.config.deflate.min_size
            && self.deflater.get().is_some();
        if compress {
            self.try_send_packed(manner, data)?;
        } else {
            self.try_send(manner, data)?;
        }
        if log::enabled(Level::Trace) {
            self.trace_accepted(manner.kind(), data.len());
        }
        Ok(())
    }

    #[cold]
    fn trace_accepted(&self, kind: MessageKind, len: usize) {
        self.trace(|| format!("accepted {kind:?}, {len} bytes"));
    }

    /// A line about one message or control frame, with no lock held.
    #[inline]
    pub(crate) fn trace(&self, text: impl FnOnce() -> String) {
        log::with(Level::Trace, || format!("{}: {}", self.target.origin(), text()));
    }

    #[inline(always)]
    fn try_send(self: &Arc<Self>, manner: Manner, data: &[u8]) -> Result<()> {
        const HINDERED: u32 = bit::POISONED | bit::BLOCKED | bit::AT_HAND;
        context::here(|here| {
            let mut out = self.lock_out();
            let most = GATHER_MAX.min(self.config.limits.high_water);
            if !out.is_everyday()
                || out.everyday_pending() >= most
                || self.ready_state() != ReadyState::Open
                || self.signals.has(HINDERED)
            {
                return self.try_send_at_length(out, manner, data);
            }
            out.push_everyday(here, manner.opcode(), data)?;
            if out.everyday_pending() >= most {
                self.depart_from(here, out, manner.may_wait());
            } else if !here.in_callback() && !manner.may_wait() {
                match out.flush_everyday() {
                    None => self.show_buffered(out.everyday_shown()),
                    Some(progress) => {
                        self.flushed(&mut out, progress);
                        self.left(out, progress);
                    }
                }
            } else if here.turns(self.driver()) {
                self.show_buffered(out.everyday_shown());
                drop(out);
                self.gather(here);
            } else {
                self.depart_from(here, out, manner.may_wait());
            }
            Ok(())
        })
    }

    /// Sends a control frame of the program's.
    pub(super) fn try_send_control(self: &Arc<Self>, opcode: u8, data: &[u8]) -> Result<()> {
        self.try_send_at_length(self.lock_out(), Manner::control(opcode), data)
    }

    #[inline(never)]
    fn try_send_at_length<'a>(
        self: &'a Arc<Self>,
        mut out: MutexGuard<'a, Sending>,
        manner: Manner,
        data: &[u8],
    ) -> Result<()> {
        let opcode = manner.opcode();
        while !self.takes(&out, opcode) {
            self.make_room(out, opcode, data.len())?;
            out = self.lock_out();
        }
        match opcode {
            opcode::TEXT | opcode::BINARY => out.push_message(opcode, data)?,
            opcode::PING => out.push_ping(data)?,
            _ => out.push_control(opcode, data)?,
        }
        context::here(|here| self.depart_from(here, out, manner.may_wait()));
        Ok(())
    }

    /// The same for a message that is to be compressed.
    #[inline(never)]
    fn try_send_packed(self: &Arc<Self>, manner: Manner, data: &[u8]) -> Result<()> {
        let opcode = manner.opcode();
        loop {
            let mut packing = self.packing().ok_or(Error::InvalidState)?;
            let mut out = self.lock_out();
            if !self.takes(&out, opcode) {
                drop(packing);
                self.make_room(out, opcode, data.len())?;
                continue;
            }
            drop(out);
            let part = packing.whole(opcode, data)?;
            out = self.lock_out();
            if self.ready_state() != ReadyState::Open {
                return self.send_refused(&mut out, opcode, data.len());
            }
            out.push_data(&part, data)?;
            packing.was_queued();
            drop(packing);
            context::here(|here| self.depart_from(here, out, manner.may_wait()));
            return Ok(());
        }
    }

    /// Whether a frame can be queued as things stand.
    #[inline(always)]
    fn takes(&self, out: &Outbound, opcode: u8) -> bool {
        self.ready_state() == ReadyState::Open
            && !self.signals.has(bit::POISONED)
            && out.load() < self.config.limits.high_water
            && (out.stream.is_none() || opcode >= opcode::CLOSE)
    }

    /// What hinders a frame is told, or waited for where that is the way.
    #[cold]
    pub(super) fn make_room(
        self: &Arc<Self>,
        mut out: MutexGuard<'_, Sending>,
        opcode: u8,
        len: usize,
    ) -> Result<()> {
        if self.ready_state() != ReadyState::Open {
            return self.send_refused(&mut out, opcode, len);
        }
        if self.signals.has(bit::POISONED) {
            return Err(Error::Panic);
        }
        if out.load() >= self.config.limits.high_water {
            let gathered = bit::GATHERED | bit::AT_HAND;
            if self.signals.get() & gathered == gathered {
                // A pull's sends: they need not wait.
                drop(out);
                self.flush();
                return Ok(());
            }
            return self.await_room(out);
        }
        self.refuse(Why::StreamOpen)
    }

    /// The queue is full: refuses, or waits in a blocking call.
    fn await_room(self: &Arc<Self>, mut out: MutexGuard<'_, Sending>) -> Result<()> {
        out.owe_drain();
        // A broken connection takes nothing; a receive finds out.
        let broken = out.is_broken();
        drop(out);
        if broken || !self.may_wait() {
            return Err(Error::BufferFull);
        }
        sending::await_room(self)
    }

    /// Whether a send on this thread may wait for the kernel.
    fn may_wait(&self) -> bool {
        !context::in_callback() && self.is_blocking()
    }

    /// Offers what was queued to the kernel, or leaves it to the end of the
    /// running batch of callbacks.
    pub(super) fn depart(self: &Arc<Self>, out: MutexGuard<'_, Sending>) {
        context::here(|here| self.depart_from(here, out, false));
    }

    /// The same; `more` is whether it may also be left to the next message.
    fn depart_from(self: &Arc<Self>, here: &Context, mut out: MutexGuard<'_, Sending>, more: bool) {
        let gather = here.gathers(self.driver());
        let pulled = self.signals.has(bit::AT_HAND) && here.pulls(self);
        let full = out.load() >= self.config.limits.high_water;
        if full {
            out.owe_drain();
        }
        if (gather || pulled) && out.pending() < GATHER_MAX {
            self.show_buffered(out.shown());
            drop(out);
            if gather {
                self.gather(here);
            } else if self.signals.set(bit::GATHERED) & bit::AT_HAND == 0 {
                // The last event at hand was pulled meanwhile, elsewhere.
                self.flush();
            }
            return;
        }
        if gather {
            self.flush_locked(&mut out, true);
            drop(out);
            self.gather(here);
            return;
        }
        if more && !full && out.pending() < GATHER_MAX {
            self.show_buffered(out.shown());
            drop(out);
            if self.signals.set(bit::GATHERED) & bit::GATHERED == 0 {
                // The driver sees to it if no other message does.
                self.attend();
            }
            return;
        }
        let progress = out.flush(false);
        self.flushed(&mut out, progress);
        self.left(out, progress);
    }

    /// A message was offered to the kernel: a blocking call waits until it has
    /// left.
    #[inline(always)]
    fn left(self: &Arc<Self>, out: MutexGuard<'_, Sending>, progress: Progress) {
        drop(out);
        if progress == Progress::Blocked && self.may_wait() {
            sending::flush_out(self);
        }
    }

    /// A send outside OPEN: WHATWG counts it all the same once closing.
    pub(super) fn send_refused(&self, out: &mut Outbound, opcode: u8, len: usize) -> Result<()> {
        self.check()?;
        if self.ready_state() == ReadyState::Connecting {
            return self.refuse(Why::StillConnecting);
        }
        if opcode < opcode::CLOSE {
            out.count_refused(len);
            self.show_buffered(out.shown());
        }
        Err(Error::Closed)
    }

    /// Leaves the queue to the end of the running batch of callbacks.
    #[inline(always)]
    pub(super) fn gather(self: &Arc<Self>, here: &Context) {
        // Whoever clears the bit takes the lock of the queue behind that, and
        // finds what was queued before this look.
        if !self.signals.has(bit::GATHERED) && self.signals.set(bit::GATHERED) & bit::GATHERED == 0
        {
            here.gather(self);
        }
    }

    /// Offers the queue to the kernel and tells the driver what it must know.
    #[inline(never)]
    pub(super) fn flush_locked(
        self: &Arc<Self>,
        out: &mut MutexGuard<'_, Sending>,
        hide: bool,
    ) -> Progress {
        let progress = out.flush(hide);
        self.flushed(out, progress);
        progress
    }

    /// Tells of a flush what is to be told.
    fn flushed(self: &Arc<Self>, out: &mut MutexGuard<'_, Sending>, progress: Progress) {
        self.show_buffered(out.shown());
        let quiet = progress == Progress::Done
            && !self.signals.has(bit::BLOCKED)
            && !out.owes_drain()
            && out.close() == CloseFrame::None;
        if !quiet {
            self.tell_driver(out, progress);
        }
        if progress == Progress::Done {
            out.settle();
        }
    }

    #[inline(never)]
    fn tell_driver(self: &Arc<Self>, out: &mut MutexGuard<'_, Sending>, progress: Progress) {
        let mut news = 0;
        match progress {
            Progress::Blocked => news |= bit::BLOCKED,
            Progress::Broken => {
                self.signals.take(bit::BLOCKED);
                news |= bit::RESUMED;
            }
            Progress::Done => {
                self.signals.take(bit::BLOCKED);
            }
        }
        if out.take_drain(self.config.limits.low_water) {
            news |= bit::DRAIN;
        }
        if out.close() != CloseFrame::None {
            news |= bit::CLOSING;
        }
        if news != 0 && self.signals.set(news) & news != news {
            self.attend();
        }
    }

    /// Offers the queue to the kernel.
    pub(crate) fn flush(self: &Arc<Self>) -> Progress {
        self.signals.take(bit::GATHERED);
        self.flush_at_length(self.lock_out())
    }

    fn flush_at_length(self: &Arc<Self>, mut out: MutexGuard<'_, Sending>) -> Progress {
        out.reveal();
        self.flush_locked(&mut out, false)
    }

    /// Sends what waits for events that nobody will pull.
    pub(crate) fn flush_pulled(self: &Arc<Self>) {
        if self.signals.has(bit::AT_HAND) {
            self.flush_gathered();
        }
    }

    /// Sends what callbacks gathered, if anything.
    #[inline]
    pub(crate) fn flush_gathered(self: &Arc<Self>) {
        if self.signals.has(bit::GATHERED) {
            self.flush();
        }
    }

    /// The same in short, for a queue that is likely everyday.
    #[inline(never)]
    pub(crate) fn flush_everyday(self: &Arc<Self>) {
        self.signals.clear(bit::GATHERED);
        let mut out = self.lock_out();
        if !out.is_everyday() {
            self.flush_at_length(out);
            return;
        }
        out.reveal();
        match out.flush_everyday() {
            None => self.show_buffered(0),
            Some(progress) => self.flushed(&mut out, progress),
        }
    }
}
