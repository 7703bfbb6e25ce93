//! TCP, or TLS over it, without ever waiting. TLS runs over memory (`tls.rs`),
//! so that a kernel read needs no lock and the records of one flush leave in
//! one system call. Knows no WebSocket.

use super::memory::{Cipher, Memory};
use super::tls::{Decrypted, Tls};
use super::tls_error::explain;
use crate::sys::{self, Mode};
use native_tls::{HandshakeError, MidHandshakeTlsStream, TlsConnector, TlsStream};
use socket2::Socket;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

/// A connection to write to and, while opening, to read from.
pub(crate) struct Link {
    tcp: Arc<Socket>,
    tls: Option<Box<Tls>>,
    /// TLS, if there is any, is with a proxy and not with the server.
    to_proxy: bool,
    /// Small messages wait for acknowledgements so far (Nagle's algorithm).
    patient: bool,
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
        Self { tcp, tls: None, to_proxy: false, patient: false }
    }

    /// The same over a connection where small messages wait for acknowledgements
    /// until [`Link::hurry`].
    pub(crate) fn patient(tcp: Arc<Socket>) -> Self {
        Self { patient: true, ..Self::plain(tcp) }
    }

    pub(crate) fn is_patient(&self) -> bool {
        self.patient
    }

    /// From here on nothing waits for an acknowledgement.
    pub(crate) fn hurry(&mut self) {
        if std::mem::take(&mut self.patient) {
            // Where it fails the connection is lost, which a read finds out.
            let _ = self.tcp.set_tcp_nodelay(true);
        }
    }

    pub(crate) fn tcp(&self) -> &Arc<Socket> {
        &self.tcp
    }

    /// Whether bytes are encrypted, for whomever.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether they are encrypted for the server.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some() && !self.to_proxy
    }

    /// Says that a proxy is the other end so far.
    pub(crate) fn ends_at_proxy(&mut self) {
        self.to_proxy = true;
    }

    /// Sends, or encrypts and sends, what the kernel takes. The number is
    /// that of the bytes of `bytes` that need not be given again; with TLS
    /// they may still wait here as ciphertext (see [`Link::flush`]).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.write(&self.tcp, bytes),
            None => retry(|| sys::send(&self.tcp, bytes)),
        }
    }

    /// The same where `Ok` says that the kernel has all of it, and `Err` what came
    /// of it otherwise.
    #[inline(always)]
    pub(crate) fn write_whole(&mut self, bytes: &[u8]) -> Result<(), io::Result<usize>> {
        match &mut self.tls {
            Some(tls) => tls.write_whole(&self.tcp, bytes),
            None => Err(self.write(bytes)),
        }
    }

    /// Offers waiting ciphertext to the kernel.
    pub(crate) fn flush(&mut self) -> io::Result<Flushed> {
        match &mut self.tls {
            Some(tls) => tls.flush(&self.tcp),
            None => Ok(Flushed::All),
        }
    }

    /// Sends `bytes[*sent..]` with all ciphertext, as far as the kernel takes
    /// it.
    pub(super) fn send_all(&mut self, bytes: &[u8], sent: &mut usize) -> io::Result<Flushed> {
        match push_all(|rest| self.write(rest), bytes, sent)? {
            Flushed::All => self.flush(),
            Flushed::Full => Ok(Flushed::Full),
        }
    }

    /// The peer's certificate in DER.
    pub(crate) fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.tls.as_ref().filter(|_| !self.to_proxy)?.stream.peer_certificate().ok()??.to_der().ok()
    }

    /// Whether ciphertext waits for the kernel.
    pub(crate) fn has_ciphertext(&self) -> bool {
        self.ciphertext() > 0
    }

    /// How much ciphertext waits for the kernel.
    pub(crate) fn ciphertext(&self) -> usize {
        self.tls.as_ref().map_or(0, |tls| tls.ciphertext())
    }

    /// Reads without waiting while opening; 0 is the end of the stream.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.read(&self.tcp, buf),
            None => retry(|| sys::recv(&self.tcp, buf, Mode::Look)),
        }
    }

    /// See [`Tls::decrypt`]; `None` without TLS.
    #[inline(always)]
    pub(crate) fn decrypt(&mut self, cipher: &mut Cipher, buf: &mut [u8]) -> Option<Decrypted> {
        self.tls.as_mut().map(|tls| tls.decrypt(&self.tcp, cipher, buf))
    }

    /// Ends the connection both ways; a thread asleep in a read wakes up.
    pub(crate) fn shutdown(&self) {
        // It may be gone already.
        let _ = self.tcp.shutdown(std::net::Shutdown::Both);
    }

    /// Sends close_notify if the kernel takes it.
    pub(crate) fn close_notify(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close_notify(&self.tcp);
        }
    }
}

/// A TLS handshake under way.
pub(crate) struct Handshake {
    link: Link,
    state: State,
    sent: usize,
    alert: Arc<Mutex<Vec<u8>>>,
    /// Whom it is with.
    name: String,
    /// The connection went, TLS did not fail.
    lost: bool,
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
    /// Sends the ClientHello over `link`, which may be a proxy's tunnel.
    pub(crate) fn start(connector: &TlsConnector, name: &str, link: Link) -> Result<Self, String> {
        let memory = Memory::default();
        let alert = Arc::clone(&memory.alert);
        let (state, owned) = (State::Void, name.to_owned());
        let mut this = Self { link, state, sent: 0, alert, name: owned, lost: false };
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
                let _ = self.link.send_all(&alert, &mut sent);
                return Err(explain(&error.to_string(), &self.name));
            }
        };
        Ok(())
    }

    /// Whether it did not fail but lost its connection.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    fn lose(&mut self, error: &io::Error) -> String {
        self.lost = true;
        format!("the connection was lost in the TLS handshake: {error}")
    }

    /// Goes as far as bytes in and out allow.
    pub(crate) fn step(&mut self) -> Result<Shaken, String> {
        loop {
            let (memory, done) = match &mut self.state {
                State::Mid(mid) => (mid.get_mut(), false),
                State::Done(stream) => (stream.get_mut(), true),
                State::Void => return Err("the TLS handshake failed".to_owned()),
            };
            let flushed = match self.link.send_all(&memory.output, &mut self.sent) {
                Ok(flushed) => flushed,
                Err(error) => return Err(self.lose(&error)),
            };
            if flushed == Flushed::Full {
                return Ok(Shaken::Waits);
            }
            memory.output.clear();
            self.sent = 0;
            if done {
                let State::Done(mut stream) = std::mem::replace(&mut self.state, State::Void)
                else {
                    continue;
                };
                // It held a ClientHello; frames are shorter as a rule.
                stream.get_mut().output = Vec::new();
                let tls = Box::new(Tls::new(stream, self.link.tls.take()));
                let tcp = Arc::clone(&self.link.tcp);
                return Ok(Shaken::Done(Link { tls: Some(tls), ..Link::plain(tcp) }));
            }
            let ended = match memory.fill(|buf| self.link.read(buf)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Shaken::Waits),
                Err(error) => return Err(self.lose(&error)),
                Ok(()) => memory.eof,
            };
            let State::Mid(mid) = std::mem::replace(&mut self.state, State::Void) else { continue };
            let settled = mid.handshake();
            self.settle(settled).map_err(|error| {
                if ended {
                    self.lost = true;
                    "the server closed the connection in the TLS handshake".to_owned()
                } else {
                    error
                }
            })?;
        }
    }

    pub(crate) fn tcp(&self) -> &Arc<Socket> {
        &self.link.tcp
    }

    /// Whether bytes wait for the kernel.
    pub(crate) fn wants_write(&self) -> bool {
        let memory = match &self.state {
            State::Mid(mid) => mid.get_ref(),
            State::Done(stream) => stream.get_ref(),
            State::Void => return false,
        };
        memory.output.len() > self.sent || self.link.has_ciphertext()
    }
}

/// Writes `bytes[*sent..]` as far as it is taken.
pub(super) fn push_all(
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    bytes: &[u8],
    sent: &mut usize,
) -> io::Result<Flushed> {
    while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
        match retry(|| write(rest)) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => *sent += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Flushed::Full),
            Err(error) => return Err(error),
        }
    }
    Ok(Flushed::All)
}

/// Repeats a call that does not wait while signals interrupt it.
#[inline(always)]
pub(super) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
