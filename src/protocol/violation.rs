//! What a peer can do wrong, the close code that answers it and the sentence
//! that names it. Knows no bytes.

use std::fmt;

/// The ways a peer breaks RFC 6455 or goes over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// RSV1, RSV2 or RSV3 without an extension that defines it (5.2). The
    /// bits as they stand in the first byte: 0x40, 0x20, 0x10.
    ReservedBits(u8),
    /// Opcode 3-7 or 11-15 (5.2).
    ReservedOpcode(u8),
    /// A masked frame from the server (5.1).
    Masked,
    /// A control frame without FIN (5.5).
    FragmentedControl,
    /// A control frame of more than 125 bytes (5.5).
    LongControl,
    /// A continuation frame while no message is open (5.4).
    StrayContinuation,
    /// A new data frame while a fragmented message is open (5.4).
    NewMessageInside,
    /// A length not in its shortest form (5.2).
    NonMinimalLength,
    /// A 64-bit length with the most significant bit set (5.2).
    LengthTopBit,
    /// Text that is not UTF-8 (8.1).
    InvalidText,
    /// Compressed data that does not inflate (RFC 7692, 7.2.2).
    BadCompression,
    /// A message, or the frames of one so far, over the limit given.
    MessageTooBig(u64),
    /// More continuation frames in one message than the limit given.
    TooManyFragments(u32),
    /// No memory for a message of at least so many bytes.
    NoMemory(u64),
    /// A Close frame with a body of one byte (5.5.1).
    ShortClose,
    /// A Close frame with a code that may not be sent (7.4).
    ForbiddenCode(u16),
    /// A Close frame with this code and a reason that is not UTF-8 (5.5.1).
    InvalidReason(u16),
}

/// Why the connection has to be failed (RFC 6455, 7.1.7). Displays as one
/// line that names the violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    kind: ViolationKind,
}

impl Violation {
    /// Which violation it is.
    pub const fn kind(&self) -> ViolationKind {
        self.kind
    }

    /// The code our Close frame carries: 1002, 1007 or 1009 (7.4.1).
    pub const fn close_code(&self) -> u16 {
        use ViolationKind as K;
        match self.kind {
            K::ReservedBits(_)
            | K::ReservedOpcode(_)
            | K::Masked
            | K::FragmentedControl
            | K::LongControl
            | K::StrayContinuation
            | K::NewMessageInside
            | K::NonMinimalLength
            | K::LengthTopBit
            | K::BadCompression
            | K::ShortClose
            | K::ForbiddenCode(_) => 1002,
            K::InvalidText | K::InvalidReason(_) => 1007,
            K::MessageTooBig(_) | K::TooManyFragments(_) | K::NoMemory(_) => 1009,
        }
    }

    /// The code in the peer's bad Close frame, 0 if there was none.
    pub const fn peer_code(&self) -> u16 {
        match self.kind {
            ViolationKind::ForbiddenCode(code) | ViolationKind::InvalidReason(code) => code,
            _ => 0,
        }
    }

    /// Whether it is a limit that was passed and not a rule broken.
    pub const fn too_big(&self) -> bool {
        self.close_code() == 1009
    }
}

impl From<ViolationKind> for Violation {
    #[cold]
    fn from(kind: ViolationKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ViolationKind as K;
        match self.kind {
            K::ReservedBits(bits) => {
                f.write_str("reserved bit set in a frame header:")?;
                for (bit, name) in [(0x40, " RSV1"), (0x20, " RSV2"), (0x10, " RSV3")] {
                    if bits & bit != 0 {
                        f.write_str(name)?;
                    }
                }
                Ok(())
            }
            K::ReservedOpcode(opcode) => write!(f, "reserved opcode {opcode:#x}"),
            K::Masked => f.write_str("masked frame from the server"),
            K::FragmentedControl => f.write_str("fragmented control frame"),
            K::LongControl => f.write_str("control frame of more than 125 bytes"),
            K::StrayContinuation => f.write_str("continuation frame without a message to continue"),
            K::NewMessageInside => f.write_str("new message inside a fragmented message"),
            K::NonMinimalLength => f.write_str("frame length not in its shortest form"),
            K::LengthTopBit => f.write_str("frame length with the most significant bit set"),
            K::InvalidText => f.write_str("invalid UTF-8 in a text message"),
            K::BadCompression => f.write_str("compressed data that does not inflate"),
            K::MessageTooBig(limit) => {
                write!(f, "message larger than the limit of {limit} bytes")
            }
            K::TooManyFragments(limit) => {
                write!(f, "message with more than {limit} continuation frames")
            }
            K::NoMemory(bytes) => write!(f, "no memory for a message of {bytes} bytes"),
            K::ShortClose => f.write_str("close frame with a body of one byte"),
            K::ForbiddenCode(code) => write!(f, "close frame with the forbidden code {code}"),
            K::InvalidReason(code) => {
                write!(f, "invalid UTF-8 in the reason of a close frame with code {code}")
            }
        }
    }
}

impl std::error::Error for Violation {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_each() {
        let lines = [
            (ViolationKind::ReservedBits(0x50), "reserved bit set in a frame header: RSV1 RSV3"),
            (ViolationKind::ReservedOpcode(3), "reserved opcode 0x3"),
            (ViolationKind::Masked, "masked frame from the server"),
            (ViolationKind::MessageTooBig(65536), "message larger than the limit of 65536 bytes"),
            (ViolationKind::ForbiddenCode(1005), "close frame with the forbidden code 1005"),
            (ViolationKind::InvalidText, "invalid UTF-8 in a text message"),
        ];
        for (kind, line) in lines {
            assert_eq!(Violation::from(kind).to_string(), line);
        }
    }

    #[test]
    fn small_enough_for_registers() {
        assert!(size_of::<Violation>() <= 16);
    }
}
