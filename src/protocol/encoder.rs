//! Our frames: header, mask key and masked payload appended to the bytes on
//! their way out (RFC 6455, 5.2 and 5.3). Keeps no state but the mask pool's.

use super::close::MAX_REASON;
use super::frame::{CLOSE, FIN, MAX_CONTROL, MAX_OWN_HEADER};
use super::mask::{MaskPool, append_masked};
use crate::sys::simd;
use std::collections::TryReserveError;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;

/// RSV1 of the first byte.
const RSV1: u8 = 0x40;
/// The mask bit of the second byte.
const MASKED: u8 = 0x80;
/// The header of a frame of up to 125 bytes: two bytes and the mask key.
const SMALL_HEADER: usize = 6;

/// Appends one masked frame, its length in the shortest form. On error
/// nothing is appended. Only the low four bits of `opcode` count.
pub fn append_frame(
    out: &mut Vec<u8>,
    opcode: u8,
    fin: bool,
    rsv1: bool,
    payload: &[u8],
    masks: &mut MaskPool,
) -> Result<(), TryReserveError> {
    if payload.len() <= MAX_CONTROL {
        let first = opcode & 0x0F | if fin { FIN } else { 0 } | if rsv1 { RSV1 } else { 0 };
        return append_small(out, first, payload, masks.next_key());
    }
    out.try_reserve(MAX_OWN_HEADER + payload.len())?;
    let key = append_header(out, opcode, fin, rsv1, payload.len() as u64, masks)?;
    append_masked(out, payload, key);
    Ok(())
}

/// Appends the header of a frame of `len` bytes and returns the mask key, for
/// a payload that follows in parts through [`append_masked`].
pub fn append_header(
    out: &mut Vec<u8>,
    opcode: u8,
    fin: bool,
    rsv1: bool,
    len: u64,
    masks: &mut MaskPool,
) -> Result<[u8; 4], TryReserveError> {
    out.try_reserve(MAX_OWN_HEADER)?;
    let key = masks.next_key();
    let header = FrameHeader {
        is_final: fin,
        rsv1,
        opcode: OpCode::from(opcode & 0x0F),
        mask: Some(key),
        ..FrameHeader::default()
    };
    let written = header.format(len, out);
    debug_assert!(written.is_ok(), "a Vec takes every write");
    Ok(key)
}

/// Appends a Close frame: without a code an empty body. A reason over 123
/// bytes is cut before the character that does not fit.
pub fn append_close(
    out: &mut Vec<u8>,
    code: Option<u16>,
    reason: &[u8],
    masks: &mut MaskPool,
) -> Result<(), TryReserveError> {
    let Some(code) = code else { return append_frame(out, CLOSE, true, false, &[], masks) };
    let mut end = reason.len().min(MAX_REASON);
    while end > 0 && reason.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end -= 1;
    }
    let mut body = [0; MAX_CONTROL];
    let parts = code.to_be_bytes().into_iter().chain(reason.iter().copied().take(end));
    for (place, byte) in body.iter_mut().zip(parts) {
        *place = byte;
    }
    let body = body.get(..2 + end).unwrap_or_default();
    append_frame(out, CLOSE, true, false, body, masks)
}

/// Appends a frame of up to 125 bytes, `first` being its first byte.
#[inline(always)]
pub fn append_small(
    out: &mut Vec<u8>,
    first: u8,
    payload: &[u8],
    key: [u8; 4],
) -> Result<(), TryReserveError> {
    out.try_reserve(SMALL_HEADER + payload.len())?;
    simd::append_small(out, [first, MASKED | payload.len() as u8], key, payload);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::frame::{BINARY, OwnFrame, TEXT, own_frame};
    use super::*;

    fn unmask(wire: &[u8], header_len: usize) -> Vec<u8> {
        let (header, payload) = wire.split_at(header_len);
        let key = header.last_chunk::<4>().copied().unwrap_or_default();
        payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    #[test]
    fn lengths_at_every_boundary() {
        let mut masks = MaskPool::new();
        for len in (0..=130).chain([65_535, 65_536, 100_001]) {
            let payload: Vec<u8> = (0..len).map(|i| (i % 253) as u8).collect();
            let mut out = b"before".to_vec();
            let done = append_frame(&mut out, BINARY, true, false, &payload, &mut masks);
            assert!(done.is_ok());
            let wire = out.get(6..).unwrap_or_default();
            let header_len = match len {
                0..=125 => 6,
                126..=65_535 => 8,
                _ => 14,
            };
            let own = OwnFrame { header_len, payload_len: len as u64, opcode: BINARY };
            assert_eq!(own_frame(wire), Some(own));
            assert_eq!(own_frame(wire.get(..header_len - 1).unwrap_or_default()), None);
            assert_eq!(unmask(wire, header_len), payload);
        }
    }

    #[test]
    fn first_byte() {
        let mut masks = MaskPool::new();
        for len in [3, 300] {
            for (fin, rsv1, first) in
                [(true, false, 0x81), (false, false, 0x01), (true, true, 0xC1), (false, true, 0x41)]
            {
                let mut out = Vec::new();
                let done = append_frame(&mut out, TEXT, fin, rsv1, &vec![7; len], &mut masks);
                assert!(done.is_ok());
                assert_eq!(out.first(), Some(&first));
            }
        }
    }

    #[test]
    fn close_frames() {
        let mut masks = MaskPool::new();
        let mut close = |code, reason: &[u8]| {
            let mut out = Vec::new();
            assert!(append_close(&mut out, code, reason, &mut masks).is_ok());
            assert_eq!(out.first(), Some(&0x88));
            unmask(&out, 6)
        };
        assert_eq!(close(None, b""), b"");
        for len in 0..=MAX_REASON {
            let reason = vec![b'r'; len];
            let body = close(Some(4999), &reason);
            assert_eq!(body, [&4999_u16.to_be_bytes(), reason.as_slice()].concat());
        }
        assert_eq!(close(Some(1000), &[b'r'; 124]).len(), 125);
        let long = format!("{}é", "r".repeat(122));
        assert_eq!(close(Some(1000), long.as_bytes()).len(), 124);
    }

    #[test]
    fn parts_are_as_good_as_the_whole() {
        let payload: Vec<u8> = (0..10_000).map(|i| (i % 249) as u8).collect();
        let mut masks = MaskPool::new();
        let mut out = Vec::new();
        let key = append_header(&mut out, BINARY, true, false, 10_000, &mut masks);
        for part in payload.chunks(4096) {
            append_masked(&mut out, part, key.clone().unwrap_or_default());
        }
        assert_eq!(unmask(&out, 8), payload);
    }
}
