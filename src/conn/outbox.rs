//! The send queue: frames as they go on the wire, in one buffer, with the
//! payload bytes among them counted. Touches no socket.

use crate::drive::context::{mask_key, with_masks};
use crate::protocol;
use crate::socket::Sent;
use std::collections::{TryReserveError, VecDeque};

/// The bit of a frame that ends its message.
const FIN: u8 = 0x80;

/// Capacity an empty queue may keep.
const KEEP: usize = 4 << 10;

#[inline(never)]
fn append_large(wire: &mut Vec<u8>, opcode: u8, payload: &[u8]) -> Result<(), TryReserveError> {
    with_masks(|masks| protocol::append_frame(wire, opcode, true, false, payload, masks))
}

/// The opcodes we send (RFC 6455 §5.2).
pub(crate) mod opcode {
    pub(crate) const CONTINUATION: u8 = 0;
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const BINARY: u8 = 2;
    pub(crate) const CLOSE: u8 = 8;
    pub(crate) const PING: u8 = 9;
    pub(crate) const PONG: u8 = 10;
}

/// A data frame of a message that is compressed or comes in parts.
pub(crate) struct Part<'a> {
    pub(crate) opcode: u8,
    pub(crate) fin: bool,
    /// RSV1: a compressed message begins.
    pub(crate) rsv1: bool,
    pub(crate) payload: &'a [u8],
    /// The program's bytes that the payload stands for.
    pub(crate) bytes: usize,
}

/// A queued frame whose payload stands for another number of bytes.
#[derive(Debug, Clone, Copy)]
struct Scaled {
    /// Where it begins, on the scale of [`Outbox::end`].
    begin: u64,
    bytes: usize,
}

/// Frames on their way to the kernel.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    wire: Vec<u8>,
    /// Everything before this was taken.
    head: usize,
    /// Where the frame that `head` stands in begins.
    frame: usize,
    /// Data payload in `wire[head..]`, as the program counts it.
    payload: usize,
    /// In the order of the frames; there are seldom any.
    #[expect(clippy::box_collection, reason = "nearly always none, in each of many sockets")]
    scaled: Option<Box<VecDeque<Scaled>>>,
    /// Bytes taken and cut off in front of `wire`.
    base: u64,
    /// What was ever queued.
    sent: Sent,
}

/// What [`Outbox::drop_unsent`] threw away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Whether a message was among it, even an empty one.
    pub(crate) message: bool,
    /// Whether our Close frame was among it.
    pub(crate) close: bool,
    /// Payload bytes of messages.
    pub(crate) payload: usize,
}

impl Outbox {
    /// Queues a message.
    #[inline(always)]
    pub(crate) fn push(&mut self, opcode: u8, payload: &[u8]) -> Result<(), TryReserveError> {
        self.push_with(mask_key, opcode, payload)
    }

    /// The same with a key, which a small frame takes, from elsewhere.
    #[inline(always)]
    pub(crate) fn push_with(
        &mut self,
        key: impl FnOnce() -> [u8; 4],
        opcode: u8,
        payload: &[u8],
    ) -> Result<(), TryReserveError> {
        self.compact();
        if payload.len() <= protocol::MAX_CONTROL {
            protocol::append_small(&mut self.wire, FIN | opcode, payload, key())?;
        } else {
            append_large(&mut self.wire, opcode, payload)?;
        }
        if opcode < opcode::CLOSE {
            self.payload += payload.len();
            self.sent.messages += 1;
            self.sent.payload += payload.len() as u64;
        } else {
            self.sent.others += 1;
        }
        Ok(())
    }

    /// Queues a data frame that stands for `part.bytes`.
    pub(crate) fn push_part(&mut self, part: &Part<'_>) -> Result<(), TryReserveError> {
        self.compact();
        let differs = part.bytes != part.payload.len();
        if differs {
            self.scaled.get_or_insert_default().try_reserve(1)?;
        }
        let begin = self.end();
        with_masks(|masks| {
            let Part { opcode, fin, rsv1, payload, .. } = *part;
            protocol::append_frame(&mut self.wire, opcode, fin, rsv1, payload, masks)
        })?;
        if differs && let Some(scaled) = &mut self.scaled {
            scaled.push_back(Scaled { begin, bytes: part.bytes });
        }
        self.payload += part.bytes;
        self.sent.messages += u64::from(part.fin);
        self.sent.others += u64::from(!part.fin);
        self.sent.payload += part.bytes as u64;
        self.sent.saved += part.bytes as i64 - part.payload.len() as i64;
        Ok(())
    }

    /// Queues a Close frame; no code is an empty body.
    pub(crate) fn push_close(
        &mut self,
        code: Option<u16>,
        reason: &[u8],
    ) -> Result<(), TryReserveError> {
        with_masks(|masks| protocol::append_close(&mut self.wire, code, reason, masks))?;
        self.sent.others += 1;
        Ok(())
    }

    /// What was ever queued.
    pub(crate) fn sent(&self) -> Sent {
        self.sent
    }

    /// The bytes to send next.
    pub(crate) fn pending(&self) -> &[u8] {
        self.wire.get(self.head..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head >= self.wire.len()
    }

    /// The bytes to send next while it is plain.
    #[inline(always)]
    pub(super) fn plain(&self) -> &[u8] {
        &self.wire
    }

    /// Everything was taken while it was plain.
    #[inline(always)]
    pub(super) fn clear_plain(&mut self) {
        self.base += self.wire.len() as u64;
        self.payload = 0;
        self.wire.clear();
        if self.wire.capacity() > KEEP {
            self.wire = Vec::new();
        }
    }

    /// Whether each frame is as long as its message says, and none has begun
    /// to leave.
    pub(crate) fn is_plain(&self) -> bool {
        self.head == 0 && self.frame == 0 && self.scaled.is_none()
    }

    /// How far the queue reaches, as a count of bytes since the beginning.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.wire.len() as u64
    }

    /// Up to where it was taken, on the scale of [`Outbox::end`].
    pub(crate) fn taken(&self) -> u64 {
        self.base + self.head as u64
    }

    /// Data payload not taken yet.
    pub(crate) fn payload(&self) -> usize {
        self.payload
    }

    /// Takes `n` bytes off the front; the payload bytes among them.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize) -> usize {
        if self.head + n >= self.wire.len() {
            let payload = self.payload;
            self.clear();
            return payload;
        }
        self.advance_inside(n)
    }

    /// The same where bytes remain.
    #[inline(never)]
    fn advance_inside(&mut self, n: usize) -> usize {
        let (before, from) = (self.payload, self.head);
        self.head += n;
        while let Some(own) = protocol::own_frame(self.wire.get(self.frame..).unwrap_or_default()) {
            let body = self.frame + own.header_len;
            let end = body + usize::try_from(own.payload_len).unwrap_or(0);
            let begin = self.base + self.frame as u64;
            let scaled = self.scaled.as_ref().and_then(|scaled| scaled.front());
            let scaled = scaled.filter(|scaled| scaled.begin == begin).copied();
            if own.opcode < opcode::CLOSE {
                let left = |at: usize| bytes_left(scaled, body, end, at);
                self.payload -= left(from).saturating_sub(left(self.head));
            }
            if end > self.head {
                break;
            }
            if scaled.is_some()
                && let Some(all) = &mut self.scaled
            {
                all.pop_front();
            }
            self.frame = end;
        }
        before - self.payload
    }

    /// Drops every frame that has not begun to leave; the one that has stays.
    pub(crate) fn drop_unsent(&mut self) -> Dropped {
        let mut keep = self.head;
        if self.head > self.frame {
            let rest = self.wire.get(self.frame..).unwrap_or_default();
            if let Some(frame) = protocol::own_frame(rest) {
                keep =
                    self.frame + frame.header_len + usize::try_from(frame.payload_len).unwrap_or(0);
            }
        }
        let mut dropped = Dropped { message: false, close: false, payload: 0 };
        let mut at = keep;
        while let Some(frame) = protocol::own_frame(self.wire.get(at..).unwrap_or_default()) {
            let body = at + frame.header_len;
            let end = body + usize::try_from(frame.payload_len).unwrap_or(0);
            if frame.opcode < opcode::CLOSE {
                let begin = self.base + at as u64;
                let mut all = self.scaled.iter().flat_map(|scaled| scaled.iter());
                let scaled = all.find(|scaled| scaled.begin == begin).copied();
                dropped.message = true;
                dropped.payload += bytes_left(scaled, body, end, at);
            }
            dropped.close |= frame.opcode == opcode::CLOSE;
            at = end;
        }
        let kept = self.base + keep as u64;
        if let Some(scaled) = &mut self.scaled {
            scaled.retain(|scaled| scaled.begin < kept);
        }
        self.wire.truncate(keep);
        self.payload -= dropped.payload;
        if self.is_empty() {
            self.clear();
        }
        dropped
    }

    /// Cuts off what was taken once that is most of a large buffer.
    #[inline]
    fn compact(&mut self) {
        if self.frame > KEEP && self.frame > self.wire.len() / 2 {
            self.cut();
        }
    }

    #[cold]
    fn cut(&mut self) {
        self.wire.drain(..self.frame);
        self.base += self.frame as u64;
        self.head -= self.frame;
        self.frame = 0;
    }

    /// Everything was taken.
    #[inline]
    fn clear(&mut self) {
        self.head = 0;
        self.frame = 0;
        if self.scaled.is_some() {
            self.scaled = None;
        }
        self.clear_plain();
    }
}

/// The program's bytes of a frame with this payload that are left once
/// everything before `at` was taken; none only at the end.
fn bytes_left(scaled: Option<Scaled>, body: usize, end: usize, at: usize) -> usize {
    let left = end - at.clamp(body, end);
    match scaled {
        None => left,
        Some(Scaled { bytes, .. }) => {
            let part = bytes as u128 * left as u128;
            usize::try_from(part.div_ceil((end - body).max(1) as u128)).unwrap_or(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Outbox {
        let mut outbox = Outbox::default();
        for (kind, len) in [(opcode::TEXT, 5), (opcode::PING, 7), (opcode::BINARY, 300)] {
            assert!(outbox.push(kind, &vec![b'x'; len]).is_ok());
        }
        outbox
    }

    #[test]
    fn payload_falls_byte_by_byte_and_without_headers() {
        let mut outbox = filled();
        let total = outbox.pending().len();
        assert_eq!((outbox.payload(), total), (305, (6 + 5) + (6 + 7) + (8 + 300)));
        let mut left = 305;
        for step in 0..total {
            left -= outbox.advance(1);
            assert_eq!(left, outbox.payload(), "after byte {step}");
        }
        assert!(outbox.is_empty() && left == 0);
    }

    fn part(payload: &[u8], bytes: usize) -> Part<'_> {
        Part { opcode: opcode::TEXT, fin: true, rsv1: true, payload, bytes }
    }

    #[test]
    fn compressed_bytes_fall_in_proportion_and_to_zero() {
        let mut outbox = Outbox::default();
        for (len, bytes) in [(10, 1000), (3, 2), (1, 0), (200, 200), (7, 100_000)] {
            assert!(outbox.push_part(&part(&vec![b'z'; len], bytes)).is_ok());
        }
        let mut left = 101_202;
        assert_eq!(outbox.payload(), left);
        while !outbox.is_empty() {
            left -= outbox.advance(1);
            assert_eq!(left, outbox.payload());
        }
        assert!(left == 0 && outbox.scaled.is_none());
    }

    #[test]
    fn dropped_bytes_are_the_programs() {
        let mut outbox = Outbox::default();
        for bytes in [1000, 500, 70] {
            assert!(outbox.push_part(&part(b"12345", bytes)).is_ok());
        }
        assert_eq!(outbox.advance(7), 200);
        let dropped = outbox.drop_unsent();
        assert_eq!(dropped, Dropped { message: true, close: false, payload: 570 });
        assert_eq!((outbox.payload(), outbox.pending().len()), (800, 4));
        assert_eq!(outbox.advance(4), 800);
        assert!(outbox.is_empty());
    }

    #[test]
    fn the_frame_that_began_is_kept() {
        let mut outbox = filled();
        assert_eq!(outbox.advance(8), 2);
        assert!(outbox.push_close(Some(1000), b"bye").is_ok());
        let dropped = outbox.drop_unsent();
        assert_eq!(dropped, Dropped { message: true, close: true, payload: 300 });
        assert_eq!((outbox.pending().len(), outbox.payload()), (3, 3));
    }

    #[test]
    fn frames_that_did_not_begin_are_dropped() {
        let mut outbox = filled();
        assert_eq!(outbox.advance(11), 5);
        assert!(outbox.drop_unsent().message);
        assert!(outbox.is_empty() && outbox.payload() == 0);
    }
}
