//! Messages told in chunks, put together again.

use wskt::event::{Chunk, MessageKind};

/// Judges each chunk and joins them.
#[derive(Debug)]
pub struct Joined {
    most: usize,
    open: Option<(MessageKind, Vec<u8>)>,
}

impl Joined {
    /// For chunks of at most `most` bytes; of text at least a character.
    pub fn new(most: u64) -> Self {
        Self { most: most as usize, open: None }
    }

    /// Takes the next chunk; the message that it ends.
    pub fn add(&mut self, chunk: Chunk<'_>) -> Option<(MessageKind, Vec<u8>)> {
        let Chunk { kind, first, last, data } = chunk;
        let text = kind == MessageKind::Text;
        assert!(data.len() <= if text { self.most.max(4) } else { self.most }, "{}", data.len());
        assert!(!text || std::str::from_utf8(data).is_ok(), "a character is cut");
        assert!(last || !data.is_empty(), "nothing is told");
        assert_eq!(first, self.open.is_none(), "the first of a message");
        let (begun, mut bytes) = self.open.take().unwrap_or((kind, Vec::new()));
        assert_eq!(begun, kind, "the kind of a message");
        bytes.extend_from_slice(data);
        if last {
            return Some((kind, bytes));
        }
        self.open = Some((kind, bytes));
        None
    }
}
