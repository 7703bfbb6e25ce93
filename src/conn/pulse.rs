//! Signs of life of an open connection: when a ping of ours is due, and when
//! the peer's silence has lasted too long.

use super::Expiry;
use crate::config::Timeouts;
use crate::sys::Time;
use std::time::Duration;

/// See the module. Only a pong answers a ping. But none can come inside a frame
/// (RFC 6455 §5.4), so the time for it starts anew with each byte of one that
/// has begun.
pub(super) struct Pulse {
    /// When bytes came last.
    heard: Time,
    /// When bytes came last that belong to a frame begun before.
    excused: Time,
    /// When the oldest ping of ours was queued that has no answer.
    asked: Option<Time>,
    /// When the last ping of ours was queued.
    pinged: Time,
    /// When the last pause ended.
    resumed: Time,
    /// A look that is planned already. It may be too early: a deadline that
    /// moves with every byte would fill the heap.
    look_at: Option<Time>,
}

impl Pulse {
    pub(super) fn new(now: Time) -> Self {
        Self { heard: now, excused: now, asked: None, pinged: now, resumed: now, look_at: None }
    }

    /// Whether anything is to be watched.
    pub(super) fn is_on(timeouts: &Timeouts) -> bool {
        timeouts.idle.is_some() || timeouts.heartbeat.is_some()
    }

    /// For so long nobody listened: every deadline stood still.
    pub(super) fn stood_still(&mut self, by: Duration, now: Time) {
        let later = |time: Time| time.after(by).min(now);
        self.heard = later(self.heard);
        self.excused = later(self.excused);
        self.asked = self.asked.map(later);
        self.pinged = later(self.pinged);
        self.resumed = now;
        self.look_at = None;
    }

    /// Bytes came, to begin with those of a frame that had begun if `inside`.
    pub(super) fn heard(&mut self, now: Time, inside: bool) {
        self.heard = now;
        if inside {
            self.excused = now;
        }
    }

    /// A pong answered a ping; `waiting` is when the oldest ping of the
    /// heartbeat was queued that still has no answer.
    pub(super) fn answered(&mut self, waiting: Option<Time>) {
        // The answer to one from before a pause stands behind this one.
        self.asked = waiting.map(|since| since.max(self.resumed));
    }

    /// Whether a ping is due; it counts as queued then.
    pub(super) fn take_ping(&mut self, timeouts: &Timeouts, now: Time) -> bool {
        let Some(heartbeat) = timeouts.heartbeat else { return false };
        if self.pinged.after(heartbeat.interval) > now {
            return false;
        }
        self.pinged = now;
        self.asked.get_or_insert(now);
        true
    }

    /// The next deadline, or an earlier look.
    pub(super) fn deadline(&mut self, timeouts: &Timeouts, now: Time) -> Option<(Time, Expiry)> {
        let dead = timeouts.heartbeat.and_then(|heartbeat| {
            let since = self.asked?.max(self.excused);
            Some((since.after(heartbeat.timeout), Expiry::Heartbeat))
        });
        let ping = timeouts
            .heartbeat
            .map(|heartbeat| (self.pinged.after(heartbeat.interval), Expiry::Look));
        let idle = timeouts.idle.map(|idle| (self.heard.after(idle), Expiry::Idle));
        let next = [dead, ping, idle].into_iter().flatten().min_by_key(|(at, _)| *at)?;
        match self.look_at {
            Some(at) if now < at && at < next.0 => Some((at, Expiry::Look)),
            _ => {
                self.look_at = Some(next.0);
                Some(next)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Heartbeat;

    #[test]
    fn pings_answers_and_silence() {
        let start = Time::now();
        let at = |ms| start.after(Duration::from_millis(ms));
        let heartbeat =
            Heartbeat { interval: Duration::from_millis(100), timeout: Duration::from_millis(150) };
        let timeouts = Timeouts { heartbeat: Some(heartbeat), ..Timeouts::default() };
        let mut pulse = Pulse::new(start);
        assert!(!pulse.take_ping(&timeouts, at(99)));
        assert_eq!(pulse.deadline(&timeouts, at(99)), Some((at(100), Expiry::Look)));
        assert!(pulse.take_ping(&timeouts, at(100)));
        assert_eq!(pulse.deadline(&timeouts, at(100)), Some((at(200), Expiry::Look)));
        assert!(pulse.take_ping(&timeouts, at(200)));
        // The first ping counts, not the last.
        assert_eq!(pulse.deadline(&timeouts, at(200)), Some((at(250), Expiry::Heartbeat)));
        pulse.heard(at(210), false);
        assert_eq!(pulse.deadline(&timeouts, at(210)), Some((at(250), Expiry::Heartbeat)));
        // The first one was answered.
        pulse.answered(Some(at(200)));
        assert_eq!(pulse.deadline(&timeouts, at(250)), Some((at(300), Expiry::Look)));
        assert!(pulse.take_ping(&timeouts, at(300)));
        // Inside a frame there is no answer.
        pulse.heard(at(340), true);
        assert_eq!(pulse.deadline(&timeouts, at(350)), Some((at(400), Expiry::Look)));
        pulse.answered(None);
        assert!(pulse.take_ping(&timeouts, at(400)));
        assert!(pulse.take_ping(&timeouts, at(500)));
        assert_eq!(pulse.deadline(&timeouts, at(549)), Some((at(550), Expiry::Heartbeat)));
    }

    #[test]
    fn pauses_do_not_count_and_begin_nothing_anew() {
        let start = Time::now();
        let at = |ms| start.after(Duration::from_millis(ms));
        let heartbeat =
            Heartbeat { interval: Duration::from_millis(100), timeout: Duration::from_millis(150) };
        let timeouts = Timeouts { heartbeat: Some(heartbeat), ..Timeouts::default() };
        let mut pulse = Pulse::new(start);
        assert!(pulse.take_ping(&timeouts, at(100)));
        pulse.stood_still(Duration::ZERO, at(150));
        assert_eq!(pulse.deadline(&timeouts, at(150)), Some((at(200), Expiry::Look)));
        pulse.stood_still(Duration::from_millis(1000), at(1150));
        assert_eq!(pulse.deadline(&timeouts, at(1150)), Some((at(1200), Expiry::Look)));
        assert!(pulse.take_ping(&timeouts, at(1200)));
        assert_eq!(pulse.deadline(&timeouts, at(1200)), Some((at(1250), Expiry::Heartbeat)));
    }

    #[test]
    fn bytes_move_the_idle_deadline_without_a_new_look_each() {
        let start = Time::now();
        let at = |ms| start.after(Duration::from_millis(ms));
        let idle = Some(Duration::from_millis(100));
        let timeouts = Timeouts { idle, ..Timeouts::default() };
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.deadline(&timeouts, start), Some((at(100), Expiry::Idle)));
        for ms in 1..50 {
            pulse.heard(at(ms), false);
            assert_eq!(pulse.deadline(&timeouts, at(ms)), Some((at(100), Expiry::Look)));
        }
        assert_eq!(pulse.deadline(&timeouts, at(100)), Some((at(149), Expiry::Idle)));
    }
}
