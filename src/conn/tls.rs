//! An established TLS session over memory: the bytes are moved to and from the
//! kernel here, or to and from the session of a proxy that carries this one.

use super::link::{Flushed, push_all, retry};
use super::memory::{Cipher, Memory};
use crate::sys::{self, Mode};
use native_tls::TlsStream;
use socket2::Socket;
use std::io::{self, ErrorKind, Read, Write};

/// How much plaintext is encrypted before it is offered to the kernel.
const PLAIN_CHUNK: usize = 128 << 10;
/// Most plaintext in a record (RFC 8446 §5.1), and about what TLS adds to it.
const RECORD: usize = 16 << 10;
const RECORD_EXTRA: usize = 64;

/// What TLS made of some ciphertext.
pub(crate) enum Decrypted {
    /// So much plaintext, and now it needs more ciphertext: there was one record.
    One(usize),
    /// Anything else.
    Some(Rest),
}

/// See [`Decrypted`].
pub(crate) struct Rest {
    /// How much plaintext.
    pub(super) got: usize,
    /// There may be more of it before more ciphertext comes.
    pub(super) unread: bool,
    /// The stream is over behind it, with the error if there was one.
    pub(super) over: Option<Option<io::Error>>,
}

/// An established TLS session.
pub(super) struct Tls {
    pub(super) stream: TlsStream<Memory>,
    /// How much ciphertext was not passed on yet.
    waiting: usize,
    /// There is no plaintext to be had before more ciphertext comes.
    dry: bool,
    /// The session of a proxy that carries this one.
    under: Option<Box<Tls>>,
}

impl Tls {
    pub(super) fn new(stream: TlsStream<Memory>, under: Option<Box<Tls>>) -> Self {
        Self { stream, waiting: 0, dry: false, under }
    }

    /// Encrypts and sends what the kernel takes; the number is that of the bytes
    /// that need not be given again.
    pub(super) fn write(&mut self, tcp: &Socket, bytes: &[u8]) -> io::Result<usize> {
        self.write_whole(tcp, bytes).map_or_else(|done| done, |()| Ok(bytes.len()))
    }

    /// The same where `Ok` says that the kernel has all of it, and `Err` what came
    /// of it otherwise.
    #[inline(always)]
    pub(super) fn write_whole(
        &mut self,
        tcp: &Socket,
        bytes: &[u8],
    ) -> Result<(), io::Result<usize>> {
        if self.under.is_some() || self.waiting > 0 || bytes.len() > RECORD {
            return Err(self.write_on(tcp, bytes));
        }
        match self.stream.write(bytes) {
            Ok(n) if n == bytes.len() => match self.flush_own(tcp) {
                Ok(Flushed::All) => Ok(()),
                Ok(Flushed::Full) => Err(Ok(n)),
                Err(error) => Err(Err(error)),
            },
            done => Err(self.flush_behind(tcp, done)),
        }
    }

    /// The same of more than a record, behind waiting ciphertext, or through a
    /// session below.
    #[inline(never)]
    fn write_on(&mut self, tcp: &Socket, bytes: &[u8]) -> io::Result<usize> {
        if self.ciphertext() > 0 && self.flush(tcp)? == Flushed::Full {
            return Err(ErrorKind::WouldBlock.into());
        }
        let done = self.encrypt(bytes.get(..PLAIN_CHUNK).unwrap_or(bytes));
        self.flush_behind(tcp, done)
    }

    /// Offers what a write has made to the kernel: if no record of ours, perhaps one
    /// of a renegotiation.
    fn flush_behind(&mut self, tcp: &Socket, done: io::Result<usize>) -> io::Result<usize> {
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
        let Some(under) = &mut self.under else { return self.flush_own(tcp) };
        let memory = self.stream.get_mut();
        let done = push_all(|rest| under.write(tcp, rest), &memory.output, &mut memory.sent);
        self.waiting = memory.unsent();
        if self.waiting == 0 {
            memory.forget_output();
        }
        match done? {
            Flushed::All => under.flush(tcp),
            Flushed::Full => Ok(Flushed::Full),
        }
    }

    /// The same without a session below. A short write says that the kernel is
    /// full.
    #[inline(always)]
    fn flush_own(&mut self, tcp: &Socket) -> io::Result<Flushed> {
        let memory = self.stream.get_mut();
        let Some(rest) = memory.output.get(memory.sent..).filter(|rest| !rest.is_empty()) else {
            return Ok(Flushed::All);
        };
        match retry(|| sys::send(tcp, rest)) {
            Ok(n) if n == rest.len() => {
                self.waiting = 0;
                memory.forget_output();
                Ok(Flushed::All)
            }
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(n) => {
                self.waiting = rest.len() - n;
                memory.sent += n;
                Ok(Flushed::Full)
            }
            Err(error) => {
                self.waiting = rest.len();
                if error.kind() == ErrorKind::WouldBlock { Ok(Flushed::Full) } else { Err(error) }
            }
        }
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

    /// Decrypts `cipher` into `buf`, as far as there is room. What of the
    /// ciphertext is not used up stays here.
    #[inline(always)]
    pub(super) fn decrypt(
        &mut self,
        tcp: &Socket,
        cipher: &mut Cipher,
        buf: &mut [u8],
    ) -> Decrypted {
        if self.under.is_some() {
            let done = self.decrypt_some(tcp, cipher, buf);
            return Decrypted::Some(self.decrypt_on(tcp, cipher, buf, done));
        }
        let (done, used_up, waiting) = self.read_lent(cipher, buf);
        match done {
            Ok(n) if used_up && n > 0 && n < buf.len() && waiting == 0 => {
                // It gives a record at a time, so this was the end of one. Asking
                // once more would cost a tenth of what a small message costs.
                self.dry = true;
                Decrypted::One(n)
            }
            done => {
                self.note(&done, used_up, waiting, buf.len());
                Decrypted::Some(self.decrypt_on(tcp, cipher, buf, done))
            }
        }
    }

    /// The same where this is what came of the first record.
    #[inline(never)]
    fn decrypt_on(
        &mut self,
        tcp: &Socket,
        cipher: &mut Cipher,
        buf: &mut [u8],
        mut done: io::Result<usize>,
    ) -> Rest {
        let mut got = 0;
        let over = loop {
            match done {
                Ok(0) if !buf.is_empty() => break Some(None),
                Ok(n) => got += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break None,
                Err(error) => break Some(Some(error)),
            }
            let room = buf.get_mut(got..).unwrap_or_default();
            if room.is_empty() {
                break None;
            }
            done = self.decrypt_some(tcp, cipher, room);
        };
        self.answer(tcp);
        Rest { got, unread: self.has_unread(), over }
    }

    /// Decrypts a record, or part of one. `WouldBlock`: more ciphertext is needed.
    fn decrypt_some(
        &mut self,
        tcp: &Socket,
        cipher: &mut Cipher,
        buf: &mut [u8],
    ) -> io::Result<usize> {
        if self.under.is_some() {
            self.decrypt_through(tcp, cipher, buf)
        } else if self.dry && cipher.is_empty() {
            Err(ErrorKind::WouldBlock.into())
        } else {
            self.decrypt_from(cipher, buf)
        }
    }

    /// The same without a session below.
    fn decrypt_from(&mut self, cipher: &mut Cipher, buf: &mut [u8]) -> io::Result<usize> {
        let (done, used_up, waiting) = self.read_lent(cipher, buf);
        self.note(&done, used_up, waiting, buf.len());
        done
    }

    /// The same by way of the session below.
    #[inline(never)]
    fn decrypt_through(
        &mut self,
        tcp: &Socket,
        cipher: &mut Cipher,
        buf: &mut [u8],
    ) -> io::Result<usize> {
        let done = loop {
            match self.stream.read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) if self.stream.get_ref().eof => break Ok(0),
                done => break done,
            }
            let Some(under) = &mut self.under else { return Err(ErrorKind::WouldBlock.into()) };
            let filled = self.stream.get_mut().fill(|buf| {
                let done = under.decrypt_some(tcp, cipher, buf);
                under.answer(tcp);
                done
            });
            if let Err(error) = filled {
                break Err(error);
            }
        };
        self.waiting = self.stream.get_ref().unsent();
        done
    }

    /// Lends the ciphertext to TLS for a read, and takes it back if it is used up;
    /// whether it is, and how much ciphertext waits then.
    #[inline(always)]
    fn read_lent(
        &mut self,
        cipher: &mut Cipher,
        buf: &mut [u8],
    ) -> (io::Result<usize>, bool, usize) {
        self.stream.get_mut().borrow(cipher);
        let done = self.stream.read(buf);
        let memory = self.stream.get_mut();
        let used_up = memory.give_back(cipher);
        (done, used_up, memory.unsent())
    }

    /// Notes what a read into `room` bytes has left.
    fn note(&mut self, done: &io::Result<usize>, used_up: bool, waiting: usize, room: usize) {
        self.waiting = waiting;
        self.dry = match done {
            Ok(n) => used_up && *n > 0 && *n < room,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
    }

    /// Sends what a read made TLS say: of a renegotiation, an alert, or the answer
    /// to a change of keys, which stands in front of the next data.
    fn answer(&mut self, tcp: &Socket) {
        if self.waiting > 0 {
            // A broken connection shows in the reads that follow.
            let _ = self.flush(tcp);
        }
    }

    /// Whether bytes that arrived wait here, encrypted or not.
    fn has_unread(&self) -> bool {
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
