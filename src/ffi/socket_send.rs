//! Sending for C.

use super::boundary::bytes;
use super::handle::{self, wskt_socket};
use super::result::wskt_result;
use crate::error::{Error, Result};
use crate::event::MessageKind;
use crate::socket::{Manner, Socket};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Sends a text message.
///
/// `text` is `len` bytes of UTF-8, copied before the call returns. It need
/// not be NUL-terminated and U+0000 may be part of it. NULL only with 0; an
/// empty message is sent as one.
///
/// Where permessage-deflate was agreed, a message is compressed from the size
/// on that wskt_config_set_deflate_min_size has, before the call returns.
///
/// What the kernel takes leaves at once, from the calling thread; the rest
/// follows when it can. Inside a callback messages are gathered and leave
/// together when the callbacks that are due have ended; between two
/// calls of wskt_loop_next_event they may be, as said there.
///
/// A connected socket (wskt_socket_connect) waits instead of queueing beyond
/// the high-water mark, except inside a callback. Once a message is accepted
/// the result is WSKT_OK, though part of it may leave with a later call.
///
/// Any thread; legal in a callback. Messages of one thread keep their order.
///
/// Returns:
/// - WSKT_OK: accepted.
/// - WSKT_ERR_INVALID_UTF8: the text is not UTF-8.
/// - WSKT_ERR_INVALID_STATE: still connecting, or a message is being sent in
///   chunks (wskt_socket_send_begin).
/// - WSKT_ERR_CLOSED: closing or closed. wskt_socket_buffered_amount grows
///   all the same.
/// - WSKT_ERR_BUFFER_FULL: the queue stands at or over the high-water mark.
///   Nothing was queued; the drain event tells when to go on.
/// - WSKT_ERR_TIMEOUT: connected socket only: the peer took nothing in the
///   send timeout. Nothing was queued.
/// - WSKT_ERR_INTERRUPTED: connected socket only: a signal or
///   wskt_socket_interrupt ended the wait. Nothing was queued.
/// - WSKT_ERR_NO_MEMORY, WSKT_ERR_IO: the system has nothing left.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_INVALID_ARGUMENT: `len` is larger than any buffer can be.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 6.1; WHATWG WebSockets, send(). Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_send_text(
    socket: *mut wskt_socket,
    text: *const c_char,
    len: usize,
) -> wskt_result {
    // SAFETY: the caller's promise is the same.
    unsafe { send_whole(socket, text.cast(), len, Manner::new(MessageKind::Text)) }
}

/// Sends a binary message.
///
/// `data` is `len` bytes, copied before the call returns. NULL only with 0;
/// an empty message is sent as one. All else is as for wskt_socket_send_text.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: accepted.
/// - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
///   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
///   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as above.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 6.1; WHATWG WebSockets, send(). Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_send_binary(
    socket: *mut wskt_socket,
    data: *const c_void,
    len: usize,
) -> wskt_result {
    // SAFETY: the caller's promise is the same.
    unsafe { send_whole(socket, data, len, Manner::new(MessageKind::Binary)) }
}

/// For wskt_socket_send and wskt_socket_send_begin: the message is sent as it
/// is, whatever was agreed about compression.
///
/// Since: 0.1.0
pub const WSKT_SEND_UNCOMPRESSED: u32 = 1;

/// For wskt_socket_send and wskt_socket_send_begin: the caller vouches that the
/// text is UTF-8, and it is not checked.
///
/// It is for text that is known to be UTF-8, as what Python's str.encode()
/// makes and strings of Rust: where much text is not ASCII, most of what it
/// costs to send it is the check. wskt_socket_send has what follows if it is
/// not UTF-8.
///
/// Since: 0.1.0
pub const WSKT_SEND_VALID_UTF8: u32 = 2;

/// For wskt_socket_send: others are sent soon, and this message may wait for
/// them, to leave in one system call.
///
/// Since: 0.1.0
pub const WSKT_SEND_MORE: u32 = 4;

/// Sends a text or binary message, with flags.
///
/// `kind` is one of wskt_message_kind. `data` is `len` bytes, copied before
/// the call returns; text is UTF-8. NULL only with 0; an empty message is
/// sent as one. All else is as for wskt_socket_send_text, which is this call
/// with text and no flags.
///
/// `flags` is 0 or any of these, joined by `|`. With WSKT_SEND_UNCOMPRESSED
/// the message is sent as it is, whatever was agreed about compression. With
/// WSKT_SEND_VALID_UTF8 the caller vouches that the text is UTF-8, and it is
/// not checked. If that is wrong nothing unsafe happens: the bytes are sent as
/// they are, and a peer that checks them fails the connection with code 1007.
/// With a binary message this flag is legal and has no meaning.
///
/// With WSKT_SEND_MORE the message need not leave at once: it waits for the
/// next that is sent without this flag, a ping or a Close frame too, but not
/// longer than until 65536 bytes wait, or as much as the high-water mark, or
/// until the driver looks at the socket: a thread of the loop does so soon,
/// else the next wskt_socket_recv, wskt_socket_run, wskt_loop_run,
/// wskt_loop_dispatch or wskt_loop_next_event. A program that sends its last
/// message so and then calls nothing, or only wskt_socket_free, leaves it
/// unsent. wskt_socket_buffered_amount counts what waits. Inside a callback all
/// messages wait for its end, with this flag and without.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: accepted.
/// - WSKT_ERR_INVALID_ARGUMENT: `kind` is no wskt_message_kind, `flags` has an
///   unknown bit, or `len` is larger than any buffer can be.
/// - WSKT_ERR_INVALID_UTF8: the text is not UTF-8; not with
///   WSKT_SEND_VALID_UTF8.
/// - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
///   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
///   WSKT_ERR_LOOP_GONE: as for wskt_socket_send_text.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 6.1; RFC 7692, section 7.2.1. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_send(
    socket: *mut wskt_socket,
    kind: i32,
    data: *const c_void,
    len: usize,
    flags: u32,
) -> wskt_result {
    match manner(kind, flags) {
        // SAFETY: the caller's promise is the same.
        Ok(manner) => unsafe { send_whole(socket, data, len, manner) },
        // SAFETY: the caller promises a live handle or NULL.
        Err(error) => unsafe { handle::with(socket, |_| Err(error)) },
    }
}

/// Begins a text or binary message that is sent in chunks, each a fragment of
/// it, so that it need not be in memory as a whole.
///
/// `kind` is one of wskt_message_kind; `flags` are those of wskt_socket_send
/// without WSKT_SEND_MORE, and hold for the whole message. Where permessage-deflate was agreed it is
/// compressed however short. wskt_socket_send_chunk and wskt_socket_send_end
/// follow. Until the end, pings and wskt_socket_close are legal and other
/// messages are refused.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_STATE: still connecting, or such a message is open
///   already; wskt_socket_error_text tells which.
/// - WSKT_ERR_INVALID_ARGUMENT: `kind` is no wskt_message_kind, or `flags` has
///   an unknown bit or WSKT_SEND_MORE.
/// - WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL, WSKT_ERR_TIMEOUT,
///   WSKT_ERR_INTERRUPTED, WSKT_ERR_IO, WSKT_ERR_LOOP_GONE: as for
///   wskt_socket_send_text.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_send_begin(
    socket: *mut wskt_socket,
    kind: i32,
    flags: u32,
) -> wskt_result {
    let begin = |socket: &Arc<Socket>| match manner(kind, flags)? {
        _ if flags & WSKT_SEND_MORE != 0 => Err(Error::InvalidArgument),
        manner => socket.send_begin(manner),
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, begin) }
}

/// Sends the next chunk of the message that wskt_socket_send_begin began.
///
/// `data` is `len` bytes, copied before the call returns; NULL only with 0. An
/// empty chunk sends nothing. A text may be cut anywhere, inside a character
/// too; it is checked over the cuts, unless it was begun with
/// WSKT_SEND_VALID_UTF8.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: accepted.
/// - WSKT_ERR_INVALID_STATE: still connecting, or no such message is open.
/// - WSKT_ERR_INVALID_UTF8: the text so far cannot be UTF-8 with this chunk.
///   It was not sent, and the message is still open.
/// - WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL, WSKT_ERR_TIMEOUT,
///   WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
///   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as for
///   wskt_socket_send_text; the message is still open.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_send_chunk(
    socket: *mut wskt_socket,
    data: *const c_void,
    len: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and `len` bytes.
    unsafe { handle::with(socket, |socket| socket.send_chunk(bytes(data, len)?)) }
}

/// Ends the message that wskt_socket_send_begin began. It is taken over the
/// high-water mark too.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: accepted.
/// - WSKT_ERR_INVALID_STATE: still connecting, or no such message is open.
/// - WSKT_ERR_INVALID_UTF8: the text ends inside a character. The message is
///   still open.
/// - WSKT_ERR_CLOSED: closing or closed.
/// - WSKT_ERR_NO_MEMORY: the system has nothing left.
/// - WSKT_ERR_LOOP_GONE: its loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_send_end(socket: *mut wskt_socket) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, |socket| socket.send_end()) }
}

/// The hot path of all three.
///
/// # Safety
/// `socket` is a live handle or NULL, and `data` is readable for `len` bytes.
#[inline(never)]
unsafe fn send_whole(
    socket: *mut wskt_socket,
    data: *const c_void,
    len: usize,
    manner: Manner,
) -> wskt_result {
    // SAFETY: the caller's promise is the same.
    unsafe { handle::with(socket, |socket| socket.send(manner, bytes(data, len)?)) }
}

/// What the arguments of a send say of its message.
fn manner(kind: i32, flags: u32) -> Result<Manner> {
    let mut manner = Manner::new(match kind {
        1 => MessageKind::Text,
        2 => MessageKind::Binary,
        _ => return Err(Error::InvalidArgument),
    });
    if flags & !(WSKT_SEND_UNCOMPRESSED | WSKT_SEND_VALID_UTF8 | WSKT_SEND_MORE) != 0 {
        return Err(Error::InvalidArgument);
    }
    if flags & WSKT_SEND_UNCOMPRESSED != 0 {
        manner = manner.uncompressed();
    }
    if flags & WSKT_SEND_VALID_UTF8 != 0 {
        manner = manner.unchecked();
    }
    if flags & WSKT_SEND_MORE != 0 {
        manner = manner.before_more();
    }
    Ok(manner)
}

/// Sends a ping, to keep a connection alive or to find out that it is dead.
///
/// `data` is `len` bytes, at most 125, copied before the call returns. NULL
/// only with 0. The pong fires an event if that is wanted
/// (wskt_socket_set_on_pong), and sets wskt_socket_round_trip_time. Pings of
/// the peer are answered by wskt itself.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: accepted.
/// - WSKT_ERR_TOO_LARGE: `len` is above 125.
/// - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
///   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
///   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as for
///   wskt_socket_send_text.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.5.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_ping(
    socket: *mut wskt_socket,
    data: *const c_void,
    len: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and `len` bytes.
    unsafe { handle::with(socket, |socket| socket.ping(bytes(data, len)?)) }
}

/// Sends a pong that answers no ping: a sign of life that asks for nothing.
///
/// `data` is `len` bytes, at most 125, copied before the call returns. NULL
/// only with 0.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK: accepted.
/// - WSKT_ERR_TOO_LARGE: `len` is above 125.
/// - WSKT_ERR_INVALID_STATE, WSKT_ERR_CLOSED, WSKT_ERR_BUFFER_FULL,
///   WSKT_ERR_TIMEOUT, WSKT_ERR_INTERRUPTED, WSKT_ERR_NO_MEMORY, WSKT_ERR_IO,
///   WSKT_ERR_LOOP_GONE, WSKT_ERR_INVALID_ARGUMENT: as for
///   wskt_socket_send_text.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.5.3. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_pong(
    socket: *mut wskt_socket,
    data: *const c_void,
    len: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and `len` bytes.
    unsafe { handle::with(socket, |socket| socket.pong(bytes(data, len)?)) }
}
