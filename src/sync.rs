//! What threads meet at: std's locks and atomics, or shuttle's, which `shuttle/`
//! builds the library with to try out the orders in which threads may meet.

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
