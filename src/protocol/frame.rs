//! Frame headers (RFC 6455, 5.2): what the first bytes of a frame say, and
//! which of it a server may not say. Keeps no state.

use super::violation::ViolationKind;
use std::io::Cursor;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Opcode of a frame that continues a message.
pub const CONTINUATION: u8 = 0x0;
/// Opcode of a text message's first frame.
pub const TEXT: u8 = 0x1;
/// Opcode of a binary message's first frame.
pub const BINARY: u8 = 0x2;
/// Opcode of a Close frame.
pub const CLOSE: u8 = 0x8;
/// Opcode of a Ping.
pub const PING: u8 = 0x9;
/// Opcode of a Pong.
pub const PONG: u8 = 0xA;

/// The FIN bit of the first byte.
pub(super) const FIN: u8 = 0x80;
/// RSV1, RSV2 and RSV3.
const RESERVED: u8 = 0x70;
/// RSV1, which permessage-deflate sets on the first frame of a message that is
/// compressed (RFC 7692, 6).
pub(super) const RSV1: u8 = 0x40;
/// The mask bit of the second byte.
const MASKED: u8 = 0x80;

/// The longest payload of a control frame (5.5).
pub const MAX_CONTROL: usize = 125;
/// The longest header of a frame of ours: 64-bit length and mask key.
pub const MAX_OWN_HEADER: usize = 14;

/// The header of a frame from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    /// RSV1: the message is compressed.
    pub(super) compressed: bool,
    pub(super) opcode: OpCode,
    /// Length of the header itself.
    pub(super) len: usize,
    /// Length of the payload.
    pub(super) payload: u64,
}

/// The first byte of an unmasked frame, the length of its payload and what
/// follows the header. None: not such a frame, or not all of the header;
/// [`read_header`] tells. [`FrameHeader::parse`] takes 280 instructions more.
#[inline]
pub(super) fn quick_header(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[first, second], after) = bytes.split_first_chunk::<2>()?;
    match second {
        0..=125 => Some((first, usize::from(second), after)),
        126 => {
            let (&len, after) = after.split_first_chunk::<2>()?;
            let len = u16::from_be_bytes(len);
            (len > 125).then_some((first, usize::from(len), after))
        }
        127 => {
            let (&len, after) = after.split_first_chunk::<8>()?;
            let len = u64::from_be_bytes(len);
            let fits = len > u16::MAX.into() && len >> 63 == 0;
            let len = usize::try_from(len).ok().filter(|_| fits)?;
            Some((first, len, after))
        }
        _ => None,
    }
}

/// Reads a header from a server. None: more bytes are needed. `inside` tells
/// whether a fragmented message is open, `deflate` whether permessage-deflate
/// was agreed. Whatever the first two bytes tell is
/// judged before the rest of the header is there.
pub(super) fn read_header(
    bytes: &[u8],
    inside: bool,
    deflate: bool,
) -> Result<Option<Header>, ViolationKind> {
    let Some((&[first, second], _)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
    judge(first, second, inside, deflate)?;
    let mut cursor = Cursor::new(bytes);
    let (header, payload) = match FrameHeader::parse(&mut cursor) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        // All it refuses is a reserved opcode, and `judge` did before.
        Err(_) => return Err(ViolationKind::ReservedOpcode(first & 0x0F)),
    };
    if payload >> 63 != 0 {
        return Err(ViolationKind::LengthTopBit);
    }
    if header.len(payload) as u64 != cursor.position() {
        return Err(ViolationKind::NonMinimalLength);
    }
    Ok(Some(Header {
        fin: header.is_final,
        compressed: header.rsv1,
        opcode: header.opcode,
        len: header.len(payload),
        payload,
    }))
}

/// Judges what the first two bytes of a frame from the server tell.
fn judge(first: u8, second: u8, inside: bool, deflate: bool) -> Result<(), ViolationKind> {
    let opcode = OpCode::from(first & 0x0F);
    let starts = matches!(opcode, OpCode::Data(Data::Text | Data::Binary));
    let reserved = first & RESERVED & !if starts && deflate { RSV1 } else { 0 };
    if reserved != 0 {
        return Err(ViolationKind::ReservedBits(reserved));
    }
    if let OpCode::Data(Data::Reserved(code)) | OpCode::Control(Control::Reserved(code)) = opcode {
        return Err(ViolationKind::ReservedOpcode(code));
    }
    if second & MASKED != 0 {
        return Err(ViolationKind::Masked);
    }
    match opcode {
        OpCode::Control(_) if first & FIN == 0 => Err(ViolationKind::FragmentedControl),
        OpCode::Control(_) if usize::from(second) > MAX_CONTROL => Err(ViolationKind::LongControl),
        OpCode::Data(Data::Continue) if !inside => Err(ViolationKind::StrayContinuation),
        OpCode::Data(_) if starts && inside => Err(ViolationKind::NewMessageInside),
        _ => Ok(()),
    }
}

/// A frame of ours as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnFrame {
    /// Length of the header with the mask key.
    pub header_len: usize,
    /// Length of the payload.
    pub payload_len: u64,
    /// The opcode.
    pub opcode: u8,
}

/// Reads the header of one of our own frames again: where it ends and how
/// much follows. None: `wire` does not begin with a whole header.
pub fn own_frame(wire: &[u8]) -> Option<OwnFrame> {
    if let Some(&[first, second, high, low, ..]) = wire.first_chunk::<6>() {
        let opcode = first & 0x0F;
        match second & !MASKED {
            len @ 0..=125 => {
                return Some(OwnFrame { header_len: 6, payload_len: len.into(), opcode });
            }
            126 if wire.len() >= 8 => {
                let payload_len = u16::from_be_bytes([high, low]).into();
                return Some(OwnFrame { header_len: 8, payload_len, opcode });
            }
            _ => {}
        }
    }
    let mut cursor = Cursor::new(wire);
    let (header, payload_len) = FrameHeader::parse(&mut cursor).ok()??;
    let header_len = header.len(payload_len);
    Some(OwnFrame { header_len, payload_len, opcode: header.opcode.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lengths() {
        for (bytes, len, payload) in [
            (&[0x82, 0][..], 2, 0),
            (&[0x82, 125], 2, 125),
            (&[0x82, 126, 0, 126], 4, 126),
            (&[0x82, 126, 0xFF, 0xFF], 4, 65_535),
            (&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 10, 65_536),
        ] {
            let header = read_header(bytes, false, false).ok().flatten();
            assert_eq!(header.map(|h| (h.len, h.payload)), Some((len, payload)));
            for cut in 0..bytes.len() {
                assert_eq!(
                    read_header(bytes.get(..cut).unwrap_or_default(), false, false),
                    Ok(None)
                );
            }
        }
    }

    #[test]
    fn judged_at_the_second_byte() {
        for (bytes, inside, kind) in [
            ([0xC2, 0x7F], false, ViolationKind::ReservedBits(0x40)),
            ([0xA9, 0x00], false, ViolationKind::ReservedBits(0x20)),
            ([0x90, 0x00], true, ViolationKind::ReservedBits(0x10)),
            ([0x83, 0x7F], false, ViolationKind::ReservedOpcode(3)),
            ([0x8F, 0x00], false, ViolationKind::ReservedOpcode(15)),
            ([0x82, 0xFF], false, ViolationKind::Masked),
            ([0x09, 0x00], false, ViolationKind::FragmentedControl),
            ([0x88, 0x7E], false, ViolationKind::LongControl),
            ([0x8A, 0x7F], true, ViolationKind::LongControl),
            ([0x80, 0x7F], false, ViolationKind::StrayContinuation),
            ([0x01, 0x7E], true, ViolationKind::NewMessageInside),
        ] {
            assert_eq!(read_header(&bytes, inside, false), Err(kind));
        }
    }

    #[test]
    fn rsv1_where_deflate_was_agreed() {
        for (first, inside) in [(0xC1, false), (0x42, false)] {
            let header = read_header(&[first, 0], inside, true).ok().flatten();
            assert!(header.is_some_and(|header| header.compressed));
        }
        for (bytes, inside, bits) in [
            ([0xC0, 0], true, 0x40),
            ([0xC9, 0], false, 0x40),
            ([0xC8, 0], true, 0x40),
            ([0xE1, 0], false, 0x20),
            ([0xD2, 0], false, 0x10),
        ] {
            let refused = Err(ViolationKind::ReservedBits(bits));
            assert_eq!(read_header(&bytes, inside, true), refused);
        }
    }

    #[test]
    fn lengths_not_in_their_shortest_form() {
        for bytes in [
            &[0x82, 126, 0, 125][..],
            &[0x82, 126, 0, 0],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(read_header(bytes, false, false), Err(ViolationKind::NonMinimalLength));
        }
        let top = [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read_header(&top, false, false), Err(ViolationKind::LengthTopBit));
    }
}
