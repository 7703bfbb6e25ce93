//! An established TLS session over memory: the bytes are moved to and from the
//! kernel here, or to and from the session of a proxy that carries this one.

use super::link::{Flushed, push_all, retry};
use crate::sys::{self, Mode};
use native_tls::TlsStream;
use socket2::Socket;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// How much ciphertext one read takes from the kernel.
pub(super) const CIPHER_ROOM: usize = 64 << 10;
/// How much plaintext is encrypted before it is offered to the kernel.
const PLAIN_CHUNK: usize = 128 << 10;
/// Most plaintext in a record (RFC 8446 §5.1), and about what TLS adds to it.
const RECORD: usize = 16 << 10;
const RECORD_EXTRA: usize = 64;
/// The same for a read while opening, and for one through a proxy's session.
const FILL_ROOM: usize = 4 << 10;

/// What TLS reads from and writes to.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Ciphertext from the peer: `input[taken..end]` is not read yet.
    input: Vec<u8>,
    taken: usize,
    end: usize,
    pub(super) eof: bool,
    pub(super) output: Vec<u8>,
    /// Where the output goes when a failed handshake swallows the stream:
    /// the alert that tells the server why.
    pub(super) alert: Arc<Mutex<Vec<u8>>>,
}

impl Memory {
    fn unread(&self) -> usize {
        self.end.saturating_sub(self.taken)
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
        self.input.resize(FILL_ROOM, 0);
        self.end = read(&mut self.input)?;
        self.eof |= self.end == 0;
        Ok(())
    }
}

impl Read for Memory {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let rest = self.input.get(self.taken..self.end).unwrap_or_default();
        if rest.is_empty() {
            return if self.eof { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        let n = io::Read::read(&mut { rest }, buf)?;
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

/// An established TLS session.
pub(super) struct Tls {
    pub(super) stream: TlsStream<Memory>,
    /// Ciphertext that was not passed on yet: `stream.output[sent..]`, and how
    /// much that is.
    sent: usize,
    waiting: usize,
    /// There is no plaintext to be had before more ciphertext comes.
    dry: bool,
    /// The session of a proxy that carries this one.
    under: Option<Box<Tls>>,
}

impl Tls {
    pub(super) fn new(stream: TlsStream<Memory>, under: Option<Box<Tls>>) -> Self {
        Self { stream, sent: 0, waiting: 0, dry: false, under }
    }

    /// Encrypts and sends what the kernel takes; the number is that of the
    /// bytes that need not be given again.
    pub(super) fn write(&mut self, tcp: &Socket, bytes: &[u8]) -> io::Result<usize> {
        if self.ciphertext() > 0 && self.flush(tcp)? == Flushed::Full {
            return Err(ErrorKind::WouldBlock.into());
        }
        let done = self.encrypt(bytes.get(..PLAIN_CHUNK).unwrap_or(bytes));
        // Without a record of ours there may be one of a renegotiation.
        let flushed = self.flush(tcp);
        let n = done?;
        flushed?;
        Ok(n)
    }

    /// Makes records of `chunk`, one after the other; an error that comes
    /// after some shows in the next call.
    fn encrypt(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if chunk.len() > RECORD {
            let records = chunk.len() / RECORD + 1;
            self.stream.get_mut().output.reserve(chunk.len() + records * RECORD_EXTRA);
        }
        let mut done = 0;
        while let Some(rest) = chunk.get(done..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// Offers waiting ciphertext to the kernel.
    pub(super) fn flush(&mut self, tcp: &Socket) -> io::Result<Flushed> {
        let memory = self.stream.get_mut();
        let output = &memory.output;
        let done = match &mut self.under {
            Some(under) => push_all(|b| under.write(tcp, b), output, &mut self.sent),
            None => offer(tcp, output, &mut self.sent),
        };
        self.waiting = output.len() - self.sent;
        let mut done = done?;
        if done == Flushed::All {
            memory.output.clear();
            self.sent = 0;
            if memory.output.capacity() > 1 << 10 {
                memory.output = Vec::new();
            }
            if let Some(under) = &mut self.under {
                done = under.flush(tcp)?;
            }
        }
        Ok(done)
    }

    /// How much ciphertext waits for the kernel.
    pub(super) fn ciphertext(&self) -> usize {
        self.waiting + self.under.as_ref().map_or(0, |under| under.ciphertext())
    }

    /// Reads without waiting while opening; 0 is the end of the stream.
    pub(super) fn read(&mut self, tcp: &Socket, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // A FIN without close_notify: many servers end like that.
                Err(_) if self.stream.get_ref().eof => return Ok(0),
                done => {
                    self.flush(tcp)?;
                    return done;
                }
            }
            self.flush(tcp)?;
            let under = self.under.as_deref_mut();
            self.stream.get_mut().fill(|buf| match under {
                Some(under) => under.read(tcp, buf),
                None => retry(|| sys::recv(tcp, buf, Mode::Look)),
            })?;
        }
    }

    /// Decrypts from `cipher`, which is lent for the call and given back when
    /// it is used up. `WouldBlock`: more ciphertext is needed.
    pub(super) fn decrypt(
        &mut self,
        tcp: &Socket,
        cipher: &mut Cipher,
        buf: &mut [u8],
    ) -> io::Result<usize> {
        let (done, output) = if self.under.is_some() {
            let done = self.decrypt_through(tcp, cipher, buf);
            (done, self.stream.get_ref().output.len())
        } else if self.dry && cipher.len == 0 {
            return Err(ErrorKind::WouldBlock.into());
        } else {
            self.decrypt_from(cipher, buf)
        };
        // A renegotiation or an alert makes a read produce output; the answer to
        // a change of keys stands in front of the next data.
        if output > self.sent {
            // A broken connection shows in the reads that follow.
            let _ = self.flush(tcp);
        }
        done
    }

    /// The same without a session below; and how much output there is then.
    #[inline]
    fn decrypt_from(&mut self, cipher: &mut Cipher, buf: &mut [u8]) -> (io::Result<usize>, usize) {
        let memory = self.stream.get_mut();
        if memory.unread() == 0 && cipher.len > 0 {
            std::mem::swap(&mut memory.input, &mut cipher.bytes);
            memory.taken = 0;
            memory.end = cipher.len;
            cipher.len = 0;
        }
        let done = self.stream.read(buf);
        let memory = self.stream.get_mut();
        let used_up = memory.unread() == 0;
        if used_up {
            memory.taken = 0;
            memory.end = 0;
            if cipher.bytes.is_empty() {
                std::mem::swap(&mut memory.input, &mut cipher.bytes);
            } else {
                memory.input = Vec::new();
            }
        }
        let output = memory.output.len();
        self.dry = match &done {
            // It gives a record at a time, so this was the end of one. Asking
            // once more would cost a tenth of what a small message costs.
            Ok(n) => used_up && *n > 0 && *n < buf.len(),
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        (done, output)
    }

    /// The same by way of the session below.
    fn decrypt_through(
        &mut self,
        tcp: &Socket,
        cipher: &mut Cipher,
        buf: &mut [u8],
    ) -> io::Result<usize> {
        loop {
            match self.stream.read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) if self.stream.get_ref().eof => return Ok(0),
                done => return done,
            }
            let Some(under) = &mut self.under else { return Err(ErrorKind::WouldBlock.into()) };
            self.stream.get_mut().fill(|buf| under.decrypt(tcp, cipher, buf))?;
        }
    }

    /// Whether it is known that there is no plaintext before more ciphertext
    /// comes.
    pub(super) fn is_dry(&self) -> bool {
        self.dry && self.under.is_none()
    }

    /// Whether bytes that arrived wait here, encrypted or not.
    pub(super) fn has_unread(&self) -> bool {
        let own = || {
            self.stream.get_ref().unread() > 0
                || self.stream.buffered_read_size().is_ok_and(|size| size > 0)
        };
        (!self.dry && own()) || self.under.as_ref().is_some_and(|under| under.has_unread())
    }

    /// Sends close_notify if the kernel takes it.
    pub(super) fn close_notify(&mut self, tcp: &Socket) {
        // The connection ends whether the peer learns it this way or not.
        let _ = self.stream.shutdown();
        let _ = self.flush(tcp);
        if let Some(under) = &mut self.under {
            under.close_notify(tcp);
        }
    }
}

/// Sends `bytes[*sent..]` as far as the kernel takes it; a short write says
/// that it is full.
fn offer(tcp: &Socket, bytes: &[u8], sent: &mut usize) -> io::Result<Flushed> {
    let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) else {
        return Ok(Flushed::All);
    };
    match retry(|| sys::send(tcp, rest)) {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        Ok(n) => {
            *sent += n;
            Ok(if n < rest.len() { Flushed::Full } else { Flushed::All })
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Flushed::Full),
        Err(error) => Err(error),
    }
}

/// Ciphertext from the kernel on its way to TLS: one per driver.
#[derive(Debug, Default)]
pub(crate) struct Cipher {
    bytes: Vec<u8>,
    len: usize,
}

impl Cipher {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets what was received.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Receives from the kernel; 0 is the end of the stream.
    pub(super) fn recv(&mut self, tcp: &Socket, mode: Mode) -> io::Result<usize> {
        if self.bytes.len() < CIPHER_ROOM {
            self.bytes.resize(CIPHER_ROOM, 0);
        }
        self.len = sys::recv(tcp, &mut self.bytes, mode)?;
        Ok(self.len)
    }
}
