//! What the current thread is doing: which driver it turns, whether user code
//! runs on it, and which sockets that code has sent on.

use crate::socket::Socket;
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static DRIVER: Cell<u64> = const { Cell::new(0) };
    static LOOP: Cell<u64> = const { Cell::new(0) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static GATHERED: RefCell<Vec<Arc<Socket>>> = const { RefCell::new(Vec::new()) };
}

/// A number no other driver has.
pub(crate) fn new_driver_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whether user code runs on this thread right now.
pub fn in_callback() -> bool {
    DEPTH.with(Cell::get) > 0
}

/// Says that the loop `driver` owns this thread.
pub(crate) fn own_thread(driver: u64) {
    LOOP.with(|own| own.set(driver));
}

/// Whether the loop `driver` owns this thread.
pub(crate) fn is_thread_of(driver: u64) -> bool {
    LOOP.with(Cell::get) == driver
}

/// Whether this thread is turning `driver` right now.
pub(crate) fn turns(driver: u64) -> bool {
    driver != 0 && DRIVER.with(Cell::get) == driver
}

/// Whether a callback runs here that `driver` dispatched: what it sends on
/// that driver's sockets leaves when the batch ends.
pub(crate) fn gathers(driver: u64) -> bool {
    in_callback() && turns(driver)
}

/// Sends `socket`'s queue when the batch of callbacks ends.
pub(crate) fn gather(socket: &Arc<Socket>) {
    let listed = GATHERED.try_with(|list| list.borrow_mut().push(Arc::clone(socket)));
    if listed.is_err() {
        // An exit handler: this thread's list is gone already.
        socket.flush_gathered();
    }
}

/// A batch of callbacks that one driver dispatches.
pub(crate) struct Batch {
    before: u64,
}

impl Batch {
    pub(crate) fn begin(driver: u64) -> Self {
        Self { before: DRIVER.with(|turned| turned.replace(driver)) }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        DRIVER.with(|turned| turned.set(self.before));
        flush_gathered();
    }
}

/// Sends what the callbacks so far have gathered.
pub(crate) fn flush_gathered() {
    while let Ok(Some(socket)) = GATHERED.try_with(|list| list.borrow_mut().pop()) {
        socket.flush_gathered();
    }
}

/// User code runs until this is dropped.
pub(crate) struct Callback(());

/// Marks the beginning of user code.
pub(crate) fn enter_callback() -> Callback {
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    Callback(())
}

impl Drop for Callback {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}
