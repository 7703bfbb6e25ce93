//! Whether another try makes sense, and how long to wait for it.

use crate::close_code;
use crate::error::{Cause, Failure};
use crate::event::CloseEvent;
use std::time::Duration;

/// What the end of a connection means for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Another try would end the same way, or nobody wants one.
    Final,
    /// Another try may succeed.
    Again,
    /// The server restarts (1012).
    Restart,
    /// The server is overloaded (1013).
    Later,
}

impl Fate {
    /// Judges an end; `opening` is whether the connection never was open.
    pub(crate) fn of(failure: Option<&Failure>, close: &CloseEvent, opening: bool) -> Self {
        let cause = failure.map_or(close.cause, |failure| failure.cause);
        if matches!(cause, Cause::Local | Cause::Abort | Cause::Internal) {
            return Self::Final;
        }
        if let Some(failure) = failure {
            let refused = match failure.http_status {
                // Too slow, too early, too often.
                408 | 425 | 429 => false,
                status => (300..500).contains(&status),
            };
            if refused || (opening && cause == Cause::Tls && !failure.lost) {
                return Self::Final;
            }
        }
        match close.code {
            close_code::POLICY_VIOLATION => Self::Final,
            close_code::SERVICE_RESTART => Self::Restart,
            close_code::TRY_AGAIN_LATER => Self::Later,
            _ => Self::Again,
        }
    }
}

/// Exponential backoff with full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// The longest delay before the first try of a row.
    pub first: Duration,
    /// The longest delay before any try.
    pub max: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_secs(60) }
    }
}

/// What the registry of close codes asks of clients for 1012.
const RESTART: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

impl Delays {
    /// How long to wait before the `tries`th try of a row, the first being 1;
    /// `random` is in 0 to 1.
    pub(crate) fn next(&self, fate: Fate, tries: u32, random: f64) -> Duration {
        let (least, most) = match fate {
            Fate::Restart => (RESTART.0.min(self.max), RESTART.1.min(self.max)),
            Fate::Later => (self.max / 2, self.max),
            Fate::Again | Fate::Final => {
                let doubled = 1u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
                (Duration::ZERO, self.first.saturating_mul(doubled).min(self.max))
            }
        };
        least + (most - least).mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let delays = Delays { first: Duration::from_secs(1), max: Duration::from_secs(60) };
        let most = |fate, tries| delays.next(fate, tries, 1.0).as_secs();
        let rows: Vec<u64> = [1, 2, 3, 6, 7, 32, 33, u32::MAX].map(|n| most(Fate::Again, n)).into();
        assert_eq!(rows, [1, 2, 4, 32, 60, 60, 60, 60]);
        assert_eq!(delays.next(Fate::Again, 9, 0.0), Duration::ZERO);
        assert_eq!(delays.next(Fate::Again, 9, 0.5), Duration::from_secs(30));
        assert_eq!((most(Fate::Restart, 1), most(Fate::Later, 1)), (30, 60));
        assert_eq!(delays.next(Fate::Restart, 1, 0.0), Duration::from_secs(5));
        assert_eq!(delays.next(Fate::Later, 1, 0.0), Duration::from_secs(30));
        let short = Delays { first: Duration::from_millis(1), max: Duration::from_millis(2) };
        assert_eq!(short.next(Fate::Restart, 1, 0.5), Duration::from_millis(2));
    }

    #[test]
    fn what_cannot_succeed_is_not_tried() {
        let end = |cause, status, code, opening| {
            let failure = Failure { http_status: status, ..Failure::new(cause, "") };
            let close = CloseEvent { code, cause, ..CloseEvent::default() };
            Fate::of(Some(&failure), &close, opening)
        };
        for status in [301, 400, 401, 403, 404, 407, 426] {
            assert_eq!(end(Cause::Http, status, 1006, true), Fate::Final, "{status}");
        }
        for status in [200, 408, 425, 429, 500, 502, 503] {
            assert_eq!(end(Cause::Http, status, 1006, true), Fate::Again, "{status}");
        }
        assert_eq!(end(Cause::Tls, 0, 1015, true), Fate::Final);
        assert_eq!(end(Cause::Abort, 0, 1006, false), Fate::Final);
        assert_eq!(end(Cause::Local, 0, 1006, true), Fate::Final);
        for cause in [Cause::Dns, Cause::Connect, Cause::Timeout, Cause::Lost, Cause::Proxy] {
            assert_eq!(end(cause, 0, 1006, true), Fate::Again, "{cause:?}");
        }
        let lost = Failure { lost: true, ..Failure::new(Cause::Tls, "") };
        assert_eq!(Fate::of(Some(&lost), &CloseEvent::default(), true), Fate::Again);
        let closed = |code, cause| {
            let close = CloseEvent { was_clean: true, code, cause, ..CloseEvent::default() };
            Fate::of(None, &close, false)
        };
        assert_eq!(closed(1000, Cause::Local), Fate::Final);
        assert_eq!(closed(1008, Cause::Peer), Fate::Final);
        assert_eq!(closed(1012, Cause::Peer), Fate::Restart);
        assert_eq!(closed(1013, Cause::Peer), Fate::Later);
        for code in [1000, 1001, 1005, 1011, 1014, 4000] {
            assert_eq!(closed(code, Cause::Peer), Fate::Again, "{code}");
        }
    }
}
