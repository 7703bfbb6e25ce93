//! A message sent in chunks: begin, chunks, end (RFC 6455 §5.4). Each chunk is
//! a frame; control frames may go between them, other messages may not.

use super::{Manner, ReadyState, Socket, Why, bit};
use crate::conn::outbound::Stream;
use crate::conn::outbox::{Part, opcode};
use crate::error::{Error, Result};
use crate::protocol::Utf8;
use std::sync::Arc;

/// One call on such a message.
#[derive(Clone, Copy)]
enum Step<'a> {
    Begin(Manner),
    Chunk(&'a [u8]),
    End,
}

impl Socket {
    /// Begins a message in chunks.
    pub fn send_begin(self: &Arc<Self>, manner: Manner) -> Result<()> {
        self.step_stream(Step::Begin(manner))
    }

    /// Sends the next chunk.
    pub fn send_chunk(self: &Arc<Self>, data: &[u8]) -> Result<()> {
        self.step_stream(Step::Chunk(data))
    }

    /// Ends the message.
    pub fn send_end(self: &Arc<Self>) -> Result<()> {
        self.step_stream(Step::End)
    }

    fn step_stream(self: &Arc<Self>, step: Step<'_>) -> Result<()> {
        let (data, last) = match step {
            Step::Begin(..) => (&[][..], false),
            Step::Chunk(data) => (data, false),
            Step::End => (&[][..], true),
        };
        loop {
            let mut packing = self.packing();
            let mut out = self.lock_out();
            if self.ready_state() != ReadyState::Open {
                return self.send_refused(&mut out, opcode::TEXT, data.len());
            }
            if self.signals.has(bit::POISONED) {
                return Err(Error::Panic);
            }
            // The end of a message is always taken.
            if !last && out.load() >= self.config.limits.high_water {
                drop(packing);
                self.make_room(out, opcode::TEXT, data.len())?;
                continue;
            }
            let stream = match (step, out.stream) {
                (Step::Begin(..), Some(_)) => return self.refuse(Why::StreamOpen),
                (Step::Begin(manner), None) => {
                    let compressed = manner.may_compress() && packing.is_some();
                    let text = manner.is_checked().then(Utf8::new);
                    out.stream = Some(Stream { opcode: manner.opcode(), compressed, text });
                    return Ok(());
                }
                (_, None) => return self.refuse(Why::NoStream),
                (_, Some(stream)) => stream,
            };
            let mut next = Stream { opcode: opcode::CONTINUATION, ..stream };
            if let Some(text) = &mut next.text
                && (!text.push(data) || (last && !text.is_complete()))
            {
                return Err(Error::InvalidUtf8);
            }
            if data.is_empty() && !last {
                return Ok(());
            }
            match packing.as_mut().filter(|_| stream.compressed) {
                Some(packing) => {
                    drop(out);
                    let part = packing.chunk(stream.opcode, data, last)?;
                    out = self.lock_out();
                    if self.ready_state() != ReadyState::Open {
                        return self.send_refused(&mut out, opcode::TEXT, data.len());
                    }
                    out.push_data(&part, data)?;
                    packing.was_queued();
                }
                None => {
                    let (opcode, bytes) = (stream.opcode, data.len());
                    let part = Part { opcode, fin: last, rsv1: false, payload: data, bytes };
                    out.push_data(&part, data)?;
                }
            }
            out.stream = (!last).then_some(next);
            drop(packing);
            self.depart(out);
            return Ok(());
        }
    }
}
