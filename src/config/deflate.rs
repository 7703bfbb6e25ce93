//! Compression: what is offered, and what is done with what was agreed.

use super::{Config, Refusal, Set};
use crate::protocol::{MAX_WINDOW_BITS, MIN_WINDOW_BITS, Offer};

/// What a connection does about permessage-deflate.
#[derive(Debug, Clone)]
pub struct Deflate {
    /// Whether it is offered.
    pub on: bool,
    /// What is offered then.
    pub offer: Offer,
    /// How hard to compress, 1 to 9.
    pub level: u32,
    /// Shorter messages are sent as they are.
    pub min_size: usize,
}

impl Default for Deflate {
    fn default() -> Self {
        Self { on: true, offer: Offer::default(), level: 6, min_size: 128 }
    }
}

impl Deflate {
    /// The offer, unless it is turned off.
    pub(crate) fn offered(&self) -> Option<&Offer> {
        self.on.then_some(&self.offer)
    }
}

impl Config {
    /// Sets the largest windows, as powers of two.
    pub fn set_deflate_max_window_bits(&mut self, client: i32, server: i32) -> Set {
        // zlib makes no window of 8 bits, but reads one.
        let client = bits("client", client, MIN_WINDOW_BITS + 1)?;
        self.deflate.offer.server_max_window_bits = bits("server", server, MIN_WINDOW_BITS)?;
        self.deflate.offer.client_max_window_bits = client;
        Ok(())
    }

    /// Sets how hard to compress.
    pub fn set_deflate_level(&mut self, level: i32) -> Set {
        self.deflate.level = u32::try_from(level)
            .ok()
            .filter(|level| (1..=9).contains(level))
            .ok_or_else(|| Refusal::argument(format!("{level} is not in 1 to 9")))?;
        Ok(())
    }
}

fn bits(whose: &str, bits: i32, min: u8) -> Set<u8> {
    u8::try_from(bits)
        .ok()
        .filter(|bits| (min..=MAX_WINDOW_BITS).contains(bits))
        .ok_or_else(|| Refusal::argument(format!("{whose} ({bits}) is not in {min} to 15")))
}
