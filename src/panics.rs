//! Whose panic it is: the host's, or a bug of this library.

use crate::drive::context;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// While this lives, panics of its thread are this library's.
#[must_use]
pub(crate) struct Guard {
    outer: bool,
}

/// Claims the panics of the current thread: every entry point of the C layer
/// does so, and each thread of the library's own with its first line.
#[inline]
pub(crate) fn claim() -> Guard {
    Guard { outer: context::replace_ours(true) }
}

/// Whether a panic on this thread would be this library's.
pub(crate) fn are_ours() -> bool {
    context::is_ours()
}

/// Runs what panics where a crate has no other way to refuse, and nothing
/// else; `None` if it did, and nobody is told.
pub(crate) fn expected<T>(body: impl FnOnce() -> T) -> Option<T> {
    EXPECTED.set(true);
    let done = catch_unwind(AssertUnwindSafe(body)).ok();
    EXPECTED.set(false);
    done
}

/// Whether a panic on this thread would be no bug.
pub(crate) fn are_expected() -> bool {
    EXPECTED.get()
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        context::replace_ours(self.outer);
    }
}
