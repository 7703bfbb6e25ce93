//! An established connection: reads, parses, delivers. The hot path.

use super::buffers::{Buffers, Carry};
use super::ending::send_deadline;
use super::found::Found;
use super::outbound::CloseFrame;
use super::pulse::Pulse;
use super::read::{Read, read};
use super::tls_error::sentence;
use super::{Conn, Crank, Expiry, Flow, Next, Phase, Step};
use crate::config::READ_BUFFER;
use crate::error::{Cause, Failure};
use crate::event::EventKind;
use crate::protocol::{CloseRules, Decoder, DeflateParams, Limits};
use crate::socket::{Socket, bit};
use crate::sys::{Mode, Time};
use std::io;
use std::sync::Arc;

/// Most bytes read before other connections get a turn.
const READ_BUDGET: usize = 512 << 10;

/// Of messages longer than this, one that has come in part is read together with
/// what stands behind it.
const WIDE: usize = 16 << 10;

/// The reading half; `read.rs` and `found.rs` have more of it.
pub(super) struct Open {
    pub(super) tcp: Arc<socket2::Socket>,
    pub(super) decoder: Decoder,
    pub(super) tls: bool,
    pub(super) carry: Carry,
    /// If there are signs of life to watch for.
    pub(super) pulse: Option<Box<Pulse>>,
    /// The open event told, and no signs of life to watch for.
    bare: bool,
    /// The open event is still to be told.
    pub(super) announce: bool,
    /// Bytes to be read before others get a turn; kept while the receiver
    /// stops and comes back.
    budget: usize,
    /// TLS may have plaintext, or ciphertext that it has not looked at; or it is
    /// `over`; or it was not asked since the upgrade, and gives the buffers of the
    /// handshake back when it finds that it has none.
    pub(super) unread: bool,
    /// A frame of wskt's own is queued, which waits for no event.
    pub(super) prompt: bool,
    /// TLS has ended behind the bytes that are judged first.
    pub(super) over: Option<Option<io::Error>>,
}

impl Open {
    pub(super) fn new(
        socket: &Socket,
        tcp: Arc<socket2::Socket>,
        tls: bool,
        deflate: Option<&DeflateParams>,
        rest: Vec<u8>,
    ) -> Self {
        let config = socket.config();
        let limits = Limits {
            max_message: config.limits.max_message_size,
            max_fragments: config.limits.max_fragments,
        };
        let rules = if config.browser_mode { CloseRules::Browser } else { CloseRules::Strict };
        let mut decoder = Decoder::new(limits, rules);
        if let Some(params) = deflate {
            decoder.inflate(params);
        }
        decoder.tell_chunks(socket.wants_chunks());
        decoder.tally().add_bytes(rest.len());
        socket.set_received(Arc::clone(decoder.tally()));
        Self {
            tcp,
            decoder,
            tls,
            carry: rest.into(),
            pulse: Pulse::is_on(&config.timeouts).then(|| Box::new(Pulse::new(Time::now()))),
            bare: false,
            announce: true,
            budget: READ_BUDGET,
            unread: tls,
            prompt: false,
            over: None,
        }
    }
}

impl Open {
    /// Whether messages are all there is to it.
    #[inline(always)]
    pub(super) fn is_bare(&self) -> bool {
        self.bare
    }

    /// Whether others need not have a turn yet.
    pub(super) fn may_read(&self) -> bool {
        self.budget > 0
    }

    /// A new turn begins.
    pub(super) fn renew(&mut self) {
        self.budget = READ_BUDGET;
    }

    /// So much of what may be read in this turn was read already.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.budget = self.budget.saturating_sub(bytes);
    }

    /// Whether there is no deadline.
    #[inline]
    pub(super) fn is_timeless(socket: &Socket) -> bool {
        !socket.signals.has(bit::BLOCKED | bit::CLOSING) && !Pulse::is_on(&socket.config().timeouts)
    }

    /// The next deadline.
    #[inline(never)]
    pub(super) fn plan(&mut self, socket: &Socket, now: Time) -> Option<(Time, Expiry)> {
        let timeouts = &socket.config().timeouts;
        let sending = if socket.signals.has(bit::BLOCKED | bit::CLOSING) {
            let close = socket.lock_out().close();
            match close {
                CloseFrame::Sent(at) => {
                    return Some((at.after(timeouts.close), Expiry::CloseAnswer));
                }
                CloseFrame::None | CloseFrame::Queued(_) => send_deadline(socket),
            }
        } else {
            None
        };
        if !watches(socket) {
            return sending;
        }
        let alive = self.pulse.as_mut().and_then(|pulse| pulse.deadline(timeouts, now));
        [sending, alive].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// Whether the peer must show signs of life.
fn watches(socket: &Socket) -> bool {
    Pulse::is_on(&socket.config().timeouts) && !socket.signals.has(bit::PAUSED | bit::CLOSING)
}

impl Open {
    /// What is to be done before anything is read, or instead.
    #[inline(never)]
    fn prepare(
        &mut self,
        socket: &Arc<Socket>,
        crank: &mut Crank<'_, '_>,
        writable: &mut bool,
    ) -> Option<Next> {
        if self.announce {
            if crank.hold {
                return Some(Next::Leave(Step::Held));
            }
            self.announce = false;
            crank.buffers.suit(socket.config().limits.read_buffer);
            self.bare = self.pulse.is_none();
            let flow = crank.receiver.deliver(&crank.clock, socket, EventKind::Open);
            return Some(match flow {
                Flow::Go => Next::Again,
                Flow::Stop => Next::Leave(Step::Stopped),
            });
        }
        if watches(socket)
            && let Some(pulse) = &mut self.pulse
            && pulse.take_ping(&socket.config().timeouts, crank.clock.now())
        {
            socket.heartbeat();
            self.prompt = true;
        }
        if *writable && socket.signals.has(bit::BLOCKED) {
            *writable = false;
            socket.flush();
        }
        None
    }

    /// Whether everything that has arrived was told; the next turn begins with
    /// a read then.
    pub(super) fn is_exhausted(&mut self, buffers: &Buffers) -> bool {
        self.budget = READ_BUDGET;
        let all = self.carry.is_empty() && buffers.start == buffers.end && self.decoder.is_fresh();
        if all {
            self.decoder.rest();
        }
        all
    }

    /// Whether what is sent may wait for the next event: a message lies whole at
    /// the front of what is not parsed.
    pub(super) fn may_gather(&mut self, buffers: &Buffers) -> bool {
        if std::mem::take(&mut self.prompt) {
            return false;
        }
        let rest = buffers.plain.get(buffers.start..buffers.end).unwrap_or_default();
        self.decoder.is_fresh() && Decoder::begins_whole(rest)
    }

    /// What a message lacks that lies in part in the buffer, if it fits there.
    #[inline]
    fn lacks(&mut self, buffers: &Buffers) -> Option<usize> {
        let rest = buffers.plain.get(buffers.start..buffers.end).unwrap_or_default();
        self.decoder.lacks(rest, buffers.most(), buffers.is_wide())
    }

    /// Whether a message that lies in part in the buffer waits there until it is
    /// whole.
    #[inline]
    fn waits_in(&mut self, buffers: &Buffers) -> bool {
        buffers.is_wide()
            && buffers.keep_waiting()
            && self.lacks(buffers).is_some()
            && self.waits_well(buffers)
    }

    /// A read took all there was room for, so there may be more.
    #[cold]
    pub(super) fn filled(&mut self, buffers: &mut Buffers) {
        let rest = buffers.plain.get(buffers.start..buffers.end).unwrap_or_default();
        let len = self.decoder.announced(rest);
        buffers.grow_for(len);
    }

    /// Whether what lies in part in the buffer is right so far.
    #[inline]
    pub(super) fn waits_well(&mut self, buffers: &Buffers) -> bool {
        let rest = buffers.plain.get(buffers.start..buffers.end).unwrap_or_default();
        self.decoder.waits_well(rest)
    }

    /// How much is to be read behind a message that lies in part in the
    /// buffer, and is better lent from there than put together elsewhere.
    #[inline(never)]
    pub(super) fn awaits(&mut self, buffers: &mut Buffers) -> Option<usize> {
        let lacks = self.lacks(buffers)?;
        let whole = buffers.end - buffers.start + lacks;
        if whole > WIDE {
            buffers.widen(whole);
        }
        // No more than this one where others are to have a turn.
        Some(if self.budget == 0 { lacks } else { lacks.max(buffers.most_now(self.budget)) })
    }
}

impl Conn {
    #[inline(never)]
    pub(super) fn step_open(&mut self, crank: &mut Crank<'_, '_>) -> Next {
        let Phase::Open(open) = &mut self.phase else { return Next::Again };
        let socket = &self.socket;
        let watched = open.pulse.is_some();
        if (open.announce || watched || socket.signals.has(bit::BLOCKED))
            && let Some(next) = open.prepare(socket, crank, &mut self.writable)
        {
            return next;
        }
        let Crank { buffers, clock, mode, receiver, .. } = crank;
        let mode = *mode;
        buffers.load(&mut open.carry);
        let mut looked = false;
        // The last read took everything there was.
        let mut all = false;
        let leave = loop {
            // Everything that has arrived.
            if buffers.start < buffers.end
                && open.tell_whole(socket, buffers, clock, receiver) == Flow::Stop
            {
                buffers.taken = true;
                return Next::Leave(Step::Stopped);
            }
            let urgent = socket.signals.has(bit::URGENT);
            let rest = buffers.start < buffers.end;
            // While the kernel or TLS has more.
            let may = rest && self.readable && !urgent && mode == Mode::Look;
            let awaits = if may { open.awaits(buffers) } else { None };
            // What has come in part waits where it is for a read that takes more.
            let stays = rest && !may && !urgent && mode == Mode::Look && open.waits_in(buffers);
            let unparsed = buffers.end - buffers.start;
            if awaits.is_none() && !stays && (rest || urgent || !open.decoder.is_fresh()) {
                match open.look(socket, buffers, clock, receiver, &mut self.readable) {
                    Ok(Found::Nothing) if unparsed > READ_BUFFER && open.decoder.wants_direct() => {
                        buffers.narrow();
                    }
                    Ok(Found::Nothing) => {}
                    Ok(Found::Something) => continue,
                    Ok(Found::Stop) => {
                        buffers.taken = true;
                        return Next::Leave(Step::Stopped);
                    }
                    Ok(Found::End) => {
                        buffers.store(&mut open.carry);
                        return Next::Again;
                    }
                    Ok(Found::Pause) => break Step::Idle,
                    Ok(Found::Close(code, reason)) => {
                        socket.flush_gathered();
                        let tcp = Arc::clone(&open.tcp);
                        buffers.discard();
                        self.peer_closed(code, &reason, tcp, all);
                        return Next::Again;
                    }
                    Err(violation) => {
                        let tcp = Arc::clone(&open.tcp);
                        buffers.discard();
                        self.violated(&violation, tcp);
                        return Next::Again;
                    }
                }
            }
            socket.flush_gathered();
            if mode == Mode::Look && !self.readable {
                break Step::Idle;
            }
            if (open.budget == 0 && awaits.is_none()) || (looked && mode == Mode::Wait) {
                // A driver that waits in reads decides anew before each.
                break Step::More;
            }
            looked = true;
            if mode == Mode::Wait {
                receiver.pause(socket);
            }
            let inside = watched && (awaits.is_some() || open.decoder.is_inside_frame());
            let most = awaits.unwrap_or_else(|| buffers.most_now(open.budget));
            match read(open, socket, buffers, most, mode) {
                Read::Bytes(n, more) => {
                    open.decoder.tally().add_bytes(n);
                    clock.forget();
                    if let Some(pulse) = &mut open.pulse {
                        pulse.heard(clock.now(), inside);
                    }
                    open.budget = open.budget.saturating_sub(n);
                    self.readable = more || self.read_closed;
                    all = !more && !open.tls;
                    if more && n > 0 {
                        buffers.grow();
                        if !open.tls {
                            open.filled(buffers);
                        }
                    }
                }
                Read::Nothing => {
                    self.readable = false;
                    if awaits.is_none() {
                        break Step::Idle;
                    }
                }
                Read::Interrupted if mode == Mode::Wait => break Step::Interrupted,
                Read::Interrupted => {}
                Read::Bad(violation) => {
                    let tcp = Arc::clone(&open.tcp);
                    buffers.discard();
                    self.violated(&violation, tcp);
                    return Next::Again;
                }
                Read::Over(error) => {
                    buffers.discard();
                    self.lost(error.as_ref());
                    return Next::Again;
                }
            }
        };
        buffers.store(&mut open.carry);
        if leave == Step::Idle {
            open.decoder.rest();
        }
        open.budget = READ_BUDGET;
        Next::Leave(leave)
    }

    /// FIN or RST without a Close frame.
    pub(super) fn lost(&mut self, error: Option<&io::Error>) {
        if self.socket.signals.has(bit::SILENCED | bit::ABORT | bit::POISONED) {
            // We ended it ourselves; the signal is obeyed next.
            return;
        }
        self.fail(match error {
            Some(error) if error.raw_os_error().is_none() => {
                let why = sentence(&error.to_string());
                Failure::new(Cause::Lost, format!("the connection was lost: {why}"))
            }
            Some(error) => Failure::os(Cause::Lost, "the connection was lost", error),
            None => {
                Failure::new(Cause::Lost, "the peer ended the connection without a Close frame")
            }
        });
    }
}
