//! What a wait gives, or why it gave nothing.

use crate::stream::End;

/// What the frames of the client amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Opcode, reserved bits of the first frame, payload.
    Message(u8, u8, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Vec<u8>),
}

/// Why a wait ended without what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Miss {
    Timeout,
    Ended(End),
    NotReading,
    NotWriting,
}

impl Miss {
    pub(crate) fn text(self) -> String {
        match self {
            Miss::Timeout => "timeout".into(),
            Miss::Ended(end) => format!("the connection ended: {}", end.name()),
            Miss::NotReading => "stop-reading is in force".into(),
            Miss::NotWriting => "nothing can be sent any more".into(),
        }
    }
}
