//! What threads meet at: std's locks and atomics, or shuttle's, which `shuttle/`
//! builds the library with to try out the orders in which threads may meet. A
//! loop's thread is shuttle's too then, and looks where it would wait for the
//! kernel.

#[cfg(wskt_shuttle)]
pub(crate) use shuttle::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread_local,
};
#[cfg(not(wskt_shuttle))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread_local,
};
/// A panic inside is caught elsewhere; what is locked stays usable.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(not(wskt_shuttle))]
pub(crate) use {crate::sys::spawn, std::thread::JoinHandle};
#[cfg(wskt_shuttle)]
pub(crate) use {looking::spawn, shuttle::thread::JoinHandle};

/// How long a loop's thread may wait for the kernel.
#[inline(always)]
pub(crate) fn longest_wait() -> Option<std::time::Duration> {
    #[cfg(wskt_shuttle)]
    return looking::wait();
    #[cfg(not(wskt_shuttle))]
    return None;
}

#[cfg(wskt_shuttle)]
mod looking {
    use std::time::Duration;

    pub(crate) fn spawn(
        _: &str,
        _: usize,
        run: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<shuttle::thread::JoinHandle<()>> {
        Ok(shuttle::thread::spawn(run))
    }

    pub(super) fn wait() -> Option<Duration> {
        shuttle::thread::yield_now();
        Some(Duration::ZERO)
    }
}
