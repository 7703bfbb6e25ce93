//! What the program says of a message besides its bytes.

use crate::conn::outbox::opcode;
use crate::event::MessageKind;

/// Text or binary, and how it is to be sent: all in one byte, for the hot path
/// hands it down.
#[derive(Debug, Clone, Copy)]
pub struct Manner(u8);

impl Manner {
    const OPCODE: u8 = 0x0F;
    const COMPRESS: u8 = 0x10;
    const CHECK: u8 = 0x20;
    const MORE: u8 = 0x40;

    /// A message that may be compressed; text is checked.
    pub const fn new(kind: MessageKind) -> Self {
        Self(match kind {
            MessageKind::Text => opcode::TEXT | Self::COMPRESS | Self::CHECK,
            MessageKind::Binary => opcode::BINARY | Self::COMPRESS,
        })
    }

    /// A control frame.
    pub(super) const fn control(opcode: u8) -> Self {
        Self(opcode)
    }

    /// The same, never compressed.
    #[must_use]
    pub const fn uncompressed(self) -> Self {
        Self(self.0 & !Self::COMPRESS)
    }

    /// The same, where the program vouches for its text.
    #[must_use]
    pub const fn unchecked(self) -> Self {
        Self(self.0 & !Self::CHECK)
    }

    /// The same, before others that it may leave with.
    #[must_use]
    pub const fn before_more(self) -> Self {
        Self(self.0 | Self::MORE)
    }

    #[inline(always)]
    pub(super) const fn opcode(self) -> u8 {
        self.0 & Self::OPCODE
    }

    pub(super) const fn kind(self) -> MessageKind {
        match self.opcode() {
            opcode::TEXT => MessageKind::Text,
            _ => MessageKind::Binary,
        }
    }

    /// Whether it may be compressed.
    #[inline(always)]
    pub(super) const fn may_compress(self) -> bool {
        self.0 & Self::COMPRESS != 0
    }

    /// Whether it may wait for the next one.
    #[inline(always)]
    pub(super) const fn may_wait(self) -> bool {
        self.0 & Self::MORE != 0
    }

    /// Whether it is refused if it is not UTF-8.
    #[inline(always)]
    pub(super) const fn is_checked(self) -> bool {
        self.0 & Self::CHECK != 0
    }
}
