//! Mask keys and masking (RFC 6455, 5.3). Knows no header.

use crate::sys::simd;
use rand::rand_core::UnwrapErr;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};

/// How many keys are drawn at once.
const POOL: usize = 32;

/// From this length on wide registers pay.
const WIDE_MIN: usize = 256;

/// A frame is masked in steps of this many bytes.
const STEP: usize = 128;

/// Mask keys: fresh for each frame and from a cryptographic generator, as
/// 5.3 and 10.3 demand. Drawn 32 at a time; each key leaves the pool once.
/// The generator is the pool's own, not the thread's of `rand`, which cannot be
/// asked any more in an exit handler.
pub struct MaskPool {
    left: usize,
    keys: [[u8; 4]; POOL],
    generator: Option<Box<StdRng>>,
}

impl MaskPool {
    /// An empty pool.
    pub const fn new() -> Self {
        Self { left: 0, keys: [[0; 4]; POOL], generator: None }
    }

    /// The next key.
    #[inline]
    pub fn next_key(&mut self) -> [u8; 4] {
        if self.left == 0 {
            self.refill();
        }
        self.left = self.left.saturating_sub(1);
        self.keys.get(self.left).copied().unwrap_or_default()
    }

    #[cold]
    fn refill(&mut self) {
        self.keys = self.draw();
        self.left = POOL;
    }

    /// So many keys past the pool, for one that is kept elsewhere.
    pub fn draw<const N: usize>(&mut self) -> [[u8; 4]; N] {
        let generator = self
            .generator
            .get_or_insert_with(|| Box::new(StdRng::from_rng(&mut UnwrapErr(SysRng))));
        let mut keys = [[0; 4]; N];
        generator.fill_bytes(keys.as_flattened_mut());
        keys
    }
}

impl Default for MaskPool {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MaskPool {
    /// Tells how many keys wait, not which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MaskPool").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Masks in place.
#[inline]
pub(super) fn mask_words(words: &mut [[u8; 4]], key: [u8; 4]) {
    let key = u32::from_ne_bytes(key);
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
}

/// Appends `payload` masked with `key`, reading and writing each byte once.
/// A payload may come in parts; each but the last is a multiple of four
/// bytes. Reserve first: memory is taken without a way to refuse.
pub fn append_masked(out: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) {
    if payload.len() >= WIDE_MIN && simd::append_masked(out, payload, key) {
        return;
    }
    let (steps, tail) = payload.as_chunks::<STEP>();
    // The iterator's length is trusted, so no byte is checked for room.
    out.extend(steps.iter().flat_map(|step| masked(*step, key)));
    if !tail.is_empty() {
        let mut step = [0; STEP];
        if let Some(front) = step.get_mut(..tail.len()) {
            front.copy_from_slice(tail);
        }
        out.extend_from_slice(masked(step, key).get(..tail.len()).unwrap_or_default());
    }
}

#[inline]
fn masked(mut step: [u8; STEP], key: [u8; 4]) -> [u8; STEP] {
    mask_words(step.as_chunks_mut().0, key);
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn masks_as_the_rfc_says() {
        let payload: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for len in (0..140).chain([255, 256, 257, 999, 1000]) {
            let mut out = vec![9; 3];
            let payload = payload.get(..len).unwrap_or_default();
            append_masked(&mut out, payload, key);
            let want: Vec<u8> =
                payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(out.get(3..), Some(want.as_slice()), "{len}");
        }
    }

    #[test]
    fn ten_thousand_keys_differ() {
        let mut pool = MaskPool::new();
        let keys: Vec<u32> = (0..10_000).map(|_| u32::from_ne_bytes(pool.next_key())).collect();
        let distinct = keys.iter().collect::<HashSet<_>>().len();
        // Two of 10,000 honest keys meet once in 86 runs; ten never do.
        assert!(distinct > 9_990, "{distinct}");
        assert!(keys.iter().zip(keys.iter().skip(1)).all(|(a, b)| a != b));
        for bit in 0..32 {
            let ones = keys.iter().filter(|key| *key >> bit & 1 == 1).count();
            // Ten standard deviations round one half.
            assert!((4_500..5_500).contains(&ones), "bit {bit}: {ones}");
        }
        let mut other = MaskPool::new();
        assert!((0..8).any(|_| pool.next_key() != other.next_key()));
    }
}
