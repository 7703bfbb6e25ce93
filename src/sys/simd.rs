//! Loops over bytes that safe code makes dear: for registers that not every
//! processor has, chosen at run time, and for payloads of a few words.

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

/// Writes `bytes` to `place[at..]`; false where that is too short.
#[inline(always)]
fn put<const N: usize>(place: &mut [MaybeUninit<u8>], at: usize, bytes: [u8; N]) -> bool {
    match place.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
        Some(place) => {
            *place = bytes.map(MaybeUninit::new);
            true
        }
        None => false,
    }
}

/// Appends `head`, `key` and `payload` masked with it. Without the room for
/// that, which the caller reserves, nothing.
#[inline(always)]
pub(crate) fn append_small(out: &mut Vec<u8>, head: [u8; 2], key: [u8; 4], payload: &[u8]) {
    const FOUR: u128 = u128::MAX / u32::MAX as u128;
    const TWO: u64 = u64::MAX / u32::MAX as u64;
    let len = payload.len();
    let place = out.spare_capacity_mut();
    let mut written = put(place, 0, head) && put(place, 2, key);
    let Some(place) = place.get_mut(6..6 + len) else { return };
    // The key as it stands `len` bytes further on.
    let key = u32::from_le_bytes(key);
    let turned = key.rotate_right(8 * (len as u32 % 4));
    if let Some(last) = payload.last_chunk::<16>() {
        let (mut from, mut to) = (payload, &mut *place);
        while let Some((word, rest)) = from.split_first_chunk::<16>()
            && let Some((spot, more)) = to.split_first_chunk_mut::<16>()
        {
            let masked = u128::from_le_bytes(*word) ^ (u128::from(key) * FOUR);
            *spot = masked.to_le_bytes().map(MaybeUninit::new);
            (from, to) = (rest, more);
        }
        // The last word overlaps the one before where the length is odd.
        if !len.is_multiple_of(16) {
            let word = u128::from_le_bytes(*last) ^ (u128::from(turned) * FOUR);
            written &= put(place, len - 16, word.to_le_bytes());
        }
    } else if let (Some(first), Some(last)) = (payload.first_chunk(), payload.last_chunk()) {
        let first = u64::from_le_bytes(*first) ^ (u64::from(key) * TWO);
        let last = u64::from_le_bytes(*last) ^ (u64::from(turned) * TWO);
        written &= put(place, 0, first.to_le_bytes()) && put(place, len - 8, last.to_le_bytes());
    } else {
        let keys = key.to_le_bytes().into_iter().cycle();
        for (place, (byte, key)) in place.iter_mut().zip(payload.iter().zip(keys)) {
            *place = MaybeUninit::new(byte ^ key);
        }
    }
    if written {
        let len = out.len() + 6 + len;
        // SAFETY: every byte up to there was written: head and key, and the
        // payload in words that touch or overlap.
        unsafe { out.set_len(len) };
    }
}
