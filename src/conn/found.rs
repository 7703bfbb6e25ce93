//! What an established connection finds instead of a whole message in one
//! frame: a signal, a control frame, a message that was put together.

use super::messages::trace_message;
use super::open::Open;
use super::{Buffers, Flow, Receiver};
use crate::event::{Chunk, EventKind};
use crate::protocol::{Item, Violation};
use crate::socket::{ReadyState, Socket, bit};
use crate::sys::Clock;
use std::sync::Arc;

/// What stood between two messages, or instead of one.
pub(super) enum Found {
    /// Everything that has arrived was looked at.
    Nothing,
    /// Something that is dealt with.
    Something,
    /// An event, and its receiver said stop.
    Stop,
    /// A signal that ends the connection.
    End,
    /// A pause.
    Pause,
    /// The peer's Close frame.
    Close(Option<u16>, String),
}

impl Open {
    /// Obeys a signal, or takes the next thing that has arrived.
    #[inline(never)]
    pub(super) fn look(
        &mut self,
        socket: &Arc<Socket>,
        buffers: &mut Buffers,
        clock: &Clock,
        receiver: &mut Receiver<'_>,
        readable: &mut bool,
    ) -> Result<Found, Violation> {
        let signals = socket.signals.get();
        if signals & bit::URGENT != 0 {
            if signals & bit::RESUMED != 0 {
                socket.signals.clear(bit::RESUMED);
                let still = socket.lock_out().take_stillness();
                if let Some(pulse) = &mut self.pulse {
                    pulse.stood_still(still, clock.now());
                }
                *readable = true;
            }
            if signals & bit::CHUNKS_ASKED != 0 {
                socket.signals.clear(bit::CHUNKS_ASKED);
                self.decoder.tell_chunks(socket.wants_chunks());
            }
            if signals & bit::DRAIN != 0 && socket.signals.take(bit::DRAIN) {
                let open = socket.ready_state() == ReadyState::Open;
                let stop = open && receiver.deliver(clock, socket, EventKind::Drain) == Flow::Stop;
                return Ok(if stop { Found::Stop } else { Found::Something });
            }
            if signals & (bit::SILENCED | bit::ABORT | bit::POISONED) != 0 {
                return Ok(Found::End);
            }
            if signals & bit::PAUSED != 0 {
                return Ok(Found::Pause);
            }
        }
        let input = buffers.plain.get(..buffers.end).unwrap_or_default();
        let (told, event) = match self.decoder.next(input, &mut buffers.start)? {
            None => return Ok(Found::Nothing),
            Some(Item::Message(kind, data)) => {
                trace_message(socket, kind, data.len());
                receiver.begin(socket);
                (socket.ready_state() == ReadyState::Open, EventKind::Message(kind, data))
            }
            Some(Item::Chunk(chunk)) => {
                socket.trace(|| {
                    let Chunk { kind, data, last, .. } = chunk;
                    let end = if last { ", the last" } else { "" };
                    format!("received a chunk of {kind:?}, {} bytes{end}", data.len())
                });
                receiver.begin(socket);
                (socket.ready_state() == ReadyState::Open, EventKind::Chunk(chunk))
            }
            Some(Item::Ping(payload)) => {
                socket.trace(|| format!("received Ping, {} bytes", payload.len()));
                socket.answer_ping(payload);
                self.prompt = true;
                socket.trace(|| format!("answering Pong, {} bytes", payload.len()));
                (socket.tells_pings(), EventKind::Ping(payload))
            }
            Some(Item::Pong(payload)) => {
                socket.trace(|| format!("received Pong, {} bytes", payload.len()));
                let answered = socket.take_pong(payload, clock.now());
                if let (Some(waiting), Some(pulse)) = (answered, &mut self.pulse) {
                    pulse.answered(waiting);
                }
                (socket.tells_pings(), EventKind::Pong(payload))
            }
            Some(Item::Close(frame)) => {
                return Ok(Found::Close(frame.code, frame.reason.to_owned()));
            }
        };
        let stop = told && receiver.deliver(clock, socket, event) == Flow::Stop;
        Ok(if stop { Found::Stop } else { Found::Something })
    }
}
