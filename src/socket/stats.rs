//! What a socket has sent and received, and how long opening it took.

use super::Socket;
use crate::protocol::Tally;
use crate::sync::lock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A part of opening whose duration is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Opening {
    /// Name resolution.
    Dns,
    /// TCP.
    Connect,
    /// TLS with the proxy and its consent.
    Proxy,
    /// The TLS handshake with the server.
    Tls,
    /// The HTTP upgrade.
    Upgrade,
}

/// What the driver counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    received: OnceLock<Arc<Tally>>,
    /// Nanoseconds, by [`Opening`].
    opening: [AtomicU64; 5],
}

/// A look at the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of frames that the kernel took, headers included.
    pub bytes_sent: u64,
    /// Bytes of frames that came, headers included.
    pub bytes_received: u64,
    /// Frames accepted for sending, those of wskt itself included.
    pub frames_sent: u64,
    /// Frames that came.
    pub frames_received: u64,
    /// Messages accepted for sending.
    pub messages_sent: u64,
    /// Messages that came.
    pub messages_received: u64,
    /// Bytes of the messages accepted for sending.
    pub payload_sent: u64,
    /// Bytes of the messages that came.
    pub payload_received: u64,
    /// The same after compression.
    pub wire_payload_sent: u64,
    /// The same before it was inflated.
    pub wire_payload_received: u64,
    /// How long name resolution took.
    pub dns: Duration,
    /// How long TCP took.
    pub connect: Duration,
    /// How long it took until the proxy consented.
    pub proxy: Duration,
    /// How long the TLS handshake took.
    pub tls: Duration,
    /// How long the upgrade took.
    pub upgrade: Duration,
    /// How long the last ping that was answered took.
    pub round_trip: Option<Duration>,
}

/// What was accepted for sending.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) messages: u64,
    pub(crate) payload: u64,
    /// Frames that end no message.
    pub(crate) others: u64,
    /// How much shorter the payload is on the wire; longer, below zero.
    pub(crate) saved: i64,
}

impl Socket {
    /// The counters as they stand.
    pub fn stats(&self) -> Stats {
        let (sent, bytes_sent) = {
            let out = lock(&self.out);
            (out.sent(), out.bytes_sent())
        };
        let received = self.counters.received.get().map(Arc::as_ref);
        let count = |of: fn(&Tally) -> u64| received.map_or(0, of);
        let took = |part: Opening| {
            let nanos = self.counters.opening.get(part as usize);
            Duration::from_nanos(nanos.map_or(0, |nanos| nanos.load(Ordering::Relaxed)))
        };
        Stats {
            bytes_sent,
            bytes_received: count(Tally::bytes),
            frames_sent: sent.messages + sent.others,
            frames_received: count(Tally::frames),
            messages_sent: sent.messages,
            messages_received: count(Tally::messages),
            payload_sent: sent.payload,
            payload_received: count(Tally::payload),
            wire_payload_sent: sent.payload.wrapping_add_signed(sent.saved.wrapping_neg()),
            wire_payload_received: count(Tally::wire_payload),
            dns: took(Opening::Dns),
            connect: took(Opening::Connect),
            proxy: took(Opening::Proxy),
            tls: took(Opening::Tls),
            upgrade: took(Opening::Upgrade),
            round_trip: self.round_trip(),
        }
    }

    /// A part of opening took so long; what is done twice adds up.
    pub(crate) fn add_opening(&self, part: Opening, took: Duration) {
        if let Some(nanos) = self.counters.opening.get(part as usize) {
            nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Where to look for what comes in.
    pub(crate) fn set_received(&self, tally: Arc<Tally>) {
        let _ = self.counters.received.set(tally);
    }
}
