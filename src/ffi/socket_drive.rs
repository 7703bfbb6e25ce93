//! Opening a socket, and the calls that drive one without a loop, for C.

use super::boundary::{Out, time_limit};
use super::callbacks::CHost;
use super::event::wskt_event;
use super::handle::{self, wskt_socket};
use super::result::wskt_result;
use crate::socket::Socket;
use std::ptr;
use std::sync::Arc;

/// Opens the socket on its loop and returns at once.
///
/// A socket made without a loop goes to a loop with a thread of its own that
/// wskt starts when it is first needed, one for the process. What comes of it
/// the events tell: open, or error and close.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_STATE: opened, connected or closed before.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_IO: no descriptor or thread is left.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, establish a connection. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_open(socket: *mut wskt_socket) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, Socket::open) }
}

/// Connects and waits until the socket is open. From then on the calling
/// program drives the socket, by wskt_socket_recv or wskt_socket_run.
///
/// `timeout_ms` is the longest wait, besides the timeouts of the
/// configuration; -1 sets no limit here. Passing it ENDS THE SOCKET, with
/// code 1006 and WSKT_CAUSE_TIMEOUT.
///
/// No event is used up and no callback is called: the open event, or error
/// and close, come from wskt_socket_recv or wskt_socket_run.
/// wskt_socket_close_event tells at once why it failed.
///
/// Any thread, one at a time; not in a callback.
///
/// Returns:
/// - WSKT_OK: open.
/// - WSKT_ERR_TIMEOUT: the socket ended because a timeout passed, this one or
///   one of the configuration.
/// - WSKT_ERR_CONNECT_FAILED: the socket ended for another reason.
/// - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
///   Call again to go on.
/// - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
/// - WSKT_ERR_CLOSED: another thread has freed the socket meanwhile.
/// - WSKT_ERR_INVALID_STATE: the socket has a loop, or was opened, connected
///   or closed before.
/// - WSKT_ERR_REENTRANT: called in a callback.
/// - WSKT_ERR_IN_USE: another thread is driving it.
/// - WSKT_ERR_IO: no descriptor or thread is left.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, establish a connection. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_connect(
    socket: *mut wskt_socket,
    timeout_ms: i32,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, |socket| socket.connect(time_limit(timeout_ms)?)) }
}

/// Waits for the next event of a connected socket and lends it. No callback
/// is called.
///
/// Events come in their order: open, messages and drains, error, close. After
/// the close event every call returns WSKT_ERR_CLOSED.
///
/// `timeout_ms` is the longest wait; 0 only looks, -1 waits without limit.
/// Pings are answered and timeouts pass INSIDE this call only.
///
/// `out_event` receives the event; its `type` tells what to cast it to. It is
/// lent until the next wskt_socket_recv or wskt_socket_run of this socket, or
/// until the socket is freed.
///
/// Any thread, one at a time; not in a callback. Other threads may send,
/// close and abort meanwhile.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_TIMEOUT: nothing came in time.
/// - WSKT_ERR_CLOSED: the close event was the last one.
/// - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
///   Nothing is lost.
/// - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
/// - WSKT_ERR_INVALID_STATE: wskt_socket_connect comes first, or the socket
///   is on a loop.
/// - WSKT_ERR_REENTRANT: called in a callback.
/// - WSKT_ERR_IN_USE: another thread is driving it.
/// - WSKT_ERR_IO: the operating system refused to wait.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_recv(
    socket: *mut wskt_socket,
    timeout_ms: i32,
    out_event: *mut *const wskt_event,
) -> wskt_result {
    let pull = |socket: &Arc<Socket>| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_event) }?;
        let place = CHost::of(socket).pulled();
        let mut lent = ptr::null();
        socket.recv(time_limit(timeout_ms)?, |event| {
            // SAFETY: this closure is the pull; the core runs one at a time.
            lent = unsafe { place.put(handle::of(socket), event) };
        })?;
        out.set(lent);
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, pull) }
}

/// Drives a connected socket on the calling thread until its close event.
/// Callbacks run inside this call.
///
/// Any thread, one at a time; not in a callback.
///
/// Returns:
/// - WSKT_OK: the close event has been delivered.
/// - WSKT_ERR_CLOSED: it had been delivered before.
/// - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
///   Call again to go on.
/// - WSKT_ERR_INVALID_STATE: wskt_socket_connect comes first, or the socket
///   is on a loop.
/// - WSKT_ERR_REENTRANT: called in a callback.
/// - WSKT_ERR_IN_USE: another thread is driving it.
/// - WSKT_ERR_IO: the operating system refused to wait.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_run(socket: *mut wskt_socket) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, Socket::run) }
}

/// Ends the wait that a blocking call of this socket is in, or the next one,
/// with WSKT_ERR_INTERRUPTED. The socket stays usable and nothing is lost.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: also if nothing waits.
/// - WSKT_ERR_INVALID_STATE: the socket has a loop; use wskt_loop_wake.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_interrupt(socket: *mut wskt_socket) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, |socket| socket.interrupt()) }
}
