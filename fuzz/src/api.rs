//! The whole C API driven by a byte string: two threads make calls in any
//! order with any arguments, callbacks make more of them, and a peer on the
//! loopback answers with what the bytes say.
//!
//! What a program must keep to is kept: a handle is freed once and not used
//! afterwards, buffers are as long as told. All else is allowed. What must
//! hold: no crash, no panic inside, every result has a name, events in their
//! order, one close event at most and nothing after it, every destructor once,
//! no handle left, and no call that never returns.
#![allow(unsafe_code, reason = "the C API is called")]

mod calls;
mod peer;
mod slots;
mod watch;

use super::input::Input;
use calls::Caller;
use slots::Slots;
use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};
use wskt::ffi::*;

/// Longer than anything takes that ends by itself.
const STUCK: Duration = Duration::from_secs(10);
/// How long calls may wait before the sockets are aborted.
const PATIENCE: Duration = Duration::from_millis(20);

/// What the threads of one run share.
pub(crate) struct World {
    slots: Slots,
    /// The calls that callbacks make.
    inside: Mutex<Vec<u8>>,
    /// One thread only: events of others may be looked at.
    alone: bool,
    /// Everything is being taken down: callbacks make no more calls.
    over: AtomicBool,
}

/// Three lists of calls: for callbacks, for a second thread, for the first.
pub fn run(bytes: &[u8]) {
    prepare();
    let mut input = Input::new(bytes);
    let inside = input.string().to_vec();
    let second = input.string().to_vec();
    let first = input.rest().to_vec();
    let world = Arc::new(World {
        slots: Slots::default(),
        inside: Mutex::new(inside),
        alone: second.is_empty(),
        over: AtomicBool::new(false),
    });
    let threads: Vec<_> = [first, second]
        .into_iter()
        .filter(|calls| !calls.is_empty())
        .map(|calls| {
            let world = Arc::clone(&world);
            std::thread::spawn(move || Caller::new(&world, &calls).run())
        })
        .collect();
    let begun = Instant::now();
    while !threads.iter().all(|thread| thread.is_finished()) {
        if begun.elapsed() > PATIENCE {
            world.over.store(true, Ordering::Relaxed);
            world.slots.end_waits();
        }
        assert!(begun.elapsed() < STUCK, "a call does not return");
        std::thread::sleep(Duration::from_micros(200));
    }
    for thread in threads {
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
    world.over.store(true, Ordering::Relaxed);
    world.slots.free_all();
    // The last destructor may run on a loop's thread: the default loop's.
    while wskt_handle_count() > 0 || world.slots.user_data() > 0 {
        assert!(
            begun.elapsed() < STUCK,
            "{} handles and {} user data left",
            wskt_handle_count(),
            world.slots.user_data()
        );
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A panic inside wskt is told to the log only.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function keeps to the log's contract and lives for ever.
        let set = unsafe { wskt_log_set(4, Some(on_log), std::ptr::null_mut()) };
        assert_eq!(set, wskt_result::WSKT_OK);
    });
}

unsafe extern "C-unwind" fn on_log(
    _level: wskt_log_level,
    text: *const c_char,
    len: usize,
    _data: *mut c_void,
) {
    // SAFETY: the log lends that many bytes.
    let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) };
    let text = String::from_utf8_lossy(text);
    if text.contains("a bug in wskt") {
        eprintln!("{text}");
        std::process::abort();
    }
}
