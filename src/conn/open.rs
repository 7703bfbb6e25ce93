//! An established connection: reads, parses, delivers. The hot path.

use super::ending::send_deadline;
use super::outbound::CloseFrame;
use super::pulse::Pulse;
use super::tls::CIPHER_ROOM;
use super::tls_error::sentence;
use super::{Buffers, Conn, Crank, Expiry, Flow, Next, PLAIN_ROOM, Phase, Receiver, SPILL, Step};
use crate::error::{Cause, Failure};
use crate::event::{Chunk, Event, EventKind, MessageKind};
use crate::log::{self, Level};
use crate::protocol::{CloseRules, Decoder, DeflateParams, Item, Limits, Violation};
use crate::socket::{ReadyState, Socket, bit};
use crate::sys::{self, Clock, Mode, Time};
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// Most bytes read before other connections get a turn.
const READ_BUDGET: usize = 512 << 10;

/// The reading half.
pub(super) struct Open {
    pub(super) tcp: Arc<socket2::Socket>,
    pub(super) decoder: Decoder,
    pub(super) tls: bool,
    /// Bytes kept from one turn to the next: an incomplete header, or what
    /// stood behind a pause.
    pub(super) carry: Vec<u8>,
    pulse: Pulse,
    /// The open event told, and no signs of life to watch for.
    bare: bool,
    /// The open event is still to be told.
    pub(super) announce: bool,
    /// Bytes to be read before others get a turn; kept while the receiver
    /// stops and comes back.
    budget: usize,
    /// TLS may have plaintext, or ciphertext that it has not looked at; or it was
    /// not asked since the upgrade, and gives the buffers of the handshake back
    /// when it finds that it has none.
    unread: bool,
    /// A frame of wskt's own is queued, which waits for no event.
    prompt: bool,
    /// TLS has ended behind the bytes that are judged first.
    over: Option<Option<io::Error>>,
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
            carry: rest,
            pulse: Pulse::new(Time::now()),
            bare: false,
            announce: true,
            budget: READ_BUDGET,
            unread: tls,
            prompt: false,
            over: None,
        }
    }
}

impl Buffers {
    /// Makes room for `size` bytes; what was there is lost.
    fn reserve(&mut self, size: usize) {
        if self.plain.len() < size {
            // Pages that nothing is received into are never touched.
            self.plain = vec![0; size];
        }
    }

    /// A place to receive what is discarded.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.reserve(PLAIN_ROOM);
        self.start = 0;
        self.end = 0;
        &mut self.plain
    }

    /// Brings back what the connection left, unless it is still in place.
    #[inline(always)]
    pub(super) fn load(&mut self, carry: &mut Vec<u8>) {
        if self.taken {
            self.taken = false;
            return;
        }
        self.start = 0;
        self.end = carry.len();
        if !carry.is_empty() || self.plain.is_empty() {
            self.bring(carry);
        }
    }

    #[cold]
    fn bring(&mut self, carry: &mut Vec<u8>) {
        self.reserve(PLAIN_ROOM.max(carry.len()));
        if let Some(front) = self.plain.get_mut(..carry.len()) {
            front.copy_from_slice(carry);
        }
        *carry = Vec::new();
    }

    /// Keeps what is not parsed for the connection's next turn.
    fn store(&mut self, carry: &mut Vec<u8>) {
        if self.start < self.end {
            *carry = self.plain.get(self.start..self.end).unwrap_or_default().to_vec();
        }
        self.start = 0;
        self.end = 0;
    }

    /// Forgets what is not parsed.
    pub(crate) fn discard(&mut self) {
        self.start = 0;
        self.end = 0;
        self.taken = false;
    }

    /// Moves the unparsed bytes, a few, to the front, for up to `max` more
    /// behind them.
    #[inline(always)]
    fn behind(&mut self, max: usize) -> &mut [u8] {
        if self.start > 0 {
            if self.start < self.end {
                self.plain.copy_within(self.start..self.end, 0);
            }
            self.end -= self.start;
            self.start = 0;
        }
        let room = self.plain.get_mut(self.end..).unwrap_or_default();
        let size = room.len().min(max);
        room.get_mut(..size).unwrap_or_default()
    }
}

/// What a look at the kernel brought.
pub(super) enum Read {
    /// This many bytes, and perhaps more are there.
    Bytes(usize, bool),
    /// Nothing now.
    Nothing,
    /// A signal came first.
    Interrupted,
    /// The stream is over, with the error if there was one.
    Over(Option<io::Error>),
    /// What went straight into a large message breaks the rules.
    Bad(Violation),
}

impl From<io::Error> for Read {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock => Self::Nothing,
            ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Over(Some(error)),
        }
    }
}

impl Open {
    /// Whether messages are all there is to it.
    #[inline(always)]
    pub(super) fn is_bare(&self) -> bool {
        self.bare
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
        let alive = self.pulse.deadline(timeouts, now);
        [sending, alive].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// Whether the peer must show signs of life.
fn watches(socket: &Socket) -> bool {
    Pulse::is_on(&socket.config().timeouts) && !socket.signals.has(bit::PAUSED | bit::CLOSING)
}

/// What stood between two messages, or instead of one.
enum Found {
    /// Everything that has arrived was looked at.
    Nothing,
    /// Something that is dealt with.
    Something,
    /// An event, and its receiver said stop.
    Stop,
    /// A signal that ends the connection.
    End,
    /// A pause.
    Pause,
    /// The peer's Close frame.
    Close(Option<u16>, String),
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
            self.bare = !Pulse::is_on(&socket.config().timeouts);
            let flow = crank.receiver.deliver(&crank.clock, socket, EventKind::Open);
            return Some(match flow {
                Flow::Go => Next::Again,
                Flow::Stop => Next::Leave(Step::Stopped),
            });
        }
        if watches(socket) && self.pulse.take_ping(&socket.config().timeouts, crank.clock.now()) {
            socket.heartbeat();
            self.prompt = true;
        }
        if *writable && socket.signals.has(bit::BLOCKED) {
            *writable = false;
            socket.flush();
        }
        None
    }

    /// Tells the messages at the front of what has arrived, each whole and in
    /// one frame: what nearly all are. It ends before anything else.
    #[inline(never)]
    pub(super) fn tell_whole(
        &mut self,
        socket: &Arc<Socket>,
        buffers: &mut Buffers,
        clock: &Clock,
        receiver: &mut Receiver<'_>,
    ) -> Flow {
        receiver.begin(socket);
        let input = buffers.plain.get(..buffers.end).unwrap_or_default();
        let at = &mut buffers.start;
        match receiver {
            Receiver::Handlers(handlers) => {
                while let Some((kind, data)) = self.next_whole(socket, input, at) {
                    handlers.call_for_message(socket, clock, kind, data);
                }
                Flow::Go
            }
            Receiver::Pull(take) => match self.next_whole(socket, input, at) {
                Some((kind, data)) => {
                    let kind = EventKind::Message(kind, data);
                    take(socket, &Event { timestamp: clock.as_ms(), kind });
                    Flow::Stop
                }
                None => Flow::Go,
            },
        }
    }

    /// The next of them that is to be told; `None` in front of anything else.
    #[inline(always)]
    pub(super) fn next_whole<'a>(
        &mut self,
        socket: &Socket,
        input: &'a [u8],
        at: &mut usize,
    ) -> Option<(MessageKind, &'a [u8])> {
        while *at < input.len() && !socket.signals.has(bit::URGENT) {
            let (kind, data) = self.decoder.whole(input, at)?;
            if log::enabled(Level::Trace) {
                trace_message(socket, kind, data.len());
            }
            if socket.ready_state() == ReadyState::Open {
                return Some((kind, data));
            }
        }
        None
    }

    /// Whether everything that has arrived was told; the next turn begins with
    /// a read then.
    pub(super) fn is_exhausted(&mut self, buffers: &Buffers) -> bool {
        self.budget = READ_BUDGET;
        self.carry.is_empty() && buffers.start == buffers.end && self.decoder.is_fresh()
    }

    /// Whether what is sent may wait for the next event: a frame lies whole at
    /// the front of what is not parsed.
    pub(super) fn may_gather(&mut self, buffers: &Buffers) -> bool {
        if std::mem::take(&mut self.prompt) {
            return false;
        }
        let rest = buffers.plain.get(buffers.start..buffers.end).unwrap_or_default();
        self.decoder.is_fresh() && Decoder::begins_whole(rest)
    }

    /// How much is to be read behind a message that lies in part in the
    /// buffer, and is better lent from there than put together elsewhere.
    #[inline(never)]
    pub(super) fn awaits(&mut self, buffers: &Buffers) -> Option<usize> {
        let rest = buffers.plain.get(buffers.start..buffers.end).unwrap_or_default();
        let lacks = self.decoder.lacks(rest, buffers.plain.len())?;
        // No more than this one where others are to have a turn.
        Some(if self.budget == 0 { lacks } else { usize::MAX })
    }

    /// Obeys a signal, or takes the next thing that has arrived.
    #[inline(never)]
    fn look(
        &mut self,
        socket: &Arc<Socket>,
        buffers: &mut Buffers,
        clock: &Clock,
        receiver: &mut Receiver<'_>,
        readable: &mut bool,
    ) -> Result<Found, Violation> {
        let signals = socket.signals.get();
        if signals & bit::URGENT != 0 {
            if signals & bit::RESUMED != 0 {
                socket.signals.clear(bit::RESUMED);
                let still = socket.lock_out().take_stillness();
                self.pulse.stood_still(still, clock.now());
                *readable = true;
            }
            if signals & bit::CHUNKS_ASKED != 0 {
                socket.signals.clear(bit::CHUNKS_ASKED);
                self.decoder.tell_chunks(socket.wants_chunks());
            }
            if signals & bit::DRAIN != 0 && socket.signals.take(bit::DRAIN) {
                let open = socket.ready_state() == ReadyState::Open;
                let stop = open && receiver.deliver(clock, socket, EventKind::Drain) == Flow::Stop;
                return Ok(if stop { Found::Stop } else { Found::Something });
            }
            if signals & (bit::SILENCED | bit::ABORT | bit::POISONED) != 0 {
                return Ok(Found::End);
            }
            if signals & bit::PAUSED != 0 {
                return Ok(Found::Pause);
            }
        }
        let input = buffers.plain.get(..buffers.end).unwrap_or_default();
        let (told, event) = match self.decoder.next(input, &mut buffers.start)? {
            None => return Ok(Found::Nothing),
            Some(Item::Message(kind, data)) => {
                trace_message(socket, kind, data.len());
                receiver.begin(socket);
                (socket.ready_state() == ReadyState::Open, EventKind::Message(kind, data))
            }
            Some(Item::Chunk(chunk)) => {
                socket.trace(|| {
                    let Chunk { kind, data, last, .. } = chunk;
                    let end = if last { ", the last" } else { "" };
                    format!("received a chunk of {kind:?}, {} bytes{end}", data.len())
                });
                receiver.begin(socket);
                (socket.ready_state() == ReadyState::Open, EventKind::Chunk(chunk))
            }
            Some(Item::Ping(payload)) => {
                socket.trace(|| format!("received Ping, {} bytes", payload.len()));
                socket.answer_ping(payload);
                self.prompt = true;
                socket.trace(|| format!("answering Pong, {} bytes", payload.len()));
                (socket.tells_pings(), EventKind::Ping(payload))
            }
            Some(Item::Pong(payload)) => {
                socket.trace(|| format!("received Pong, {} bytes", payload.len()));
                if let Some(waiting) = socket.take_pong(payload, clock.now()) {
                    self.pulse.answered(waiting);
                }
                (socket.tells_pings(), EventKind::Pong(payload))
            }
            Some(Item::Close(frame)) => {
                return Ok(Found::Close(frame.code, frame.reason.to_owned()));
            }
        };
        let stop = told && receiver.deliver(clock, socket, event) == Flow::Stop;
        Ok(if stop { Found::Stop } else { Found::Something })
    }
}

#[cold]
fn trace_message(socket: &Socket, kind: MessageKind, len: usize) {
    socket.trace(|| format!("received {kind:?}, {len} bytes"));
}

impl Open {
    /// Waits for what stands behind what is not parsed.
    #[inline(always)]
    pub(super) fn read_next(&mut self, socket: &Arc<Socket>, buffers: &mut Buffers) -> Read {
        if self.tls {
            return read_tls(self, socket, buffers, usize::MAX, Mode::Wait);
        }
        read_behind(self, buffers, usize::MAX, Mode::Wait)
    }
}

impl Conn {
    #[inline(never)]
    pub(super) fn step_open(&mut self, crank: &mut Crank<'_, '_>) -> Next {
        let Phase::Open(open) = &mut self.phase else { return Next::Again };
        let socket = &self.socket;
        let watched = Pulse::is_on(&socket.config().timeouts);
        if (open.announce || watched || socket.signals.has(bit::BLOCKED))
            && let Some(next) = open.prepare(socket, crank, &mut self.writable)
        {
            return next;
        }
        let Crank { buffers, clock, mode, receiver, .. } = crank;
        let mode = *mode;
        buffers.load(&mut open.carry);
        let mut looked = false;
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
            if awaits.is_none() && (rest || urgent || !open.decoder.is_fresh()) {
                match open.look(socket, buffers, clock, receiver, &mut self.readable) {
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
                        self.peer_closed(code, &reason, tcp);
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
            match read(open, socket, buffers, awaits.unwrap_or(usize::MAX), mode) {
                Read::Bytes(n, more) => {
                    open.decoder.tally().add_bytes(n);
                    clock.forget();
                    if watched {
                        open.pulse.heard(clock.now(), inside);
                    }
                    open.budget = open.budget.saturating_sub(n);
                    self.readable = more || self.read_closed;
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

/// Takes bytes from the kernel to where the decoder wants them, up to `max` of
/// those that stand behind what is not parsed. No lock is held over a read that
/// may wait.
#[inline]
fn read(
    open: &mut Open,
    socket: &Arc<Socket>,
    buffers: &mut Buffers,
    max: usize,
    mode: Mode,
) -> Read {
    if open.tls {
        return read_tls(open, socket, buffers, max, mode);
    }
    if open.decoder.wants_direct() {
        return read_direct(open, buffers, mode);
    }
    read_behind(open, buffers, max, mode)
}

/// Receives behind what is not parsed.
#[inline(always)]
fn read_behind(open: &Open, buffers: &mut Buffers, max: usize, mode: Mode) -> Read {
    let room = buffers.behind(max);
    let size = room.len();
    match sys::recv(&open.tcp, room, mode) {
        Ok(0) => Read::Over(None),
        Ok(n) => {
            buffers.end += n;
            Read::Bytes(n, n == size)
        }
        Err(error) => error.into(),
    }
}

#[inline(never)]
fn read_direct(open: &mut Open, buffers: &mut Buffers, mode: Mode) -> Read {
    if let Some((large, max)) = open.decoder.direct() {
        // The bytes of the next message that come with it are copied once
        // more when that is a large one too: a few, then.
        let spill = buffers.plain.get_mut(..SPILL).unwrap_or_default();
        let size = max + spill.len();
        return match sys::recv_behind(&open.tcp, large, max, spill, mode) {
            Ok(0) => Read::Over(None),
            Ok(n) => {
                buffers.start = 0;
                buffers.end = n.saturating_sub(max);
                match open.decoder.took_direct() {
                    Ok(()) => Read::Bytes(n, n == size),
                    Err(violation) => Read::Bad(violation),
                }
            }
            Err(error) => error.into(),
        };
    }
    // No memory for it: the decoder tells when it is given more.
    read_behind(open, buffers, usize::MAX, mode)
}

#[inline(never)]
fn read_tls(
    open: &mut Open,
    socket: &Arc<Socket>,
    buffers: &mut Buffers,
    max: usize,
    mode: Mode,
) -> Read {
    if let Some(over) = open.over.take() {
        return Read::Over(over);
    }
    loop {
        // Whether the kernel may have more: unknown while it was not asked.
        let mut more = true;
        if open.unread {
            buffers.cipher.clear();
        } else {
            match buffers.cipher.recv(&open.tcp, mode) {
                Ok(0) => return Read::Over(None),
                Ok(n) => more = n == CIPHER_ROOM,
                Err(error) => return error.into(),
            }
        }
        buffers.behind(max);
        let limit = buffers.plain.len().min(buffers.end.saturating_add(max));
        let before = buffers.end;
        let mut out = socket.lock_out();
        let Some(link) = out.link() else {
            buffers.cipher.clear();
            return Read::Over(None);
        };
        let over = loop {
            let room = buffers.plain.get_mut(buffers.end..limit).unwrap_or_default();
            if room.is_empty() {
                break None;
            }
            match link.decrypt(&mut buffers.cipher, room) {
                Ok(0) => break Some(None),
                Ok(n) => buffers.end += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break None,
                Err(error) => break Some(Some(error)),
            }
            if link.is_dry() && buffers.cipher.is_empty() {
                break None;
            }
        };
        open.unread = link.has_unread();
        more |= open.unread;
        let stuck = out.awaits_peer();
        drop(out);
        if stuck {
            // Perhaps this was what TLS waited for.
            socket.flush();
        }
        let got = buffers.end - before;
        match over {
            Some(over) if got == 0 => return Read::Over(over),
            // What came before the end is judged first.
            Some(over) => {
                open.over = Some(over);
                return Read::Bytes(got, true);
            }
            None if got > 0 => return Read::Bytes(got, more),
            // A record without payload (a session ticket), or half of one.
            None if mode == Mode::Wait => return Read::Bytes(0, true),
            None if more => {}
            // The kernel is empty, but it may have told of a FIN with these.
            None => return Read::Bytes(0, false),
        }
    }
}
