//! A socket's event handlers for C.

use super::callbacks::{
    CHost, Handlers, wskt_on_attempt_fn, wskt_on_close_fn, wskt_on_drain_fn, wskt_on_error_fn,
    wskt_on_message_chunk_fn, wskt_on_message_fn, wskt_on_open_fn, wskt_on_ping_fn,
    wskt_on_pong_fn, wskt_on_unsent_fn,
};
use super::handle::{self, wskt_socket};
use super::result::wskt_result;

unsafe fn set(socket: *mut wskt_socket, change: impl FnOnce(&Handlers)) -> wskt_result {
    // SAFETY: the entry point's caller promises a live handle or NULL.
    unsafe {
        handle::with(socket, |socket| {
            change(CHost::of(socket).handlers());
            Ok(())
        })
    }
}

/// The same for pings and pongs, which are events only if somebody listens.
unsafe fn set_control(socket: *mut wskt_socket, change: impl FnOnce(&Handlers)) -> wskt_result {
    // SAFETY: the entry point's caller promises a live handle or NULL.
    unsafe {
        handle::with(socket, |socket| {
            let handlers = CHost::of(socket).handlers();
            change(handlers);
            socket.watch_pings(handlers.ping.is_set() || handlers.pong.is_set());
            Ok(())
        })
    }
}

/// Sets the function that is called when the connection is established.
///
/// It replaces the one before; NULL removes it. So do the functions that
/// follow. An event without a handler passes unheard. Handlers are not used
/// while events are pulled by wskt_socket_recv or wskt_loop_next_event.
///
/// Any thread, at any time; legal in a callback. It counts from the next
/// event on: set it before the socket is opened to hear the first.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, onopen. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_open(
    socket: *mut wskt_socket,
    on_open: wskt_on_open_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(socket, |handlers| handlers.open.set(on_open)) }
}

/// Sets the function that is called for each message.
///
/// NULL removes it; messages that come then are lost. Use wskt_socket_pause
/// to let them wait.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, onmessage. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_message(
    socket: *mut wskt_socket,
    on_message: wskt_on_message_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(socket, |handlers| handlers.message.set(on_message)) }
}

/// Sets whether messages are told in chunks as they arrive, instead of whole.
/// False if never set.
///
/// With true, every message is a series of wskt_message_chunk_event in place
/// of a wskt_message_event, in every way of driving, pulled ones too. A
/// handler for them asks the same (wskt_socket_set_on_message_chunk): with
/// false, messages are whole if there is none.
///
/// Nothing is put together then, and a message costs no more memory than a
/// chunk of it, whatever its size. So the limit of
/// wskt_config_set_max_message_size bounds the chunk, not the message: where
/// it is less than what is there, there are more chunks. A character of text
/// is not cut for it. The limit of wskt_config_set_max_fragments holds.
///
/// Any thread, at any time; legal in a callback. It counts from the next
/// message on: one that has begun to arrive ends as it began, unless it waits in
/// a read buffer that was set to more than 65536 bytes or has grown
/// (wskt_config_set_read_buffer).
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_message_chunks(
    socket: *mut wskt_socket,
    on: bool,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe {
        handle::with(socket, |socket| {
            socket.tell_chunks(on);
            Ok(())
        })
    }
}

/// Sets the function that is called for each chunk of a message, and asks for
/// messages in chunks as wskt_socket_set_message_chunks does.
///
/// While it is set, messages are told to it as they arrive and the message
/// handler is not called. NULL removes it; chunks that still come pass
/// unheard.
///
/// Any thread, at any time; legal in a callback. It counts from the next
/// message on: one that has begun to arrive ends as it began, unless it waits in
/// a read buffer that was set to more than 65536 bytes or has grown
/// (wskt_config_set_read_buffer).
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_message_chunk(
    socket: *mut wskt_socket,
    on_message_chunk: wskt_on_message_chunk_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe {
        handle::with(socket, |socket| {
            CHost::of(socket).handlers().chunk.set(on_message_chunk);
            socket.watch_chunks(on_message_chunk.is_some());
            Ok(())
        })
    }
}

/// Sets the function that is called when the connection has failed, right
/// before the close handler.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, onerror. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_error(
    socket: *mut wskt_socket,
    on_error: wskt_on_error_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(socket, |handlers| handlers.error.set(on_error)) }
}

/// Sets the function that is called once, last, when the socket is closed.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, onclose. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_close(
    socket: *mut wskt_socket,
    on_close: wskt_on_close_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(socket, |handlers| handlers.close.set(on_close)) }
}

/// Sets the function that is called when the send queue has fallen back to
/// the low-water mark.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_drain(
    socket: *mut wskt_socket,
    on_drain: wskt_on_drain_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(socket, |handlers| handlers.drain.set(on_drain)) }
}

/// Sets the function that is called when the peer has sent a ping, which
/// is answered already.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.5.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_ping(
    socket: *mut wskt_socket,
    on_ping: wskt_on_ping_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_control(socket, |handlers| handlers.ping.set(on_ping)) }
}

/// Sets the function that is called when the peer has sent a pong: an
/// answer to a ping of the program or of the heartbeat, or one that nobody
/// asked for.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.5.3. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_pong(
    socket: *mut wskt_socket,
    on_pong: wskt_on_pong_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_control(socket, |handlers| handlers.pong.set(on_pong)) }
}

/// Sets the function that is called first for each socket that a reconnector
/// makes after this one. It has no meaning for others.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_attempt(
    socket: *mut wskt_socket,
    on_attempt: wskt_on_attempt_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(socket, |handlers| handlers.attempt.set(on_attempt)) }
}

/// Sets the function that is called for each message that was accepted and
/// not sent, before error and close. Only the sockets of a reconnector keep
/// their messages for it; a copy of each waits until the kernel has it.
///
/// Any thread, at any time; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_on_unsent(
    socket: *mut wskt_socket,
    on_unsent: wskt_on_unsent_fn,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(socket, |handlers| handlers.unsent.set(on_unsent)) }
}
