//! The memory that TLS reads from and writes to, and the place where ciphertext
//! arrives, which is lent to it for a read.

use crate::sys::{self, Mode};
use socket2::Socket;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The largest record, with its header (RFC 5246, section 6.2.3).
const RECORD_ROOM: usize = 5 + (16 << 10) + 2048;
/// The same for a read while opening, and for one through a proxy's session.
const FILL_ROOM: usize = 4 << 10;

/// What TLS reads from and writes to.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Ciphertext from the peer: `input[taken..end]` is not read yet.
    input: Box<[u8]>,
    taken: usize,
    end: usize,
    pub(super) eof: bool,
    pub(super) output: Vec<u8>,
    /// Of the output this was passed on, once TLS is established.
    pub(super) sent: usize,
    /// Where the output goes when a failed handshake swallows the stream:
    /// the alert that tells the server why.
    pub(super) alert: Arc<Mutex<Vec<u8>>>,
}

impl Memory {
    pub(super) fn unread(&self) -> usize {
        self.end.saturating_sub(self.taken)
    }

    /// Takes the ciphertext in `cipher` as the input, unless some is left here.
    #[inline(always)]
    pub(super) fn borrow(&mut self, cipher: &mut Cipher) {
        if self.unread() == 0 && cipher.len > 0 {
            std::mem::swap(&mut self.input, &mut cipher.bytes);
            self.taken = 0;
            self.end = cipher.len;
            cipher.len = 0;
        }
    }

    /// Gives the place of the input back if it is used up; whether it is.
    #[inline(always)]
    pub(super) fn give_back(&mut self, cipher: &mut Cipher) -> bool {
        if self.unread() > 0 {
            return false;
        }
        self.taken = 0;
        self.end = 0;
        if cipher.bytes.is_empty() {
            std::mem::swap(&mut self.input, &mut cipher.bytes);
        } else {
            self.input = Box::default();
        }
        true
    }

    /// How much output was not passed on.
    pub(super) fn unsent(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Forgets the output: it has been passed on.
    #[inline(always)]
    pub(super) fn forget_output(&mut self) {
        self.sent = 0;
        self.output.clear();
        if self.output.capacity() > 1 << 10 {
            self.output = Vec::new();
        }
    }

    /// Moves what `read` gives into the input, unless some is left there.
    pub(super) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        if self.unread() > 0 {
            return Ok(());
        }
        self.taken = 0;
        self.end = 0;
        if self.input.is_empty() {
            self.input = vec![0; FILL_ROOM].into_boxed_slice();
        }
        self.end = read(&mut self.input)?;
        self.eof |= self.end == 0;
        Ok(())
    }
}

impl Read for Memory {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let rest = self.input.get(self.taken..self.end).unwrap_or_default();
        if rest.is_empty() {
            return if self.eof { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.taken += n;
        Ok(n)
    }
}

impl Write for Memory {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if !self.output.is_empty() {
            *self.alert.lock().unwrap_or_else(PoisonError::into_inner) =
                std::mem::take(&mut self.output);
        }
    }
}

/// Ciphertext from the kernel on its way to TLS: one per driver.
#[derive(Debug, Default)]
pub(crate) struct Cipher {
    bytes: Box<[u8]>,
    len: usize,
    /// How much one read takes from the kernel.
    size: usize,
    /// How much the last one was to take.
    asked: usize,
}

impl Cipher {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets what was received.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// A read is to take that much, or a record.
    pub(super) fn suit(&mut self, size: usize) {
        self.size = size.max(RECORD_ROOM);
    }

    /// Whether the kernel may have more than was received.
    pub(super) fn is_full(&self) -> bool {
        self.len == self.asked
    }

    /// Receives from the kernel, `max` bytes or a record; 0 is the end of the stream.
    pub(super) fn recv(&mut self, tcp: &Socket, max: usize, mode: Mode) -> io::Result<usize> {
        if self.bytes.len() < self.size {
            let room = sys::room(self.size, RECORD_ROOM);
            self.bytes = room.unwrap_or_else(|| vec![0; RECORD_ROOM]).into_boxed_slice();
            self.size = self.bytes.len();
        }
        self.asked = self.bytes.len().min(max.max(RECORD_ROOM));
        let room = self.bytes.get_mut(..self.asked).unwrap_or_default();
        self.len = sys::recv(tcp, room, mode)?;
        Ok(self.len)
    }
}
