//! Pings and pongs: the program's, the heartbeat's, the peer's.

use super::{ReadyState, Socket, bit};
use crate::conn::outbox::opcode;
use crate::error::{Error, Result};
use crate::sys::Time;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Payload of a control frame (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;

impl Socket {
    /// Sends a ping.
    pub fn ping(self: &Arc<Self>, data: &[u8]) -> Result<()> {
        self.send_control("Ping", opcode::PING, data)
    }

    /// Sends a pong that nobody asked for.
    pub fn pong(self: &Arc<Self>, data: &[u8]) -> Result<()> {
        self.send_control("Pong", opcode::PONG, data)
    }

    fn send_control(self: &Arc<Self>, what: &str, opcode: u8, data: &[u8]) -> Result<()> {
        if data.len() > CONTROL_MAX {
            return Err(Error::TooLarge);
        }
        self.try_send_control(opcode, data)?;
        self.trace(|| format!("accepted {what}, {} bytes", data.len()));
        Ok(())
    }

    /// Answers a ping with the end of the batch.
    pub(crate) fn answer_ping(self: &Arc<Self>, payload: &[u8]) {
        let mut out = self.lock_out();
        if !out.is_broken() {
            out.answer_ping(payload);
            self.signals.set(bit::GATHERED);
        }
    }

    /// Pings the peer with the end of the batch.
    pub(crate) fn heartbeat(self: &Arc<Self>) {
        let mut out = self.lock_out();
        if self.ready_state() == ReadyState::Open {
            out.push_heartbeat();
            self.signals.set(bit::GATHERED);
            drop(out);
            self.trace(|| "heartbeat".to_owned());
        }
    }

    /// A pong came. If it answers a ping: when the heartbeat's oldest was
    /// queued that still waits.
    pub(crate) fn take_pong(&self, payload: &[u8], now: Time) -> Option<Option<Time>> {
        let (sent, waiting) = self.lock_out().answered(payload)?;
        let nanos = u64::try_from(now.until(sent).as_nanos()).unwrap_or(u64::MAX);
        self.round_trip.store(nanos.max(1), Ordering::Relaxed);
        Some(waiting)
    }

    /// How long the last ping that was answered took.
    pub fn round_trip(&self) -> Option<Duration> {
        let nanos = self.round_trip.load(Ordering::Relaxed);
        (nanos != 0).then(|| Duration::from_nanos(nanos))
    }

    /// Says whether a handler waits for pings or pongs.
    pub fn watch_pings(&self, on: bool) {
        if on {
            self.signals.set(bit::PINGS);
        } else {
            self.signals.clear(bit::PINGS);
        }
    }

    /// Whether pings and pongs are events now.
    pub(crate) fn tells_pings(&self) -> bool {
        (self.config().ping_events || self.signals.has(bit::PINGS))
            && self.ready_state() == ReadyState::Open
    }
}
