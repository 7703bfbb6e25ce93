//! What an established connection reads, and where to: a driver's buffer, or
//! the memory of a large message. Parses nothing.

use super::buffers::{Buffers, SPILL};
use super::open::Open;
use super::tls::{Decrypted, Rest};
use crate::protocol::Violation;
use crate::socket::Socket;
use crate::sys::{self, Mode};
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// What a look at the kernel brought.
pub(super) enum Read {
    /// This many bytes, and perhaps more are there.
    Bytes(usize, bool),
    /// Nothing now.
    Nothing,
    /// A signal came first.
    Interrupted,
    /// The stream is over, with the error if there was one.
    Over(Option<io::Error>),
    /// What went straight into a large message breaks the rules.
    Bad(Violation),
}

impl From<io::Error> for Read {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock => Self::Nothing,
            ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Over(Some(error)),
        }
    }
}

impl Open {
    /// Takes what stands behind what is not parsed.
    #[inline(always)]
    pub(super) fn read_next(
        &mut self,
        socket: &Arc<Socket>,
        buffers: &mut Buffers,
        mode: Mode,
    ) -> Read {
        if self.tls {
            return read_tls(self, socket, buffers, usize::MAX, mode);
        }
        read_behind(self, buffers, usize::MAX, mode)
    }
}

/// Takes bytes from the kernel to where the decoder wants them, up to `max` of
/// those that stand behind what is not parsed. No lock is held over a read that
/// may wait.
#[inline]
pub(super) fn read(
    open: &mut Open,
    socket: &Arc<Socket>,
    buffers: &mut Buffers,
    max: usize,
    mode: Mode,
) -> Read {
    if open.tls {
        return read_tls(open, socket, buffers, max, mode);
    }
    if open.decoder.wants_direct() {
        return read_direct(open, buffers, mode);
    }
    read_behind(open, buffers, max, mode)
}

/// Receives behind what is not parsed.
#[inline(always)]
fn read_behind(open: &Open, buffers: &mut Buffers, max: usize, mode: Mode) -> Read {
    let room = buffers.behind(max);
    let size = room.len();
    match sys::recv(&open.tcp, room, mode) {
        Ok(0) => Read::Over(None),
        Ok(n) => {
            buffers.end += n;
            Read::Bytes(n, n == size)
        }
        Err(error) => error.into(),
    }
}

#[inline(never)]
pub(super) fn read_direct(open: &mut Open, buffers: &mut Buffers, mode: Mode) -> Read {
    if let Some((large, max)) = open.decoder.direct() {
        // The bytes of the next message that come with it are copied once
        // more when that is a large one too: a few, then.
        let spill = buffers.plain.get_mut(..SPILL).unwrap_or_default();
        let size = max + spill.len();
        return match sys::recv_behind(&open.tcp, large, max, spill, mode) {
            Ok(0) => Read::Over(None),
            Ok(n) => {
                buffers.start = 0;
                buffers.end = n.saturating_sub(max);
                match open.decoder.took_direct() {
                    Ok(()) => Read::Bytes(n, n == size),
                    Err(violation) => Read::Bad(violation),
                }
            }
            Err(error) => error.into(),
        };
    }
    // No memory for it: the decoder tells when it is given more.
    read_behind(open, buffers, usize::MAX, mode)
}

#[inline(never)]
fn read_tls(
    open: &mut Open,
    socket: &Arc<Socket>,
    buffers: &mut Buffers,
    max: usize,
    mode: Mode,
) -> Read {
    // Whether the kernel may have more: unknown while it was not asked.
    let mut more = true;
    if open.unread {
        if let Some(over) = open.over.take() {
            return Read::Over(over);
        }
        buffers.cipher.clear();
    } else {
        match buffers.cipher.recv(&open.tcp, max, mode) {
            Ok(0) => return Read::Over(None),
            Ok(_) if buffers.cipher.is_full() => open.filled(buffers),
            Ok(_) => more = false,
            Err(error) => return error.into(),
        }
    }
    buffers.behind(max);
    let room = buffers.plain.get_mut(buffers.end..).unwrap_or_default();
    let size = room.len().min(max);
    let room = room.get_mut(..size).unwrap_or_default();
    let mut out = socket.lock_out();
    match out.decrypt(&mut buffers.cipher, room) {
        Some(Decrypted::One(n)) => {
            open.unread = false;
            buffers.end += n;
            Read::Bytes(n, more)
        }
        Some(Decrypted::Some(rest)) => {
            let stuck = !out.is_everyday() && (out.awaits_peer() || out.holds_answer());
            drop(out);
            if stuck {
                // Perhaps this was what TLS waited for; and what it has answered
                // leaves when there is room.
                socket.flush();
            }
            buffers.end += rest.got;
            open.unread = rest.unread;
            judge(open, rest, more, mode)
        }
        None => {
            buffers.cipher.clear();
            Read::Over(None)
        }
    }
}

/// What a read is that gave anything but one record.
fn judge(open: &mut Open, rest: Rest, more: bool, mode: Mode) -> Read {
    let Rest { got, unread, over } = rest;
    match over {
        Some(over) if got == 0 => Read::Over(over),
        // What came before the end is judged first.
        Some(over) => {
            open.over = Some(over);
            open.unread = true;
            Read::Bytes(got, true)
        }
        // Without plaintext it was a record without any (a session ticket), or half
        // of one: a read that waits goes on. Where the kernel is empty it may have
        // told of a FIN with these.
        None => Read::Bytes(got, more || unread || (got == 0 && mode == Mode::Wait)),
    }
}
