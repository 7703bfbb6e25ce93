//! What callbacks see: the order of a socket's events is checked, what they
//! lend is read to the last byte, and more calls are made inside.

use super::World;
use super::calls::Caller;
use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use wskt::ffi::*;

/// How many of the inner calls one callback makes at most, in bytes.
const CALLS: usize = 24;
/// How deep callbacks in calls in callbacks go (dispatched close events).
const DEPTH: usize = 3;

/// What a socket has seen so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    opened: AtomicBool,
    failed: AtomicBool,
    closed: AtomicBool,
}

/// A socket's user data.
pub(super) struct Watch {
    order: Arc<Order>,
    world: Weak<World>,
    count: Arc<AtomicUsize>,
    destroyed: AtomicBool,
}

impl Watch {
    pub(super) fn new(order: Arc<Order>, world: Weak<World>, count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self { order, world, count, destroyed: AtomicBool::new(false) }
    }

    fn calls(&self) {
        thread_local!(static INSIDE: Cell<usize> = const { Cell::new(0) });
        let Some(world) = self.world.upgrade() else { return };
        let depth = INSIDE.get();
        if depth < DEPTH && !world.over.load(Ordering::Relaxed) {
            let mut source = world.inside.lock().unwrap_or_else(PoisonError::into_inner);
            let calls: Vec<u8> = {
                let len = source.len().min(CALLS);
                source.drain(..len).collect()
            };
            drop(source);
            INSIDE.set(depth + 1);
            Caller::new(&world, &calls).run();
            INSIDE.set(depth);
        }
    }
}

/// The memory stays until the run is over: user data that one thread replaces may
/// be in use by a callback on another.
pub(super) unsafe extern "C-unwind" fn destroy(data: *mut c_void) {
    // SAFETY: the world keeps it.
    let watch = unsafe { &*data.cast::<Watch>() };
    assert!(!watch.destroyed.swap(true, Ordering::SeqCst), "user data destroyed twice");
    watch.count.fetch_sub(1, Ordering::SeqCst);
}

/// Reads lent text to its end, NUL included.
unsafe fn read(text: *const std::ffi::c_char, len: usize) {
    // SAFETY: the event lends `len` bytes and a NUL.
    let text = unsafe { CStr::from_ptr(text) };
    assert_eq!(text.count_bytes(), len.min(text.count_bytes()), "no NUL behind the text");
    // SAFETY: as above.
    let bytes = unsafe { std::slice::from_raw_parts(text.as_ptr().cast::<u8>(), len + 1) };
    assert_eq!(bytes.last(), Some(&0));
    assert!(std::str::from_utf8(bytes).is_ok(), "text that is not UTF-8");
}

/// Looks at everything an event lends.
///
/// # Safety
/// `event` is lent at the moment.
pub(super) unsafe fn look(event: *const wskt_event) {
    // SAFETY: the caller's promise; the type tells what to cast to.
    unsafe {
        match (*event).r#type {
            wskt_event_type::WSKT_EVENT_MESSAGE => {
                let event = &*event.cast::<wskt_message_event>();
                let data = event.data.cast::<u8>();
                let bytes = if event.len == 0 {
                    &[][..]
                } else {
                    std::slice::from_raw_parts(data, event.len)
                };
                if event.kind == wskt_message_kind::WSKT_MESSAGE_TEXT {
                    assert!(std::str::from_utf8(bytes).is_ok(), "text that is not UTF-8");
                } else {
                    std::hint::black_box(bytes.iter().fold(0, |sum, byte| sum ^ byte));
                }
            }
            wskt_event_type::WSKT_EVENT_ERROR => {
                let event = &*event.cast::<wskt_error_event>();
                read(event.message, event.message_len);
            }
            wskt_event_type::WSKT_EVENT_CLOSE => {
                let event = &*event.cast::<wskt_close_event>();
                read(event.reason, event.reason_len);
                read(event.message, event.message_len);
                if event.head.is_trusted {
                    assert!(event.reason_len <= 123);
                    let made_here = matches!(event.code, 1005 | 1006 | 1015);
                    assert!(made_here || wskt_close_code_may_appear(event.code) || event.code != 0);
                }
            }
            _ => {}
        }
    }
}

unsafe fn on_event(event: *const wskt_event, data: *mut c_void) {
    // SAFETY: the event is lent, and the user data is a Watch or NULL.
    let (head, watch) = unsafe { (&*event, data.cast::<Watch>().as_ref()) };
    // SAFETY: the event is lent.
    unsafe { look(event) };
    let Some(watch) = watch else { return };
    let order = &watch.order;
    if head.is_trusted {
        assert!(!order.closed.load(Ordering::SeqCst), "an event after close");
        match head.r#type {
            wskt_event_type::WSKT_EVENT_OPEN => {
                assert!(!order.opened.swap(true, Ordering::SeqCst), "open twice");
            }
            wskt_event_type::WSKT_EVENT_ERROR => {
                assert!(!order.failed.swap(true, Ordering::SeqCst), "error twice");
            }
            wskt_event_type::WSKT_EVENT_CLOSE => order.closed.store(true, Ordering::SeqCst),
            _ => assert!(!order.failed.load(Ordering::SeqCst), "a message after error"),
        }
    }
    watch.calls();
}

macro_rules! handlers {
    ($($name:ident: $event:ty;)*) => {
        $(
            pub(super) unsafe extern "C-unwind" fn $name(
                socket: *mut wskt_socket,
                event: *const $event,
                data: *mut c_void,
            ) {
                // SAFETY: every event begins with the head, and is lent.
                unsafe {
                    assert_eq!((*event).head.target, socket);
                    on_event(event.cast(), data);
                }
            }
        )*
    };
}

handlers! {
    on_open: wskt_open_event;
    on_message: wskt_message_event;
    on_error: wskt_error_event;
    on_close: wskt_close_event;
    on_drain: wskt_drain_event;
}
