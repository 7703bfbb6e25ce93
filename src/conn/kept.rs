//! Copies of the messages that the kernel does not have whole, for a socket
//! that gives back what it could not send.

use super::outbox::opcode;
use crate::error::{Error, Result};
use crate::event::MessageKind;
use std::collections::VecDeque;

/// A message as the program gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsent {
    pub(crate) kind: MessageKind,
    pub(crate) data: Vec<u8>,
}

/// See the module. Places count as in the queue: bytes since the beginning.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Messages in the queue, by where they end.
    queued: VecDeque<(u64, Unsent)>,
    /// Messages that were dropped from it.
    dropped: VecDeque<Unsent>,
    /// The chunks so far of the message that is being sent so.
    open: Option<Unsent>,
}

impl Kept {
    /// A copy, before the queue takes the message.
    pub(super) fn copy(data: &[u8]) -> Result<Vec<u8>> {
        let mut copy = Vec::new();
        copy.try_reserve_exact(data.len()).map_err(|_| Error::NoMemory)?;
        copy.extend_from_slice(data);
        Ok(copy)
    }

    /// A data frame was queued that ends at `end`.
    pub(super) fn add(&mut self, opcode: u8, fin: bool, data: Vec<u8>, end: u64) {
        let kind = if opcode == opcode::BINARY { MessageKind::Binary } else { MessageKind::Text };
        let message = match self.open.take() {
            Some(mut open) => {
                open.data.extend_from_slice(&data);
                open
            }
            None => Unsent { kind, data },
        };
        if fin {
            self.queued.push_back((end, message));
        } else {
            self.open = Some(message);
        }
    }

    /// Where the first message ends that is not with the kernel.
    pub(super) fn first_end(&self) -> Option<u64> {
        self.queued.front().map(|(end, _)| *end)
    }

    /// The kernel has everything before `at`.
    pub(super) fn given(&mut self, at: u64) {
        while self.first_end().is_some_and(|end| end <= at) {
            self.queued.pop_front();
        }
    }

    /// What was queued behind `at` never will leave.
    pub(super) fn drop_behind(&mut self, at: u64) {
        while self.queued.back().is_some_and(|(end, _)| *end > at) {
            self.dropped.extend(self.queued.pop_back().map(|(_, message)| message));
            self.dropped.rotate_right(1);
        }
    }

    /// Everything that is not with the kernel, in the order it was sent.
    pub(super) fn into_unsent(self) -> VecDeque<Unsent> {
        let queued = self.queued.into_iter().map(|(_, message)| message);
        queued.chain(self.dropped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_lacks_is_given_back_in_order() {
        let mut kept = Kept::default();
        kept.add(opcode::TEXT, true, b"a".to_vec(), 10);
        kept.add(opcode::BINARY, false, b"b".to_vec(), 20);
        kept.add(opcode::CONTINUATION, false, b"c".to_vec(), 30);
        kept.add(opcode::CONTINUATION, true, Vec::new(), 40);
        kept.add(opcode::TEXT, true, b"d".to_vec(), 50);
        kept.add(opcode::TEXT, true, b"e".to_vec(), 60);
        kept.add(opcode::TEXT, false, b"never whole".to_vec(), 70);
        kept.given(10);
        assert_eq!(kept.first_end(), Some(40));
        kept.given(39);
        kept.drop_behind(45);
        // Our Close stands where the dropped ones stood.
        kept.given(39);
        let left: Vec<Unsent> = kept.into_unsent().into();
        let want =
            [(MessageKind::Binary, "bc"), (MessageKind::Text, "d"), (MessageKind::Text, "e")];
        assert_eq!(left, want.map(|(kind, text)| Unsent { kind, data: text.into() }));
    }
}
