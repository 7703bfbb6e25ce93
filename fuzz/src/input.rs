//! Bytes as a source of choices: the front of the input decides how its rest
//! is used. A used-up source gives zeros.

/// A source of choices.
#[derive(Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// Up to `len` bytes.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        front
    }

    /// As many bytes as the next one says.
    pub fn string(&mut self) -> &'a [u8] {
        let len = self.byte();
        self.take(usize::from(len))
    }

    /// What is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Up to seven lengths of pieces, none of them 0; without any, one piece.
    pub fn cuts(&mut self) -> Vec<usize> {
        let count = usize::from(self.byte() & 7);
        let mut cuts: Vec<usize> = (0..count)
            .map(|_| match self.byte() {
                // A few long ones among the short.
                byte @ 240.. => usize::from(byte - 239) * 4096,
                byte => usize::from(byte) + 1,
            })
            .collect();
        if cuts.is_empty() {
            cuts.push(usize::MAX);
        }
        cuts
    }
}
