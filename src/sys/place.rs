//! A place for one boxed value, which threads take and put back without a
//! lock: one instruction each way.

use crate::sync::atomic::{AtomicPtr, Ordering};
use std::marker::PhantomData;
use std::ptr;

/// See the module.
pub(crate) struct Place<T> {
    /// NULL, or a box that the place owns.
    boxed: AtomicPtr<T>,
    owner: PhantomData<Box<T>>,
}

// SAFETY: the value goes from thread to thread, never to two at a time.
unsafe impl<T: Send> Sync for Place<T> {}

impl<T> Place<T> {
    pub(crate) fn empty() -> Self {
        Self { boxed: AtomicPtr::new(ptr::null_mut()), owner: PhantomData }
    }

    /// Takes what is there. Whoever finds nothing has seen all that was done
    /// before it was taken.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<Box<T>> {
        let boxed = self.boxed.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: `put` made the pointer from a box, and the swap gave it to
        // this call alone.
        (!boxed.is_null()).then(|| unsafe { Box::from_raw(boxed) })
    }

    /// Puts a value there; what was there before is dropped. A `take` on
    /// another thread finds it, or this has seen all that was done before.
    #[inline(always)]
    pub(crate) fn put(&self, value: Box<T>) {
        let before = self.boxed.swap(Box::into_raw(value), Ordering::AcqRel);
        if !before.is_null() {
            drop_boxed(before);
        }
    }

    /// Whether nothing is there at the moment.
    pub(crate) fn is_empty(&self) -> bool {
        self.boxed.load(Ordering::Acquire).is_null()
    }
}

#[cold]
fn drop_boxed<T>(boxed: *mut T) {
    // SAFETY: `put` made the pointer from a box and has just taken it out.
    drop(unsafe { Box::from_raw(boxed) });
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn one_taker_gets_it_and_nothing_is_lost() {
        let value = Arc::new(());
        let place = Place::empty();
        assert!(place.is_empty() && place.take().is_none());
        place.put(Box::new(Arc::clone(&value)));
        assert!(!place.is_empty());
        assert!(place.take().is_some_and(|have| Arc::ptr_eq(&have, &value)));
        assert!(place.take().is_none());
        place.put(Box::new(Arc::clone(&value)));
        place.put(Box::new(Arc::clone(&value)));
        assert_eq!(Arc::strong_count(&value), 2, "the one before was dropped");
        drop(place);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn threads_hand_it_over_whole() {
        let place = Arc::new(Place::empty());
        place.put(Box::new(0_u64));
        let count = || {
            let mut done = 0;
            while done < 20_000 {
                if let Some(mut value) = place.take() {
                    *value += 1;
                    place.put(value);
                    done += 1;
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(count);
            scope.spawn(count);
        });
        assert_eq!(place.take().as_deref(), Some(&40_000));
    }
}
