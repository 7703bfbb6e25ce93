//! The monotonic clock, the one a C program reads as `CLOCK_MONOTONIC`.

use std::cell::Cell;
use std::time::Duration;

/// A point on the monotonic clock, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(u64);

impl Time {
    /// The present.
    #[inline]
    pub(crate) fn now() -> Self {
        let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the kernel fills the struct; CLOCK_MONOTONIC always exists.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut ts) };
        // Neither is ever below zero.
        Self(ts.tv_sec.cast_unsigned() * 1_000_000_000 + ts.tv_nsec.cast_unsigned())
    }

    /// This point and a duration.
    pub(crate) fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long from `now` to this point; zero if it has passed.
    pub(crate) fn until(self, now: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(now.0))
    }

    /// The point as a number; never 0.
    pub(crate) fn as_nanos(self) -> u64 {
        self.0.max(1)
    }

    /// The point of a number; 0 is none.
    pub(crate) fn from_nanos(nanos: u64) -> Option<Self> {
        (nanos != 0).then_some(Self(nanos))
    }

    /// Milliseconds, as events show it.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns of uptime are 104 days, then still µs")]
    pub(crate) fn as_ms(self) -> f64 {
        // A signed number takes one instruction.
        self.0.cast_signed() as f64 / 1e6
    }
}

/// The present of a piece of work, looked up when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// 0 while nobody has asked.
    nanos: Cell<u64>,
    ms: Cell<f64>,
}

impl Clock {
    /// The same until it is forgotten.
    #[inline]
    pub(crate) fn now(&self) -> Time {
        self.as_ms();
        Time(self.nanos.get())
    }

    /// The same in milliseconds, as events show it.
    #[inline]
    pub(crate) fn as_ms(&self) -> f64 {
        if self.nanos.get() == 0 {
            self.look();
        }
        self.ms.get()
    }

    #[inline(always)]
    fn look(&self) {
        let now = Time::now();
        self.nanos.set(now.as_nanos());
        self.ms.set(now.as_ms());
    }

    /// Time has passed.
    #[inline]
    pub(crate) fn forget(&self) {
        self.nanos.set(0);
    }
}
