//! DEFLATE by messages (RFC 7692, 7.2), on flate2. Knows no frames.
//!
//! Both directions take their memory with the first compressed message. With
//! context takeover the connection keeps it; without, one of each kind stays
//! with the thread, for whichever connection comes next.

use super::extension::{DeflateParams, MAX_WINDOW_BITS, MIN_WINDOW_BITS};
use crate::panics;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::Cell;
use std::collections::TryReserveError;
use std::fmt;
use std::thread::LocalKey;

/// What ends a flush, and what a message on the wire leaves out (7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// The output grows by this much first, and never by less.
const STEP: usize = 4 << 10;

/// More than the state of either direction takes.
const STATE: usize = 384 << 10;

thread_local! {
    static SPARE_COMPRESS: Cell<Option<Packer>> = const { Cell::new(None) };
    static SPARE_DECOMPRESS: Cell<Option<Unpacker>> = const { Cell::new(None) };
}

/// The thread's spare one. In an exit handler a thread has none any more.
fn spare<T>(of: &'static LocalKey<Cell<Option<T>>>) -> Option<T> {
    of.try_with(Cell::take).ok().flatten()
}

/// Leaves one for the thread's next message.
fn keep<T>(of: &'static LocalKey<Cell<Option<T>>>, one: Option<T>) {
    // In an exit handler it goes with its message.
    let _ = of.try_with(|spare| spare.set(one));
}

/// Makes a state, for which the crate panics where memory is refused. So we
/// ask for as much before; it may be gone again when the crate asks.
fn state<T>(make: impl FnOnce() -> T) -> Result<T, NoMemory> {
    Vec::<u8>::new().try_reserve_exact(STATE)?;
    panics::expected(make).ok_or(NoMemory)
}

/// No memory for a state, or for output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NoMemory;

impl From<TryReserveError> for NoMemory {
    fn from(_: TryReserveError) -> Self {
        Self
    }
}

/// zlib has no window of 8 bits; one of 9 reads what was made with 8.
fn zlib_bits(bits: u8) -> u8 {
    bits.clamp(MIN_WINDOW_BITS + 1, MAX_WINDOW_BITS)
}

/// A compressor and what it was made with.
struct Packer {
    compress: Compress,
    level: u32,
    bits: u8,
}

impl Packer {
    /// The thread's spare one if it fits, or a new one.
    fn get(level: u32, bits: u8) -> Result<Self, NoMemory> {
        if let Some(mut spare) =
            spare(&SPARE_COMPRESS).filter(|p| (p.level, p.bits) == (level, bits))
        {
            spare.compress.reset();
            return Ok(spare);
        }
        let make = || Compress::new_with_window_bits(Compression::new(level), false, bits);
        Ok(Self { compress: state(make)?, level, bits })
    }
}

/// No memory to compress with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateError;

impl From<TryReserveError> for DeflateError {
    fn from(_: TryReserveError) -> Self {
        Self
    }
}

impl From<NoMemory> for DeflateError {
    fn from(_: NoMemory) -> Self {
        Self
    }
}

/// Compresses our messages.
pub struct Deflater {
    level: u32,
    bits: u8,
    takeover: bool,
    packer: Option<Packer>,
    /// Whether anything of the open message was compressed, so that a
    /// [`TAIL`] was left out and is owed before more of it.
    begun: bool,
}

impl Deflater {
    /// A compressor for what was agreed; `None` if zlib cannot make so small
    /// a window, and messages go as they are. Takes no memory.
    pub fn new(agreed: &DeflateParams, level: u32) -> Option<Self> {
        let bits = agreed.client_max_window_bits;
        (bits > MIN_WINDOW_BITS).then_some(Self {
            level,
            bits: zlib_bits(bits),
            takeover: !agreed.client_no_context_takeover,
            packer: None,
            begun: false,
        })
    }

    /// Whether each message is compressed by itself.
    pub fn is_fresh_each_time(&self) -> bool {
        !self.takeover
    }

    /// Appends the next part of a message to `out`, flushed to a whole byte;
    /// `last` ends the message.
    ///
    /// On error what was appended is worth nothing; see
    /// [`forget`](Self::forget).
    pub fn push(&mut self, part: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), DeflateError> {
        self.push_part(part, out)?;
        if last {
            if !self.begun {
                // An empty message (7.2.3.6).
                out.try_reserve(1)?;
                out.push(0);
            }
            self.begun = false;
            if !self.takeover {
                keep(&SPARE_COMPRESS, self.packer.take());
            }
        }
        Ok(())
    }

    fn push_part(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), DeflateError> {
        if part.is_empty() {
            return Ok(());
        }
        let packer = match &mut self.packer {
            Some(packer) => packer,
            none => none.insert(Packer::get(self.level, self.bits)?),
        };
        // What does not compress takes five bytes more for each 16 KiB.
        let bound = part.len() + part.len() / 1024 + 64;
        out.try_reserve(TAIL.len() + bound.min(16 * STEP))?;
        if self.begun {
            out.extend_from_slice(&TAIL);
        }
        self.begun = true;
        let mut rest = part;
        loop {
            let before = packer.compress.total_in();
            packer
                .compress
                .compress_vec(rest, out, FlushCompress::Sync)
                .map_err(|_| DeflateError)?;
            let took = packer.compress.total_in().saturating_sub(before);
            rest = usize::try_from(took).ok().and_then(|n| rest.get(n..)).unwrap_or_default();
            if rest.is_empty() && out.len() < out.capacity() {
                break;
            }
            out.try_reserve(STEP)?;
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        Ok(())
    }

    /// Whether a message was begun and not ended.
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    /// Takes back the last push, before which [`is_begun`](Self::is_begun) was
    /// `begun`. The context begins anew, and the receiver need not know: a
    /// compressor refers to what it has seen itself and to nothing before.
    pub fn forget(&mut self, begun: bool) {
        self.packer = None;
        self.begun = begun;
    }
}

/// A decompressor and what it was made with.
struct Unpacker {
    decompress: Decompress,
    bits: u8,
}

impl Unpacker {
    /// The thread's spare one if it fits, or a new one.
    fn get(bits: u8) -> Result<Self, NoMemory> {
        if let Some(mut spare) = spare(&SPARE_DECOMPRESS).filter(|u| u.bits == bits) {
            spare.begin_anew()?;
            return Ok(spare);
        }
        let make = || Decompress::new_with_window_bits(false, bits);
        Ok(Self { decompress: state(make)?, bits })
    }

    /// Forgets what it has seen. With a small window the crate does so by
    /// making another state.
    fn begin_anew(&mut self) -> Result<(), NoMemory> {
        if self.bits == MAX_WINDOW_BITS {
            self.decompress.reset(false);
            return Ok(());
        }
        state(|| self.decompress.reset(false))
    }
}

/// Where [`Inflater::push`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inflated {
    /// The input is used up and everything that came of it is out.
    Dry,
    /// The output holds as much as it may; more may follow.
    Full,
}

/// Why inflating stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InflateError {
    /// It is no DEFLATE, or it ends inside a block.
    Data,
    /// No memory.
    Memory,
}

impl From<TryReserveError> for InflateError {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

impl From<NoMemory> for InflateError {
    fn from(_: NoMemory) -> Self {
        Self::Memory
    }
}

/// Decompresses the server's messages.
pub(super) struct Inflater {
    bits: u8,
    takeover: bool,
    unpacker: Option<Unpacker>,
    /// Whether a block is open: something was fed since the message or the
    /// last final block began.
    fed: bool,
}

impl Inflater {
    /// A decompressor for what was agreed. Takes no memory.
    pub(super) fn new(agreed: &DeflateParams) -> Self {
        Self {
            bits: zlib_bits(agreed.server_max_window_bits),
            takeover: !agreed.server_no_context_takeover,
            unpacker: None,
            fed: false,
        }
    }

    /// Takes bytes off the front of `input` and appends what they inflate to,
    /// until `input` is used up or `out` holds `max` bytes. Memory is taken
    /// as the output grows, never for more than `max` bytes.
    pub(super) fn push(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        max: usize,
    ) -> Result<Inflated, InflateError> {
        let unpacker = match &mut self.unpacker {
            Some(unpacker) => unpacker,
            None if input.is_empty() => return Ok(Inflated::Dry),
            none => none.insert(Unpacker::get(self.bits)?),
        };
        loop {
            let inflate = &mut unpacker.decompress;
            let len = out.len();
            if len >= max {
                return Ok(Inflated::Full);
            }
            if len == out.capacity() {
                out.try_reserve_exact(len.max(STEP).max(input.len()).min(max - len))?;
            }
            let before = inflate.total_in();
            let status = inflate
                .decompress_vec(input, out, FlushDecompress::None)
                .map_err(|_| InflateError::Data)?;
            let took = usize::try_from(inflate.total_in() - before).unwrap_or(usize::MAX);
            *input = input.get(took..).unwrap_or_default();
            self.fed |= took > 0;
            if status == Status::StreamEnd {
                // A block with BFINAL set (7.2.3.4): another stream may follow.
                unpacker.begin_anew()?;
                self.fed = false;
            } else if input.is_empty() && out.len() < out.capacity() {
                return Ok(Inflated::Dry);
            } else if took == 0 && out.len() == len {
                return Err(InflateError::Data);
            }
        }
    }

    /// Ends a message, after [`push`](Self::push) was dry.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), InflateError> {
        let whole = out.len();
        if self.fed {
            let end = self.push(&mut TAIL.as_slice(), out, whole.saturating_add(1))?;
            if end == Inflated::Full || out.len() > whole {
                // In a message that ends where it should, these bytes are the
                // length of an empty block.
                return Err(InflateError::Data);
            }
        }
        self.fed = false;
        if !self.takeover {
            keep(&SPARE_DECOMPRESS, self.unpacker.take());
        }
        Ok(())
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("bits", &self.bits).finish_non_exhaustive()
    }
}
