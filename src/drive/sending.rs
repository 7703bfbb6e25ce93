//! What a call waits for that sends on a socket driven by blocking calls: room in the
//! queue, or the kernel.

use super::blocking::{SLICE, Until, until};
use crate::error::{Error, Result};
use crate::socket::{ReadyState, Socket, bit};
use crate::sys::{self, Time, Wanted};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// Why nothing more will leave.
const ENDED: u32 = bit::ABORT | bit::SILENCED | bit::POISONED;

/// Waits, unlocked, until the queue has room; in vain for as long as the send
/// timeout without a byte leaving.
pub(crate) fn await_room(socket: &Arc<Socket>) -> Result<()> {
    let mut by = until(socket.config().timeouts.send);
    let mut before = usize::MAX;
    loop {
        wait_writable(socket, by, false)?;
        socket.flush();
        let out = socket.lock_out();
        let load = out.load();
        if load < socket.config().limits.high_water
            || out.is_broken()
            || socket.ready_state() != ReadyState::Open
        {
            return Ok(());
        }
        drop(out);
        if load < before {
            before = load;
            by = until(socket.config().timeouts.send);
        }
    }
}

/// Waits until the kernel has taken an accepted message; comes back early
/// when the peer wants to be read first, or when it takes nothing.
pub(crate) fn flush_out(socket: &Arc<Socket>) {
    let by = until(socket.config().timeouts.send);
    while let Ok(readable) = wait_writable(socket, by, true) {
        socket.flush();
        let out = socket.lock_out();
        if readable || socket.signals.has(ENDED) || !out.is_waiting() || out.awaits_peer() {
            return;
        }
    }
}

/// Waits for room in the kernel; true if there is something to read instead
/// and nobody reads it.
fn wait_writable(socket: &Arc<Socket>, by: Until, or_readable: bool) -> Result<bool> {
    loop {
        if socket.signals.has(ENDED) {
            return Ok(false);
        }
        let Some(tcp) = socket.lock_out().link().map(|link| Arc::clone(link.tcp())) else {
            return Ok(false);
        };
        // A message that was accepted leaves the interrupt to the next call.
        let interrupted = if or_readable {
            socket.signals.has(bit::INTERRUPT)
        } else {
            socket.signals.take(bit::INTERRUPT)
        };
        if interrupted {
            return Err(Error::Interrupted);
        }
        let left = by.map_or(SLICE, |at| at.until(Time::now()));
        if left.is_zero() {
            return Err(Error::Timeout);
        }
        let reads = or_readable && !socket.is_driven();
        let mut wanted = [Wanted::new(tcp.as_raw_fd(), reads, true)];
        match sys::wait(&mut wanted, Some(left.min(SLICE))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(Error::Interrupted),
            Err(_) => return Err(Error::Io),
            Ok(0) if socket.ready_state() == ReadyState::Open => {}
            Ok(_) => return Ok(reads && wanted.first().is_some_and(|w| w.readable)),
        }
    }
}
