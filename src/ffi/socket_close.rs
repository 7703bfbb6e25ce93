//! Closing and pausing for C.

use super::boundary::bytes;
use super::handle::{self, wskt_socket};
use super::result::wskt_result;
use crate::close_code;
use crate::error::Error;
use crate::socket::Socket;
use std::ffi::c_char;
use std::sync::Arc;

/// Starts the closing handshake and returns at once. The close event follows
/// when it is done.
///
/// `code` is 1000 or in 3000-4999; 0 sends a Close frame without a code.
/// `reason` is `reason_len` bytes of UTF-8, at most 123, copied before the
/// call returns; NULL only with 0, and it needs a code.
///
/// What was sent before goes out first. The ready state is WSKT_CLOSING at
/// once and NO MESSAGE COMES ANY MORE, not even one that has arrived already.
/// A socket that is still connecting gives up without a Close frame: error
/// and close with code 1006 follow. A socket that is paused is resumed.
///
/// On another thread than the driving one, this does not wait for a message
/// callback that has begun, and wskt_socket_recv or wskt_loop_next_event may
/// just be returning a message that was chosen before; none is chosen after.
///
/// A socket without a loop whose wskt_socket_connect was never called hands
/// out error and close through wskt_socket_recv or wskt_socket_run.
///
/// Calling it again, or on a closed socket, is fine and does nothing. The
/// code is checked before the reason, and both in every state.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ACCESS: another code.
/// - WSKT_ERR_SYNTAX: the reason is longer than 123 bytes.
/// - WSKT_ERR_INVALID_UTF8: the reason is not UTF-8.
/// - WSKT_ERR_INVALID_ARGUMENT: a reason without a code.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 7.1.2; WHATWG WebSockets, close(). Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_close(
    socket: *mut wskt_socket,
    code: u16,
    reason: *const c_char,
    reason_len: usize,
) -> wskt_result {
    let close = |socket: &Arc<Socket>| {
        // The code is judged first (WHATWG), even with a reason that cannot be.
        if code != 0 && !close_code::may_send(code) {
            return Err(Error::InvalidAccess);
        }
        // SAFETY: the caller promises `reason_len` bytes or NULL.
        socket.close(code, unsafe { bytes(reason, reason_len) }?)
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, close) }
}

/// Ends the connection at once, without a closing handshake. Error and close
/// with code 1006 and WSKT_CAUSE_ABORT follow. After the peer's Close frame,
/// or a violation, it only ends the wait for the end of TCP: the close event
/// is decided by then.
///
/// What was sent and has not left is dropped. Calling it again, or on a
/// closed socket, is fine and does nothing. A blocking call of another thread
/// on this socket returns with these events.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 7.1.7. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_abort(socket: *mut wskt_socket) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, |socket| socket.abort()) }
}

/// Stops reading, so that the peer must wait: TCP pushes back.
///
/// Called in a callback, that message is the last one. Elsewhere one more
/// may be on its way. While paused, pings are not answered and the end of the
/// connection is not noticed. wskt_socket_resume and wskt_socket_close end
/// it.
///
/// Any thread, also before the socket is opened; legal in a callback.
///
/// Returns:
/// - WSKT_OK: also if it is paused already.
/// - WSKT_ERR_CLOSED: closing or closed.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_pause(socket: *mut wskt_socket) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, |socket| socket.pause()) }
}

/// Reads again after wskt_socket_pause.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: also if it is not paused.
/// - WSKT_ERR_CLOSED: closing or closed.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_resume(socket: *mut wskt_socket) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, |socket| socket.resume()) }
}
