//! The one heap of deadlines of an engine. Entries are never removed, only
//! found stale when they come up.

use crate::sys::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Whose deadline it is: a slot and the serial number of its tenant.
pub(crate) type Owner = (usize, u64);

/// Deadlines in order.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BinaryHeap<Reverse<(Time, Owner)>>);

impl Deadlines {
    pub(crate) fn push(&mut self, at: Time, owner: Owner) {
        self.0.push(Reverse((at, owner)));
    }

    /// Whether there is no entry, not even a stale one.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The nearest entry that `is_current` still stands by.
    pub(crate) fn nearest(&mut self, is_current: impl Fn(Time, Owner) -> bool) -> Option<Time> {
        while let Some(Reverse((at, owner))) = self.0.peek().copied() {
            if is_current(at, owner) {
                return Some(at);
            }
            self.0.pop();
        }
        None
    }

    /// The owner of an entry that is due; it may be stale.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Owner> {
        let Reverse((at, owner)) = *self.0.peek()?;
        if at > now {
            return None;
        }
        self.0.pop();
        Some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stale_entries_are_passed_over() {
        let start = Time::now();
        let at = |ms| start.after(Duration::from_millis(ms));
        let mut deadlines = Deadlines::default();
        for (ms, slot) in [(30, 3), (10, 1), (20, 2)] {
            deadlines.push(at(ms), (slot, 0));
        }
        assert_eq!(deadlines.nearest(|_, (slot, _)| slot != 1), Some(at(20)));
        assert_eq!(deadlines.pop_due(at(19)), None);
        assert_eq!(deadlines.pop_due(at(25)), Some((2, 0)));
        assert_eq!(deadlines.pop_due(at(25)), None);
        assert_eq!(deadlines.nearest(|_, _| true), Some(at(30)));
    }
}
