//! A bug inside wskt, as C sees it: a result, a socket that refuses every
//! call, and its error and close event all the same.

use super::*;
use std::ffi::{c_char, c_void};
use std::ptr;

const URL: *const c_char = c"ws://127.0.0.1:1/".as_ptr();

/// What the handlers saw.
type Log = Vec<(&'static str, wskt_cause)>;

unsafe extern "C-unwind" fn on_error(
    _: *mut wskt_socket,
    event: *const wskt_error_event,
    log: *mut c_void,
) {
    // SAFETY: the event is lent to this call; the test lent its log.
    unsafe { (*log.cast::<Log>()).push(("error", (*event).cause)) }
}

unsafe extern "C-unwind" fn on_close(
    _: *mut wskt_socket,
    event: *const wskt_close_event,
    log: *mut c_void,
) {
    // SAFETY: as above.
    unsafe {
        assert_eq!(((*event).code, (*event).was_clean), (1006, false));
        (*log.cast::<Log>()).push(("close", (*event).cause));
    }
}

/// A socket whose next call meets a bug.
///
/// # Safety
/// `owner` is NULL or a loop.
unsafe fn poisoned(owner: *mut wskt_loop, log: &mut Log) -> *mut wskt_socket {
    let mut socket = ptr::null_mut();
    // SAFETY: the handles are live, and the log outlives the socket.
    unsafe {
        assert_eq!(wskt_socket_new(owner, URL, ptr::null(), &raw mut socket), wskt_result::WSKT_OK);
        wskt_socket_set_user_data(socket, ptr::from_mut(log).cast(), None);
        wskt_socket_set_on_error(socket, Some(on_error));
        wskt_socket_set_on_close(socket, Some(on_close));
        if !owner.is_null() {
            assert_eq!(wskt_socket_open(socket), wskt_result::WSKT_OK);
        }
        let bug = handle::with(socket, |_| unreachable!("a bug that a test made"));
        assert_eq!(bug, wskt_result::WSKT_ERR_PANIC);
        for refused in [
            wskt_socket_send_text(socket, c"x".as_ptr(), 1),
            wskt_socket_ping(socket, ptr::null(), 0),
            wskt_socket_close(socket, 1000, ptr::null(), 0),
            wskt_socket_pause(socket),
        ] {
            assert_eq!(refused, wskt_result::WSKT_ERR_PANIC);
        }
        assert_eq!(wskt_socket_ready_state(socket), wskt_ready_state::WSKT_CLOSING);
    }
    socket
}

const INTERNAL: [(&str, wskt_cause); 2] =
    [("error", wskt_cause::WSKT_CAUSE_INTERNAL), ("close", wskt_cause::WSKT_CAUSE_INTERNAL)];

#[test]
fn on_a_loop() {
    let mut log = Log::new();
    let mut owner = ptr::null_mut();
    // SAFETY: the handles are live until they are freed.
    unsafe {
        assert_eq!(wskt_loop_new(&raw mut owner), wskt_result::WSKT_OK);
        let socket = poisoned(owner, &mut log);
        assert_eq!(wskt_loop_run(owner), wskt_result::WSKT_OK);
        assert_eq!(log, INTERNAL);
        assert_eq!(wskt_socket_ready_state(socket), wskt_ready_state::WSKT_CLOSED);
        assert!(!wskt_socket_close_event(socket).is_null());
        wskt_socket_free(socket);
        wskt_loop_free(owner);
    }
}

#[test]
fn without_a_loop() {
    let mut log = Log::new();
    // SAFETY: as above.
    unsafe {
        let socket = poisoned(ptr::null_mut(), &mut log);
        assert_eq!(wskt_socket_run(socket), wskt_result::WSKT_OK);
        assert_eq!(log, INTERNAL);
        assert_eq!(wskt_socket_run(socket), wskt_result::WSKT_ERR_CLOSED);
        wskt_socket_free(socket);
    }
}
