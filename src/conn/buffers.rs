//! A driver's buffers, lent to one connection after the other, and what a
//! connection keeps of them until its next turn.

use super::memory::Cipher;
use crate::config::READ_BUFFER;
use crate::sys;
use std::mem;

/// Received behind a message that goes elsewhere: the next header, and little of
/// a message that is copied once more if it is large. A message as large as the
/// buffer is lent from it whole, with its header.
pub(super) const SPILL: usize = 512;
/// So large a buffer grows by itself: more would leave the CPU's cache before it is
/// looked at.
const GROWN: usize = 512 << 10;
/// Room where little is expected.
const LITTLE_ROOM: usize = 1 << 10;
/// What a connection keeps is copied up to this, and moved with its buffer beyond:
/// what others use then has to be made anew.
const COPIED: usize = 256 << 10;
/// The same where there are no others.
const COPIED_ALONE: usize = 1 << 10;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// `plain[start..end]` is not parsed yet.
    pub(super) plain: Vec<u8>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The contents belong to the connection that stopped in the middle.
    pub(super) taken: bool,
    /// Little is expected: there is only a small buffer so far.
    pub(crate) little: bool,
    /// They are lent to one connection only.
    pub(crate) alone: bool,
    /// How large they are to be.
    wish: usize,
    /// The largest that was set for a connection, of those that were opened, or the
    /// usual.
    base: usize,
    /// They grow by themselves: for a connection for which nothing was set.
    grows: bool,
    pub(super) cipher: Cipher,
}

/// What a connection keeps from one turn to the next: an incomplete header, or
/// what stood behind a pause. `bytes[start..end]`.
#[derive(Debug, Default)]
pub(super) struct Carry {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The bytes are the driver's buffer.
    moved: bool,
}

impl From<Vec<u8>> for Carry {
    fn from(bytes: Vec<u8>) -> Self {
        Self { start: 0, end: bytes.len(), bytes, moved: false }
    }
}

impl Carry {
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl Buffers {
    /// For one connection only.
    pub(crate) fn for_one() -> Self {
        Self { alone: true, ..Self::default() }
    }

    /// Makes room for `size` bytes, or for fewer where the system refuses so many,
    /// but for `least`; what was there is lost.
    fn reserve(&mut self, size: usize, least: usize) {
        if self.plain.len() < size {
            let least = least.max(size.min(READ_BUFFER + SPILL));
            self.plain = sys::room(size, least).unwrap_or_else(|| vec![0; least]);
        }
    }

    /// Whether anything was read with them.
    pub(crate) fn has_room(&self) -> bool {
        !self.plain.is_empty()
    }

    fn usual(&self) -> usize {
        if self.little { LITTLE_ROOM } else { self.wish.max(LITTLE_ROOM) + SPILL }
    }

    /// A connection was opened for which this size was set, or none.
    pub(super) fn suit(&mut self, set: Option<usize>) {
        self.grows |= set.is_none();
        self.base = self.base.max(set.unwrap_or(READ_BUFFER));
        self.wish_for(self.base);
    }

    fn wish_for(&mut self, wish: usize) {
        if wish > self.wish {
            self.wish = wish;
            self.cipher.suit(wish);
            if self.has_room() && !self.little {
                self.move_to(self.usual());
            }
        }
    }

    /// Whether a message that fits waits in the buffer until it is whole, so that
    /// each read takes as much as there is.
    #[inline]
    pub(super) fn is_wide(&self) -> bool {
        self.wish > READ_BUFFER
    }

    /// Whether it waits there from one turn to the next, where others have theirs
    /// between them: not so much of it that a peer which sends it bit by bit would
    /// have it copied each time, unless that was asked for.
    #[inline]
    pub(super) fn keep_waiting(&self) -> bool {
        self.alone || self.wish == self.base || self.end - self.start <= COPIED_ALONE
    }

    /// The largest message that is lent from the buffer, with its header.
    #[inline]
    pub(super) fn most(&self) -> usize {
        self.plain.len().min(self.usual())
    }

    /// More came than was expected: a small buffer becomes a usual one.
    pub(super) fn grow(&mut self) {
        if self.little {
            self.little = false;
            self.move_to(self.usual());
        }
    }

    /// A read has filled all there was: they are to be twice as large, where two
    /// messages of `len` bytes fit into what they may become.
    #[cold]
    pub(super) fn grow_for(&mut self, len: usize) {
        if self.grows && !self.little && self.wish < GROWN && len <= GROWN / 2 {
            self.wish_for((self.wish * 2).min(GROWN));
        }
    }

    /// What they hold begins a message that is put together elsewhere: so much of it
    /// is not to be moved again.
    #[cold]
    pub(super) fn narrow(&mut self) {
        self.shrink();
        self.reserve(self.usual(), 0);
    }

    /// Whether they are larger than they were made.
    pub(crate) fn have_grown(&self) -> bool {
        self.wish > self.base || (self.plain.len() > self.usual() && !self.little)
    }

    /// Gives back what they have grown by, for nothing has come for a while.
    #[cold]
    pub(crate) fn shrink(&mut self) {
        if self.have_grown() && self.start == self.end && self.cipher.is_empty() {
            self.discard();
            self.wish = self.base;
            self.plain = Vec::new();
            self.cipher = Cipher::default();
            self.cipher.suit(self.wish);
        }
    }

    /// Makes room for a message of `whole` bytes, of which some are there, and for
    /// another: a read takes two such messages, not one.
    pub(super) fn widen(&mut self, whole: usize) {
        let grown = self.wish > self.base;
        let size = if self.is_wide() { 2 * whole } else { whole + self.usual() };
        if !grown && self.plain.len() < size && !self.little {
            self.move_to(size);
        }
    }

    /// Moves what is not parsed to the front of a larger buffer, if it can be had.
    #[cold]
    fn move_to(&mut self, size: usize) {
        let Some(mut wider) = sys::room(size, self.plain.len()) else { return };
        let rest = self.plain.get(self.start..self.end).unwrap_or_default();
        if let Some(front) = wider.get_mut(..rest.len()) {
            front.copy_from_slice(rest);
        }
        (self.start, self.end) = (0, rest.len());
        self.plain = wider;
    }

    /// A place to receive what is discarded.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.reserve(self.usual(), 0);
        self.start = 0;
        self.end = 0;
        &mut self.plain
    }

    /// How much a read takes at most where a turn may bring `budget` bytes more: as
    /// much as was set, but no more than the usual beyond that budget.
    #[inline]
    pub(super) fn most_now(&self, budget: usize) -> usize {
        if self.wish > self.base { budget.max(READ_BUFFER) } else { usize::MAX }
    }

    /// Brings back what the connection left, unless it is still in place.
    #[inline(always)]
    pub(super) fn load(&mut self, carry: &mut Carry) {
        if self.taken {
            self.taken = false;
            return;
        }
        self.start = 0;
        self.end = 0;
        if !carry.is_empty() || self.plain.is_empty() {
            self.bring(mem::take(carry));
        }
    }

    #[cold]
    fn bring(&mut self, carry: Carry) {
        if carry.moved {
            self.plain = carry.bytes;
            (self.start, self.end) = (carry.start, carry.end);
            if self.plain.len() < self.usual() {
                self.move_to(self.usual());
            }
            return;
        }
        self.reserve(self.usual().max(carry.end), carry.end);
        if let Some(front) = self.plain.get_mut(..carry.end) {
            front.copy_from_slice(&carry.bytes);
            self.end = carry.end;
        }
    }

    /// Keeps what is not parsed for the connection's next turn.
    pub(super) fn store(&mut self, carry: &mut Carry) {
        if self.start < self.end {
            *carry = self.keep();
        }
        self.start = 0;
        self.end = 0;
    }

    #[cold]
    fn keep(&mut self) -> Carry {
        let copied = if self.alone { COPIED_ALONE } else { COPIED };
        if self.end - self.start > copied {
            // A pause behind each message would copy all that follow each time.
            let bytes = mem::take(&mut self.plain);
            return Carry { bytes, start: self.start, end: self.end, moved: true };
        }
        self.plain.get(self.start..self.end).unwrap_or_default().to_vec().into()
    }

    /// Forgets what is not parsed.
    pub(crate) fn discard(&mut self) {
        self.start = 0;
        self.end = 0;
        self.taken = false;
    }

    /// Whether there is room enough without moving what is not parsed, much of a
    /// message.
    #[inline]
    fn has_much_behind(&self) -> bool {
        self.is_wide() && self.end - self.start > COPIED_ALONE && self.end <= self.plain.len() / 2
    }

    /// Moves the unparsed bytes, a few, to the front, for up to `max` more
    /// behind them.
    #[inline(always)]
    pub(super) fn behind(&mut self, max: usize) -> &mut [u8] {
        if self.start > 0 && !self.has_much_behind() {
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

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: usize = READ_BUFFER + SPILL;

    fn suited() -> Buffers {
        let mut buffers = Buffers::default();
        buffers.suit(Some(READ_BUFFER));
        buffers
    }

    /// `size` bytes at `at`, each with another value.
    fn put(buffers: &mut Buffers, at: usize, size: usize) -> Vec<u8> {
        let bytes: Vec<u8> = (0..size).map(|i| (i * 7 % 251) as u8).collect();
        (buffers.start, buffers.end) = (at, at + size);
        if let Some(place) = buffers.plain.get_mut(at..at + size) {
            place.copy_from_slice(&bytes);
        }
        bytes
    }

    fn unparsed(buffers: &Buffers) -> &[u8] {
        buffers.plain.get(buffers.start..buffers.end).unwrap_or_default()
    }

    #[test]
    fn a_wider_buffer_has_what_was_not_parsed_and_room_for_one_message_more() {
        let mut buffers = suited();
        buffers.room().fill(7);
        let rest = put(&mut buffers, 100, 3);
        for (whole, size) in [(20_000, 20_000), (17_000, 20_000), (65_546, 65_546)] {
            buffers.widen(whole);
            assert_eq!(buffers.plain.len(), size + USUAL);
            assert_eq!((buffers.start, buffers.end), (0, 3));
            assert_eq!(unparsed(&buffers), rest);
        }
    }

    #[test]
    fn a_small_buffer_is_not_widened_before_it_is_a_usual_one() {
        let mut buffers = Buffers { little: true, ..suited() };
        assert_eq!(buffers.room().len(), LITTLE_ROOM);
        buffers.widen(65_546);
        assert_eq!(buffers.plain.len(), LITTLE_ROOM);
        buffers.end = 5;
        buffers.grow();
        assert_eq!((buffers.plain.len(), buffers.start, buffers.end), (USUAL, 0, 5));
    }

    #[test]
    fn the_largest_wish_counts_and_moves_what_was_not_parsed() {
        let mut buffers = suited();
        buffers.room();
        let rest = put(&mut buffers, 65_000, 900);
        buffers.suit(Some(4096));
        assert_eq!((buffers.plain.len(), buffers.start), (USUAL, 65_000));
        assert!(!buffers.is_wide());
        buffers.suit(Some(1 << 20));
        assert_eq!((buffers.plain.len(), buffers.most()), ((1 << 20) + SPILL, (1 << 20) + SPILL));
        assert_eq!(unparsed(&buffers), rest);
        assert!(buffers.is_wide());
    }

    #[test]
    fn a_buffer_grows_by_itself_where_nothing_was_set_and_shrinks_again() {
        let mut buffers = Buffers::default();
        buffers.suit(None);
        buffers.room();
        assert_eq!((buffers.plain.len(), buffers.is_wide()), (USUAL, false));
        let rest = put(&mut buffers, 60_000, 700);
        for size in [128 << 10, 256 << 10, 512 << 10, 512 << 10] {
            buffers.grow_for(64 << 10);
            assert_eq!((buffers.plain.len(), buffers.most()), (size + SPILL, size + SPILL));
            assert_eq!(unparsed(&buffers), rest);
        }
        assert!(buffers.is_wide());
        // Not while something is in it.
        buffers.shrink();
        assert_eq!(buffers.plain.len(), (512 << 10) + SPILL);
        (buffers.start, buffers.taken) = (buffers.end, true);
        buffers.shrink();
        assert_eq!((buffers.plain.len(), buffers.is_wide()), (0, false));
        buffers.load(&mut Carry::default());
        assert_eq!(buffers.plain.len(), USUAL);
        buffers.grow_for(0);
        buffers.narrow();
        assert_eq!((buffers.plain.len(), buffers.is_wide()), (USUAL, false));
    }

    #[test]
    fn a_buffer_does_not_grow_beyond_what_was_set_or_for_what_fits_once() {
        let mut buffers = suited();
        buffers.room();
        buffers.grow_for(0);
        assert_eq!(buffers.plain.len(), USUAL);
        buffers.suit(None);
        buffers.grow_for(GROWN / 2 + 1);
        assert_eq!(buffers.plain.len(), USUAL);
        // What was set for one is not taken back for another.
        buffers.suit(Some(128 << 10));
        buffers.grow_for(0);
        assert_eq!(buffers.plain.len(), (256 << 10) + SPILL);
        buffers.narrow();
        assert_eq!(buffers.plain.len(), (128 << 10) + SPILL);
        buffers.suit(Some(1 << 20));
        buffers.grow_for(0);
        assert_eq!(buffers.plain.len(), (1 << 20) + SPILL);
    }

    #[test]
    fn what_a_connection_keeps_comes_back_copied_or_with_its_buffer() {
        let both = [(COPIED, false), (COPIED_ALONE, true)];
        let sizes =
            both.map(|(most, alone)| [1, most, most + 1, 1 << 20].map(|n| (n, most, alone)));
        for (kept, most, alone) in sizes.into_iter().flatten() {
            let mut buffers = Buffers { alone, ..Buffers::default() };
            buffers.suit(Some(4 << 20));
            buffers.room();
            let place = buffers.plain.as_ptr();
            let rest = put(&mut buffers, 77, kept);
            let mut carry = Carry::default();
            buffers.store(&mut carry);
            assert_eq!(buffers.plain.is_empty(), kept > most);
            assert!(!carry.is_empty() && unparsed(&buffers).is_empty());
            // Others have a turn.
            buffers.load(&mut Carry::default());
            put(&mut buffers, 0, 10);
            buffers.discard();
            buffers.load(&mut carry);
            assert_eq!(unparsed(&buffers), rest);
            assert_eq!(buffers.plain.as_ptr(), place);
            assert!(carry.is_empty() && buffers.plain.len() == (4 << 20) + SPILL);
        }
    }

    #[test]
    fn what_comes_back_with_a_smaller_buffer_is_moved_to_one_as_was_wished_since() {
        let mut buffers = Buffers::default();
        buffers.suit(Some(1 << 20));
        buffers.room();
        let rest = put(&mut buffers, 77, COPIED + 1);
        let mut carry = Carry::default();
        buffers.store(&mut carry);
        buffers.suit(Some(4 << 20));
        buffers.load(&mut carry);
        assert_eq!(unparsed(&buffers), rest);
        assert_eq!(buffers.plain.len(), (4 << 20) + SPILL);
    }

    #[test]
    fn much_of_a_message_is_moved_in_a_wide_buffer_only_for_room() {
        let mut buffers = Buffers::default();
        buffers.suit(Some(1 << 20));
        buffers.room();
        let size = buffers.plain.len();
        for (at, rest, stays) in [
            (100, COPIED_ALONE, false),
            (100, COPIED_ALONE + 1, true),
            (size / 2 - 50_000, 50_000, true),
            (size / 2 - 50_000, 50_001, false),
        ] {
            let bytes = put(&mut buffers, at, rest);
            let behind = buffers.behind(usize::MAX).len();
            assert_eq!(unparsed(&buffers), bytes);
            assert_eq!(
                (buffers.start, behind),
                if stays { (at, size - at - rest) } else { (0, size - rest) }
            );
        }
    }
}
