//! Masking and looking for ASCII where safe code makes them dear: with registers
//! that not every processor has, chosen at run time; and masking payloads of a few
//! words.

use std::mem::MaybeUninit;

/// Appends `payload` masked with `key` to `out`, with 32-byte registers.
/// False, and nothing done, where the processor has none.
pub(crate) fn append_masked(out: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for.
        unsafe { append_masked_avx2(out, payload, key) };
        return true;
    }
    let _ = (out, payload, key);
    false
}

/// The compiler makes the wide loop; 64 KiB take 5,800 instructions of it,
/// 14,400 with the 16-byte registers that every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn append_masked_avx2(out: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) {
    out.reserve(payload.len());
    let (words, tail) = payload.as_chunks::<4>();
    let (places, _) = out.spare_capacity_mut().as_chunks_mut::<4>();
    let wide = u32::from_ne_bytes(key);
    for (place, word) in places.iter_mut().zip(words) {
        *place = (u32::from_ne_bytes(*word) ^ wide).to_ne_bytes().map(MaybeUninit::new);
    }
    let len = out.len() + payload.len() - tail.len();
    // SAFETY: `reserve` made room for all words, and the loop wrote them.
    unsafe { out.set_len(len) };
    out.extend(tail.iter().zip(key).map(|(byte, key)| byte ^ key));
}

/// Bytes that [`ascii_front`] looks at in one piece.
pub(crate) const ASCII_BLOCK: usize = 1024;

/// How many bytes at the front are ASCII for certain: whole blocks. 0 where the
/// processor has no 32-byte registers.
pub(crate) fn ascii_front(bytes: &[u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= ASCII_BLOCK && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { ascii_front_avx2(bytes) };
    }
    let _ = bytes;
    0
}

/// The compiler makes the wide loop: 64 KiB take 3,000 instructions of it.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn ascii_front_avx2(bytes: &[u8]) -> usize {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let (blocks, _) = bytes.as_chunks::<ASCII_BLOCK>();
    let is_ascii = |block: &[u8; ASCII_BLOCK]| {
        let (words, _) = block.as_chunks::<8>();
        words.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) & HIGH == 0
    };
    ASCII_BLOCK * blocks.iter().take_while(|block| is_ascii(block)).count()
}

/// Appends `head`, `key` and `payload` masked with it. Without the room for
/// that, which the caller reserves, nothing.
#[inline(always)]
pub(crate) fn append_small(out: &mut Vec<u8>, head: [u8; 2], key: [u8; 4], payload: &[u8]) {
    let (at, len) = (out.len(), payload.len());
    if out.capacity() - at < 6 + len {
        return;
    }
    // SAFETY: there is room for `6 + len` bytes behind the contents, which the
    // payload, borrowed apart from them, cannot overlap. All of them are
    // written before they count.
    unsafe {
        let place = out.as_mut_ptr().add(at);
        place.cast::<[u8; 2]>().write(head);
        place.add(2).cast::<[u8; 4]>().write(key);
        mask(payload.as_ptr(), place.add(6), len, u32::from_le_bytes(key));
        out.set_len(at + 6 + len);
    }
}

/// Masks `len` bytes, at most 128, in words that may overlap: no loop over
/// single bytes, and none over words, which the compiler would unroll for more
/// than there are.
///
/// # Safety
/// `from` is readable and `to` writable for `len` bytes, and they are apart.
#[inline(always)]
unsafe fn mask(from: *const u8, to: *mut u8, len: usize, key: u32) {
    // The key as it stands `len` bytes further on.
    let turned = key.rotate_right(8 * (len as u32 % 4));
    // SAFETY: every word lies within the `len` bytes: the branch says that
    // there are as many. Words counted from the end take the turned key.
    unsafe {
        if len >= 16 {
            let (front, back) = (Wide::of(key), Wide::of(turned));
            front.mask(from, to, 0);
            back.mask(from, to, len - 16);
            if len > 32 {
                front.mask(from, to, 16);
                back.mask(from, to, len - 32);
            }
            if len > 64 {
                front.mask(from, to, 32);
                front.mask(from, to, 48);
                back.mask(from, to, len - 48);
                back.mask(from, to, len - 64);
            }
        } else if len >= 8 {
            mask_word(from, to, 0, key);
            mask_word(from, to, len - 8, turned);
        } else {
            for (at, key) in key.to_le_bytes().into_iter().cycle().take(len).enumerate() {
                to.add(at).write(from.add(at).read() ^ key);
            }
        }
    }
}

/// Masks the 8 bytes at `at`.
///
/// # Safety
/// `from` is readable and `to` writable for `at + 8` bytes.
#[inline(always)]
unsafe fn mask_word(from: *const u8, to: *mut u8, at: usize, key: u32) {
    let key = u64::from(key) << 32 | u64::from(key);
    // SAFETY: by the caller's promise; alignment does not matter.
    unsafe {
        let word = from.add(at).cast::<u64>().read_unaligned();
        to.add(at).cast::<u64>().write_unaligned(word ^ key.to_le());
    }
}

/// A key for 16 bytes at a time.
#[derive(Clone, Copy)]
#[cfg(target_arch = "x86_64")]
struct Wide(std::arch::x86_64::__m128i);

#[cfg(target_arch = "x86_64")]
impl Wide {
    #[inline(always)]
    fn of(key: u32) -> Self {
        // SAFETY: every x86-64 has these registers.
        Self(unsafe { std::arch::x86_64::_mm_set1_epi32(key.cast_signed()) })
    }

    /// Masks the 16 bytes at `at`.
    ///
    /// # Safety
    /// `from` is readable and `to` writable for `at + 16` bytes.
    #[inline(always)]
    unsafe fn mask(self, from: *const u8, to: *mut u8, at: usize) {
        use std::arch::x86_64::{_mm_loadu_si128, _mm_storeu_si128, _mm_xor_si128};
        // SAFETY: by the caller's promise; alignment does not matter.
        unsafe {
            let word = _mm_loadu_si128(from.add(at).cast());
            _mm_storeu_si128(to.add(at).cast(), _mm_xor_si128(word, self.0));
        }
    }
}

/// A key for 16 bytes at a time.
#[derive(Clone, Copy)]
#[cfg(not(target_arch = "x86_64"))]
struct Wide(u32);

#[cfg(not(target_arch = "x86_64"))]
impl Wide {
    fn of(key: u32) -> Self {
        Self(key)
    }

    /// Masks the 16 bytes at `at`.
    ///
    /// # Safety
    /// `from` is readable and `to` writable for `at + 16` bytes.
    unsafe fn mask(self, from: *const u8, to: *mut u8, at: usize) {
        // SAFETY: by the caller's promise.
        unsafe {
            mask_word(from, to, at, self.0);
            mask_word(from, to, at + 8, self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_ends_in_the_block_with_the_first_other_byte() {
        let whole = ascii_front(&[b'a'; ASCII_BLOCK]);
        for len in [0, 1, ASCII_BLOCK - 1, ASCII_BLOCK, ASCII_BLOCK + 1, 4097] {
            let text = vec![0x7F; len];
            assert_eq!(ascii_front(&text), len / ASCII_BLOCK * whole, "{len} bytes");
            for at in 0..len {
                let mut text = text.clone();
                text.splice(at..=at, [0x80]);
                assert_eq!(ascii_front(&text), at / ASCII_BLOCK * whole, "{at} of {len}");
            }
        }
    }

    #[test]
    fn every_small_length_is_masked_as_the_standard_says() {
        let key = [0x11, 0xA2, 0x3C, 0xF4];
        for len in 0..=125_u8 {
            let payload: Vec<u8> = (0..len).map(|at| at.wrapping_mul(37) ^ 0x5A).collect();
            let mut out = Vec::with_capacity(1 + 6 + usize::from(len));
            out.push(7);
            append_small(&mut out, [0x82, 0x80 | len], key, &payload);
            let masked = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
            let wanted: Vec<u8> =
                [7, 0x82, 0x80 | len].into_iter().chain(key).chain(masked).collect();
            assert_eq!(out, wanted, "{len} bytes");
            // One byte of room too few.
            let mut short = Vec::with_capacity(6 + usize::from(len));
            short.push(7);
            if short.capacity() == 6 + usize::from(len) {
                append_small(&mut short, [0x82, 0x80 | len], key, &payload);
                assert_eq!(short, [7]);
            }
        }
    }
}
