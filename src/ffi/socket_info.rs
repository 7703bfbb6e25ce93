//! What a socket tells about itself, for C. These answer in every state, in
//! the child of a fork too.

use super::boundary::{Out, getter, set_if_wanted};
use super::callbacks::CHost;
use super::event::{wskt_close_event, wskt_ready_state};
use super::handle::{self, wskt_socket};
use super::result::wskt_result;
use crate::error::Error;
use crate::socket::{ReadyState, Response, Socket};
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

/// Lends a text of the socket, picked with its NUL: its address, and its length
/// where wanted.
unsafe fn lend(
    socket: *const wskt_socket,
    out_len: *mut usize,
    pick: impl FnOnce(&Socket) -> Option<&str>,
) -> *const c_char {
    getter(ptr::null(), || {
        // SAFETY: the entry point's caller promises a live handle or NULL.
        let text = pick(unsafe { handle::peek(socket) }?)?;
        // SAFETY: the entry point's caller promises a writable place or NULL.
        unsafe { set_if_wanted(out_len, text.len() - 1) };
        Some(text.as_ptr().cast())
    })
}

/// Where the socket is in its life. NULL gives WSKT_CLOSED.
///
/// Any thread; legal in a callback.
///
/// WHATWG WebSockets, readyState. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_ready_state(socket: *const wskt_socket) -> wskt_ready_state {
    getter(wskt_ready_state::WSKT_CLOSED, || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(match socket.ready_state() {
            ReadyState::Connecting => wskt_ready_state::WSKT_CONNECTING,
            ReadyState::Open => wskt_ready_state::WSKT_OPEN,
            ReadyState::Closing => wskt_ready_state::WSKT_CLOSING,
            ReadyState::Closed => wskt_ready_state::WSKT_CLOSED,
        })
    })
}

/// How many bytes were accepted for sending and not yet given to the kernel.
///
/// It counts the payload of text and binary messages only. It does not fall
/// when the socket closes, and a send that is refused then still adds to it,
/// as in browsers. While a callback runs it does not fall through that
/// callback's own sends. NULL gives 0.
///
/// Any thread; legal in a callback.
///
/// WHATWG WebSockets, bufferedAmount. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_buffered_amount(socket: *const wskt_socket) -> usize {
    getter(0, || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(socket.buffered_amount())
    })
}

/// How long the peer took to answer the last ping that it did answer, in
/// milliseconds: one of the program (wskt_socket_ping) or of the heartbeat
/// (wskt_config_set_heartbeat).
///
/// It runs from when the ping was queued to when the pong was read. -1 before
/// the first answer. NULL gives -1.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_round_trip_time(socket: *const wskt_socket) -> f64 {
    getter(-1.0, || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(socket.round_trip()?.as_secs_f64() * 1e3)
    })
}

/// The URL of the socket as the URL standard writes it, with the scheme ws or
/// wss.
///
/// `out_len` receives its length in bytes; it may be NULL. The text is
/// NUL-terminated and lent until the socket is freed. NULL gives NULL, and
/// leaves `out_len` alone.
///
/// Any thread; legal in a callback.
///
/// WHATWG WebSockets, url. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_url(
    socket: *const wskt_socket,
    out_len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller promises a live handle and a place, or NULLs.
    unsafe { lend(socket, out_len, |socket| Some(socket.url().with_nul())) }
}

/// The subprotocol the server picked; empty before the socket is open, and if
/// it picked none.
///
/// `out_len` receives its length in bytes; it may be NULL. The text is
/// NUL-terminated and lent until the socket is freed. NULL gives NULL, and
/// leaves `out_len` alone.
///
/// Any thread; legal in a callback.
///
/// WHATWG WebSockets, protocol. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_protocol(
    socket: *const wskt_socket,
    out_len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller promises a live handle and a place, or NULLs.
    unsafe { lend(socket, out_len, |socket| Some(socket.protocol().with_nul())) }
}

/// The extensions in use; empty before the socket is open, and if there are
/// none. They read as the server named them, for example
/// "permessage-deflate; client_max_window_bits=15".
///
/// `out_len` receives its length in bytes; it may be NULL. The text is
/// NUL-terminated and lent until the socket is freed. NULL gives NULL, and
/// leaves `out_len` alone.
///
/// Any thread; legal in a callback.
///
/// WHATWG WebSockets, extensions. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_extensions(
    socket: *const wskt_socket,
    out_len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller promises a live handle and a place, or NULLs.
    unsafe { lend(socket, out_len, |socket| Some(socket.extensions().with_nul())) }
}

/// The HTTP status of the server's answer to the upgrade: 101 for an open
/// socket.
///
/// 0 if none came yet, and in browser mode if the upgrade was refused. NULL
/// gives 0.
///
/// Any thread; legal in a callback.
///
/// RFC 6455, section 4.2.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_response_status(socket: *const wskt_socket) -> u16 {
    getter(0, || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(socket.response()?.status)
    })
}

/// The reason phrase of the server's answer, such as "Forbidden"; empty if it
/// has none, and as wskt_socket_response_status is 0.
///
/// `out_len` receives its length in bytes; it may be NULL. The text is
/// NUL-terminated and lent until the socket is freed. NULL gives NULL, and
/// leaves `out_len` alone.
///
/// Any thread; legal in a callback.
///
/// RFC 9112, section 4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_response_reason(
    socket: *const wskt_socket,
    out_len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller promises a live handle and a place, or NULLs.
    unsafe { lend(socket, out_len, |socket| Some(socket.response_reason_with_nul())) }
}

/// The value of a header of the server's answer; the first one if it came
/// more than once.
///
/// `name` is NUL-terminated; case does not matter. `out_len` receives the
/// value's length in bytes; it may be NULL. The value is NUL-terminated and
/// lent until the socket is freed. NULL, and `out_len` left alone, if there
/// is no such header or no answer, or if `socket` or `name` is NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_response_header(
    socket: *const wskt_socket,
    name: *const c_char,
    out_len: *mut usize,
) -> *const c_char {
    use super::boundary::name as text;
    // SAFETY: the caller promises a live handle, a C string and a place, or
    // NULLs.
    unsafe {
        lend(socket, out_len, |socket| {
            let name = text(name).ok()?;
            let mut headers = socket.response()?.headers();
            let found = headers.find(|have| have.name().eq_ignore_ascii_case(name))?;
            Some(found.value_with_nul())
        })
    }
}

/// How many headers the server's answer has; 0 if there is no answer.
///
/// NULL gives 0.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_response_header_count(socket: *const wskt_socket) -> usize {
    getter(0, || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(socket.response()?.headers().count())
    })
}

/// One header of the server's answer, in the order they came.
///
/// `index` is below wskt_socket_response_header_count. `out_name` and
/// `out_value` receive the header; both are NUL-terminated and lent until the
/// socket is freed.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: there is no header of that index.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_response_header_at(
    socket: *const wskt_socket,
    index: usize,
    out_name: *mut *const c_char,
    out_value: *mut *const c_char,
) -> wskt_result {
    let tell = |socket: &Arc<Socket>| {
        // SAFETY: the caller promises writable places or NULLs.
        let (name_place, value_place) = unsafe { (Out::new(out_name)?, Out::new(out_value)?) };
        let header = socket.response().and_then(|response| response.headers().nth(index));
        let header = header.ok_or(Error::InvalidArgument)?;
        name_place.set(header.name_with_nul().as_ptr().cast());
        value_place.set(header.value_with_nul().as_ptr().cast());
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, tell) }
}

/// The body of the server's answer if it refused the upgrade, as far as it was
/// read.
///
/// A refusal waits for its body for one second at most, within the deadlines
/// of opening, and keeps 64 KiB of it; the chunks of a chunked body are joined.
/// What is there then can be read from the error event on. `out_len` receives
/// the length in bytes; it may be NULL. The body is NUL-terminated, may have
/// NULs inside, and is lent until the socket is freed.
///
/// Empty if no body or no answer came, for an open socket, and always in
/// browser mode. NULL gives NULL, and a length of 0.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_response_body(
    socket: *const wskt_socket,
    out_len: *mut usize,
) -> *const c_void {
    // SAFETY: the caller promises a writable place or NULL.
    unsafe { set_if_wanted(out_len, 0) };
    getter(ptr::null(), || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        let body = socket.response().map_or(&[][..], Response::body);
        if body.is_empty() {
            return Some(c"".as_ptr().cast());
        }
        // SAFETY: the caller promises a writable place or NULL.
        unsafe { set_if_wanted(out_len, body.len()) };
        Some(body.as_ptr().cast())
    })
}

/// The server's certificate in DER, once TLS is established.
///
/// `out_len` receives its length in bytes; it may be NULL. It is lent until
/// the socket is freed. NULL, and `out_len` left alone, before that, without
/// TLS, if TLS failed, and if `socket` is NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_peer_certificate(
    socket: *const wskt_socket,
    out_len: *mut usize,
) -> *const c_void {
    getter(ptr::null(), || {
        // SAFETY: the caller promises a live handle or NULL.
        let certificate = unsafe { handle::peek(socket) }?.peer_certificate()?;
        // SAFETY: the caller promises a writable place or NULL.
        unsafe { set_if_wanted(out_len, certificate.len()) };
        Some(certificate.as_ptr().cast())
    })
}

/// The pointer given to wskt_socket_set_user_data, NULL if none was.
///
/// NULL gives NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_user_data(socket: *const wskt_socket) -> *mut c_void {
    getter(ptr::null_mut(), || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(CHost::of(socket).user_pointer())
    })
}

/// The close event of a closed socket, for whoever comes late.
///
/// NULL until the socket is closed; from then on it is lent until the socket
/// is freed. It is there before the close handler runs. NULL gives NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_close_event(
    socket: *const wskt_socket,
) -> *const wskt_close_event {
    getter(ptr::null(), || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(ptr::from_ref(CHost::of(socket).final_event(socket)?))
    })
}

/// One line about the last call that this socket refused, in English and
/// without a full stop; empty if none was.
///
/// A call that succeeds does not clear it, and another thread's call may
/// change it. Results that tell everything by themselves, such as
/// WSKT_ERR_NULL, are not kept. The text is static; never free it. NULL gives
/// NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_error_text(socket: *const wskt_socket) -> *const c_char {
    getter(ptr::null(), || {
        // SAFETY: the caller promises a live handle or NULL.
        let socket = unsafe { handle::peek(socket) }?;
        Some(terminated(socket.error_text()))
    })
}

/// A static sentence as a C string. It is copied once and kept for good, as
/// the sentence itself is.
fn terminated(text: &'static str) -> *const c_char {
    static KNOWN: Mutex<BTreeMap<&str, CString>> = Mutex::new(BTreeMap::new());
    if text.is_empty() {
        return c"".as_ptr();
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(text).or_insert_with(|| CString::new(text).unwrap_or_default()).as_ptr()
}
