//! What the server saw on a connection, and the state connections and control
//! requests share.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::frame::{self, Frame};
use crate::http::Request;
use crate::stream::End;
use crate::text::{hex, json, json_list};

/// Frames kept in a report.
const FRAMES: usize = 2000;
/// Longest payload shown as text.
pub(crate) const TEXT: usize = 4096;
/// Payload bytes shown as hex.
const HEX: usize = 256;

/// The record of one connection.
#[derive(Debug)]
pub(crate) struct Record {
    started: Instant,
    frames: Vec<String>,
    count: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: Vec<String>,
    close_seen: bool,
    /// A fragmented message is under way.
    fragmented: bool,
}

impl Record {
    pub(crate) fn new() -> Record {
        Record {
            started: Instant::now(),
            frames: Vec::new(),
            count: 0,
            bytes: 0,
            errors: Vec::new(),
            close_seen: false,
            fragmented: false,
        }
    }

    /// Notes something that is wrong, with a bound on how much.
    pub(crate) fn error(&mut self, text: impl Into<String>) {
        if self.errors.len() < 200 {
            self.errors.push(text.into());
        }
    }

    /// Notes a frame from the client and what RFC 6455 has against it.
    pub(crate) fn frame(&mut self, frame: &Frame) {
        let index = self.count;
        self.count += 1;
        let control = frame.opcode >= frame::CLOSE;
        let mut wrong = Vec::new();
        if frame.mask.is_none() {
            wrong.push("not masked");
        }
        if !frame.minimal {
            wrong.push("length not in the shortest form");
        }
        if !matches!(frame.opcode, 0..=2 | 8..=10) {
            wrong.push("reserved opcode");
        }
        if control && frame.len > 125 {
            wrong.push("control frame over 125 bytes");
        }
        if control && !frame.fin {
            wrong.push("fragmented control frame");
        }
        if control && frame.rsv != 0 {
            wrong.push("reserved bit on a control frame");
        }
        if self.close_seen {
            wrong.push("frame after Close");
        }
        if !control {
            match (frame.opcode, self.fragmented) {
                (frame::CONTINUATION, false) => wrong.push("continuation without a start"),
                (frame::TEXT | frame::BINARY, true) => wrong.push("new message inside another"),
                _ => {}
            }
            self.fragmented = !frame.fin;
        }
        let whole = frame.payload.len() as u64 == frame.len;
        let text = std::str::from_utf8(&frame.payload).ok().filter(|_| whole);
        if frame.opcode == frame::TEXT && frame.fin && frame.rsv == 0 && whole && text.is_none() {
            wrong.push("text is not UTF-8");
        }
        if frame.opcode == frame::CLOSE {
            self.close_seen = true;
            if frame.len == 1 {
                wrong.push("Close with one byte");
            }
        }
        for what in wrong {
            self.error(format!("frame {index}: {what}"));
        }
        if self.frames.len() < FRAMES {
            self.frames.push(self.frame_json(frame, text));
        }
    }

    fn frame_json(&self, frame: &Frame, text: Option<&str>) -> String {
        let mut out = format!(
            r#"{{"opcode":"{}","fin":{},"masked":{},"rsv":{},"mask":"{}","len":{},"ms":{}"#,
            frame::opcode_name(frame.opcode),
            frame.fin,
            frame.mask.is_some(),
            frame.rsv,
            hex(&frame.mask.unwrap_or_default()),
            frame.len,
            self.started.elapsed().as_millis(),
        );
        let close = frame.opcode == frame::CLOSE;
        if let Some(text) = text.filter(|t| t.len() <= TEXT && !close) {
            let _ = write!(out, r#","text":{}"#, json(text));
        }
        let shown = frame.payload.get(..HEX).unwrap_or(&frame.payload);
        let _ = write!(out, r#","hex":"{}""#, hex(shown));
        if let (true, Some((code, reason))) = (close, frame.payload.split_first_chunk::<2>()) {
            let reason = String::from_utf8_lossy(reason);
            let _ =
                write!(out, r#","code":{},"reason":{}"#, u16::from_be_bytes(*code), json(&reason));
        }
        out.push('}');
        out
    }

    /// The whole report.
    pub(crate) fn json(
        &self,
        id: &str,
        request: &Request,
        tls: &str,
        end: End,
        tcp_end: End,
        partial: u64,
    ) -> String {
        let headers: Vec<String> = request
            .headers
            .iter()
            .map(|(name, value)| format!("[{},{}]", json(name), json(value)))
            .collect();
        format!(
            r#"{{"id":{},"tls":{tls},"request":{{"target":{},"headers":[{}]}},"frames":[{}],"frame_count":{},"partial":{partial},"end":"{}","tcp_end":"{}","bytes":{},"errors":{}}}"#,
            json(id),
            json(&request.target),
            headers.join(","),
            self.frames.join(","),
            self.count,
            end.name(),
            tcp_end.name(),
            self.bytes,
            json_list(&self.errors),
        )
    }
}

#[derive(Debug, Default)]
struct State {
    /// Connections under way, by report name.
    running: HashMap<String, usize>,
    reports: HashMap<String, String>,
    asked: HashSet<String>,
    signals: HashSet<String>,
    marks: HashSet<String>,
}

/// What all threads share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until `ready` gives something.
    fn until<T>(
        &self,
        limit: Duration,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = ready(&mut state) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A connection with this report name began.
    pub(crate) fn begin(&self, id: &str) {
        self.change(|s| *s.running.entry(id.into()).or_default() += 1);
    }

    /// A connection with this report name is over.
    pub(crate) fn finish(&self, id: &str, report: String) {
        self.change(|s| {
            if let Some(count) = s.running.get_mut(id) {
                *count = count.saturating_sub(1);
            }
            s.reports.insert(id.into(), report);
        });
    }

    /// The report, once every connection of this name is over.
    pub(crate) fn report(&self, id: &str, limit: Duration) -> Result<String, &'static str> {
        self.change(|s| {
            s.asked.insert(id.into());
        });
        let found = self.until(limit, |s| match s.running.get(id) {
            Some(0) => s.reports.get(id).cloned(),
            _ => None,
        });
        found.ok_or_else(|| match self.lock().running.get(id) {
            Some(_) => "the connection is not over",
            None => "no such connection",
        })
    }

    /// Waits until the report is asked for.
    pub(crate) fn wait_asked(&self, id: &str, limit: Duration) -> bool {
        self.until(limit, |s| s.asked.contains(id).then_some(())).is_some()
    }

    pub(crate) fn signal(&self, name: &str) {
        self.change(|s| {
            s.signals.insert(name.into());
        });
    }

    pub(crate) fn wait_signal(&self, name: &str, limit: Duration) -> bool {
        self.until(limit, |s| s.signals.contains(name).then_some(())).is_some()
    }

    pub(crate) fn mark(&self, name: &str) {
        self.change(|s| {
            s.marks.insert(name.into());
        });
    }

    pub(crate) fn wait_mark(&self, name: &str, limit: Duration) -> bool {
        self.until(limit, |s| s.marks.contains(name).then_some(())).is_some()
    }
}
