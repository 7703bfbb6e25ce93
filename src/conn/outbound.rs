//! The sending half of a connection, behind the socket's one lock: queue,
//! link and what both owe each other. Any thread may hold it for a moment;
//! nothing in it waits.

mod everyday;
mod flush;

use super::kept::{Kept, Unsent};
use super::link::Link;
use super::outbox::{Dropped, Outbox, Part, opcode};
use super::pings::Pings;
use crate::error::{Error, Result};
use crate::protocol::Utf8;
use crate::socket::Sent;
use crate::sys::Time;
pub(crate) use everyday::Sending;
use std::collections::VecDeque;
use std::time::Duration;

/// Most bytes of pongs queued before they are offered to the kernel.
const PONG_BATCH: usize = 4 << 10;

/// How far our Close frame has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseFrame {
    /// There is none.
    None,
    /// It stands in the queue and ends there.
    Queued(u64),
    /// The kernel took it then.
    Sent(Time),
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing waits any more.
    Done,
    /// The kernel is full.
    Blocked,
    /// The connection takes nothing any more.
    Broken,
}

/// Queue, link and their accounts.
pub(crate) struct Outbound {
    link: Option<Link>,
    outbox: Outbox,
    /// The newest ping that has no pong yet.
    pong: Option<Vec<u8>>,
    /// Where the last queued pong ends.
    pong_end: u64,
    /// Bytes of pongs queued since the queue was last empty.
    pongs: usize,
    /// Payload encrypted but not with the kernel.
    in_cipher: usize,
    /// Payload the kernel took during a callback; shown until that ends.
    withheld: usize,
    /// Payload of sends that were refused or dropped at the end.
    lost: usize,
    /// Once there was one.
    pings: Option<Box<Pings>>,
    /// For a socket that gives back what it could not send.
    kept: Option<Box<Kept>>,
    /// Since when the kernel takes nothing.
    stalled: Option<Time>,
    /// Since when the program has paused the socket.
    paused: Option<Time>,
    /// How long pauses were that the driver has not heard of.
    stillness: Duration,
    /// A drain event is owed once the queue is low.
    drain_owed: bool,
    close: CloseFrame,
    broken: bool,
    /// The message that is being sent in chunks.
    pub(crate) stream: Option<Stream>,
}

/// A message that is being sent in chunks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    /// The opcode of the next frame.
    pub(crate) opcode: u8,
    pub(crate) compressed: bool,
    /// The check of a text that nobody has vouched for.
    pub(crate) text: Option<Utf8>,
}

impl Outbound {
    pub(crate) fn new() -> Self {
        Self {
            link: None,
            outbox: Outbox::default(),
            pong: None,
            pong_end: 0,
            pongs: 0,
            in_cipher: 0,
            withheld: 0,
            lost: 0,
            pings: None,
            kept: None,
            stalled: None,
            paused: None,
            stillness: Duration::ZERO,
            drain_owed: false,
            close: CloseFrame::None,
            broken: false,
            stream: None,
        }
    }

    pub(crate) fn set_link(&mut self, link: Link) {
        self.link = Some(link);
    }

    pub(crate) fn link(&mut self) -> Option<&mut Link> {
        self.link.as_mut()
    }

    pub(crate) fn take_link(&mut self) -> Option<Link> {
        self.link.take()
    }

    /// The buffered amount as WHATWG counts it.
    pub(crate) fn shown(&self) -> usize {
        self.queued() + self.withheld + self.lost
    }

    /// Payload accepted and not with the kernel.
    pub(crate) fn queued(&self) -> usize {
        self.outbox.payload() + self.in_cipher
    }

    /// What the water marks are about: payload, or bytes on their way where
    /// those are more (many pings, many empty messages).
    pub(crate) fn load(&self) -> usize {
        self.queued().max(self.pending())
    }

    /// What was ever queued.
    pub(crate) fn sent(&self) -> Sent {
        self.outbox.sent()
    }

    /// Bytes that the kernel, or TLS, took.
    pub(crate) fn bytes_sent(&self) -> u64 {
        self.outbox.taken()
    }

    /// Bytes in the queue.
    pub(crate) fn pending(&self) -> usize {
        self.outbox.pending().len()
    }

    /// Whether bytes wait for the kernel.
    pub(crate) fn is_waiting(&self) -> bool {
        let waits = |link: &Link| !self.outbox.is_empty() || link.has_ciphertext();
        !self.broken && self.link.as_ref().is_some_and(waits)
    }

    /// Whether TLS takes nothing before it has heard from the peer, in the
    /// middle of a renegotiation: room in the kernel is no help then.
    pub(crate) fn awaits_peer(&self) -> bool {
        let full = |link: &Link| link.is_tls() && !link.has_ciphertext();
        !self.outbox.is_empty() && self.link.as_ref().is_some_and(full)
    }

    /// Whether the kernel had no room for what TLS has answered by itself, and
    /// nobody waits for that so far.
    pub(crate) fn holds_answer(&self) -> bool {
        self.stalled.is_none() && self.link.as_ref().is_some_and(Link::has_ciphertext)
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) fn stalled(&self) -> Option<Time> {
        self.stalled
    }

    /// A pause begins, or is over.
    pub(crate) fn set_paused(&mut self, pause: bool) {
        let since = self.paused.take();
        let now = Time::now();
        if pause {
            self.paused = since.or(Some(now));
        } else if let Some(since) = since {
            self.stillness += now.until(since);
        }
    }

    /// How long the socket was paused since this was asked last.
    pub(crate) fn take_stillness(&mut self) -> Duration {
        std::mem::take(&mut self.stillness)
    }

    pub(crate) fn close(&self) -> CloseFrame {
        self.close
    }

    /// From now on what cannot be sent is given back.
    pub(crate) fn keep_unsent(&mut self) {
        self.kept = Some(Box::default());
    }

    /// What was accepted, and the kernel does not have whole.
    pub(crate) fn take_unsent(&mut self) -> VecDeque<Unsent> {
        self.kept.take().map_or_else(VecDeque::new, |kept| kept.into_unsent())
    }

    /// Queues a message of the program.
    #[inline(always)]
    pub(crate) fn push_message(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        if self.kept.is_none() {
            return self.push(opcode, payload);
        }
        self.push_kept(opcode, payload)
    }

    #[inline(never)]
    fn push_kept(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let copy = Kept::copy(payload)?;
        self.push(opcode, payload)?;
        self.keep(opcode, true, copy);
        Ok(())
    }

    /// Queues a data frame of the program that stands for `data`.
    pub(crate) fn push_data(&mut self, part: &Part<'_>, data: &[u8]) -> Result<()> {
        if self.kept.is_none() {
            return self.push_part(part);
        }
        let copy = Kept::copy(data)?;
        self.push_part(part)?;
        self.keep(part.opcode, part.fin, copy);
        Ok(())
    }

    fn keep(&mut self, opcode: u8, fin: bool, copy: Vec<u8>) {
        let end = self.outbox.end();
        if let Some(kept) = &mut self.kept {
            kept.add(opcode, fin, copy, end);
        }
    }

    /// Queues a pong that nobody asked for.
    pub(crate) fn push_control(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        self.push(opcode, payload)
    }

    /// Queues a frame.
    #[inline(always)]
    fn push(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        self.outbox.push(opcode, payload).map_err(|_| Error::NoMemory)
    }

    /// Queues a data frame that stands for more, or less, than its payload.
    fn push_part(&mut self, part: &Part<'_>) -> Result<()> {
        self.outbox.push_part(part).map_err(|_| Error::NoMemory)
    }

    /// Queues a ping, to be answered with the same payload.
    pub(crate) fn push_ping(&mut self, payload: &[u8]) -> Result<()> {
        self.push(opcode::PING, payload)?;
        self.pings.get_or_insert_default().add_own(payload, Time::now());
        Ok(())
    }

    /// Queues a ping of the heartbeat, unless many wait for their answer.
    pub(crate) fn push_heartbeat(&mut self) {
        if let Some(payload) = self.pings.get_or_insert_default().next_beat()
            && !self.broken
            // Without memory for it the peer's silence is noticed all the same.
            && self.push(opcode::PING, &payload).is_ok()
        {
            self.pings.get_or_insert_default().add_beat(payload, Time::now());
        }
    }

    /// When the ping was queued that this pong answers, if it answers one, and
    /// the heartbeat's oldest that still waits.
    pub(crate) fn answered(&mut self, payload: &[u8]) -> Option<(Time, Option<Time>)> {
        let pings = self.pings.as_mut()?;
        let sent = pings.answered(payload)?;
        Some((sent, pings.oldest_beat()))
    }

    /// Counts a message that was refused because the socket is closing.
    pub(crate) fn count_refused(&mut self, bytes: usize) {
        self.lost = self.lost.saturating_add(bytes);
    }

    /// Asks for a drain event when the queue is low again.
    pub(crate) fn owe_drain(&mut self) {
        self.drain_owed = true;
    }

    /// Whether a drain event will be due.
    pub(crate) fn owes_drain(&self) -> bool {
        self.drain_owed
    }

    /// Whether the drain event is due; it is owed no more then.
    pub(crate) fn take_drain(&mut self, low_water: usize) -> bool {
        let due = self.drain_owed && self.load() <= low_water;
        self.drain_owed &= !due;
        due
    }

    /// Answers a ping. While the kernel takes nothing, only the newest one
    /// gets an answer (RFC 6455 §5.5.3).
    pub(crate) fn answer_ping(&mut self, payload: &[u8]) {
        // A kernel that takes nothing is not asked for each ping.
        if self.pongs >= PONG_BATCH && self.stalled.is_none() {
            self.flush(false);
        }
        if self.stalled.is_none() && self.pongs < PONG_BATCH {
            if self.outbox.push(opcode::PONG, payload).is_ok() {
                self.pongs += payload.len() + 1;
                self.pong_end = self.outbox.end();
            }
        } else {
            self.pong = Some(payload.to_vec());
            place_pong(&mut self.pong, &mut self.pong_end, &mut self.outbox);
        }
    }

    /// Queues our Close frame behind everything else.
    pub(crate) fn push_close(&mut self, code: Option<u16>, reason: &[u8]) {
        self.pong = None;
        if self.outbox.push_close(code, reason).is_err() {
            // Without memory for it the peer never sees our Close.
            self.broken = true;
        }
        self.close = CloseFrame::Queued(self.outbox.end());
    }

    /// The peer's Close came: what has not begun to leave never will, and
    /// exactly one Close of ours stands behind the rest.
    pub(crate) fn answer_close(&mut self, code: Option<u16>, reason: &[u8]) -> Dropped {
        self.pong = None;
        let dropped = self.outbox.drop_unsent();
        if let Some(kept) = &mut self.kept {
            kept.drop_behind(self.outbox.end());
        }
        self.lost = self.lost.saturating_add(dropped.payload);
        if dropped.close || self.close == CloseFrame::None {
            self.push_close(code, reason);
        }
        dropped
    }

    /// The callback is over: what the kernel took is buffered no more.
    #[inline(always)]
    pub(crate) fn reveal(&mut self) {
        self.withheld = 0;
    }
}

/// Queues the waiting pong once the one before has left: a flood of pings
/// costs one frame of memory.
#[inline]
fn place_pong(pong: &mut Option<Vec<u8>>, end: &mut u64, outbox: &mut Outbox) {
    if *end <= outbox.taken()
        && let Some(payload) = pong.take()
        && outbox.push(opcode::PONG, &payload).is_ok()
    {
        *end = outbox.end();
    }
}
