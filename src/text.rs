//! Text that C can borrow: UTF-8 with a NUL behind it.

use std::fmt;

/// An immutable string whose bytes are followed by a NUL, so that C may take
/// it by pointer and length or as a C string (which ends at a NUL inside it).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(Box<str>);

impl Text {
    /// The text without its NUL.
    pub fn as_str(&self) -> &str {
        self.0.strip_suffix('\0').unwrap_or("")
    }

    /// The text with its NUL.
    pub fn with_nul(&self) -> &str {
        // An empty one takes no memory.
        if self.0.is_empty() { "\0" } else { &self.0 }
    }

    /// Length in bytes, the NUL not counted.
    pub fn len(&self) -> usize {
        self.as_str().len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The address of the first byte; a NUL follows the last.
    pub fn as_ptr(&self) -> *const u8 {
        self.with_nul().as_ptr()
    }
}

impl From<String> for Text {
    fn from(mut text: String) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        text.push('\0');
        Self(text.into_boxed_str())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let mut owned = String::with_capacity(text.len() + 1);
        owned.push_str(text);
        owned.into()
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
