//! Reconnectors for C.

use super::boundary::{Out, boundary, getter, time_limit};
use super::handle::{self, wskt_reconnector, wskt_socket};
use super::result::wskt_result;
use crate::config::MAX_TIMEOUT_MS;
use crate::error::{Error, Result};
use crate::reconnect::Reconnector;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// Makes a reconnector: a helper that makes a new socket for each try, after
/// the pattern of one that was made and not opened.
///
/// Each of its sockets has the pattern's loop, URL, configuration,
/// subprotocols, handlers and user data, and events of its own with one close
/// event at the end. When that has been told, the next socket is made, unless
/// another try cannot succeed:
/// - The program closed or aborted the socket, or called
///   wskt_reconnector_stop.
/// - The server, or a proxy, answered the upgrade with a status from 300 to
///   499, other than 408, 425 and 429.
/// - TLS failed while opening, as with a certificate that is not trusted. A
///   connection that is lost in the TLS handshake is no such failure.
/// - The peer closed with WSKT_CLOSE_POLICY_VIOLATION.
/// - There were as many tries in a row as wskt_reconnector_set_max_tries
///   allows.
///
/// `pattern` was made by wskt_socket_new and was not opened, connected or
/// closed; it has adopted no descriptor. With WSKT_OK it belongs to the
/// reconnector, and its handle MUST NOT BE USED any more. What destroys its
/// user data is called once, when the reconnector was freed and the last
/// callback of its sockets has ended. With any other result it stays the
/// program's.
///
/// The sockets are the reconnector's too: wskt_socket_free does nothing to
/// them. One is valid until the reconnector is freed, or until the socket
/// after it has ended and another attempt is told.
///
/// `out_reconnector` receives it; the caller frees it with
/// wskt_reconnector_free. Nothing happens before wskt_reconnector_start or
/// wskt_reconnector_connect.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_STATE: `pattern` was opened, connected or closed, or
///   has adopted a descriptor.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_INVALID_ARGUMENT: `pattern` is a reconnector's.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_new(
    pattern: *mut wskt_socket,
    out_reconnector: *mut *mut wskt_reconnector,
) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_reconnector) }?;
        // SAFETY: the caller promises a live handle or NULL.
        let shared = unsafe { handle::share(pattern) }?;
        if shared.is_lent() {
            return Err(Error::InvalidArgument);
        }
        let reconnector = Reconnector::new(shared)?;
        // SAFETY: the caller gives up the handle with this result.
        if let Some(object) = unsafe { handle::take(pattern) } {
            handle::bury::<wskt_socket>(object);
        }
        out.set(handle::give(reconnector));
        Ok(())
    })
}

/// Frees a reconnector and its sockets, in whatever state they are, and
/// silences them: no callback of them begins afterwards. NULL is fine.
///
/// An open connection is ended without a closing handshake and NO CLOSE EVENT
/// COMES: for a polite end call wskt_socket_close and free the reconnector in
/// or after the close event. It waits for callbacks as wskt_socket_free does,
/// and never inside one.
///
/// In a child after fork() it releases memory and descriptors only.
///
/// Any thread; legal in every callback, those of its own sockets included.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_free(reconnector: *mut wskt_reconnector) {
    boundary(|| {
        // SAFETY: the caller gives up the handle with this call.
        if let Some(object) = unsafe { handle::take(reconnector) } {
            object.free();
            handle::bury::<wskt_reconnector>(object);
        }
        Ok(())
    });
}

/// Sets the delays before tries, in milliseconds. 1000 and 60000 if never set.
///
/// The delay before a try is random, from 0 to a bound: `first_ms` before the
/// first try of a row, twice as long before each further one, never more than
/// `max_ms` (exponential backoff with full jitter). A connection that was open
/// for `max_ms` begins a new row.
///
/// After WSKT_CLOSE_SERVICE_RESTART the delay is random from 5 to 30 seconds,
/// as the registry of close codes asks; after WSKT_CLOSE_TRY_AGAIN_LATER from
/// half of `max_ms` to all of it. Neither is more than `max_ms`.
///
/// It counts from the next delay on.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_DELAYS: a delay is not in 1 to 2147483647, or
///   `first_ms` is above `max_ms`.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_set_delays(
    reconnector: *mut wskt_reconnector,
    first_ms: i64,
    max_ms: i64,
) -> wskt_result {
    let set = |object: &Arc<Reconnector>| object.set_delays(delay(first_ms)?, delay(max_ms)?);
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(reconnector, set) }
}

fn delay(ms: i64) -> Result<Duration> {
    let fits = (1..=MAX_TIMEOUT_MS).contains(&ms);
    let ms = u64::try_from(ms).ok().filter(|_| fits);
    ms.map(Duration::from_millis).ok_or(Error::InvalidDelays)
}

/// Sets how many tries in a row there may be after the first connection or
/// failure. 10 if never set; 0 is any number.
///
/// A connection that was open for the longest delay begins a new row.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_set_max_tries(
    reconnector: *mut wskt_reconnector,
    max: u32,
) -> wskt_result {
    let set = |object: &Arc<Reconnector>| {
        object.set_max_tries(max);
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(reconnector, set) }
}

/// Makes the first socket and opens it on the pattern's loop, as
/// wskt_socket_open does; from then on each further one by itself.
///
/// Each socket tells a wskt_attempt_event first, then waits for its delay, and
/// goes on as any other. While it waits its ready state is WSKT_CONNECTING,
/// and close or abort end it with its close event.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_STATE: started or connected before.
/// - WSKT_ERR_CLOSED: stopped before.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_IO: no descriptor or thread is left.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_start(reconnector: *mut wskt_reconnector) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(reconnector, Reconnector::start) }
}

/// Waits until a socket is open, through all delays and tries that takes. For
/// a pattern without a loop; the socket is driven by wskt_socket_recv or
/// wskt_socket_run then. When that has told its close event, the next call
/// waits for the next one.
///
/// The handler of wskt_socket_set_on_attempt is called inside this call, for
/// each socket before it waits. Sockets that do not open end without further
/// events; wskt_socket_close_event of wskt_reconnector_socket tells why the
/// last one did not.
///
/// `timeout_ms` is the longest wait of this call; -1 sets no limit. Passing it
/// ends nothing: the next call goes on.
///
/// `out_socket` receives the socket, which is the reconnector's.
///
/// Any thread, one at a time; not in a callback. Other threads may stop the
/// reconnector meanwhile.
///
/// Returns:
/// - WSKT_OK: `*out_socket` is open.
/// - WSKT_ERR_TIMEOUT: none opened in time.
/// - WSKT_ERR_CONNECT_FAILED: none opened, and there will be no further try.
/// - WSKT_ERR_CLOSED: there will be no further try.
/// - WSKT_ERR_INTERRUPTED: a signal or wskt_socket_interrupt ended the wait.
///   Call again to go on.
/// - WSKT_ERR_INVALID_ARGUMENT: `timeout_ms` is below -1.
/// - WSKT_ERR_INVALID_STATE: the pattern has a loop, the reconnector was
///   started, or its socket is open.
/// - WSKT_ERR_REENTRANT: called in a callback.
/// - WSKT_ERR_IN_USE: another thread is driving the socket.
/// - WSKT_ERR_IO: no descriptor or thread is left.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_connect(
    reconnector: *mut wskt_reconnector,
    timeout_ms: i32,
    out_socket: *mut *mut wskt_socket,
) -> wskt_result {
    let connect = |object: &Arc<Reconnector>| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_socket) }?;
        out.set(handle::of(&object.connect(time_limit(timeout_ms)?)?));
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(reconnector, connect) }
}

/// Ends trying. The socket that waits or connects is aborted, and tells its
/// close event; one that is open stays as it is.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: also if it had ended.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_stop(reconnector: *mut wskt_reconnector) -> wskt_result {
    let stop = |object: &Arc<Reconnector>| {
        object.stop();
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(reconnector, stop) }
}

/// Whether no try will follow: in a close handler it tells whether this
/// socket was the last. False for NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_is_over(reconnector: *const wskt_reconnector) -> bool {
    getter(false, || {
        // SAFETY: the caller promises a live handle or NULL.
        let object = unsafe { handle::peek(reconnector) }?;
        (!object.is_forked()).then(|| object.is_over())
    })
}

/// The newest socket, which is the reconnector's; NULL before the first, and
/// for NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_reconnector_socket(
    reconnector: *const wskt_reconnector,
) -> *mut wskt_socket {
    getter(ptr::null_mut(), || {
        // SAFETY: the caller promises a live handle or NULL.
        let object = unsafe { handle::peek(reconnector) }?;
        if object.is_forked() {
            return None;
        }
        object.socket().map(|socket| handle::of(&socket))
    })
}
