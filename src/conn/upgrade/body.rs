//! The body of a refused upgrade (RFC 9112 §6.3), as far as it is kept.

use crate::socket::Response;

/// Most bytes kept.
const MAX_KEPT: usize = 64 << 10;
/// Most bytes looked at for that: the framing of chunks counts here.
const MAX_SEEN: usize = 1 << 20;

/// A body on its way.
#[derive(Debug)]
pub(super) struct Body {
    framing: Framing,
    kept: Vec<u8>,
    seen: usize,
}

/// What tells where the body ends.
#[derive(Debug)]
enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(Chunk),
    /// The end of the stream.
    Fin,
}

/// Where a chunked body stands (RFC 9112 §7.1). A bare LF is taken for a line
/// end, as in the head.
#[derive(Debug)]
enum Chunk {
    /// In the digits of a size; `None` before the first.
    Size(Option<u64>),
    /// Behind the digits of this size, up to the end of the line.
    Extension(u64),
    /// So many bytes of the chunk are still to come.
    Data(u64),
    /// In the line end behind a chunk.
    Behind,
    /// The last chunk was seen, or what is no chunk. Trailers do not matter.
    Over,
}

impl Body {
    /// What to expect behind this head; `None` if nothing.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let framing = match response.status {
            100..200 | 204 | 304 => return None,
            _ if is_chunked(response) => Framing::Chunked(Chunk::Size(None)),
            _ => match length(response) {
                Some(0) => return None,
                Some(length) => Framing::Length(length),
                None => Framing::Fin,
            },
        };
        Some(Self { framing, kept: Vec::new(), seen: 0 })
    }

    /// Takes what arrived; true once no more is needed.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        self.seen += bytes.len();
        let complete = match &mut self.framing {
            Framing::Length(left) => {
                *left -= keep(&mut self.kept, bytes, *left) as u64;
                *left == 0
            }
            Framing::Chunked(chunk) => {
                chunk.take(bytes, &mut self.kept);
                matches!(chunk, Chunk::Over)
            }
            Framing::Fin => {
                keep(&mut self.kept, bytes, u64::MAX);
                false
            }
        };
        complete || self.kept.len() >= MAX_KEPT || self.seen >= MAX_SEEN
    }

    /// What was kept.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.kept
    }
}

/// Keeps the first `left` bytes as far as there is room; the answer is how
/// many of `bytes` these are, kept or not.
fn keep(kept: &mut Vec<u8>, bytes: &[u8], left: u64) -> usize {
    let part = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    let room = MAX_KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(bytes.get(..part.min(room)).unwrap_or_default());
    part
}

impl Chunk {
    /// Keeps the data of the chunks that are in `bytes`.
    fn take(&mut self, mut bytes: &[u8], kept: &mut Vec<u8>) {
        while let Some((byte, rest)) = bytes.split_first() {
            if let Self::Data(left) = self {
                let part = keep(kept, bytes, *left);
                *left -= part as u64;
                bytes = bytes.get(part..).unwrap_or_default();
                if *left == 0 {
                    *self = Self::Behind;
                }
                continue;
            }
            self.step(*byte);
            bytes = rest;
        }
    }

    /// One byte of the framing.
    fn step(&mut self, byte: u8) {
        let line_ends = byte == b'\n';
        *self = match *self {
            Self::Size(size) => match (char::from(byte).to_digit(16), size) {
                // Whatever is that large is cut off anyway.
                (Some(digit), size) => {
                    let size = size.unwrap_or(0).saturating_mul(16);
                    Self::Size(Some(size.saturating_add(u64::from(digit))))
                }
                (None, Some(size)) if line_ends => Self::begin(size),
                (None, Some(size)) if b"\r \t;".contains(&byte) => Self::Extension(size),
                (None, _) => Self::Over,
            },
            Self::Extension(size) if line_ends => Self::begin(size),
            Self::Extension(size) => Self::Extension(size),
            Self::Behind if line_ends => Self::Size(None),
            Self::Behind if byte == b'\r' => Self::Behind,
            Self::Behind | Self::Data(_) | Self::Over => Self::Over,
        };
    }

    /// The line of a size has ended.
    fn begin(size: u64) -> Self {
        if size == 0 { Self::Over } else { Self::Data(size) }
    }
}

/// Whether the outermost coding is chunked.
fn is_chunked(response: &Response) -> bool {
    let codings = response.all("Transfer-Encoding").flat_map(|value| value.split(','));
    codings.last().is_some_and(|coding| trimmed(coding).eq_ignore_ascii_case("chunked"))
}

/// The length told, if it is told well: a list of one and the same number.
fn length(response: &Response) -> Option<u64> {
    if response.all("Transfer-Encoding").next().is_some() {
        return None;
    }
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    let mut all = response.all("Content-Length").flat_map(|value| value.split(',')).map(trimmed);
    let first = number(all.next()?)?;
    all.all(|other| number(other) == Some(first)).then_some(first)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::{Body, MAX_KEPT, MAX_SEEN};
    use crate::socket::Response;
    use std::borrow::Cow;

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| (*name, Cow::Borrowed(*value)));
        Response::new(status, "", 0, headers)
    }

    /// What is kept of `bytes`, given in pieces of this size, and whether
    /// that was all.
    fn read(headers: &[(&str, &str)], bytes: &[u8], piece: usize) -> (Vec<u8>, bool) {
        let Some(mut body) = Body::of(&response(403, headers)) else { return Default::default() };
        let done = bytes.chunks(piece).any(|piece| body.take(piece));
        (body.into_bytes(), done)
    }

    /// The same however the bytes are cut.
    fn read_anyhow(headers: &[(&str, &str)], bytes: &[u8]) -> (Vec<u8>, bool) {
        let whole = read(headers, bytes, bytes.len());
        for piece in 1..bytes.len() {
            assert_eq!(read(headers, bytes, piece), whole, "pieces of {piece}");
        }
        whole
    }

    const CHUNKED: &[(&str, &str)] = &[("transfer-encoding", "Chunked")];

    fn kept(bytes: &[u8], done: bool) -> (Vec<u8>, bool) {
        (bytes.to_vec(), done)
    }

    #[test]
    fn chunks_are_decoded() {
        let cases: [(&[u8], &[u8], bool); 17] = [
            (b"5\r\nhello\r\n0\r\n\r\n", b"hello", true),
            (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world", true),
            (b"B\r\nhello\r\n0\r\nx\r\n0\r\n", b"hello\r\n0\r\nx", true),
            (b"b;a=\"b c\";d\r\nhello world\r\n0;x\r\nTrailer: 1\r\n\r\n", b"hello world", true),
            (b"0005 \t\r\nhello\r\n000\r\n\r\n", b"hello", true),
            (b"5\nhello\n0\n\n", b"hello", true),
            (b"0\r\n\r\n", b"", true),
            // Not at its end.
            (b"5\r\nhello\r\n", b"hello", false),
            (b"5\r\nhel", b"hel", false),
            (b"5;extension", b"", false),
            (b"0", b"", false),
            // No chunks: what came before stays.
            (b"hello", b"", true),
            (b"\r\n5\r\nhello\r\n", b"", true),
            (b"-5\r\nhello\r\n", b"", true),
            (b"5\r\nhello world\r\n", b"hello", true),
            (b"5\r\nhello\r\n\r\n", b"hello", true),
            (b"5x\r\nhello\r\n", b"", true),
        ];
        for (bytes, want, done) in cases {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(read_anyhow(CHUNKED, bytes), kept(want, done), "{text}");
        }
    }

    #[test]
    fn sizes_beyond_all_bounds_are_no_danger() {
        let (got, done) = read(CHUNKED, b"FFFFFFFFFFFFFFFFFFFFFFFF\r\nhello", 3);
        assert_eq!((got.as_slice(), done), (b"hello".as_slice(), false));
        let huge = [("Content-Length", "18446744073709551615")];
        assert_eq!(read_anyhow(&huge, b"hello"), kept(b"hello", false));
    }

    #[test]
    fn only_so_much_is_kept() {
        let many = vec![b'x'; MAX_KEPT + 1];
        let mut chunked = b"20000\r\n".to_vec();
        chunked.extend_from_slice(&many);
        for (headers, bytes) in
            [(&[][..], &many), (&[("Content-Length", "100000")][..], &many), (CHUNKED, &chunked)]
        {
            let (got, done) = read(headers, bytes, 1000);
            assert!(done && got.len() == MAX_KEPT, "{headers:?}: {}", got.len());
        }
        // Framing without end.
        let extension = vec![b'1'; MAX_SEEN];
        assert_eq!(read(CHUNKED, &extension, 4096), (Vec::new(), true));
    }

    #[test]
    fn lengths_are_told_well_or_not_at_all() {
        let length = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("Content-Length", *value)).collect();
            read_anyhow(&headers, b"hello world")
        };
        assert_eq!(length(&["5"]), kept(b"hello", true));
        assert_eq!(length(&["5", "5"]), kept(b"hello", true));
        assert_eq!(length(&["5, 5"]), kept(b"hello", true));
        assert_eq!(length(&["11"]), kept(b"hello world", true));
        assert_eq!(length(&["12"]), kept(b"hello world", false));
        for bad in [&["5", "6"][..], &["-5"], &["+5"], &["5 5"], &[""], &["99999999999999999999"]] {
            assert_eq!(length(bad), kept(b"hello world", false), "{bad:?}");
        }
    }

    #[test]
    fn the_framing_is_that_of_the_last_coding() {
        let chunks = b"5\r\nhello\r\n0\r\n\r\n";
        let gzip_first = [("Transfer-Encoding", "gzip , chunked"), ("Content-Length", "3")];
        assert_eq!(read_anyhow(&gzip_first, chunks), kept(b"hello", true));
        let two = [("Transfer-Encoding", "gzip"), ("Transfer-Encoding", "chunked")];
        assert_eq!(read_anyhow(&two, chunks), kept(b"hello", true));
        let gzip = [("Transfer-Encoding", "chunked, gzip"), ("Content-Length", "3")];
        assert_eq!(read_anyhow(&gzip, chunks), kept(chunks, false));
    }

    #[test]
    fn some_responses_have_no_body() {
        for status in [101, 204, 304] {
            assert!(Body::of(&response(status, &[])).is_none(), "{status}");
        }
        assert!(Body::of(&response(403, &[("Content-Length", "0")])).is_none());
        assert!(Body::of(&response(200, &[])).is_some());
    }
}
