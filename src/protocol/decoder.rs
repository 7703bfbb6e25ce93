//! From bytes to messages (RFC 6455, 5.4, 5.5, 8.1, 10.4): reassembly, limits
//! and text checks. What lies whole in the input is lent from there; only the
//! incomplete is kept.

mod chunks;
mod direct;
mod inflate;
mod whole;

use whole::Waiting;
pub use whole::Whole;

use super::close::{self, CloseRules, PeerClose};
use super::deflate::Inflater;
use super::extension::DeflateParams;
use super::frame::{Header, read_header};
use super::tally::Tally;
use super::utf8::{Utf8, is_utf8};
use super::violation::{Violation, ViolationKind};
use crate::event::{Chunk, MessageKind};
use std::sync::Arc;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The most that [`Decoder::next`] leaves in its input: a Close, Ping or Pong
/// with one byte missing.
pub const LEFTOVER_MAX: usize = 126;

/// From this length on the rest of a frame is received straight.
const DIRECT_MIN: u64 = 32 * 1024;

/// Memory taken ahead of the bytes: this much, or as much as came so far.
const AHEAD: usize = 256 * 1024;

/// What an idle decoder may keep.
const IDLE_KEEP: usize = 512;

/// How much a peer may send. A frame's limit is its message's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub max_message: u64,
    /// Continuation frames of one message, empty ones included.
    pub max_fragments: u32,
}

/// What the peer sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole message; text is UTF-8.
    Message(MessageKind, &'a [u8]),
    /// A part of a message, instead of whole ones if that was asked for.
    Chunk(Chunk<'a>),
    /// A Ping, to be answered with the same payload.
    Ping(&'a [u8]),
    /// A Pong.
    Pong(&'a [u8]),
    /// The peer's Close; nothing after it counts.
    Close(PeerClose<'a>),
}

/// Where the decoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before a message, the assembly buffer empty.
    Fresh,
    /// The same, and the message will be told in chunks.
    Apart,
    /// Before a message, the last one still lent from the assembly buffer.
    Lent,
    /// Before a continuation frame.
    Between,
    /// Inside the payload of a data frame.
    Payload,
    /// After a Close or a violation.
    Ended,
}

/// What one step found.
enum Step<'a> {
    /// Nothing: more bytes are needed.
    More,
    /// An item that lies in the input.
    Here(Item<'a>),
    /// A message that lies in the assembly buffer.
    Assembled,
    /// So many bytes at the front of the assembly buffer, as a chunk that
    /// begins or ends the message.
    Chunk { len: usize, first: bool, last: bool },
}

/// Turns the bytes of a server into messages and control frames.
#[derive(Debug)]
pub struct Decoder {
    phase: Phase,
    rules: CloseRules,
    limits: Limits,
    /// Kind of the open message.
    kind: MessageKind,
    /// Whether the current data frame ends its message.
    fin: bool,
    /// Continuation frames of the open message.
    fragments: u32,
    /// Whether the current data frame is received straight.
    large: bool,
    /// Bytes the current data frame lacks.
    missing: u64,
    /// Payload bytes of the open message, by the headers of its frames.
    announced: u64,
    /// Inflates compressed messages, if permessage-deflate was agreed.
    inflater: Option<Box<Inflater>>,
    /// Whether the open message is compressed.
    compressed: bool,
    /// Length of `buffer` when it was lent by `direct`.
    mark: usize,
    /// The check of the open text message; of one that is told in chunks and
    /// not compressed, only of the character that a frame's end has cut.
    text: Utf8,
    /// Whether messages are to be told in chunks.
    in_chunks: bool,
    /// Whether the open message is.
    chunked: bool,
    /// Whether a chunk of it was told.
    continued: bool,
    /// Payload bytes of it that were told.
    told: u64,
    /// Bytes at the front of `buffer` that were lent as a chunk.
    spent: usize,
    /// The payload of the open message so far.
    buffer: Vec<u8>,
    /// The text that waits in the input.
    waiting: Waiting,
    /// What was read so far.
    tally: Arc<Tally>,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Limits, rules: CloseRules) -> Self {
        Self {
            phase: Phase::Fresh,
            rules,
            limits,
            kind: MessageKind::Binary,
            fin: false,
            fragments: 0,
            large: false,
            missing: 0,
            announced: 0,
            inflater: None,
            compressed: false,
            mark: 0,
            text: Utf8::new(),
            in_chunks: false,
            chunked: false,
            continued: false,
            told: 0,
            spent: 0,
            buffer: Vec::new(),
            waiting: Waiting::default(),
            tally: Arc::default(),
        }
    }

    /// Takes compressed messages too. Takes no memory before the first.
    pub fn inflate(&mut self, agreed: &DeflateParams) {
        self.inflater = Some(Box::new(Inflater::new(agreed)));
    }

    /// What was read so far.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Looks for the next item in `input[*pos..]` and moves `*pos` past it.
    ///
    /// `Ok(None)`: more bytes are needed. What is left at `input[*pos..]` then,
    /// at most [`LEFTOVER_MAX`] bytes (an incomplete header or control frame),
    /// must stand at the front of the next input. The payload of an incomplete
    /// data frame has been copied out.
    ///
    /// After a Close or a violation everything is swallowed. Memory of the last
    /// message is kept for the next one until [`rest`](Self::rest).
    #[inline]
    pub fn next<'a>(
        &'a mut self,
        input: &'a [u8],
        pos: &mut usize,
    ) -> Result<Option<Item<'a>>, Violation> {
        if let Some(mut whole) = self.whole(input.get(*pos..).unwrap_or_default())
            && let Some((kind, payload)) = whole.next()
        {
            *pos = input.len() - whole.rest().len();
            return Ok(Some(Item::Message(kind, payload)));
        }
        self.next_slow(input, pos)
    }

    /// [`next`](Self::next) for everything.
    #[inline(never)]
    fn next_slow<'a>(
        &'a mut self,
        input: &'a [u8],
        pos: &mut usize,
    ) -> Result<Option<Item<'a>>, Violation> {
        match self.step(input, pos) {
            Ok(Step::More) => Ok(None),
            Ok(Step::Here(item)) => Ok(Some(item)),
            Ok(Step::Assembled) => Ok(Some(Item::Message(self.kind, &self.buffer))),
            Ok(Step::Chunk { len, first, last }) => {
                let data = self.buffer.get(..len).unwrap_or_default();
                Ok(Some(Item::Chunk(Chunk { kind: self.kind, first, last, data })))
            }
            Err(kind) => {
                *pos = input.len();
                self.end();
                Err(kind.into())
            }
        }
    }

    fn step<'a>(&mut self, input: &'a [u8], pos: &mut usize) -> Result<Step<'a>, ViolationKind> {
        self.unlend();
        loop {
            let rest = input.get(*pos..).unwrap_or_default();
            match self.phase {
                Phase::Ended => {
                    *pos = input.len();
                    return Ok(Step::More);
                }
                Phase::Payload if self.chunked => {
                    if let Some(chunk) = self.take_chunk(rest, pos)? {
                        return Ok(chunk);
                    }
                    if self.missing > 0 {
                        return Ok(Step::More);
                    }
                    self.tally.add_other();
                    self.phase = Phase::Between;
                }
                Phase::Payload => {
                    *pos += self.take(rest)?;
                    if self.missing > 0 {
                        return Ok(Step::More);
                    }
                    if self.fin {
                        return self.complete();
                    }
                    self.tally.add_other();
                    self.phase = Phase::Between;
                }
                Phase::Fresh | Phase::Apart | Phase::Lent | Phase::Between => {
                    let inside = self.phase == Phase::Between;
                    let Some(header) = read_header(rest, inside, self.inflater.is_some())? else {
                        return Ok(Step::More);
                    };
                    let after = rest.get(header.len..).unwrap_or_default();
                    let whole =
                        usize::try_from(header.payload).ok().and_then(|len| after.get(..len));
                    match (header.opcode, whole) {
                        (OpCode::Control(control), Some(payload)) => {
                            *pos += header.len + payload.len();
                            self.tally.add_other();
                            return Ok(Step::Here(self.control(control, payload)?));
                        }
                        (OpCode::Control(_), None) => return Ok(Step::More),
                        (OpCode::Data(data), whole) => {
                            self.begin(&header, data)?;
                            *pos += header.len;
                            if let Some(payload) = whole
                                && header.fin
                                && !inside
                                && !header.compressed
                                && !self.chunked
                            {
                                *pos += payload.len();
                                return self.lend(payload).map(Step::Here);
                            }
                            self.phase = Phase::Payload;
                        }
                    }
                }
            }
        }
    }

    /// Judges the limits by the header of a data frame, before any memory is
    /// taken, and makes ready for its payload.
    fn begin(&mut self, header: &Header, data: Data) -> Result<(), ViolationKind> {
        if data == Data::Continue {
            if self.fragments >= self.limits.max_fragments {
                return Err(ViolationKind::TooManyFragments(self.limits.max_fragments));
            }
            self.fragments += 1;
        } else {
            let text = data == Data::Text;
            self.kind = if text { MessageKind::Text } else { MessageKind::Binary };
            self.compressed = header.compressed;
            self.announced = 0;
            self.fragments = 0;
            self.text = Utf8::new();
            self.chunked = self.phase == Phase::Apart;
            if self.chunked {
                self.begin_chunks();
            }
        }
        // A message in chunks may have any size: each chunk is bounded.
        if !self.chunked && header.payload > self.limits.max_message.saturating_sub(self.announced)
        {
            return Err(ViolationKind::MessageTooBig(self.limits.max_message));
        }
        self.announced = self.announced.saturating_add(header.payload);
        self.fin = header.fin;
        self.large = header.payload >= DIRECT_MIN && !self.compressed && !self.chunked;
        self.missing = header.payload;
        Ok(())
    }

    /// A message that lies whole in the input.
    fn lend<'a>(&self, payload: &'a [u8]) -> Result<Item<'a>, ViolationKind> {
        if self.kind == MessageKind::Text && !is_utf8(payload) {
            return Err(ViolationKind::InvalidText);
        }
        self.tally.add_message(payload.len() as u64);
        Ok(Item::Message(self.kind, payload))
    }

    /// A control frame that lies whole in the input.
    fn control<'a>(
        &mut self,
        control: Control,
        payload: &'a [u8],
    ) -> Result<Item<'a>, ViolationKind> {
        match control {
            Control::Ping => Ok(Item::Ping(payload)),
            Control::Pong => Ok(Item::Pong(payload)),
            Control::Close => {
                let close = close::parse(payload, self.rules)?;
                self.end();
                Ok(Item::Close(close))
            }
            Control::Reserved(opcode) => Err(ViolationKind::ReservedOpcode(opcode)),
        }
    }

    /// Moves what `rest` has of the current frame's payload into the assembly
    /// buffer; returns how much that was.
    fn take(&mut self, rest: &[u8]) -> Result<usize, ViolationKind> {
        let len = usize::try_from(self.missing).map_or(rest.len(), |len| len.min(rest.len()));
        let part = rest.get(..len).unwrap_or_default();
        if self.compressed {
            self.take_compressed(part)?;
        } else {
            self.check(part)?;
            self.reserve(len)?;
            self.buffer.extend_from_slice(part);
        }
        self.missing -= len as u64;
        Ok(len)
    }

    /// Validates the next part of the open message.
    fn check(&mut self, part: &[u8]) -> Result<(), ViolationKind> {
        if self.kind == MessageKind::Text && !self.text.push(part) {
            return Err(ViolationKind::InvalidText);
        }
        Ok(())
    }

    /// Makes room for `len` bytes that are there, and ahead for what the frame
    /// declares, but never more than came so far or [`AHEAD`].
    fn reserve(&mut self, len: usize) -> Result<(), ViolationKind> {
        if self.buffer.is_empty() {
            // Memory of an earlier message that this one may not need.
            let needed = usize::try_from(self.missing).unwrap_or(usize::MAX);
            if self.buffer.capacity() > needed.saturating_add(AHEAD) {
                self.buffer = Vec::new();
            }
        }
        if self.buffer.capacity() - self.buffer.len() >= len {
            return Ok(());
        }
        let came = self.buffer.len() + len;
        let later = self.missing - len as u64;
        let mut ahead = usize::try_from(later).map_or(AHEAD.max(came), |l| l.min(AHEAD.max(came)));
        if !self.fin {
            // More frames follow: double, or many small ones cost a copy each.
            ahead = ahead.max(came);
        }
        self.buffer
            .try_reserve_exact(len + ahead)
            .map_err(|_| ViolationKind::NoMemory(self.buffer.len() as u64 + self.missing))
    }

    /// The last frame of a message is complete.
    fn complete<'a>(&mut self) -> Result<Step<'a>, ViolationKind> {
        if self.compressed {
            self.finish_compressed()?;
        }
        if self.kind == MessageKind::Text && !self.text.is_complete() {
            return Err(ViolationKind::InvalidText);
        }
        self.phase = Phase::Lent;
        self.count_message(self.buffer.len() as u64);
        Ok(Step::Assembled)
    }

    /// A message of so many bytes is complete.
    fn count_message(&self, payload: u64) {
        self.tally.add_message(payload);
        if self.compressed {
            let wire = self.announced.cast_signed();
            self.tally.add_inflated(payload.cast_signed() - wire);
        }
    }

    /// Gives the last message's memory back, for a connection that falls idle,
    /// and that of the last chunk. Does nothing inside a message that is put
    /// together and while a message is lent.
    #[inline(always)]
    pub fn rest(&mut self) {
        if self.buffer.capacity() > IDLE_KEEP {
            self.give_back();
        }
    }

    #[inline(never)]
    fn give_back(&mut self) {
        match self.phase {
            Phase::Fresh | Phase::Apart => self.buffer = Vec::new(),
            Phase::Between | Phase::Payload if self.chunked => {
                self.forget_chunk();
                self.buffer.shrink_to(IDLE_KEEP);
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.missing = 0;
        self.inflater = None;
        self.buffer = Vec::new();
        self.spent = 0;
    }

    /// Whether the next byte belongs to a data frame that has begun.
    pub fn is_inside_frame(&self) -> bool {
        self.phase == Phase::Payload
    }

    /// Whether nothing is kept: no message is open and none is lent. An
    /// incomplete header left in the caller's input does not count.
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Fresh | Phase::Apart | Phase::Ended)
    }

    /// Bytes of memory the assembly buffer holds.
    pub fn buffer_capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

#[cfg(test)]
mod chunk_tests;
#[cfg(test)]
mod short_tests;
#[cfg(test)]
mod tests;
