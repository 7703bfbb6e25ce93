//! What an established connection reads, and where to: a driver's buffer, or
//! the memory of a large message. Parses nothing.

use super::memory::CIPHER_ROOM;
use super::open::Open;
use super::tls::{Decrypted, Rest};
use super::{Buffers, LITTLE_ROOM, PLAIN_ROOM, SPILL};
use crate::protocol::Violation;
use crate::socket::Socket;
use crate::sys::{self, Mode};
use std::io::{self, ErrorKind};
use std::sync::Arc;

impl Buffers {
    /// Makes room for `size` bytes; what was there is lost.
    fn reserve(&mut self, size: usize) {
        if self.plain.len() < size {
            // Pages that nothing is received into are never touched.
            self.plain = vec![0; size];
        }
    }

    /// Whether anything was read with them.
    pub(crate) fn has_room(&self) -> bool {
        !self.plain.is_empty()
    }

    fn usual(&self) -> usize {
        if self.little { LITTLE_ROOM } else { PLAIN_ROOM }
    }

    /// More came than was expected: a small buffer becomes a usual one.
    pub(super) fn grow(&mut self) {
        if self.little {
            self.little = false;
            self.move_to(PLAIN_ROOM);
        }
    }

    /// Makes room for a message of `whole` bytes, of which some are there, and
    /// a usual buffer behind it: a read takes two such messages, not one.
    pub(super) fn widen(&mut self, whole: usize) {
        let size = whole + PLAIN_ROOM;
        if self.plain.len() < size && !self.little {
            self.move_to(size);
        }
    }

    /// Moves what is not parsed to the front of a larger buffer.
    #[cold]
    fn move_to(&mut self, size: usize) {
        let mut wider = vec![0; size];
        let rest = self.plain.get(self.start..self.end).unwrap_or_default();
        if let Some(front) = wider.get_mut(..rest.len()) {
            front.copy_from_slice(rest);
        }
        (self.start, self.end) = (0, rest.len());
        self.plain = wider;
    }

    /// A place to receive what is discarded.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.reserve(self.usual());
        self.start = 0;
        self.end = 0;
        &mut self.plain
    }

    /// Brings back what the connection left, unless it is still in place.
    #[inline(always)]
    pub(super) fn load(&mut self, carry: &mut Vec<u8>) {
        if self.taken {
            self.taken = false;
            return;
        }
        self.start = 0;
        self.end = carry.len();
        if !carry.is_empty() || self.plain.is_empty() {
            self.bring(carry);
        }
    }

    #[cold]
    fn bring(&mut self, carry: &mut Vec<u8>) {
        self.reserve(self.usual().max(carry.len()));
        if let Some(front) = self.plain.get_mut(..carry.len()) {
            front.copy_from_slice(carry);
        }
        *carry = Vec::new();
    }

    /// Keeps what is not parsed for the connection's next turn.
    pub(super) fn store(&mut self, carry: &mut Vec<u8>) {
        if self.start < self.end {
            *carry = self.plain.get(self.start..self.end).unwrap_or_default().to_vec();
        }
        self.start = 0;
        self.end = 0;
    }

    /// Forgets what is not parsed.
    pub(crate) fn discard(&mut self) {
        self.start = 0;
        self.end = 0;
        self.taken = false;
    }

    /// Moves the unparsed bytes, a few, to the front, for up to `max` more
    /// behind them.
    #[inline(always)]
    fn behind(&mut self, max: usize) -> &mut [u8] {
        if self.start > 0 {
            if self.start < self.end {
                self.plain.copy_within(self.start..self.end, 0);
            }
            self.end -= self.start;
            self.start = 0;
        }
        let room = self.plain.get_mut(self.end..).unwrap_or_default();
        let size = room.len().min(max);
        room.get_mut(..size).unwrap_or_default()
    }
}

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
        match buffers.cipher.recv(&open.tcp, mode) {
            Ok(0) => return Read::Over(None),
            Ok(n) => more = n == CIPHER_ROOM,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_buffer_has_what_was_not_parsed_and_room_for_one_message_more() {
        let mut buffers = Buffers::default();
        buffers.room().fill(7);
        (buffers.start, buffers.end) = (100, 103);
        if let Some(rest) = buffers.plain.get_mut(100..103) {
            rest.copy_from_slice(b"abc");
        }
        for (whole, size) in [(20_000, 20_000), (17_000, 20_000), (65_546, 65_546)] {
            buffers.widen(whole);
            assert_eq!(buffers.plain.len(), size + PLAIN_ROOM);
            assert_eq!((buffers.start, buffers.end), (0, 3));
            assert_eq!(buffers.plain.get(..4), Some(b"abc\0".as_slice()));
        }
    }

    #[test]
    fn a_small_buffer_is_not_widened_before_it_is_a_usual_one() {
        let mut buffers = Buffers { little: true, ..Buffers::default() };
        assert_eq!(buffers.room().len(), LITTLE_ROOM);
        buffers.widen(65_546);
        assert_eq!(buffers.plain.len(), LITTLE_ROOM);
        buffers.end = 5;
        buffers.grow();
        assert_eq!((buffers.plain.len(), buffers.start, buffers.end), (PLAIN_ROOM, 0, 5));
    }
}
