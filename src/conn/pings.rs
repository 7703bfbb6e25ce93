//! The pings that wait for their pong. A peer may answer the newest only (RFC
//! 6455 §5.5.3), so a pong settles every ping before its own.

use crate::sys::Time;
use std::collections::VecDeque;

/// Most pings that are kept, and most of the heartbeat that wait at a time.
const MOST: usize = 32;

#[derive(Debug)]
struct Ping {
    payload: Vec<u8>,
    sent: Time,
    /// It is the heartbeat's.
    beat: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pings {
    waiting: VecDeque<Ping>,
    /// Pings of the heartbeat so far.
    beats: u32,
}

impl Pings {
    /// The payload of the heartbeat's next ping; none while too many wait.
    pub(super) fn next_beat(&self) -> Option<[u8; 4]> {
        let waiting = self.waiting.iter().filter(|ping| ping.beat).count();
        (waiting < MOST).then(|| self.beats.wrapping_add(1).to_be_bytes())
    }

    /// A ping of the heartbeat was queued.
    pub(super) fn add_beat(&mut self, payload: [u8; 4], now: Time) {
        self.beats = u32::from_be_bytes(payload);
        self.add(&payload, now, true);
    }

    /// A ping of the program was queued.
    pub(super) fn add_own(&mut self, payload: &[u8], now: Time) {
        self.add(payload, now, false);
    }

    fn add(&mut self, payload: &[u8], sent: Time, beat: bool) {
        if self.waiting.len() >= MOST {
            // The time of a ping of the program is what can be done without.
            match self.waiting.iter().position(|ping| !ping.beat) {
                Some(at) => drop(self.waiting.remove(at)),
                None => return,
            }
        }
        self.waiting.push_back(Ping { payload: payload.to_vec(), sent, beat });
    }

    /// When the ping was queued that a pong answers, if it answers one.
    pub(super) fn answered(&mut self, payload: &[u8]) -> Option<Time> {
        let at = self.waiting.iter().position(|ping| ping.payload == payload)?;
        self.waiting.drain(..=at).next_back().map(|ping| ping.sent)
    }

    /// When the heartbeat's oldest ping was queued that waits.
    pub(super) fn oldest_beat(&self) -> Option<Time> {
        self.waiting.iter().find(|ping| ping.beat).map(|ping| ping.sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_pong_settles_what_was_asked_before() {
        let start = Time::now();
        let at = |ms| start.after(Duration::from_millis(ms));
        let mut pings = Pings::default();
        for ms in 1..=3 {
            let beat = pings.next_beat().unwrap_or_default();
            pings.add_beat(beat, at(ms));
            pings.add_own(b"own", at(10 * ms));
        }
        assert_eq!(pings.answered(b"stray"), None);
        assert_eq!(pings.answered(&2u32.to_be_bytes()), Some(at(2)));
        assert_eq!(pings.oldest_beat(), Some(at(3)));
        assert_eq!(pings.answered(&1u32.to_be_bytes()), None);
        // The second one of these: the first was settled.
        assert_eq!(pings.answered(b"own"), Some(at(20)));
        assert_eq!(pings.oldest_beat(), Some(at(3)));
        // It was sent behind the heartbeat's.
        assert_eq!(pings.answered(b"own"), Some(at(30)));
        assert_eq!(pings.oldest_beat(), None);
        assert!(pings.waiting.is_empty());
    }

    #[test]
    fn a_peer_that_never_answers_costs_little() {
        let start = Time::now();
        let mut pings = Pings::default();
        for _ in 0..1000 {
            pings.add_own(b"own", start);
        }
        assert_eq!(pings.waiting.len(), MOST);
        let mut beats = 0;
        while let Some(beat) = pings.next_beat() {
            pings.add_beat(beat, start);
            beats += 1;
        }
        assert_eq!((beats, pings.waiting.len()), (MOST, MOST));
        pings.add_own(b"own", start);
        assert_eq!(pings.answered(b"own"), None);
    }
}
