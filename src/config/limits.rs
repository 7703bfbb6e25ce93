//! How much is accepted and how much may wait.

use super::{Config, Refusal, Set};
use std::ops::RangeInclusive;

/// How large the buffer is that is read into, in bytes, if nothing is set; it grows
/// by itself then.
pub(crate) const READ_BUFFER: usize = 64 << 10;
/// The smallest and the largest that can be set.
const READ_BUFFERS: RangeInclusive<usize> = 4 << 10..=1 << 30;

/// The limits and their defaults.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest message accepted, in bytes.
    pub max_message_size: u64,
    /// Most continuation frames in one message.
    pub max_fragments: u32,
    /// The drain event comes when the buffered amount falls to this.
    pub low_water: usize,
    /// Sends are refused while the queue stands at or over this.
    pub high_water: usize,
    /// How much one read takes from the kernel; what suits the peer if not set.
    pub read_buffer: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_size: 64 << 20,
            max_fragments: 131_072,
            low_water: 1 << 20,
            high_water: 4 << 20,
            read_buffer: None,
        }
    }
}

impl Config {
    /// Sets the largest message accepted.
    pub fn set_max_message_size(&mut self, bytes: u64) -> Set {
        if bytes == 0 {
            return Err(Refusal::argument("0 bytes would refuse every message"));
        }
        self.limits.max_message_size = bytes;
        Ok(())
    }

    /// Sets the most continuation frames one message may have.
    pub fn set_max_fragments(&mut self, count: u32) -> Set {
        if count == 0 {
            return Err(Refusal::argument("0 is not a limit; 1 is the lowest"));
        }
        self.limits.max_fragments = count;
        Ok(())
    }

    /// Sets both water marks of the send queue.
    pub fn set_water_marks(&mut self, low: usize, high: usize) -> Set {
        if high == 0 {
            return Err(Refusal::argument("a high-water mark of 0 would refuse every send"));
        }
        if low > high {
            return Err(Refusal::argument(format!("low ({low}) is above high ({high})")));
        }
        self.limits.low_water = low;
        self.limits.high_water = high;
        Ok(())
    }

    /// Sets the size of the buffer that is read into; 0 lets it grow by itself.
    pub fn set_read_buffer(&mut self, bytes: usize) -> Set {
        if bytes != 0 && !READ_BUFFERS.contains(&bytes) {
            let (least, most) = (READ_BUFFERS.start(), READ_BUFFERS.end());
            return Err(Refusal::argument(format!("{bytes} is not in {least} to {most}, nor 0")));
        }
        self.limits.read_buffer = Some(bytes).filter(|bytes| *bytes != 0);
        Ok(())
    }
}
