//! permessage-deflate as the server sees it: whole messages, in and out.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What a message on the wire leaves out.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// A client's message may inflate to so much.
const MAX: usize = 256 << 20;

/// Both directions of one connection.
#[derive(Debug)]
pub(crate) struct Codec {
    compress: Compress,
    decompress: Decompress,
    /// Each message of the server, or of the client, stands by itself.
    server_fresh: bool,
    client_fresh: bool,
}

impl Codec {
    /// What an answer with these extensions means, if it is this one.
    pub(crate) fn new(extensions: &[Vec<u8>]) -> Option<Codec> {
        let answer = String::from_utf8_lossy(extensions.first()?).into_owned();
        let mut words = answer.split(';').map(str::trim);
        if words.next() != Some("permessage-deflate") {
            return None;
        }
        let (mut server, mut client) = (15, 15);
        let (mut server_fresh, mut client_fresh) = (false, false);
        for word in words {
            let bits = |value: &str| value.parse().unwrap_or(15).clamp(9, 15);
            match word.split_once('=') {
                Some(("server_max_window_bits", value)) => server = bits(value),
                Some(("client_max_window_bits", value)) => client = bits(value),
                None if word == "server_no_context_takeover" => server_fresh = true,
                None if word == "client_no_context_takeover" => client_fresh = true,
                _ => {}
            }
        }
        Some(Codec {
            compress: Compress::new_with_window_bits(Compression::default(), false, server),
            decompress: Decompress::new_with_window_bits(false, client),
            server_fresh,
            client_fresh,
        })
    }

    pub(crate) fn compress(&mut self, data: &[u8]) -> Vec<u8> {
        if data.is_empty() {
            return vec![0];
        }
        if self.server_fresh {
            self.compress.reset();
        }
        let start = self.compress.total_in();
        let mut out = Vec::with_capacity(data.len() / 4 + 64);
        loop {
            let done = usize::try_from(self.compress.total_in() - start).unwrap_or(data.len());
            let rest = data.get(done..).unwrap_or_default();
            if rest.is_empty() && out.len() < out.capacity() && !out.is_empty() {
                break;
            }
            out.reserve(4096);
            if self.compress.compress_vec(rest, &mut out, FlushCompress::Sync).is_err() {
                break;
            }
        }
        out.truncate(out.len() - if out.ends_with(&TAIL) { TAIL.len() } else { 0 });
        out
    }

    pub(crate) fn decompress(&mut self, data: &[u8]) -> Result<Vec<u8>, String> {
        if self.client_fresh {
            self.decompress.reset(false);
        }
        let mut input = data.to_vec();
        input.extend(TAIL);
        let start = self.decompress.total_in();
        let mut out = Vec::with_capacity(data.len() * 4 + 64);
        loop {
            let done = usize::try_from(self.decompress.total_in() - start).unwrap_or(usize::MAX);
            let rest = input.get(done..).unwrap_or_default();
            if (rest.is_empty() && out.len() < out.capacity()) || out.len() > MAX {
                return Ok(out);
            }
            out.reserve(4096);
            match self.decompress.decompress_vec(rest, &mut out, FlushDecompress::None) {
                Ok(Status::StreamEnd) => return Err("a final block in a client's message".into()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}
