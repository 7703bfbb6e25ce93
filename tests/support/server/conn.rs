//! One connection: reading and recording, waiting, sending, ending.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use crate::deflate::Codec;
use crate::event::{Event, Miss};
use crate::frame::{self, Frame, KEEP_ALL, Parser};
use crate::report::{self, Record};
use crate::stream::{End, Got, Stream};

/// Bound of every wait, unless the script sets another. Four times that with
/// WSKT_SLOW, for clients in a tool that slows them down.
fn limit() -> Duration {
    Duration::from_secs(if std::env::var_os("WSKT_SLOW").is_some() { 60 } else { 15 })
}
/// How long the peer may take for its FIN once the stream has ended.
const TCP_END: Duration = Duration::from_secs(2);

/// A connection whose request head was read.
#[derive(Debug)]
pub(crate) struct Conn {
    /// `None` once closed.
    stream: Option<Stream>,
    parser: Parser,
    frames: VecDeque<Frame>,
    /// Events nobody looked at yet, in order.
    queue: VecDeque<Event>,
    /// Events a wait passed over.
    passed: VecDeque<Event>,
    message: Option<(u8, u8, Vec<u8>)>,
    pub(crate) record: Record,
    /// permessage-deflate was accepted.
    pub(crate) codec: Option<Codec>,
    held: Option<Vec<u8>>,
    pub(crate) split: (usize, Duration),
    pub(crate) limit: Duration,
    pub(crate) reading: bool,
    pub(crate) auto_pong: bool,
    /// What the client sends is frames.
    pub(crate) frames_follow: bool,
    /// Something was sent, so the client may send frames.
    answered: bool,
    discard: bool,
    /// The script set SO_RCVBUF.
    pub(crate) small: bool,
    writable: bool,
    end: Option<End>,
    buf: Vec<u8>,
}

impl Conn {
    pub(crate) fn new(stream: Stream, after_head: &[u8]) -> Conn {
        let mut conn = Conn {
            stream: Some(stream),
            parser: Parser::new(),
            frames: VecDeque::new(),
            queue: VecDeque::new(),
            passed: VecDeque::new(),
            message: None,
            record: Record::new(),
            codec: None,
            held: None,
            split: (0, Duration::ZERO),
            limit: limit(),
            reading: true,
            auto_pong: false,
            frames_follow: true,
            answered: false,
            discard: false,
            small: false,
            writable: true,
            end: None,
            buf: vec![0; 65536],
        };
        conn.take_in(after_head);
        conn
    }

    /// Where the stream stands: `None` is open.
    pub(crate) fn end(&self) -> Option<End> {
        self.end
    }

    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        self.stream.as_mut()
    }

    /// From now on only the beginning of each payload is kept.
    pub(crate) fn discard(&mut self, on: bool) {
        self.discard = on;
        self.parser.keep = if on { report::TEXT } else { KEEP_ALL };
    }

    /// Parses and records bytes from the client.
    fn take_in(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.record.bytes += bytes.len() as u64;
        if !self.frames_follow {
            return;
        }
        if !self.answered {
            self.record.error("the client sent data before the answer");
            self.answered = true;
        }
        self.parser.push(bytes, &mut self.frames);
        while let Some(frame) = self.frames.pop_front() {
            self.record.frame(&frame);
            self.assemble(frame);
        }
    }

    fn assemble(&mut self, frame: Frame) {
        match frame.opcode {
            frame::CLOSE => self.queue.push_back(Event::Close(frame.payload)),
            frame::PING => self.queue.push_back(Event::Ping(frame.payload)),
            frame::PONG => self.queue.push_back(Event::Pong(frame.payload)),
            _ => {
                let (opcode, rsv, mut data) = match self.message.take() {
                    Some(message) if frame.opcode == frame::CONTINUATION => message,
                    _ => (frame.opcode, frame.rsv, Vec::new()),
                };
                if !self.discard && data.is_empty() {
                    data = frame.payload;
                } else if !self.discard {
                    data.extend_from_slice(&frame.payload);
                }
                if frame.fin {
                    if let Some(codec) = self.codec.as_mut().filter(|_| rsv & 4 != 0) {
                        match codec.decompress(&data) {
                            Ok(inflated) => data = inflated,
                            Err(why) => self.record.error(format!("does not inflate: {why}")),
                        }
                    }
                    self.queue.push_back(Event::Message(opcode, rsv, data));
                } else {
                    self.message = Some((opcode, rsv, data));
                }
            }
        }
    }

    /// Reads once, for at most a slice; says whether something came.
    pub(crate) fn read_step(&mut self) -> Result<bool, Miss> {
        let got = self.raw_read()?;
        let buf = std::mem::take(&mut self.buf);
        if let Some(bytes) = got.and_then(|n| buf.get(..n)) {
            self.take_in(bytes);
        }
        self.buf = buf;
        Ok(got.is_some())
    }

    fn raw_read(&mut self) -> Result<Option<usize>, Miss> {
        if let Some(end) = self.end {
            return Err(Miss::Ended(end));
        }
        let Some(stream) = self.stream.as_mut().filter(|_| self.reading) else {
            return Err(Miss::NotReading);
        };
        match stream.read(&mut self.buf) {
            Got::Data(n) => Ok(Some(n)),
            Got::Nothing => Ok(None),
            Got::End(end) => {
                self.end = Some(end);
                Err(Miss::Ended(end))
            }
        }
    }

    /// Reads and records into `out` for another parser's use.
    pub(crate) fn read_into(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.raw_read() {
            Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(Some(n)) => {
                let buf = std::mem::take(&mut self.buf);
                let bytes = buf.get(..n).unwrap_or_default();
                self.take_in(bytes);
                self.queue.clear();
                out.get_mut(..n).unwrap_or_default().copy_from_slice(bytes);
                self.buf = buf;
                Ok(n)
            }
            Err(Miss::Ended(End::Rst)) => Err(io::ErrorKind::ConnectionReset.into()),
            Err(_) => Ok(0),
        }
    }

    /// Reads again, with the receive buffer a script made small grown again.
    pub(crate) fn resume(&mut self) {
        self.reading = true;
        if let Some(stream) = self.stream.as_mut().filter(|_| self.small) {
            let _ = stream.buffer(true, 1 << 20);
        }
    }

    /// Limits single reads to `size` bytes.
    pub(crate) fn read_size(&mut self, size: usize) {
        self.buf.resize(size, 0);
    }

    /// The next event in order.
    pub(crate) fn next(&mut self) -> Result<Event, Miss> {
        let deadline = Instant::now() + self.limit;
        loop {
            if let Some(event) = self.passed.pop_front().or_else(|| self.queue.pop_front()) {
                return Ok(event);
            }
            if !self.read_step()? && Instant::now() > deadline {
                return Err(Miss::Timeout);
            }
        }
    }

    /// The next event that `wanted` accepts; the others stay for later waits.
    pub(crate) fn find(&mut self, wanted: impl Fn(&Event) -> bool) -> Result<Event, Miss> {
        if let Some(event) =
            self.passed.iter().position(&wanted).and_then(|at| self.passed.remove(at))
        {
            return Ok(event);
        }
        let deadline = Instant::now() + self.limit;
        loop {
            while let Some(event) = self.queue.pop_front() {
                match event {
                    event if wanted(&event) => return Ok(event),
                    Event::Ping(data) if self.auto_pong => {
                        self.send(&frame::frame(frame::PONG, &data))?
                    }
                    event => self.passed.push_back(event),
                }
            }
            if !self.read_step()? && Instant::now() > deadline {
                return Err(Miss::Timeout);
            }
        }
    }

    /// Reads and records until the peer ends the stream.
    pub(crate) fn drain(&mut self) -> Result<End, Miss> {
        let deadline = Instant::now() + self.limit;
        self.discard(!self.auto_pong);
        let result = loop {
            while let Some(event) = self.queue.pop_front() {
                match event {
                    Event::Ping(data) if self.auto_pong => {
                        let _ = self.send(&frame::frame(frame::PONG, &data));
                    }
                    // What comes in bulk is not needed any more.
                    Event::Message(..) => {}
                    event => self.passed.push_back(event),
                }
            }
            match self.read_step() {
                Ok(_) if Instant::now() > deadline => break Err(Miss::Timeout),
                Ok(_) => {}
                Err(Miss::Ended(end)) => break Ok(end),
                Err(miss) => break Err(miss),
            }
        };
        self.discard(false);
        result
    }

    /// Sends a whole message, compressed.
    pub(crate) fn send_packed(&mut self, opcode: u8, data: &[u8]) -> Result<(), Miss> {
        let mut make = frame::Make::new(opcode, data.to_vec());
        if let Some(codec) = &mut self.codec {
            make.payload = codec.compress(data);
        }
        make.rsv = 4;
        self.send(&make.bytes())
    }

    /// Sends bytes, or keeps them while `hold` is in force.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Miss> {
        self.send_within(bytes, self.limit)
    }

    pub(crate) fn send_within(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Miss> {
        self.answered = true;
        if let Some(held) = &mut self.held {
            held.extend_from_slice(bytes);
            return Ok(());
        }
        let (size, pause) = self.split;
        let Some(stream) = self.stream.as_mut().filter(|_| self.writable) else {
            return Err(Miss::NotWriting);
        };
        stream.send(bytes, size, pause, limit).map_err(|e| {
            self.writable = false;
            match e.kind() {
                io::ErrorKind::TimedOut => Miss::Timeout,
                _ => Miss::NotWriting,
            }
        })
    }

    /// Gathers what is sent from here.
    pub(crate) fn hold(&mut self) {
        self.held.get_or_insert_default();
        self.gather(true);
    }

    fn gather(&mut self, on: bool) {
        if let Some(stream) = self.stream.as_mut()
            && stream.gather(on, self.limit).is_err()
        {
            self.writable = false;
        }
    }

    /// Sends what was gathered in one write; `hold` is over.
    pub(crate) fn flush(&mut self) -> Result<(), Miss> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        let sent = self.send(&held);
        self.gather(false);
        sent
    }

    /// Sends close_notify, behind what is held.
    pub(crate) fn close_notify(&mut self) -> Result<(), Miss> {
        if let Some(held) = self.held.take() {
            self.send(&held)?;
            self.held = Some(Vec::new());
        }
        let Some(stream) = self.stream.as_mut().filter(|_| self.writable) else {
            return Err(Miss::NotWriting);
        };
        stream.close_notify().map_err(|_| Miss::NotWriting)
    }

    /// Sends FIN; what is held leaves in the same segment.
    pub(crate) fn fin(&mut self) -> Result<(), Miss> {
        if let Some(stream) = self.stream.as_mut().filter(|_| self.held.is_some()) {
            stream.cork();
        }
        let flushed = self.flush();
        self.writable = false;
        let Some(stream) = self.stream.as_mut() else {
            return Err(Miss::NotWriting);
        };
        let _ = stream.fin();
        flushed
    }

    /// Closes at once; with `reset`, by RST. What came in before is recorded.
    pub(crate) fn close(&mut self, reset: bool) -> Result<(), Miss> {
        let flushed = self.flush();
        while self.end.is_none() {
            let Some(stream) = self.stream.as_mut().filter(|_| self.reading) else {
                break;
            };
            let mut buf = std::mem::take(&mut self.buf);
            let got = stream.read_ready(&mut buf);
            match got {
                Got::Data(n) => self.take_in(buf.get(..n).unwrap_or_default()),
                Got::Nothing => {}
                Got::End(end) => self.end = Some(end),
            }
            self.buf = buf;
            if got == Got::Nothing {
                break;
            }
        }
        if let Some(stream) = self.stream.as_mut().filter(|_| reset) {
            stream.linger_zero();
        }
        self.stream = None;
        self.writable = false;
        self.end.get_or_insert(End::ClosedByUs);
        flushed
    }

    /// Waits for the peer's end, closes, and says how stream and TCP ended.
    /// `asked` waits for the report to be asked for while nothing is read.
    pub(crate) fn finish(&mut self, asked: impl Fn(Duration) -> bool) -> (End, End) {
        if let Err(miss) = self.flush() {
            self.record.error(format!("flush at the end: {}", miss.text()));
        }
        if !self.reading {
            let deadline = Instant::now() + self.limit;
            let slice = Duration::from_millis(100);
            while !asked(slice) && Instant::now() < deadline {
                if self.stream.as_mut().is_none_or(Stream::was_reset) {
                    break;
                }
            }
            self.resume();
        }
        let end = match self.drain() {
            Ok(end) | Err(Miss::Ended(end)) => end,
            Err(_) => End::Timeout,
        };
        let Some(mut stream) = self.stream.take() else {
            return (end, End::ClosedByUs);
        };
        let tcp_end = match end {
            End::TlsCloseNotify => {
                let _ = stream.fin();
                stream.tcp_end(TCP_END)
            }
            End::TlsEof => End::Fin,
            other => other,
        };
        (end, tcp_end)
    }

    /// Bytes of an unfinished frame.
    pub(crate) fn partial(&self) -> u64 {
        self.parser.partial()
    }
}
