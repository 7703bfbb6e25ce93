//! Frames: a parser that takes whatever a client sends, and a writer that
//! makes whatever a script asks for.

use std::collections::VecDeque;

/// Opcode of a continuation frame.
pub(crate) const CONTINUATION: u8 = 0;
/// Opcode of a text frame.
pub(crate) const TEXT: u8 = 1;
/// Opcode of a binary frame.
pub(crate) const BINARY: u8 = 2;
/// Opcode of a Close frame.
pub(crate) const CLOSE: u8 = 8;
/// Opcode of a ping.
pub(crate) const PING: u8 = 9;
/// Opcode of a pong.
pub(crate) const PONG: u8 = 10;

const NAMES: [&str; 16] = [
    "continuation",
    "text",
    "binary",
    "reserved3",
    "reserved4",
    "reserved5",
    "reserved6",
    "reserved7",
    "close",
    "ping",
    "pong",
    "reserved11",
    "reserved12",
    "reserved13",
    "reserved14",
    "reserved15",
];

/// The name of an opcode in reports.
pub(crate) fn opcode_name(opcode: u8) -> &'static str {
    NAMES[usize::from(opcode & 15)]
}

/// The opcode of a name, of a short name or of a number.
pub(crate) fn opcode_number(name: &str) -> Option<u8> {
    match name {
        "cont" => return Some(CONTINUATION),
        "bin" => return Some(BINARY),
        _ => {}
    }
    if let Some(at) = NAMES.iter().position(|n| *n == name) {
        return u8::try_from(at).ok();
    }
    name.parse().ok().filter(|n| *n < 16)
}

/// One frame as it came, payload unmasked.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) fin: bool,
    /// RSV1 is 4, RSV2 is 2, RSV3 is 1.
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    /// The length the header declares.
    pub(crate) len: u64,
    /// The payload, or its beginning when the parser keeps only that.
    pub(crate) payload: Vec<u8>,
    /// The length was written in the shortest form.
    pub(crate) minimal: bool,
}

/// A push parser: bytes in, frames out.
#[derive(Debug)]
pub(crate) struct Parser {
    header: Vec<u8>,
    current: Option<Frame>,
    seen: u64,
    /// How many bytes of each payload are kept.
    pub(crate) keep: usize,
}

/// Longest frame that is kept whole.
pub(crate) const KEEP_ALL: usize = 1 << 30;

impl Parser {
    pub(crate) fn new() -> Parser {
        Parser { header: Vec::new(), current: None, seen: 0, keep: KEEP_ALL }
    }

    /// Bytes of a frame that is not complete yet.
    pub(crate) fn partial(&self) -> u64 {
        self.header.len() as u64 + self.seen
    }

    /// Takes bytes and appends the frames they complete to `out`.
    pub(crate) fn push(&mut self, mut bytes: &[u8], out: &mut VecDeque<Frame>) {
        loop {
            if self.current.is_none() {
                let Some(&first) = bytes.first() else { return };
                self.header.push(first);
                bytes = &bytes[1..];
                self.current = parse_header(&self.header);
                if self.current.is_none() {
                    continue;
                }
            }
            let Some(frame) = self.current.as_mut() else {
                return;
            };
            let left = frame.len - self.seen;
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(take);
            let room = self.keep.saturating_sub(frame.payload.len()).min(take);
            let start = frame.payload.len();
            frame.payload.extend_from_slice(&now[..room]);
            if let Some(key) = frame.mask {
                let phase = (self.seen % 4) as usize;
                unmask(&mut frame.payload[start..], key, phase);
            }
            self.seen += take as u64;
            bytes = later;
            if self.seen < frame.len {
                return;
            }
            self.seen = 0;
            self.header.clear();
            out.extend(self.current.take());
        }
    }
}

fn unmask(bytes: &mut [u8], key: [u8; 4], phase: usize) {
    let mut turned = key;
    turned.rotate_left(phase);
    let mut chunks = bytes.chunks_exact_mut(4);
    for chunk in &mut chunks {
        for (byte, key) in chunk.iter_mut().zip(turned) {
            *byte ^= key;
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(turned) {
        *byte ^= key;
    }
}

/// `None` while the header is not complete.
fn parse_header(bytes: &[u8]) -> Option<Frame> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (len, minimal, at) = match second & 127 {
        126 => {
            let raw: [u8; 2] = bytes.get(2..4)?.try_into().ok()?;
            let len = u64::from(u16::from_be_bytes(raw));
            (len, len > 125, 4)
        }
        127 => {
            let raw: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            let len = u64::from_be_bytes(raw);
            (len, len > 0xffff, 10)
        }
        n => (u64::from(n), true, 2),
    };
    let mask = if second & 128 != 0 { Some(bytes.get(at..at + 4)?.try_into().ok()?) } else { None };
    Some(Frame {
        fin: first & 128 != 0,
        rsv: (first >> 4) & 7,
        opcode: first & 15,
        mask,
        len,
        payload: Vec::new(),
        minimal,
    })
}

/// What a script says about a frame to send.
#[derive(Debug, Clone)]
pub(crate) struct Make {
    pub(crate) opcode: u8,
    pub(crate) fin: bool,
    pub(crate) rsv: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) len: Option<u64>,
    /// 7, 16 or 64 bits; `None` is the shortest that fits.
    pub(crate) form: Option<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Make {
    /// An honest, unfragmented frame.
    pub(crate) fn new(opcode: u8, payload: Vec<u8>) -> Make {
        Make { opcode, fin: true, rsv: 0, mask: None, len: None, form: None, payload }
    }

    /// The frame's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let len = self.len.unwrap_or(self.payload.len() as u64);
        let form = self.form.unwrap_or(match len {
            0..=125 => 7,
            126..=0xffff => 16,
            _ => 64,
        });
        let mut out = Vec::with_capacity(self.payload.len() + 14);
        out.push(u8::from(self.fin) << 7 | (self.rsv & 7) << 4 | self.opcode & 15);
        let bit = u8::from(self.mask.is_some()) << 7;
        match form {
            7 => out.push(bit | (len & 127) as u8),
            16 => {
                out.push(bit | 126);
                out.extend_from_slice(&((len & 0xffff) as u16).to_be_bytes());
            }
            _ => {
                out.push(bit | 127);
                out.extend_from_slice(&len.to_be_bytes());
            }
        }
        out.extend(self.mask.into_iter().flatten());
        let start = out.len();
        out.extend_from_slice(&self.payload);
        if let Some(key) = self.mask {
            unmask(&mut out[start..], key, 0);
        }
        out
    }
}

/// The bytes of an honest frame.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    Make::new(opcode, payload.to_vec()).bytes()
}
