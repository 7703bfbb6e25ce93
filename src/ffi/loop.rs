//! Loops for C.

use super::boundary::{Out, boundary, getter, install_panic_hook, time_limit};
use super::event::wskt_event;
use super::event_fill::PulledEvent;
use super::handle::{self, wskt_loop, wskt_socket};
use super::result::wskt_result;
use crate::drive::Loop;
use crate::error::Error;
use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;

/// Makes a loop that nothing drives yet.
///
/// `out_loop` receives it; the caller frees it with wskt_loop_free.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_IO: no descriptor is left.
/// - WSKT_ERR_NULL, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_new(out_loop: *mut *mut wskt_loop) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_loop) }?;
        install_panic_hook();
        out.set(handle::give(Loop::new(Box::new(PulledEvent::new()))?));
        Ok(())
    })
}

/// Frees a loop and silences its sockets. NULL is fine.
///
/// When it returns WSKT_OK, the loop's thread has ended and no callback of
/// its sockets runs any more; a call of another thread that drives the loop
/// has been ended with WSKT_ERR_LOOP_GONE. Only in a callback of another loop
/// or socket it does not wait for that.
///
/// The sockets themselves are not freed: their getters answer, handlers and
/// user data can be set, all other calls return WSKT_ERR_LOOP_GONE, no close
/// event comes, and wskt_socket_free is still due.
///
/// In a child after fork() it releases memory and descriptors only.
///
/// Any thread; not in a callback of the loop's own sockets.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_REENTRANT: called in a callback of its own. Nothing was freed.
/// - WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_free(r#loop: *mut wskt_loop) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises a live handle or NULL.
        let object = match unsafe { handle::share_for_free(r#loop) } {
            Err(Error::Null) => return Ok(()),
            object => object?,
        };
        object.free()?;
        // SAFETY: the loop is free, so the caller gives up the handle.
        if let Some(object) = unsafe { handle::take(r#loop) } {
            handle::bury::<wskt_loop>(object);
        }
        Ok(())
    })
}

/// Starts a thread that drives the loop. Callbacks run on it.
///
/// The thread has all signals blocked. It runs until wskt_loop_stop or
/// wskt_loop_free, also while the loop has no socket.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_STATE: started already, or its events were pulled.
/// - WSKT_ERR_IN_USE: another thread is driving it.
/// - WSKT_ERR_IO: no thread can be started.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_start(r#loop: *mut wskt_loop) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(r#loop, Loop::start) }
}

/// Ends wskt_loop_run, or the thread of wskt_loop_start.
///
/// The sockets stay as they are: nothing drives them until wskt_loop_run or
/// wskt_loop_start is called again. When it returns, the thread has ended,
/// unless it was called in a callback: there it does not wait. If nothing
/// runs, the next wskt_loop_run returns at once.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: also if nothing was running.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_stop(r#loop: *mut wskt_loop) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(r#loop, |object| object.stop()) }
}

/// Drives the loop on the calling thread. Callbacks run inside this call.
///
/// It returns when wskt_loop_stop is called, or when every socket of the loop
/// has had its close event.
///
/// Any thread, one at a time; not in a callback.
///
/// Returns:
/// - WSKT_OK: stopped, or no socket is left unclosed.
/// - WSKT_ERR_INTERRUPTED: a signal or wskt_loop_wake ended the wait. Call
///   again to go on.
/// - WSKT_ERR_REENTRANT: called in a callback.
/// - WSKT_ERR_INVALID_STATE: it has a thread of its own, or its events were
///   pulled.
/// - WSKT_ERR_IN_USE: another thread is driving it.
/// - WSKT_ERR_LOOP_GONE: another thread has freed it meanwhile.
/// - WSKT_ERR_IO: the operating system refused to wait.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_run(r#loop: *mut wskt_loop) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(r#loop, Loop::run) }
}

/// The descriptor to watch when another event loop drives this one.
///
/// Watch it for READABLE, level-triggered, and call wskt_loop_dispatch when
/// it is. Never read, write or close it. It is readable while anything is
/// left to do; it may also be readable with nothing to do.
///
/// On Linux the descriptor covers timeouts too. Elsewhere, and wherever a
/// host wants it, wskt_loop_timeout_ms tells when to call wskt_loop_dispatch
/// at the latest.
///
/// The descriptor is the loop's and stays the same for its life; -1 for NULL
/// and in a child after fork().
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_fd(r#loop: *const wskt_loop) -> c_int {
    getter(-1, || {
        // SAFETY: the caller promises a live handle or NULL.
        let object = unsafe { handle::peek(r#loop) }?;
        (!object.is_forked()).then(|| object.fd())
    })
}

/// In how many milliseconds wskt_loop_dispatch is due at the latest.
///
/// 0 is now; -1 means that no timeout runs. NULL gives -1. Ask anew after
/// each dispatch and each call on one of the loop's sockets.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_timeout_ms(r#loop: *const wskt_loop) -> i32 {
    getter(-1, || {
        // SAFETY: the caller promises a live handle or NULL.
        let object = unsafe { handle::peek(r#loop) }?;
        let ms = if object.is_forked() { None } else { object.timeout_ms() };
        ms.map(|ms| i32::try_from(ms).unwrap_or(i32::MAX))
    })
}

/// Does what is due, and never waits. Callbacks run inside this call.
///
/// Any thread, one at a time; not in a callback.
///
/// Returns:
/// - WSKT_OK: also if nothing was due.
/// - WSKT_ERR_REENTRANT: called in a callback.
/// - WSKT_ERR_INVALID_STATE: it has a thread of its own, or its events were
///   pulled.
/// - WSKT_ERR_IN_USE: another thread is driving it.
/// - WSKT_ERR_LOOP_GONE: another thread has freed it meanwhile.
/// - WSKT_ERR_IO: the operating system refused to wait.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_dispatch(r#loop: *mut wskt_loop) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(r#loop, Loop::dispatch) }
}

/// Waits for the next event of any socket of the loop and lends it. No
/// callback is called.
///
/// `timeout_ms` is the longest wait; 0 only looks, -1 waits without limit.
/// The wait goes on when the loop has no socket left: sockets may be opened
/// from other threads.
///
/// `out_event` receives the event. Its `type` tells what to cast it to, its
/// `target` which socket it happened to. It is lent until the next
/// wskt_loop_next_event of this loop, or until that socket or the loop is
/// freed.
///
/// While more messages of that socket have arrived already, what this thread
/// sends on it is gathered, to leave in one go: in the call that lends the
/// last of them, if not before. wskt_socket_close and both free functions send
/// it too. A program that stops pulling before that leaves it unsent. What
/// other threads send leaves at once.
///
/// Any thread, one at a time; not in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_TIMEOUT: nothing came in time.
/// - WSKT_ERR_INTERRUPTED: a signal or wskt_loop_wake ended the wait. Nothing
///   is lost.
/// - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
/// - WSKT_ERR_REENTRANT: called in a callback.
/// - WSKT_ERR_INVALID_STATE: it has a thread of its own, or was driven with
///   callbacks before.
/// - WSKT_ERR_IN_USE: another thread is driving it.
/// - WSKT_ERR_LOOP_GONE: another thread has freed it meanwhile.
/// - WSKT_ERR_IO: the operating system refused to wait.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_next_event(
    r#loop: *mut wskt_loop,
    timeout_ms: i32,
    out_event: *mut *const wskt_event,
) -> wskt_result {
    let pull = |object: &Arc<Loop>| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_event) }?;
        let limit = time_limit(timeout_ms)?;
        let place: &PulledEvent = object.attachment().downcast_ref().ok_or(Error::Panic)?;
        let mut lent = ptr::null();
        object.next_event(limit, |socket, event| {
            // SAFETY: this closure is the pull; the core runs one at a time.
            lent = unsafe { place.put(handle::of::<wskt_socket>(socket), event) };
        })?;
        out.set(lent);
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(r#loop, pull) }
}

/// Ends the wait that wskt_loop_run or wskt_loop_next_event is in, or the
/// next one, with WSKT_ERR_INTERRUPTED. Nothing is lost.
///
/// With wskt_loop_fd it makes the descriptor readable; a loop with a thread
/// of its own only takes an empty turn.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_loop_wake(r#loop: *mut wskt_loop) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(r#loop, |object| object.wake()) }
}
