//! Carries out scripts.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::conn::Conn;
use crate::deflate::Codec;
use crate::event::{Event, Miss};
use crate::frame;
use crate::http::Request;
use crate::report::Shared;
use crate::script::{Body, Cmd, Step};
use crate::stream::End;
use crate::text::hex;

/// Longest run of `forever`.
const FOREVER: Duration = Duration::from_secs(20);

/// What a script runs against.
pub(crate) struct Runner<'a> {
    pub(crate) conn: &'a mut Conn,
    pub(crate) request: &'a Request,
    pub(crate) shared: &'a Shared,
}

impl Runner<'_> {
    /// Carries out the steps in order; what goes wrong is recorded and the
    /// next step follows.
    pub(crate) fn run(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) -> bool {
        match self.act(&step.cmd) {
            Ok(()) => true,
            Err(why) => {
                self.conn.record.error(format!("{}: {why}", step.source));
                false
            }
        }
    }

    fn act(&mut self, cmd: &Cmd) -> Result<(), String> {
        let conn = &mut *self.conn;
        let limit = conn.limit;
        match cmd {
            Cmd::Accept(accept) => {
                if accept.hold {
                    conn.hold();
                }
                if !self.request.is_upgrade() {
                    conn.record.error("the request is no upgrade request");
                }
                let bytes = accept.bytes(self.request);
                conn.codec = Codec::new(&accept.extensions);
                let before = conn.split;
                if let Some(pause) = accept.drip {
                    conn.split = (1, pause);
                }
                let sent = conn.send(&bytes);
                conn.split = before;
                sent.map_err(Miss::text)
            }
            Cmd::Http(http) => {
                conn.frames_follow = false;
                let before = conn.split;
                if let Some(pause) = http.drip {
                    conn.split = (1, pause);
                }
                let sent = conn.send(&http.bytes());
                conn.split = before;
                sent.map_err(Miss::text)?;
                if http.keep {
                    return Ok(());
                }
                let _ = conn.close_notify();
                conn.fin().map_err(Miss::text)
            }
            Cmd::Silent => Ok(()),
            Cmd::Write(bytes) => conn.send(bytes).map_err(Miss::text),
            Cmd::Packed(opcode, data) => conn.send_packed(*opcode, data).map_err(Miss::text),
            Cmd::Hold => {
                conn.hold();
                Ok(())
            }
            Cmd::Flush => conn.flush().map_err(Miss::text),
            Cmd::Split(size, pause) => {
                conn.split = (*size, *pause);
                Ok(())
            }
            Cmd::TlsSplit(size, pause) => {
                if let Some(stream) = conn.stream() {
                    let tap = stream.tap();
                    (tap.piece, tap.pause) = (*size, *pause);
                }
                Ok(())
            }
            Cmd::TlsRaw(bytes) => match conn.stream() {
                Some(stream) if stream.is_tls() => {
                    stream.tap().write_all(bytes).map_err(|e| e.to_string())
                }
                _ => Ok(()),
            },
            Cmd::Repeat(count, inner) => {
                for _ in 0..*count {
                    if !self.step(inner) {
                        break;
                    }
                }
                Ok(())
            }
            Cmd::Forever(inner) => self.forever(inner),
            Cmd::Receive(count) => {
                for _ in 0..*count {
                    conn.find(is_message).map_err(Miss::text)?;
                }
                Ok(())
            }
            Cmd::ExpectMessage(opcode, data) => match conn.find(is_message) {
                Ok(Event::Message(op, _, got)) if op == *opcode => same(&got, data),
                Ok(Event::Message(op, ..)) => Err(format!("got {}", frame::opcode_name(op))),
                Ok(_) => Ok(()),
                Err(miss) => Err(miss.text()),
            },
            Cmd::ExpectClose(body) => {
                let got = close(conn)?;
                let code = got.split_first_chunk::<2>().map(|(code, _)| u16::from_be_bytes(*code));
                match body {
                    Body::Any => Ok(()),
                    Body::Code(wanted) if code == Some(*wanted) => Ok(()),
                    Body::Code(_) => {
                        Err(code.map_or("got no code".into(), |c| format!("got code {c}")))
                    }
                    Body::Exactly(wanted) => same(&got, wanted),
                }
            }
            Cmd::ExpectPing(data) => match conn.find(|e| matches!(e, Event::Ping(_))) {
                Ok(Event::Ping(got)) => data.as_ref().map_or(Ok(()), |data| same(&got, data)),
                Ok(_) => Ok(()),
                Err(miss) => Err(miss.text()),
            },
            Cmd::ExpectPong(data) => match conn.find(|e| matches!(e, Event::Pong(_))) {
                Ok(Event::Pong(got)) => data.as_ref().map_or(Ok(()), |data| same(&got, data)),
                Ok(_) => Ok(()),
                Err(miss) => Err(miss.text()),
            },
            Cmd::ExpectEnd(wanted) => match conn.drain() {
                Ok(end) | Err(Miss::Ended(end)) if (end == End::Rst) == (*wanted == End::Rst) => {
                    Ok(())
                }
                Ok(end) | Err(Miss::Ended(end)) => Err(format!("got {}", end.name())),
                Err(miss) => Err(miss.text()),
            },
            Cmd::Echo(count) => self.echo(Some(*count)),
            Cmd::EchoUntilClose => self.echo(None),
            Cmd::AnswerClose(body) => {
                let got = close(conn)?;
                let answer = body.as_deref().unwrap_or(&got);
                conn.send(&frame::frame(frame::CLOSE, answer)).map_err(Miss::text)
            }
            Cmd::AutoPong(on) => {
                conn.auto_pong = *on;
                Ok(())
            }
            Cmd::Drain => match conn.drain() {
                Ok(_) | Err(Miss::Ended(_)) => Ok(()),
                Err(miss) => Err(miss.text()),
            },
            Cmd::StopReading => {
                conn.reading = false;
                Ok(())
            }
            Cmd::ResumeReading => {
                conn.resume();
                Ok(())
            }
            Cmd::Buffer { receive, bytes } => {
                conn.small |= *receive;
                let stream = conn.stream().ok_or("closed")?;
                stream.buffer(*receive, *bytes).map_err(|e| e.to_string())
            }
            Cmd::Limit(limit) => {
                conn.limit = *limit;
                Ok(())
            }
            Cmd::Sleep(time) => {
                std::thread::sleep(*time);
                Ok(())
            }
            Cmd::Wait(name) => match self.shared.wait_signal(name, limit) {
                true => Ok(()),
                false => Err("timeout".into()),
            },
            Cmd::Mark(name) => {
                self.shared.mark(name);
                Ok(())
            }
            Cmd::Fin => conn.fin().map_err(Miss::text),
            Cmd::HalfClose => {
                let _ = conn.close_notify();
                conn.fin().map_err(Miss::text)
            }
            Cmd::CloseNotify => conn.close_notify().map_err(Miss::text),
            Cmd::CloseTcp => conn.close(false).map_err(Miss::text),
            Cmd::Rst => conn.close(true).map_err(Miss::text),
        }
    }

    /// Until the peer is gone, which is no error.
    fn forever(&mut self, inner: &Step) -> Result<(), String> {
        let deadline = Instant::now() + FOREVER;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            let done = match &inner.cmd {
                Cmd::Write(bytes) => self.conn.send_within(bytes, left).is_ok(),
                _ => self.step(inner),
            };
            if !done || self.conn.end().is_some() {
                return Ok(());
            }
        }
        Err("the peer was still there".into())
    }

    /// Echoes `count` messages, or until a Close, which is answered and
    /// followed by FIN. Pings are answered.
    fn echo(&mut self, count: Option<u64>) -> Result<(), String> {
        let conn = &mut *self.conn;
        let mut left = count;
        while left != Some(0) {
            match conn.next().map_err(Miss::text)? {
                Event::Message(opcode, 4, data) if conn.codec.is_some() => {
                    conn.send_packed(opcode, &data).map_err(Miss::text)?;
                    left = left.map(|n| n - 1);
                }
                Event::Message(opcode, rsv, data) => {
                    let mut make = frame::Make::new(opcode, data);
                    make.rsv = rsv;
                    conn.send(&make.bytes()).map_err(Miss::text)?;
                    left = left.map(|n| n - 1);
                }
                Event::Ping(data) => {
                    conn.send(&frame::frame(frame::PONG, &data)).map_err(Miss::text)?
                }
                Event::Pong(_) => {}
                Event::Close(_) if count.is_some() => return Err("got Close".into()),
                Event::Close(body) => {
                    conn.send(&frame::frame(frame::CLOSE, &body)).map_err(Miss::text)?;
                    let _ = conn.close_notify();
                    return conn.fin().map_err(Miss::text);
                }
            }
        }
        Ok(())
    }
}

fn is_message(event: &Event) -> bool {
    matches!(event, Event::Message(..))
}

fn close(conn: &mut Conn) -> Result<Vec<u8>, String> {
    match conn.find(|e| matches!(e, Event::Close(_))) {
        Ok(Event::Close(body)) => Ok(body),
        Ok(_) => Ok(Vec::new()),
        Err(miss) => Err(miss.text()),
    }
}

fn same(got: &[u8], wanted: &[u8]) -> Result<(), String> {
    if got == wanted {
        return Ok(());
    }
    let shown = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= 200 => format!("{text:?}"),
        _ => format!("{} bytes, hex {}", bytes.len(), hex(bytes.get(..64).unwrap_or(bytes))),
    };
    Err(format!("got {}", shown(got)))
}
