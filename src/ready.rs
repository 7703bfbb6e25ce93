//! The slots that are ready, in their order: a queue for few entries that
//! come and go, each with as little work as a stack's.

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    slots: Vec<usize>,
    /// Everything before this was taken; 0 where nothing is left.
    head: usize,
}

impl Ready {
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.head
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(crate) fn front(&self) -> Option<usize> {
        self.slots.get(self.head).copied()
    }

    #[inline(always)]
    pub(crate) fn push_back(&mut self, slot: usize) {
        if self.slots.len() == self.slots.capacity() {
            self.make_room();
        }
        self.slots.push(slot);
    }

    /// Lets go of what was taken, if that is half of it; else it grows.
    #[cold]
    fn make_room(&mut self) {
        if self.head >= self.slots.len() / 2 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.slots.drain(..self.head);
        self.head = 0;
    }

    pub(crate) fn push_front(&mut self, slot: usize) {
        match self.head.checked_sub(1) {
            Some(head) => {
                self.head = head;
                if let Some(place) = self.slots.get_mut(head) {
                    *place = slot;
                }
            }
            None => self.slots.insert(0, slot),
        }
    }

    #[inline(always)]
    pub(crate) fn pop_front(&mut self) -> Option<usize> {
        let slot = *self.slots.get(self.head)?;
        self.head += 1;
        if self.head == self.slots.len() {
            self.clear();
        }
        Some(slot)
    }

    pub(crate) fn remove(&mut self, slot: usize) {
        self.cut();
        self.slots.retain(|have| *have != slot);
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.head = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn it_is_a_queue() {
        let (mut ready, mut judge) = (Ready::default(), VecDeque::new());
        let mut dice = 12_345_u32;
        for step in 0..10_000 {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match dice >> 29 {
                0..=2 => {
                    ready.push_back(step);
                    judge.push_back(step);
                }
                3..=5 => assert_eq!(ready.pop_front(), judge.pop_front()),
                6 => {
                    ready.push_front(step);
                    judge.push_front(step);
                }
                _ => {
                    let gone = judge.back().copied().unwrap_or(0);
                    ready.remove(gone);
                    judge.retain(|have| *have != gone);
                }
            }
            assert_eq!((ready.len(), ready.is_empty()), (judge.len(), judge.is_empty()));
            assert_eq!(ready.front(), judge.front().copied());
        }
        ready.clear();
        assert!(ready.is_empty() && ready.pop_front().is_none());
    }

    #[test]
    fn it_does_not_grow_with_what_passes_through() {
        let mut ready = Ready::default();
        for step in 0..100_000 {
            ready.push_back(step);
            ready.push_back(step);
            ready.pop_front();
            if step % 50 == 49 {
                while ready.len() > 1 {
                    ready.pop_front();
                }
            }
        }
        assert!(ready.slots.capacity() <= 512, "{}", ready.slots.capacity());
    }
}
