//! Sending: from any thread, at once, or gathered while callbacks run.

use super::{ReadyState, Socket, Why, bit};
use crate::conn::outbound::{CloseFrame, Outbound, Progress};
use crate::conn::outbox::opcode;
use crate::drive::{blocking, context};
use crate::error::{Error, Result};
use crate::event::MessageKind;
use crate::log::{self, Level};
use crate::sync::MutexGuard;
use std::sync::Arc;

/// Gathered bytes are offered to the kernel early past this.
const GATHER_MAX: usize = 64 << 10;

impl Socket {
    /// Sends one message; `compress` is whether it may be.
    pub fn send(self: &Arc<Self>, kind: MessageKind, data: &[u8], compress: bool) -> Result<()> {
        let opcode = match kind {
            MessageKind::Text if simdutf8::basic::from_utf8(data).is_err() => {
                return Err(Error::InvalidUtf8);
            }
            MessageKind::Text => opcode::TEXT,
            MessageKind::Binary => opcode::BINARY,
        };
        let compress = compress && data.len() >= self.config.deflate.min_size;
        self.try_send(opcode, data, compress)?;
        self.trace(|| format!("accepted {kind:?}, {} bytes", data.len()));
        Ok(())
    }

    /// A line about one message or control frame, with no lock held.
    pub(crate) fn trace(&self, text: impl FnOnce() -> String) {
        log::with(Level::Trace, || format!("{}: {}", self.target.origin(), text()));
    }

    pub(super) fn try_send(
        self: &Arc<Self>,
        opcode: u8,
        data: &[u8],
        compress: bool,
    ) -> Result<()> {
        let gather = context::gathers(self.driver());
        let waits = !context::in_callback() && self.is_blocking();
        loop {
            let mut packing = if compress { self.packing() } else { None };
            let mut out = self.lock_out();
            if self.ready_state() != ReadyState::Open {
                return self.send_refused(&mut out, opcode, data.len());
            }
            if self.signals.has(bit::POISONED) {
                return Err(Error::Panic);
            }
            if out.load() >= self.config.limits.high_water {
                out.owe_drain();
                // A broken connection takes nothing; a receive finds out.
                let broken = out.is_broken();
                drop(out);
                drop(packing);
                if broken || !waits {
                    return Err(Error::BufferFull);
                }
                blocking::await_room(self)?;
                continue;
            }
            if opcode < opcode::CLOSE && out.stream.is_some() {
                return self.refuse(Why::StreamOpen);
            }
            match &mut packing {
                Some(packing) => {
                    drop(out);
                    let part = packing.whole(opcode, data)?;
                    out = self.lock_out();
                    if self.ready_state() != ReadyState::Open {
                        return self.send_refused(&mut out, opcode, data.len());
                    }
                    out.push_data(&part, data)?;
                    packing.was_queued();
                }
                None if opcode == opcode::PING => out.push_ping(data)?,
                None if opcode < opcode::CLOSE => out.push_message(opcode, data)?,
                None => out.push_control(opcode, data)?,
            }
            drop(packing);
            self.depart(out, gather, waits);
            return Ok(());
        }
    }

    /// Offers what was queued to the kernel, or leaves it to the end of the
    /// running batch of callbacks.
    pub(super) fn depart(
        self: &Arc<Self>,
        mut out: MutexGuard<'_, Outbound>,
        gather: bool,
        waits: bool,
    ) {
        if out.load() >= self.config.limits.high_water {
            out.owe_drain();
        }
        if gather && out.pending() < GATHER_MAX {
            self.show_buffered(out.shown());
            drop(out);
            self.gather();
            return;
        }
        let progress = self.flush_locked(&mut out, gather);
        drop(out);
        if gather {
            self.gather();
        }
        if progress == Progress::Blocked && waits {
            blocking::flush_out(self);
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
    pub(super) fn gather(self: &Arc<Self>) {
        if self.signals.set(bit::GATHERED) & bit::GATHERED == 0 {
            context::gather(self);
        }
    }

    /// Offers the queue to the kernel and tells the driver what it must know.
    pub(super) fn flush_locked(
        self: &Arc<Self>,
        out: &mut MutexGuard<'_, Outbound>,
        hide: bool,
    ) -> Progress {
        let progress = out.flush(hide);
        self.show_buffered(out.shown());
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
        progress
    }

    /// Offers the queue to the kernel; `true` when nothing waits any more.
    pub(crate) fn flush(self: &Arc<Self>) -> Progress {
        self.signals.take(bit::GATHERED);
        let mut out = self.lock_out();
        out.reveal();
        self.flush_locked(&mut out, false)
    }

    /// Sends what callbacks gathered, if anything.
    pub(crate) fn flush_gathered(self: &Arc<Self>) {
        if self.signals.has(bit::GATHERED) {
            self.flush();
        }
    }
}
