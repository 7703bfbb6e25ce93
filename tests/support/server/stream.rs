//! The transport of one connection: TCP or TLS over it, with writes that can
//! be held back, cut into pieces and bounded in time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use openssl::ssl::{HandshakeError, NameType, SslAcceptor, SslStream};
use socket2::SockRef;

use crate::text::json;

/// How long one blocking read or write lasts before deadlines are looked at.
pub(crate) const SLICE: Duration = Duration::from_millis(200);

/// The TCP side. It sits below TLS, so it sees what really goes over the wire.
#[derive(Debug)]
pub(crate) struct Tap {
    tcp: TcpStream,
    /// `Some` while output is gathered here instead of being written.
    held: Option<Vec<u8>>,
    /// The most bytes one write gives to the kernel; 0 is no limit.
    pub(crate) piece: usize,
    /// Pause after each piece.
    pub(crate) pause: Duration,
    /// The peer's FIN was read.
    pub(crate) fin: bool,
    /// The peer's RST was noticed.
    pub(crate) reset: bool,
    tls: bool,
}

impl Tap {
    fn note(&mut self, error: &io::Error) {
        if matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
        ) {
            self.reset = true;
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = match self.piece {
            0 => bytes,
            n => bytes.get(..n.min(bytes.len())).unwrap_or(bytes),
        };
        let done = self.tcp.write(part).inspect_err(|e| self.note(e))?;
        if self.piece > 0 && !self.pause.is_zero() {
            std::thread::sleep(self.pause);
        }
        Ok(done)
    }

    /// Reads until the peer ends.
    fn discard(&mut self, deadline: Instant) {
        let mut buf = [0; 4096];
        while !self.fin && Instant::now() < deadline {
            match self.read(&mut buf) {
                Err(error) if !again(&error) => return,
                _ => {}
            }
        }
    }

    /// Writes what was gathered and stops gathering.
    fn release(&mut self, limit: Duration) -> io::Result<()> {
        let held = self.held.take().unwrap_or_default();
        write_whole(&held, limit, |rest| self.put(rest))
    }
}

/// Writes all of it; `limit` is the longest time without progress.
fn write_whole(
    mut rest: &[u8],
    limit: Duration,
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut deadline = Instant::now() + limit;
    while !rest.is_empty() {
        match write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => {
                rest = rest.get(n..).unwrap_or_default();
                deadline = Instant::now() + limit;
            }
            Err(e) if again(&e) && Instant::now() < deadline => {}
            Err(e) if again(&e) => return Err(ErrorKind::TimedOut.into()),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

impl Read for Tap {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.tcp.read(buf) {
            Ok(0) if !buf.is_empty() => {
                self.fin = true;
                // OpenSSL takes an end of file for fatal; told "not now", it
                // stays able to write, and `fin` says what happened.
                if self.tls { Err(ErrorKind::WouldBlock.into()) } else { Ok(0) }
            }
            Ok(n) => Ok(n),
            Err(e) => {
                self.note(&e);
                Err(e)
            }
        }
    }
}

impl Write for Tap {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(buf);
            return Ok(buf.len());
        }
        self.put(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// True for the errors that only mean "not within this slice".
pub(crate) fn again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// What one read slice gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    /// So many bytes.
    Data(usize),
    /// Nothing within the slice.
    Nothing,
    /// The stream ended.
    End(End),
}

/// How a connection ended, seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN from the peer on a plain connection.
    Fin,
    /// RST from the peer.
    Rst,
    /// FIN from the peer without a close_notify before it.
    TlsEof,
    /// The peer's close_notify.
    TlsCloseNotify,
    /// We closed before the peer did.
    ClosedByUs,
    /// The peer was still there when the time was up.
    Timeout,
}

impl End {
    /// The name used in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            End::Fin => "fin",
            End::Rst => "rst",
            End::TlsEof => "tls_eof",
            End::TlsCloseNotify => "tls_close_notify",
            End::ClosedByUs => "closed_by_us",
            End::Timeout => "timeout",
        }
    }
}

/// A plain or TLS stream.
#[derive(Debug)]
pub(crate) enum Stream {
    /// TCP alone.
    Plain(Tap),
    /// TLS over TCP.
    Tls(Box<SslStream<Tap>>),
}

impl Stream {
    /// Takes over an accepted connection; with an acceptor, does the TLS
    /// handshake first. `None`: the handshake failed.
    pub(crate) fn accept(
        tcp: TcpStream,
        tls: Option<&SslAcceptor>,
        limit: Duration,
    ) -> Option<Stream> {
        tcp.set_nodelay(true).ok()?;
        tcp.set_read_timeout(Some(SLICE)).ok()?;
        tcp.set_write_timeout(Some(SLICE)).ok()?;
        let tap = Tap {
            tcp,
            held: None,
            piece: 0,
            pause: Duration::ZERO,
            fin: false,
            reset: false,
            tls: tls.is_some(),
        };
        let Some(acceptor) = tls else {
            return Some(Stream::Plain(tap));
        };
        let deadline = Instant::now() + limit;
        let mut step = acceptor.accept(tap);
        loop {
            match step {
                Ok(stream) => return Some(Stream::Tls(Box::new(stream))),
                Err(HandshakeError::WouldBlock(mid)) => {
                    if mid.get_ref().fin || Instant::now() > deadline {
                        return None;
                    }
                    step = mid.handshake();
                }
                Err(HandshakeError::Failure(mut mid)) => {
                    // Unread input would make the kernel answer with RST, and
                    // the client would never see the alert.
                    mid.get_mut().discard(deadline);
                    return None;
                }
                Err(HandshakeError::SetupFailure(_)) => return None,
            }
        }
    }

    /// What the client asked for and got, as JSON: false without TLS.
    pub(crate) fn tls_report(&self) -> String {
        let Stream::Tls(tls) = self else { return "false".to_owned() };
        let ssl = tls.ssl();
        let alpn = String::from_utf8_lossy(ssl.selected_alpn_protocol().unwrap_or_default());
        format!(
            r#"{{"version":{},"server_name":{},"alpn":{},"client_certificate":{}}}"#,
            json(ssl.version_str()),
            json(ssl.servername(NameType::HOST_NAME).unwrap_or_default()),
            json(&alpn),
            ssl.peer_certificate().is_some(),
        )
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    pub(crate) fn tap(&mut self) -> &mut Tap {
        match self {
            Stream::Plain(tap) => tap,
            Stream::Tls(tls) => tls.get_mut(),
        }
    }

    /// Reads for at most one slice.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Got {
        let tls = self.is_tls();
        let result = match self {
            Stream::Plain(tap) => tap.read(buf),
            Stream::Tls(tls) => tls.read(buf),
        };
        match result {
            // The kernel tells of an RST once; after a failed write, a read
            // only finds the end.
            Ok(0) if self.tap().reset => Got::End(End::Rst),
            Ok(0) if tls => Got::End(End::TlsCloseNotify),
            Ok(0) => Got::End(End::Fin),
            Ok(n) => Got::Data(n),
            Err(_) if self.tap().reset => Got::End(End::Rst),
            Err(e) if again(&e) && self.tap().fin => Got::End(End::TlsEof),
            Err(e) if again(&e) => Got::Nothing,
            Err(_) if tls => Got::End(End::TlsEof),
            Err(_) => Got::End(End::Rst),
        }
    }

    /// Reads what the kernel has already, without waiting.
    pub(crate) fn read_ready(&mut self, buf: &mut [u8]) -> Got {
        if self.tap().tcp.set_nonblocking(true).is_err() {
            return Got::Nothing;
        }
        let got = self.read(buf);
        let _ = self.tap().tcp.set_nonblocking(false);
        got
    }

    /// Reads the TCP side alone until it ends, after the TLS stream ended.
    pub(crate) fn tcp_end(&mut self, limit: Duration) -> End {
        let deadline = Instant::now() + limit;
        let tap = self.tap();
        let mut buf = [0; 4096];
        loop {
            if tap.reset {
                return End::Rst;
            }
            if tap.fin {
                return End::Fin;
            }
            match tap.read(&mut buf) {
                Err(e) if !again(&e) => return End::Rst,
                _ if Instant::now() > deadline => return End::Timeout,
                _ => {}
            }
        }
    }

    /// Writes all of it, in application pieces of `split` bytes if not 0,
    /// `pause` apart; `limit` is the longest time without progress.
    pub(crate) fn send(
        &mut self,
        bytes: &[u8],
        split: usize,
        pause: Duration,
        limit: Duration,
    ) -> io::Result<()> {
        let size = if split == 0 { bytes.len().max(1) } else { split };
        for piece in bytes.chunks(size) {
            write_whole(piece, limit, |rest| match self {
                Stream::Plain(tap) => tap.write(rest),
                Stream::Tls(tls) => tls.write(rest),
            })?;
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
        Ok(())
    }

    /// From now on gathers what goes to TCP, or writes what was gathered.
    pub(crate) fn gather(&mut self, on: bool, limit: Duration) -> io::Result<()> {
        let tap = self.tap();
        if on {
            tap.held.get_or_insert_default();
            return Ok(());
        }
        tap.release(limit)
    }

    /// Sends close_notify; on a plain connection does nothing.
    pub(crate) fn close_notify(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(tls) => match tls.shutdown() {
                Ok(_) => Ok(()),
                Err(error) => Err(error.into_io_error().unwrap_or_else(io::Error::other)),
            },
        }
    }

    /// Sends FIN, together with what `cork` kept.
    pub(crate) fn fin(&mut self) -> io::Result<()> {
        let tcp = &self.tap().tcp;
        let done = tcp.shutdown(Shutdown::Write);
        let _ = SockRef::from(tcp).set_tcp_cork(false);
        done
    }

    /// Makes the kernel keep a segment that is not full until FIN.
    pub(crate) fn cork(&mut self) {
        let _ = SockRef::from(&self.tap().tcp).set_tcp_cork(true);
    }

    /// Makes closing the socket send RST.
    pub(crate) fn linger_zero(&mut self) {
        let _ = SockRef::from(&self.tap().tcp).set_linger(Some(Duration::ZERO));
    }

    /// Sets SO_RCVBUF or SO_SNDBUF.
    pub(crate) fn buffer(&mut self, receive: bool, bytes: usize) -> io::Result<()> {
        let socket = SockRef::from(&self.tap().tcp);
        if receive {
            socket.set_recv_buffer_size(bytes)
        } else {
            socket.set_send_buffer_size(bytes)
        }
    }

    /// The error the kernel holds for the socket, which is how an RST shows
    /// without reading.
    pub(crate) fn was_reset(&mut self) -> bool {
        let tap = self.tap();
        if matches!(tap.tcp.take_error(), Ok(Some(_))) {
            tap.reset = true;
        }
        tap.reset
    }
}
