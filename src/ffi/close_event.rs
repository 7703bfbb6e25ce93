//! The CloseEvent interface: close events a program makes itself.

use super::boundary::{Out, boundary, install_panic_hook, name, text};
use super::callbacks::CHost;
use super::event::{wskt_close_event, wskt_event, wskt_event_type};
use super::handle::{self, count_one_less, count_one_more, wskt_socket};
#[cfg(debug_assertions)]
use super::quarantine;
use super::result::{wskt_cause, wskt_result};
use crate::error::{Error, Result};
use crate::socket::Socket;
use crate::sys::Time;
use crate::text::Text;
use std::ffi::c_char;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// A close event of the program. C has the address of `public`, which is
/// that of the whole; what it points to is behind it.
#[repr(C)]
struct OwnEvent {
    public: wskt_close_event,
    r#type: Text,
    reason: Text,
    /// It has been dispatched at least once.
    dispatched: bool,
    /// Its handler is running.
    in_dispatch: bool,
    /// It was freed while its handler was running.
    doomed: bool,
}

/// Its name in C.
#[cfg(debug_assertions)]
const NAME: &str = "wskt_close_event";

// SAFETY: an event belongs to one thread at a time, and what its pointers lead to
// is in it; the socket's is only copied.
unsafe impl Send for OwnEvent {}

impl OwnEvent {
    fn new(r#type: &str, was_clean: bool, code: u16, reason: &str) -> Self {
        let (r#type, reason) = (Text::from(r#type), Text::from(reason));
        Self {
            public: wskt_close_event {
                head: wskt_event {
                    struct_size: size_of::<wskt_close_event>(),
                    r#type: wskt_event_type::WSKT_EVENT_CLOSE,
                    bubbles: false,
                    cancelable: false,
                    is_trusted: false,
                    type_name: r#type.as_ptr().cast(),
                    target: ptr::null_mut(),
                    timestamp: Time::now().as_ms(),
                },
                was_clean,
                code,
                reason: reason.as_ptr().cast(),
                reason_len: reason.len(),
                peer_code: 0,
                cause: wskt_cause::WSKT_CAUSE_UNKNOWN,
                message: c"".as_ptr(),
                message_len: 0,
            },
            r#type,
            reason,
            dispatched: false,
            in_dispatch: false,
            doomed: false,
        }
    }

    /// Takes over all but the dispatch flags: no pointer into the old text
    /// is left behind.
    fn reset(&mut self, other: Self, bubbles: bool, cancelable: bool) {
        self.public = other.public;
        self.public.head.bubbles = bubbles;
        self.public.head.cancelable = cancelable;
        self.r#type = other.r#type;
        self.reason = other.reason;
    }
}

/// The event of the program behind a pointer; `None` for one of the library.
///
/// # Safety
/// `event` is NULL, or lent by wskt, or came from wskt_close_event_new and
/// was not freed. No reference into it is alive.
unsafe fn own(event: *mut wskt_close_event) -> Result<Option<NonNull<OwnEvent>>> {
    let event = NonNull::new(event).ok_or(Error::Null)?;
    #[cfg(debug_assertions)]
    quarantine::check(event.addr().get(), NAME)?;
    // SAFETY: a number stands at the beginning of all that is given to C.
    if unsafe { event.cast::<usize>().read() } != size_of::<wskt_close_event>() {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: the struct is readable by the caller's promise.
    let is_trusted = unsafe { (*event.as_ptr()).head.is_trusted };
    Ok((!is_trusted).then(|| event.cast()))
}

/// Lets go of a program's event.
///
/// # Safety
/// It came from wskt_close_event_new and nothing uses it any more.
unsafe fn release(event: NonNull<OwnEvent>) {
    // SAFETY: wskt_close_event_new made it from such a Box.
    let event = unsafe { Box::from_raw(event.as_ptr()) };
    #[cfg(debug_assertions)]
    quarantine::freed((&raw const *event).addr(), event);
    #[cfg(not(debug_assertions))]
    drop(event);
    count_one_less();
}

/// Makes a close event, as a script does with new CloseEvent(type, init).
///
/// `type` is NUL-terminated UTF-8; "close" is what close handlers hear.
/// `reason` is `reason_len` bytes of UTF-8 of any length; NULL only with 0.
/// Both are copied. `code` may be any number. What a script leaves out is
/// false, 0 and "" here.
///
/// The event does not bubble, is not cancelable and not trusted; cause and
/// message are empty. `out_event` receives it; the caller frees it with
/// wskt_close_event_free.
///
/// An event belongs to one thread at a time.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_UTF8: `type` or `reason` is not UTF-8.
/// - WSKT_ERR_INVALID_ARGUMENT: `reason_len` is larger than any buffer can
///   be.
/// - WSKT_ERR_NULL: `type` or `out_event` is NULL, or `reason` is NULL with a
///   length above 0.
/// - WSKT_ERR_PANIC
///
/// WHATWG WebSockets, CloseEvent. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_close_event_new(
    r#type: *const c_char,
    was_clean: bool,
    code: u16,
    reason: *const c_char,
    reason_len: usize,
    out_event: *mut *mut wskt_close_event,
) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_event) }?;
        // SAFETY: the caller promises a C string and `reason_len` bytes.
        let (r#type, reason) = unsafe { (name(r#type)?, text(reason, reason_len)?) };
        install_panic_hook();
        let event = Box::new(OwnEvent::new(r#type, was_clean, code, reason));
        count_one_more();
        #[cfg(debug_assertions)]
        quarantine::born((&raw const *event).addr(), NAME);
        out.set(Box::into_raw(event).cast());
        Ok(())
    })
}

/// Sets the fields of a close event that was made by wskt_close_event_new.
///
/// The arguments are as for wskt_close_event_new. It HAS NO EFFECT, and
/// returns WSKT_OK, on an event that has been dispatched and on one of the
/// library.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_UTF8: `type` or `reason` is not UTF-8.
/// - WSKT_ERR_INVALID_ARGUMENT: `reason_len` is larger than any buffer can
///   be.
/// - WSKT_ERR_NULL: `event` or `type` is NULL, or `reason` is NULL with a
///   length above 0.
/// - WSKT_ERR_PANIC
///
/// WHATWG HTML, obsolete: initCloseEvent(); DOM, initEvent(). Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_close_event_init(
    event: *mut wskt_close_event,
    r#type: *const c_char,
    bubbles: bool,
    cancelable: bool,
    was_clean: bool,
    code: u16,
    reason: *const c_char,
    reason_len: usize,
) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises an event, a C string and `reason_len`
        // bytes.
        let (event, r#type, reason) =
            unsafe { (own(event)?, name(r#type)?, text(reason, reason_len)?) };
        let Some(mut event) = event else {
            return Ok(());
        };
        let new = OwnEvent::new(r#type, was_clean, code, reason);
        // SAFETY: the event is the caller's alone, and the new texts are
        // copies already: they may have come out of this very event.
        let event = unsafe { event.as_mut() };
        if !event.dispatched {
            event.reset(new, bubbles, cancelable);
        }
        Ok(())
    })
}

/// Calls the close handler of a socket with an event of the program: a test
/// for close handlers that needs no server.
///
/// It sets `target` and `timestamp` of the event and calls the handler set by
/// wskt_socket_set_on_close before it returns, if the event's type is
/// "close"; no other type is heard. `is_trusted` stays false. NO STATE
/// CHANGES: the socket lives on as before, and its own close event still
/// comes.
///
/// The same event may be dispatched again later.
///
/// On the driving thread only, as in a callback of the socket or between two
/// of its blocking calls. A socket that nothing drives at the moment takes it
/// from any thread, and nobody else can drive it until the handler returns
/// (WSKT_ERR_IN_USE). Legal in a callback.
///
/// Returns:
/// - WSKT_OK: also if no handler is set.
/// - WSKT_ERR_INVALID_STATE: the event is being dispatched right now (the
///   browser's InvalidStateError).
/// - WSKT_ERR_INVALID_ARGUMENT: the event is one of the library.
/// - WSKT_ERR_WRONG_THREAD: another thread drives the socket.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG DOM, dispatchEvent(). Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_dispatch_close_event(
    socket: *mut wskt_socket,
    event: *mut wskt_close_event,
) -> wskt_result {
    // SAFETY: the caller promises a live handle and an event, or NULLs.
    unsafe {
        handle::with(socket, |socket| {
            let event = own(event)?.ok_or(Error::InvalidArgument)?;
            if (*event.as_ptr()).in_dispatch {
                return Err(Error::InvalidState);
            }
            socket.run_as_callback(&mut || dispatch(socket, event))
        })
    }
}

/// Runs the close handler, as a callback of `socket`.
///
/// # Safety
/// `event` is the program's, alive, and not being dispatched.
unsafe fn dispatch(socket: &Arc<Socket>, event: NonNull<OwnEvent>) {
    let target = handle::of::<wskt_socket>(socket);
    let own = event.as_ptr();
    // SAFETY: the event lives until `release` below. It is reached through
    // the pointer only, because the handler may reach it too.
    unsafe {
        (*own).public.head.target = target;
        (*own).public.head.timestamp = Time::now().as_ms();
        (*own).dispatched = true;
        (*own).in_dispatch = true;
        let r#type: &Text = &(*own).r#type;
        let is_close = r#type.as_str() == "close";
        if is_close {
            CHost::of(socket).call_close(target, own.cast());
        }
        (*own).in_dispatch = false;
        if (*own).doomed {
            release(event);
        }
    }
}

/// Frees a close event made by wskt_close_event_new. NULL is fine.
///
/// It does nothing with an event of the library. In the event's own handler
/// it takes effect when the handler returns.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_close_event_free(event: *mut wskt_close_event) {
    boundary(|| {
        // SAFETY: the caller gives up the event with this call; a handler
        // that runs with it is waited for.
        unsafe {
            match own(event) {
                Ok(Some(event)) if (*event.as_ptr()).in_dispatch => {
                    (*event.as_ptr()).doomed = true;
                }
                Ok(Some(event)) => release(event),
                Ok(None) | Err(_) => {}
            }
        }
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn made(r#type: &CStr, code: u16, reason: &[u8]) -> *mut wskt_close_event {
        let mut event = ptr::null_mut();
        // SAFETY: all pointers are those of live values.
        let result = unsafe {
            let reason_at = reason.as_ptr().cast();
            wskt_close_event_new(
                r#type.as_ptr(),
                true,
                code,
                reason_at,
                reason.len(),
                &raw mut event,
            )
        };
        assert_eq!(result, wskt_result::WSKT_OK);
        event
    }

    fn reason(event: *const wskt_close_event) -> Vec<u8> {
        // SAFETY: the event is alive and has `reason_len` bytes and a NUL.
        unsafe {
            let bytes: *const u8 = (*event).reason.cast();
            std::slice::from_raw_parts(bytes, (*event).reason_len + 1).to_vec()
        }
    }

    #[test]
    fn a_new_event_is_the_programs_own() {
        let event = made(c"close", 65535, b"a\0b");
        assert_eq!(reason(event), b"a\0b\0");
        // SAFETY: the event is alive until it is freed, once.
        unsafe {
            let head = (*event).head;
            assert_eq!(head.struct_size, size_of::<wskt_close_event>());
            assert!(!head.bubbles && !head.cancelable && !head.is_trusted);
            assert!(head.target.is_null());
            assert_eq!(CStr::from_ptr(head.type_name), c"close");
            assert!((*event).was_clean);
            assert_eq!((*event).code, 65535);
            wskt_close_event_free(event);
            wskt_close_event_free(ptr::null_mut());
        }
    }

    #[test]
    fn init_takes_even_its_own_text() {
        let event = made(c"close", 1000, b"old reason");
        // SAFETY: the event is alive until it is freed.
        unsafe {
            let own_reason = (*event).reason.add(4);
            let own_type = (*event).head.type_name;
            let result =
                wskt_close_event_init(event, own_type, true, true, false, 4000, own_reason, 6);
            assert_eq!(result, wskt_result::WSKT_OK);
            assert!((*event).head.bubbles && (*event).head.cancelable && !(*event).was_clean);
            assert_eq!((*event).code, 4000);
            assert_eq!(reason(event), b"reason\0");
            wskt_close_event_free(event);
        }
    }

    #[test]
    fn arguments_are_checked() {
        let mut event = ptr::dangling_mut();
        let place = &raw mut event;
        let null = ptr::null();
        let new = |r#type: *const c_char, reason: &CStr, len, place| {
            // SAFETY: live C strings, and nothing is read past their NUL.
            unsafe { wskt_close_event_new(r#type, false, 0, reason.as_ptr(), len, place) }
        };
        assert_eq!(new(null, c"", 0, place), wskt_result::WSKT_ERR_NULL);
        assert_eq!(new(c"close".as_ptr(), c"", 0, ptr::null_mut()), wskt_result::WSKT_ERR_NULL);
        assert_eq!(new(c"\xff".as_ptr(), c"", 0, place), wskt_result::WSKT_ERR_INVALID_UTF8);
        assert_eq!(new(c"close".as_ptr(), c"\xff", 1, place), wskt_result::WSKT_ERR_INVALID_UTF8);
        assert_eq!(event, ptr::dangling_mut(), "outputs change on success only");
    }
}
