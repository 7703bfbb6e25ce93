//! TCP, or TLS over it, without ever waiting. TLS runs over memory: the bytes
//! are moved to and from the kernel here, so that a kernel read needs no lock
//! and the records of one flush leave in one system call. Knows no WebSocket.

use crate::sys::{self, Mode};
use native_tls::{HandshakeError, MidHandshakeTlsStream, TlsConnector, TlsStream};
use socket2::Socket;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// How much ciphertext one read takes from the kernel.
pub(crate) const CIPHER_ROOM: usize = 64 << 10;
/// How much plaintext is encrypted before it is offered to the kernel.
const PLAIN_CHUNK: usize = 64 << 10;

/// What TLS reads from and writes to.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Ciphertext from the peer: `input[taken..end]` is not read yet.
    input: Vec<u8>,
    taken: usize,
    end: usize,
    eof: bool,
    output: Vec<u8>,
    /// Where the output goes when a failed handshake swallows the stream:
    /// the alert that tells the server why.
    alert: Arc<Mutex<Vec<u8>>>,
}

impl Memory {
    fn unread(&self) -> usize {
        self.end.saturating_sub(self.taken)
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
struct Tls {
    stream: TlsStream<Memory>,
    /// Ciphertext the kernel has not taken yet: `stream.output[sent..]`.
    sent: usize,
}

/// A connection to write to and, while opening, to read from.
pub(crate) struct Link {
    tcp: Arc<Socket>,
    tls: Option<Box<Tls>>,
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// The kernel has everything.
    All,
    /// The kernel is full.
    Full,
}

impl Link {
    /// A link in the clear.
    pub(crate) fn plain(tcp: Arc<Socket>) -> Self {
        Self { tcp, tls: None }
    }

    pub(crate) fn tcp(&self) -> &Arc<Socket> {
        &self.tcp
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Sends, or encrypts and sends, what the kernel takes. The number is
    /// that of the bytes of `bytes` that need not be given again; with TLS
    /// they may still wait here as ciphertext (see [`Link::flush`]).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return retry(|| sys::send(&self.tcp, bytes));
        };
        if tls.flush(&self.tcp)? == Flushed::Full {
            return Err(ErrorKind::WouldBlock.into());
        }
        let chunk = bytes.get(..PLAIN_CHUNK).unwrap_or(bytes);
        let n = tls.stream.write(chunk)?;
        tls.flush(&self.tcp)?;
        Ok(n)
    }

    /// Offers waiting ciphertext to the kernel.
    pub(crate) fn flush(&mut self) -> io::Result<Flushed> {
        match &mut self.tls {
            Some(tls) => tls.flush(&self.tcp),
            None => Ok(Flushed::All),
        }
    }

    /// Whether ciphertext waits for the kernel.
    pub(crate) fn has_ciphertext(&self) -> bool {
        self.ciphertext() > 0
    }

    /// How much ciphertext waits for the kernel.
    pub(crate) fn ciphertext(&self) -> usize {
        self.tls.as_ref().map_or(0, |tls| tls.stream.get_ref().output.len() - tls.sent)
    }

    /// Reads without waiting while opening; 0 is the end of the stream.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return retry(|| sys::recv(&self.tcp, buf, Mode::Look));
        };
        loop {
            match tls.stream.read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // A FIN without close_notify: many servers end like that.
                Err(_) if tls.stream.get_ref().eof => return Ok(0),
                done => {
                    tls.flush(&self.tcp)?;
                    return done;
                }
            }
            tls.flush(&self.tcp)?;
            fill(&self.tcp, tls.stream.get_mut())?;
        }
    }

    /// Decrypts from `cipher`, which is lent for the call and given back when
    /// it is used up. `WouldBlock`: more ciphertext is needed.
    pub(crate) fn decrypt(&mut self, cipher: &mut Cipher, buf: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return Err(ErrorKind::Unsupported.into());
        };
        let memory = tls.stream.get_mut();
        if memory.unread() == 0 && cipher.len > 0 {
            std::mem::swap(&mut memory.input, &mut cipher.bytes);
            memory.taken = 0;
            memory.end = cipher.len;
            cipher.len = 0;
        }
        let done = tls.stream.read(buf);
        let memory = tls.stream.get_mut();
        if memory.unread() == 0 && !memory.input.is_empty() {
            if cipher.bytes.is_empty() {
                std::mem::swap(&mut memory.input, &mut cipher.bytes);
            }
            memory.input = Vec::new();
            memory.taken = 0;
            memory.end = 0;
        }
        // A key update or an alert makes a read produce output.
        if memory.output.len() > tls.sent {
            // A broken connection shows in the reads that follow.
            let _ = tls.flush(&self.tcp);
        }
        done
    }

    /// Whether bytes that arrived wait in TLS, encrypted or not.
    pub(crate) fn has_unread(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| {
            tls.stream.get_ref().unread() > 0
                || tls.stream.buffered_read_size().is_ok_and(|size| size > 0)
        })
    }

    /// Ends the connection both ways; a thread asleep in a read wakes up.
    pub(crate) fn shutdown(&self) {
        // It may be gone already.
        let _ = self.tcp.shutdown(std::net::Shutdown::Both);
    }

    /// Sends close_notify if the kernel takes it.
    pub(crate) fn close_notify(&mut self) {
        if let Some(tls) = &mut self.tls {
            // The connection ends whether the peer learns it this way or not.
            let _ = tls.stream.shutdown();
            let _ = tls.flush(&self.tcp);
        }
    }
}

impl Tls {
    fn flush(&mut self, tcp: &Socket) -> io::Result<Flushed> {
        let memory = self.stream.get_mut();
        let done = send_all(tcp, &memory.output, &mut self.sent)?;
        if done == Flushed::All {
            memory.output.clear();
            self.sent = 0;
            if memory.output.capacity() > 1 << 10 {
                memory.output = Vec::new();
            }
        }
        Ok(done)
    }
}

/// Ciphertext from the kernel on its way to TLS: one per driver.
#[derive(Debug, Default)]
pub(crate) struct Cipher {
    bytes: Vec<u8>,
    len: usize,
}

impl Cipher {
    /// Forgets what was received.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Receives from the kernel; 0 is the end of the stream.
    pub(crate) fn recv(&mut self, tcp: &Socket, mode: Mode) -> io::Result<usize> {
        if self.bytes.len() < CIPHER_ROOM {
            self.bytes.resize(CIPHER_ROOM, 0);
        }
        self.len = sys::recv(tcp, &mut self.bytes, mode)?;
        Ok(self.len)
    }
}

/// A TLS handshake under way.
pub(crate) struct Handshake {
    tcp: Arc<Socket>,
    state: State,
    sent: usize,
    alert: Arc<Mutex<Vec<u8>>>,
}

enum State {
    Mid(MidHandshakeTlsStream<Memory>),
    Done(TlsStream<Memory>),
    /// Between two states, or after a failure.
    Void,
}

/// How a step of a handshake ended.
pub(crate) enum Shaken {
    /// It waits for the peer or for the kernel.
    Waits,
    /// TLS is established.
    Done(Link),
}

impl Handshake {
    /// Sends the ClientHello.
    pub(crate) fn start(
        connector: &TlsConnector,
        name: &str,
        tcp: Arc<Socket>,
    ) -> Result<Self, String> {
        let memory = Memory::default();
        let alert = Arc::clone(&memory.alert);
        let mut this = Self { tcp, state: State::Void, sent: 0, alert };
        this.settle(connector.connect(name, memory))?;
        Ok(this)
    }

    fn settle(
        &mut self,
        step: Result<TlsStream<Memory>, HandshakeError<Memory>>,
    ) -> Result<(), String> {
        self.state = match step {
            Ok(stream) => State::Done(stream),
            Err(HandshakeError::WouldBlock(mid)) => State::Mid(mid),
            Err(HandshakeError::Failure(error)) => {
                let alert = self.alert.lock().unwrap_or_else(PoisonError::into_inner);
                let mut sent = self.sent;
                // The peer should learn why; whether it does changes nothing.
                let _ = send_all(&self.tcp, &alert, &mut sent);
                return Err(sentence(&error.to_string()));
            }
        };
        Ok(())
    }

    /// Goes as far as bytes in and out allow.
    pub(crate) fn step(&mut self) -> Result<Shaken, String> {
        loop {
            let (memory, done) = match &mut self.state {
                State::Mid(mid) => (mid.get_mut(), false),
                State::Done(stream) => (stream.get_mut(), true),
                State::Void => return Err("the TLS handshake failed".to_owned()),
            };
            let flushed = send_all(&self.tcp, &memory.output, &mut self.sent).map_err(|error| {
                format!("the connection was lost in the TLS handshake: {error}")
            })?;
            if flushed == Flushed::Full {
                return Ok(Shaken::Waits);
            }
            memory.output.clear();
            self.sent = 0;
            if done {
                let State::Done(stream) = std::mem::replace(&mut self.state, State::Void) else {
                    continue;
                };
                let tls = Some(Box::new(Tls { stream, sent: 0 }));
                return Ok(Shaken::Done(Link { tcp: Arc::clone(&self.tcp), tls }));
            }
            let ended = match fill(&self.tcp, memory) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Shaken::Waits),
                Err(error) => {
                    return Err(format!("the connection was lost in the TLS handshake: {error}"));
                }
                Ok(()) => memory.eof,
            };
            let State::Mid(mid) = std::mem::replace(&mut self.state, State::Void) else { continue };
            let settled = mid.handshake();
            self.settle(settled).map_err(|error| {
                if ended {
                    "the server closed the connection in the TLS handshake".to_owned()
                } else {
                    error
                }
            })?;
        }
    }

    pub(crate) fn tcp(&self) -> &Arc<Socket> {
        &self.tcp
    }

    /// Whether bytes wait for the kernel.
    pub(crate) fn wants_write(&self) -> bool {
        let memory = match &self.state {
            State::Mid(mid) => mid.get_ref(),
            State::Done(stream) => stream.get_ref(),
            State::Void => return false,
        };
        memory.output.len() > self.sent
    }
}

/// Moves what the kernel has into TLS's input.
fn fill(tcp: &Socket, memory: &mut Memory) -> io::Result<()> {
    if memory.unread() > 0 {
        return Ok(());
    }
    memory.taken = 0;
    memory.end = 0;
    memory.input.resize(4 << 10, 0);
    memory.end = retry(|| sys::recv(tcp, &mut memory.input, Mode::Look))?;
    memory.eof |= memory.end == 0;
    Ok(())
}

/// Sends `bytes[*sent..]` as far as the kernel takes it.
fn send_all(tcp: &Socket, bytes: &[u8], sent: &mut usize) -> io::Result<Flushed> {
    while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
        match retry(|| sys::send(tcp, rest)) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => *sent += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Flushed::Full),
            Err(error) => return Err(error),
        }
    }
    Ok(Flushed::All)
}

/// Repeats a call that does not wait while signals interrupt it.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The part of an OpenSSL error that a person can act on.
pub(crate) fn sentence(error: &str) -> String {
    // "error:0A000086:SSL routines:…:certificate verify failed:file:line: (why)"
    if let Some((_, why)) = error.rsplit_once('(')
        && error.contains("certificate verify failed")
    {
        return why.trim_end_matches(')').to_owned();
    }
    let first = error.split(", error:").next().unwrap_or(error);
    match first.split(':').nth(4) {
        Some(reason) if first.starts_with("error:") => reason.trim().to_owned(),
        _ => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn errors_become_sentences() {
        let verify = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate \
                      verify failed:../ssl/statem/statem_clnt.c:1889: (certificate has expired)";
        assert_eq!(sentence(verify), "certificate has expired");
        let version =
            "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/a.c:354:";
        assert_eq!(sentence(version), "wrong version number");
        assert_eq!(sentence("something else"), "something else");
    }
}
