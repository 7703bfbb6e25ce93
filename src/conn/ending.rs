//! The end of a connection: waiting for the peer's FIN, then telling error
//! and close, exactly once and last.

use super::kept::Unsent;
use super::outbound::{CloseFrame, Progress};
use super::{Conn, Crank, Expiry, Flow, Next, Phase, Step};
use crate::close_code;
use crate::error::{Cause, Failure};
use crate::event::{CloseEvent, Event, EventKind};
use crate::log::Level;
use crate::protocol::Violation;
use crate::reconnect::Fate;
use crate::socket::{Socket, bit};
use crate::sys::{self, Mode, Time};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::Arc;

/// Most bytes discarded before others get a turn.
const DISCARD_BUDGET: usize = 1 << 20;

/// Why our Close frame has not left.
const LOST: &str = "the connection was lost before the Close frame was sent";

/// No frame matters any more; TCP is still open.
pub(super) struct Linger {
    pub(super) tcp: Arc<socket2::Socket>,
    /// The close event to come, and the error event before it.
    failure: Option<Failure>,
    close: CloseEvent,
    /// We close TCP (the peer broke the rules); otherwise the peer does.
    ours: bool,
    shut: bool,
    /// The peer's FIN came.
    fin: bool,
    /// Set by the first step.
    begun: Option<Time>,
    until: Option<Time>,
}

impl Linger {
    /// Whether more can come from the peer.
    pub(super) fn reads(&self) -> bool {
        !self.fin
    }

    pub(super) fn deadline(&self, socket: &Socket) -> Option<(Time, Expiry)> {
        match self.until {
            Some(at) => Some((at, Expiry::Linger)),
            None if socket.config().timeouts.send.is_some() => send_deadline(socket),
            // Without a send deadline this must end all the same.
            None => Some((self.begun?.after(socket.config().timeouts.linger), Expiry::Linger)),
        }
    }
}

/// When the kernel must have taken a byte.
pub(super) fn send_deadline(socket: &Socket) -> Option<(Time, Expiry)> {
    let stalled = socket.lock_out().stalled()?;
    Some((stalled.after(socket.config().timeouts.send?), Expiry::Send))
}

/// Error and close on their way to the program.
pub(super) struct Ending {
    /// Messages to be given back.
    unsent: VecDeque<Unsent>,
    /// The one that is lent.
    lent: Option<Unsent>,
    failure: Option<Failure>,
    at: Time,
    error_told: bool,
    close_told: bool,
    timed_out: bool,
}

impl Ending {
    /// Whether a deadline ended it, also where browser mode hides that.
    pub(super) fn is_timeout(&self) -> bool {
        self.timed_out
    }

    /// Whether the close event was told.
    pub(super) fn is_told(&self) -> bool {
        self.close_told
    }
}

impl Conn {
    /// The peer's Close frame came, with everything that was there if `all`.
    pub(super) fn peer_closed(
        &mut self,
        code: Option<u16>,
        reason: &str,
        tcp: Arc<socket2::Socket>,
        all: bool,
    ) {
        let (dropped, ours_first) = self.socket.answer_close(code, reason);
        self.log(Level::Debug, || match code {
            Some(code) => format!("received Close {code}"),
            None => "received Close without a code".to_owned(),
        });
        let mut message = String::new();
        if dropped.message && dropped.payload == 0 {
            "the peer closed before what send had accepted was sent".clone_into(&mut message);
        } else if dropped.message {
            message = format!(
                "the peer closed before {} bytes that send had accepted were sent",
                dropped.payload
            );
        }
        let close = CloseEvent {
            was_clean: !dropped.message,
            code: code.unwrap_or(close_code::NO_STATUS),
            reason: reason.into(),
            peer_code: code.unwrap_or(0),
            cause: if ours_first { Cause::Local } else { Cause::Peer },
            message: message.into(),
        };
        // The FIN that the driver was told of stood behind it then.
        let fin = all && self.read_closed;
        self.linger(tcp, None, close, false, fin);
        self.readable = !all;
    }

    /// The peer broke the rules.
    pub(super) fn violated(&mut self, violation: &Violation, tcp: Arc<socket2::Socket>) {
        self.socket.flush_gathered();
        self.socket.fault_close(violation.close_code());
        self.log(Level::Debug, || {
            format!("{violation}; failing the connection with {}", violation.close_code())
        });
        let cause = if violation.too_big() { Cause::MessageTooBig } else { Cause::Protocol };
        let failure = Failure::new(cause, violation.to_string());
        let close = CloseEvent { peer_code: violation.peer_code(), ..CloseEvent::default() };
        self.linger(tcp, Some(failure), close, true, false);
    }

    fn linger(
        &mut self,
        tcp: Arc<socket2::Socket>,
        failure: Option<Failure>,
        close: CloseEvent,
        ours: bool,
        fin: bool,
    ) {
        let (begun, until) = (None, None);
        let linger = Linger { tcp, failure, close, ours, shut: false, fin, begun, until };
        self.phase = Phase::Lingering(Box::new(linger));
        self.readable = true;
    }

    pub(super) fn step_lingering(&mut self, crank: &mut Crank<'_, '_>) -> Next {
        let Phase::Lingering(linger) = &mut self.phase else { return Next::Again };
        let now = crank.clock.now();
        linger.begun.get_or_insert(now);
        if linger.until.is_none() {
            match self.socket.flush() {
                Progress::Done => {}
                // What remains cannot leave; the read below ends the matter.
                Progress::Broken => {}
                Progress::Blocked => self.writable = false,
            }
            if !self.socket.lock_out().is_waiting() {
                linger.until = Some(now.after(self.socket.config().timeouts.linger));
            }
        }
        if linger.ours && linger.until.is_some() && !linger.shut {
            linger.shut = true;
            if let Some(link) = self.socket.lock_out().link() {
                link.close_notify();
            }
            // A lost connection is found by the read below.
            let _ = linger.tcp.shutdown(Shutdown::Write);
        }
        let mut budget = DISCARD_BUDGET;
        while self.readable && !linger.fin {
            match sys::recv(&linger.tcp, crank.buffers.room(), Mode::Look) {
                // It ends the wait, not what is on its way out.
                Ok(0) => linger.fin = true,
                Ok(n) => {
                    crank.buffers.grow();
                    budget = budget.saturating_sub(n);
                    if budget == 0 {
                        return Next::Leave(Step::More);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.linger_is_over(LOST);
                    return Next::Again;
                }
            }
        }
        if linger.fin && linger.until.is_some() {
            self.linger_is_over(LOST);
            return Next::Again;
        }
        Next::Leave(Step::Idle)
    }

    /// FIN, RST, a deadline, or abort; `why` goes with a Close frame of ours
    /// that has not left.
    pub(super) fn linger_is_over(&mut self, why: &'static str) {
        match std::mem::replace(&mut self.phase, Phase::Gone) {
            Phase::Lingering(linger) => {
                let Linger { failure, mut close, .. } = *linger;
                if !matches!(self.socket.lock_out().close(), CloseFrame::Sent(_)) && close.was_clean
                {
                    close.was_clean = false;
                    close.message = why.into();
                }
                self.end(failure, close);
            }
            other => self.phase = other,
        }
    }

    /// The connection is over. A close event without a code gets the one the
    /// failure means.
    pub(super) fn end(&mut self, failure: Option<Failure>, mut close: CloseEvent) {
        let browser = self.socket.config().browser_mode;
        let opening = !matches!(self.phase, Phase::Open(_) | Phase::Lingering(_) | Phase::Gone);
        let mut failure = failure;
        let fate = self.socket.attempt().map(|attempt| (attempt, failure.clone()));
        let timed_out = failure.as_ref().is_some_and(|failure| failure.cause == Cause::Timeout);
        if let Some(failure) = &mut failure {
            close.cause = failure.cause;
            close.message = failure.message.clone();
            if close.code == 0 {
                let tls = opening && failure.cause == Cause::Tls && !browser;
                close.code = if tls { close_code::TLS_HANDSHAKE } else { close_code::ABNORMAL };
            }
            if browser && opening {
                *failure = Failure::default();
                close.cause = Cause::Unknown;
                close.message = "".into();
            }
        }
        if browser && close.cause == Cause::Lost {
            failure = None;
        }
        self.log(Level::Info, || {
            let clean = if close.was_clean { "clean" } else { "not clean" };
            let colon = if close.message.is_empty() { "" } else { ": " };
            let (code, cause, message) = (close.code, close.cause.name(), &close.message);
            format!("closed: {code}, {clean}, {cause}{colon}{message}")
        });
        let now = Time::now();
        if let Some((attempt, failure)) = fate {
            // As it was, whatever browser mode hides.
            attempt.judge(Fate::of(failure.as_ref(), &close, opening), now);
        }
        let unsent = self.socket.lock_out().take_unsent();
        self.socket.conclude(close, now);
        self.deadline = None;
        self.phase = Phase::Ending(Box::new(Ending {
            failure,
            at: now,
            unsent,
            lent: None,
            error_told: false,
            close_told: false,
            timed_out,
        }));
    }

    pub(super) fn step_ending(&mut self, crank: &mut Crank<'_, '_>) -> Next {
        if crank.hold {
            return Next::Leave(Step::Held);
        }
        let Phase::Ending(ending) = &mut self.phase else { return Next::Again };
        if ending.close_told {
            self.phase = Phase::Gone;
            if let Some(attempt) = self.socket.attempt() {
                attempt.succeed();
            }
            return Next::Leave(Step::Finished);
        }
        let socket = &self.socket;
        ending.lent = ending.unsent.pop_front();
        if let Some(Unsent { kind, data }) = &ending.lent {
            let kind = EventKind::Unsent(*kind, data);
            let event = Event { timestamp: ending.at.as_ms(), kind };
            return match crank.receiver.tell(socket, &event) {
                Flow::Go => Next::Again,
                Flow::Stop => Next::Leave(Step::Stopped),
            };
        }
        if let Some(failure) = &ending.failure
            && !ending.error_told
        {
            ending.error_told = true;
            let event = Event { timestamp: ending.at.as_ms(), kind: EventKind::Error(failure) };
            let flow = crank.receiver.tell(socket, &event);
            if flow == Flow::Stop {
                return Next::Leave(Step::Stopped);
            }
            if socket.signals.has(bit::SILENCED) {
                return Next::Again;
            }
        }
        ending.close_told = true;
        if let Some(close) = socket.close_event() {
            let event = Event { timestamp: ending.at.as_ms(), kind: EventKind::Close(close) };
            let flow = crank.receiver.tell(socket, &event);
            if flow == Flow::Stop {
                return Next::Leave(Step::Stopped);
            }
        }
        Next::Again
    }
}
